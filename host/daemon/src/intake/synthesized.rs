//! Two events of our own that gather what the child says in pieces, for whoever reviews changes: that a change waits for
//! approval, with the change and what led to it, and that a turn is over in which changes did.
//!
//! They are told of sessions that are in a project. Each is committed with what it tells of; nobody need listen.

use codex_manager_model::{
    Interaction, InteractionKind, Item, NewEvent, ProjectId, SessionId, TranscriptRole, TurnId, limits,
};
use codex_manager_store::{Error, InteractionQuery, Tx};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::service::item_row;

/// A change waits for approval.
pub(super) const APPROVAL_REQUESTED: &str = "file_change.approval_requested";
/// A turn is over in which changes waited for approval.
pub(super) const TURN_COMPLETED: &str = "turn.completed";

/// The requests for approval of a change.
const CHANGES: [&str; 2] = ["item/fileChange/requestApproval", "applyPatchApproval"];

/// Tells that a change waits for approval, if it does and can be shown.
pub(super) fn approval_requested(tx: &Tx<'_>, asked: &Interaction) -> Result<(), Error> {
    let Some(project) = project(tx, &asked.session)? else { return Ok(()) };
    let can_be_shown = ["changes", "fileChanges"].iter().any(|member| asked.details.get(member).is_some());
    if !is_change(asked) || !can_be_shown {
        return Ok(());
    }
    let items = items(tx, &asked.session, asked.turn.as_ref())?;
    let mut context = context(&project, &asked.session, asked.turn.as_ref(), &items);
    context["itemId"] = json!(asked.item);
    context["anchorItemId"] = json!(asked.item);
    context["approvalId"] = json!(asked.id);
    context["turnTranscript"] = json!(last(&transcript(&items), limits::REVIEW_TRANSCRIPT_CHARS_MAX));
    let payload = json!({
        "context": context,
        "summary": asked.summary,
        "details": first(&asked.details.to_string(), limits::REVIEW_DETAILS_CHARS_MAX),
        "sourceEvent": "approval_request",
        "fileChangeStatus": "pending_approval",
    });
    tell(tx, APPROVAL_REQUESTED, &asked.session, asked.turn.as_ref(), payload, asked.created_at)
}

/// Tells that a turn is over, if changes waited for approval in it.
pub(super) fn turn_completed(tx: &Tx<'_>, session: &SessionId, turn: &TurnId, at: Timestamp) -> Result<(), Error> {
    let Some(project) = project(tx, session)? else { return Ok(()) };
    let asked = tx.interactions(&InteractionQuery {
        kind: Some(InteractionKind::Approval),
        session: Some(session.clone()),
        state: None,
        newest_first: true,
        after: None,
        limit: limits::REVIEW_REQUESTS_LOOK_MAX,
    })?;
    let requests = asked.iter().filter(|asked| asked.turn.as_ref() == Some(turn) && is_change(asked)).count();
    if requests == 0 {
        return Ok(());
    }
    let items = items(tx, session, Some(turn))?;
    let payload = json!({
        "context": context(&project, session, Some(turn), &items),
        "hadFileChangeRequests": true,
        "fileChangeRequestCount": requests,
        "turnTranscriptSnapshot": last(&transcript(&items), limits::REVIEW_SNAPSHOT_CHARS_MAX),
    });
    tell(tx, TURN_COMPLETED, session, Some(turn), payload, at)
}

fn tell(
    tx: &Tx<'_>,
    kind: &str,
    session: &SessionId,
    turn: Option<&TurnId>,
    payload: Value,
    at: Timestamp,
) -> Result<(), Error> {
    tx.append_event(NewEvent::new(kind, Some(session.clone()), payload, at).of_turn(turn.cloned())).map(drop)
}

fn is_change(asked: &Interaction) -> bool {
    CHANGES.contains(&asked.method.as_str())
}

/// The project of a session that is a person's.
fn project(tx: &Tx<'_>, session: &SessionId) -> Result<Option<ProjectId>, Error> {
    Ok(tx.session(session)?.filter(|session| session.worker.is_none()).and_then(|session| session.project))
}

fn items(tx: &Tx<'_>, session: &SessionId, turn: Option<&TurnId>) -> Result<Vec<Item>, Error> {
    match turn {
        Some(turn) => tx.items_of_turn(session, turn),
        None => Ok(Vec::new()),
    }
}

fn context(project: &ProjectId, session: &SessionId, turn: Option<&TurnId>, items: &[Item]) -> Value {
    let rows = items.iter().map(item_row).filter(|row| row.role == TranscriptRole::User);
    let request = rows.map(|row| row.content).collect::<Vec<_>>().join("\n\n");
    json!({
        "projectId": project,
        "sourceSessionId": session,
        "threadId": session,
        "turnId": turn,
        "userRequest": first(&request, limits::REVIEW_REQUEST_CHARS_MAX),
    })
}

