//! Transcripts, as far as somebody else than the child writes them: a client, an extension.

use codex_manager_model::{Actor, Cause, Clock, NewEvent, SessionId, TranscriptEntry, limits};
use codex_manager_store::{Store, Tx, View};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::Error;
use super::keyed::Keyed;
use super::sessions::admit::readable_in;

/// The use cases of transcripts.
#[derive(Clone)]
pub(crate) struct Transcripts {
    store: Store,
    clock: Clock,
}

/// That a row was written.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WrittenEntry {
    /// `ok`.
    status: &'static str,
    /// The session whose transcript it stands in.
    session_id: SessionId,
    /// The row, as it is now.
    entry: TranscriptEntry,
}

impl Transcripts {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Writes an entry into a session's transcript, over the one of that id if there is one, and answers it as it now is.
    ///
    /// # Errors
    /// As [`upsert_in`].
    pub(crate) async fn upsert(
        &self,
        session: &SessionId,
        entry: TranscriptEntry,
        actor: Actor,
    ) -> Result<WrittenEntry, Error> {
        let (id, now, keyed) = (session.clone(), self.clock.now(), Keyed::present());
        let upsert = move |tx: &Tx<'_>| keyed.once(tx, "row", |tx| upsert_in(tx, &id, entry, actor, None, now));
        let entry = self.store.write(upsert).await?;
        Ok(WrittenEntry { status: "ok", session_id: session.clone(), entry })
    }
}

/// The same inside a transaction, with the event because of which it is made.
///
/// # Errors
/// Invalid when the entry lacks something or is too large; `session_deleted`, `session_not_found`.
fn upsert_in(
    tx: &Tx<'_>,
    session: &SessionId,
    entry: TranscriptEntry,
    actor: Actor,
    cause: Option<Cause>,
    now: Timestamp,
) -> Result<TranscriptEntry, Error> {
    readable_in(tx, session)?;
    check(&entry)?;
    Ok(put_in(tx, session, entry, actor, cause, now)?)
}

/// The same for an entry that was [checked](check), into a session that is there.
pub(crate) fn put_in(
    tx: &Tx<'_>,
    session: &SessionId,
    entry: TranscriptEntry,
    actor: Actor,
    cause: Option<Cause>,
    now: Timestamp,
) -> Result<TranscriptEntry, codex_manager_store::Error> {
    let entry = merged(tx, session, entry)?;
    tx.put_transcript_entry(session, &entry)?;
    let payload = json!({
        "threadId": session,
        "turnId": entry.turn_id,
        "messageId": entry.message_id,
        "type": entry.kind,
        "entry": entry,
    });
    let event = NewEvent::new("transcript_updated", Some(session.clone()), payload, now);
    tx.append_event(event.of_turn(Some(entry.turn_id.clone())).by(actor).because(cause))?;
    Ok(entry)
}

/// The entry as it will be, once it is written over the one of that id.
pub(crate) fn merged(
    view: &View<'_>,
    session: &SessionId,
    entry: TranscriptEntry,
) -> Result<TranscriptEntry, codex_manager_store::Error> {
    Ok(match view.transcript_entry(session, &entry.message_id)? {
        Some(before) => before.updated(entry),
        None => entry.in_order(),
    })
}

/// What an entry must have, and how large it may be.
///
/// # Errors
/// Invalid when it lacks something or is too large.
pub(crate) fn check(entry: &TranscriptEntry) -> Result<(), Error> {
    let names =
        [("messageId", entry.message_id.as_str()), ("turnId", entry.turn_id.as_str()), ("type", entry.kind.as_str())];
    for (member, name) in names {
        if !(1..=limits::TRANSCRIPT_NAME_CHARS_MAX).contains(&name.chars().count()) {
            return Err(Error::invalid(member, "must have 1 to 512 characters"));
        }
    }
    for (member, text) in [("content", Some(&entry.content)), ("details", entry.details.as_ref())] {
        if text.is_some_and(|text| text.len() > limits::TRANSCRIPT_TEXT_BYTES_MAX) {
            return Err(Error::invalid(member, "must have at most 256 KiB"));
        }
    }
    for (member, at) in [("startedAt", entry.started_at), ("completedAt", entry.completed_at)] {
        if at.is_some_and(|at| at < Timestamp::UNIX_EPOCH) {
            return Err(Error::invalid(member, "must not be negative"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use codex_manager_model::Seq;
    use codex_manager_store::Config;
    use serde_json::Value;

    use super::*;
    use crate::thread;

    fn entry(change: Value) -> TranscriptEntry {
        let mut entry = json!({
            "messageId": "m", "turnId": "t", "role": "system", "type": "note", "content": "a", "status": "complete",
        });
        entry.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        serde_json::from_value(entry).unwrap()
    }

    #[tokio::test]
    async fn an_entry_and_the_event_that_tells_of_it_stand_together() {
        let folder = tempfile::tempdir().unwrap();
        let store = Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().unwrap();
        let now = Timestamp::from_second(7).unwrap();
        let written = store
            .write(move |tx| {
                let session = thread::session(&json!({ "id": "s" }), now).unwrap();
                tx.put_session(&session)?;
                let (actor, cause) = (Actor::Extension("acme.guard".into()), Cause { seq: Seq(4), hops: 1 });
                let first = upsert_in(tx, &session.id, entry(json!({})), actor.clone(), Some(cause), now)?;
                let late = entry(json!({ "status": "streaming", "content": "late" }));
                let second = upsert_in(tx, &session.id, late, actor, Some(cause), now)?;
                Ok::<_, Error>((first, second, tx.events(Seq(0), 9)?, tx.transcript_entries(&session.id)?))
            })
            .await;
        let (first, second, events, kept) = written.unwrap();
        assert_eq!((&second, kept), (&first, vec![first.clone()]), "what has ended does not begin again");
        let expected = json!({ "threadId": "s", "turnId": "t", "messageId": "m", "type": "note", "entry": first });
        assert_eq!((events.len(), events[1].kind.as_str()), (2, "transcript_updated"));
        assert_eq!(events[1].payload, Some(expected));
        assert_eq!(events[1].actor, Some(Actor::Extension("acme.guard".into())));
        assert_eq!((events[1].caused_by, events[1].hops), (Some(Seq(4)), 2));
    }

    #[test]
    fn an_entry_is_whole_and_bounded_or_refused() {
        let long = |bytes: usize| "x".repeat(bytes + 1);
        for (member, value) in [
            ("messageId", json!("")),
            ("turnId", json!(long(limits::TRANSCRIPT_NAME_CHARS_MAX))),
            ("type", json!("")),
            ("content", json!(long(limits::TRANSCRIPT_TEXT_BYTES_MAX))),
            ("details", json!(long(limits::TRANSCRIPT_TEXT_BYTES_MAX))),
            ("startedAt", json!(-1)),
            ("completedAt", json!(-1)),
        ] {
            let refused = check(&entry(json!({ member: value }))).unwrap_err();
            assert_eq!(refused.context["issues"][0]["path"], json!([member]));
        }
        check(&entry(json!({ "content": "", "details": null, "startedAt": 0 }))).unwrap();
    }
}
