//! Taking in what Codex tells of threads that others use: a person at a terminal, another program, Codex itself.

use codex_manager_model::{Actor, Session, SessionId};
use codex_manager_store::{Error, Tx};
use jiff::Timestamp;
use serde_json::Value;

use super::told;
use crate::thread;

/// Brings our record in line with a thread object. `archived` is what is known of that beside it. False when the thread
/// is left for later: it may be one that we are just starting, which is told of when the child has answered.
///
/// # Errors
/// When the store fails.
pub(crate) fn adopt(tx: &Tx<'_>, thread: &Value, archived: Option<bool>, now: Timestamp) -> Result<bool, Error> {
    let Some(mut theirs) = thread::session(thread, now) else { return Ok(true) };
    theirs.archived = archived.unwrap_or_default();
    if thread["ephemeral"] == true || tx.tombstone(&theirs.id)?.is_some() {
        return Ok(true);
    }
    if let Some(ours) = tx.session(&theirs.id)? {
        update(tx, ours, theirs, archived, now)?;
        return Ok(true);
    }
    if tx.call_under_way(&["thread/start", "thread/fork"], None)?.is_some() {
        return Ok(false);
    }
    tx.put_session(&theirs)?;
    tx.append_event(told::created(&theirs, None, now))?;
    Ok(true)
}

/// Adopts a name that was given elsewhere, unless one of ours is on its way.
///
/// # Errors
/// When the store fails.
pub(crate) fn adopt_name(tx: &Tx<'_>, id: &SessionId, name: &str, now: Timestamp) -> Result<(), Error> {
    let Some(mut session) = tx.session(id)? else { return Ok(()) };
    if name == thread::UNNAMED
        || session.title.as_deref() == Some(name)
        || tx.call_under_way(&["thread/name/set"], Some(id))?.is_some()
    {
        return Ok(());
    }
    session.title = Some(name.to_owned());
    tx.put_session(&session)?;
    tx.append_event(told::renamed(&session, now)).map(drop)
}

/// Notes that a session was put away, or is back. Told once, as done by whoever has asked for it.
///
/// # Errors
/// When the store fails.
pub(crate) fn move_in(
    tx: &Tx<'_>,
    id: &SessionId,
    archived: bool,
    actor: Option<Actor>,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(mut session) = tx.session(id)?.filter(|session| session.archived != archived) else { return Ok(()) };
    session.archived = archived;
    tx.put_session(&session)?;
    let mut event = told::moved(&session, now);
    event.actor = actor;
    tx.append_event(event).map(drop)
}

/// Notes whether Codex has the thread of a session.
///
/// # Errors
/// When the store fails.
pub(crate) fn miss(tx: &Tx<'_>, id: &SessionId, missing: bool, now: Timestamp) -> Result<(), Error> {
    let Some(mut session) = tx.session(id)?.filter(|session| session.thread_missing != missing) else { return Ok(()) };
    session.thread_missing = missing;
    tx.put_session(&session)?;
    tx.append_event(told::thread_missing(&session, now)).map(drop)
}