/// What was said and done in a turn, as text: each with who or what it was, commands with what they wrote.
fn transcript(items: &[Item]) -> String {
    let told = items.iter().map(|item| {
        let row = item_row(item);
        let who = match row.role {
            TranscriptRole::User => "user",
            TranscriptRole::Assistant => "assistant",
            TranscriptRole::System => row.kind.as_str(),
        };
        let output = if row.kind == "commandExecution" { item.text.as_str() } else { "" };
        format!("{who}: {}\n{output}", row.content)
    });
    told.map(|text| text.trim_end().to_owned()).collect::<Vec<_>>().join("\n\n")
}

/// The beginning of a text.
fn first(text: &str, chars_max: usize) -> &str {
    text.char_indices().nth(chars_max).map_or(text, |(end, _)| &text[..end])
}

/// The end of a text.
fn last(text: &str, chars_max: usize) -> &str {
    let from = chars_max.checked_sub(1).and_then(|n| text.char_indices().rev().nth(n));
    from.map_or(text, |(start, _)| &text[start..])
}

#[cfg(test)]
mod tests {
    use codex_manager_model::{ItemId, ItemStatus};
    use codex_manager_store::Config;

    use super::super::fixture;
    use super::*;
    use crate::thread;

    const TEXT: usize = 60_000;

    fn asked(method: &str, details: Value) -> Interaction {
        Interaction { turn: Some(TurnId::new("t")), ..fixture::asked("apr_1", method, details) }
    }

    fn item(kind: &str, text: &str) -> Item {
        let content = json!([{ "type": "text", "text": text }]);
        Item {
            id: ItemId::new(kind),
            session: SessionId::new("s"),
            turn: TurnId::new("t"),
            kind: kind.to_owned(),
            status: ItemStatus::Complete,
            text: text.to_owned(),
            body: json!({ "type": kind, "text": text, "command": "ls", "content": content }),
            started_at: Timestamp::UNIX_EPOCH,
            completed_at: None,
        }
    }

    /// What is told of a turn in which this was asked, of a session that is in this project.
    async fn told(project: Option<&str>, asked: Interaction, long: &str) -> Vec<(String, Value)> {
        let folder = tempfile::tempdir().unwrap();
        let store = Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().unwrap();
        let (project, long) = (project.map(ProjectId::new), long.to_owned());
        let written = store.write(move |tx| {
            let session = thread::session(&json!({ "id": "s" }), Timestamp::UNIX_EPOCH).unwrap();
            tx.put_session(&codex_manager_model::Session { project, ..session })?;
            tx.put_item(&item("userMessage", &long))?;
            tx.put_item(&item("commandExecution", &format!("{long}the end")))?;
            tx.put_interaction(&asked)?;
            approval_requested(tx, &asked)?;
            turn_completed(tx, &asked.session, &TurnId::new("t"), Timestamp::UNIX_EPOCH)?;
            turn_completed(tx, &asked.session, &TurnId::new("another"), Timestamp::UNIX_EPOCH)?;
            let events = tx.events(codex_manager_model::Seq(0), 9)?;
            Ok::<_, Error>(events.into_iter().map(|event| (event.kind, event.payload.unwrap())).collect())
        });
        written.await.unwrap()
    }

    #[tokio::test]
    async fn what_is_told_is_bounded_member_by_member() {
        let long = "é".repeat(TEXT);
        let told = told(Some("p"), asked(CHANGES[0], json!({ "changes": long })), &long).await;
        let [(requested, asks), (completed, ends)] = told.as_slice() else { panic!("{}", told.len()) };
        assert_eq!((requested.as_str(), completed.as_str()), (APPROVAL_REQUESTED, TURN_COMPLETED));
        let chars = |value: &Value| value.as_str().unwrap().chars().count();
        assert_eq!(chars(&asks["context"]["userRequest"]), 8_000);
        assert_eq!(chars(&asks["context"]["turnTranscript"]), 24_000);
        assert_eq!(chars(&asks["details"]), 50_000);
        assert_eq!(chars(&ends["turnTranscriptSnapshot"]), 40_000);
        assert!(ends["turnTranscriptSnapshot"].as_str().unwrap().ends_with("the end"), "the end of it is what counts");
        assert_eq!((&ends["fileChangeRequestCount"], &asks["context"]["projectId"]), (&json!(1), &json!("p")));
    }

    #[tokio::test]
    async fn nothing_is_told_without_a_project_of_other_requests_or_of_what_cannot_be_shown() {
        let changes = json!({ "fileChanges": {} });
        let kinds = async |project, asked| {
            let told = told(project, asked, "short").await;
            told.into_iter().map(|(kind, _)| kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(Some("p"), asked(CHANGES[1], changes.clone())).await, [APPROVAL_REQUESTED, TURN_COMPLETED]);
        assert_eq!(kinds(Some("p"), asked(CHANGES[0], json!({ "changesLeftOut": {} }))).await, [TURN_COMPLETED]);
        assert_eq!(kinds(None, asked(CHANGES[1], changes.clone())).await, [""; 0]);
        assert_eq!(kinds(Some("p"), asked("execCommandApproval", changes)).await, [""; 0]);
    }
}