/// Ours stays where theirs says less; controls and the project are ours alone.
fn update(tx: &Tx<'_>, ours: Session, theirs: Session, archived: Option<bool>, now: Timestamp) -> Result<(), Error> {
    let mut session = ours.clone();
    let fill = |mine: &mut String, their: String| {
        if mine.is_empty() {
            *mine = their;
        }
    };
    fill(&mut session.preview, theirs.preview);
    fill(&mut session.cwd, theirs.cwd);
    fill(&mut session.model_provider, theirs.model_provider);
    session.materialized |= theirs.materialized;
    session.updated_at = session.updated_at.max(theirs.updated_at);
    if session != ours {
        tx.put_session(&session)?;
    }
    miss(tx, &ours.id, false, now)?;
    if let Some(archived) = archived
        && tx.call_under_way(&["thread/archive", "thread/unarchive"], Some(&ours.id))?.is_none()
    {
        move_in(tx, &ours.id, archived, None, now)?;
    }
    match theirs.title {
        // Nobody can name a thread that is away; ours may be newer, and Codex is told of it when the thread is back.
        Some(name) if !theirs.archived || ours.title.is_none() => adopt_name(tx, &ours.id, &name, now),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use codex_manager_model::{Operation, OperationId, OperationKind, OperationState, Seq, Tombstone};
    use codex_manager_store::{Config, Store};
    use serde_json::json;

    use super::*;

    fn store(folder: &tempfile::TempDir) -> Store {
        Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().unwrap()
    }

    fn thread(change: Value) -> Value {
        let mut thread = json!({ "id": "t", "preview": "hello", "cwd": "/", "modelProvider": "m", "source": "cli" });
        thread.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        thread
    }

    /// Takes in a thread; gives the session as it is then, and the kinds of all events so far.
    async fn adopted(store: &Store, thread: Value, archived: bool) -> (bool, Option<Session>, Vec<String>) {
        let adopted: Result<_, Error> = store
            .write(move |tx| {
                let done = adopt(tx, &thread, Some(archived), Timestamp::UNIX_EPOCH)?;
                let kinds = tx.events(Seq(0), 99)?.into_iter().map(|event| event.kind).collect();
                Ok((done, tx.session(&SessionId::new("t"))?, kinds))
            })
            .await;
        adopted.unwrap()
    }

    fn naming() -> Operation {
        Operation {
            id: OperationId::fresh(),
            kind: OperationKind::Call,
            method: "thread/name/set".into(),
            session: Some(SessionId::new("t")),
            interaction: None,
            generation: None,
            body: json!({}),
            state: OperationState::Recorded,
            outcome: None,
            actor: Actor::User,
            cause: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn owned(kinds: &[&str]) -> Vec<String> {
        kinds.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn what_others_did_is_taken_in_once_and_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        for (told, archived, kinds, title) in [
            (thread(json!({})), false, &["session_created"][..], None),
            (thread(json!({})), false, &[], None),
            (thread(json!({ "name": "New chat" })), false, &[], None),
            (thread(json!({ "name": "theirs" })), false, &["session_renamed"], Some("theirs")),
            (thread(json!({ "name": "older" })), true, &["session_archived"], Some("theirs")),
            (thread(json!({ "name": "newer" })), false, &["session_unarchived", "session_renamed"], Some("newer")),
        ] {
            let before = adopted(&store, json!("odd"), false).await.2.len();
            let (done, session, all) = adopted(&store, told.clone(), archived).await;
            let session = session.unwrap();
            assert_eq!((done, &all[before..], session.title.as_deref()), (true, &owned(kinds)[..], title), "{told}");
            assert_eq!((session.archived, session.materialized), (archived, true));
        }
    }

    #[tokio::test]
    async fn a_name_of_ours_that_is_on_its_way_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        adopted(&store, thread(json!({ "name": "first" })), false).await;
        let recorded: Result<(), Error> = store.write(|tx| tx.record_operation(&naming())).await;
        recorded.unwrap();
        let (_, session, _) = adopted(&store, thread(json!({ "name": "theirs" })), false).await;
        assert_eq!(session.unwrap().title.as_deref(), Some("first"));
    }

    #[tokio::test]
    async fn what_we_just_start_is_left_for_later_and_what_was_deleted_stays_away() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let start = Operation { method: "thread/start".into(), session: None, ..naming() };
        let recorded: Result<(), Error> = store.write(move |tx| tx.record_operation(&start)).await;
        recorded.unwrap();
        let (done, session, kinds) = adopted(&store, thread(json!({})), false).await;
        assert_eq!((done, session, kinds.len()), (false, None, 0));

        let (session, deleted_at) = (SessionId::new("t"), Timestamp::UNIX_EPOCH);
        let tombstone = Tombstone { session, title: None, deleted_at, finished_at: None, refused_at: None };
        let buried: Result<(), Error> = store.write(move |tx| tx.put_tombstone(&tombstone)).await;
        buried.unwrap();
        let (done, session, kinds) = adopted(&store, thread(json!({})), false).await;
        assert_eq!((done, session, kinds.len()), (true, None, 0));
    }
}
