//! From an event to the group of actions that answers it.

use codex_manager_extension_sdk::{Action, ApprovalRequested, Ask, CommandLine, Event, Fault, Group, Row};

use crate::verdict::{Deletion, judge, judge_words};

/// Declines a deletion and says why in the transcript, in one group; abstains from everything else.
///
/// # Errors
///
/// When the event's payload is not what its kind promises.
pub fn answer(event: &Event) -> Result<Group, Fault> {
    let Some(request) = event.approval_requested()? else { return Ok(Group::abstain()) };
    let Ask::Command { line, .. } = &request.ask else { return Ok(Group::abstain()) };
    let deletion = match line {
        CommandLine::Text(text) => judge(text),
        CommandLine::Words(words) => judge_words(words),
    };
    Ok(deletion.map_or_else(Group::abstain, |deletion| decline(event, request, &deletion)))
}

fn decline(event: &Event, request: ApprovalRequested, deletion: &Deletion) -> Group {
    let reason = format!("`{}` {}.", deletion.command, deletion.does);
    let row = event.session.clone().zip(event.turn.clone()).map(|(session, turn)| Row {
        session,
        turn,
        id: format!("guard-{}", request.approval.0),
        kind: "guard.declined".to_owned(),
        content: format!("The guard declined this command: {reason}"),
        after_item: request.item,
    });
    let group = Group::abstain().and(Action::ApprovalDecline { approval: request.approval, reason });
    match row {
        Some(row) => group.and(Action::TranscriptUpsert(row)),
        None => group,
    }
}

#[cfg(test)]
mod tests {
    use codex_manager_extension_sdk::serde_json::json;

    use super::*;

    fn asked(command: &str) -> Event {
        let details = json!({ "command": command, "cwd": "/home/user/project" });
        let shown = json!({ "approvalId": "apr_1", "itemId": "call_1", "details": details });
        Event {
            kind: "app_server.request.item.command_execution.request_approval".to_owned(),
            session: Some("s".to_owned()),
            turn: Some("t".to_owned()),
            payload: json!({ "house": { "type": "approval", "payload": shown } }).to_string(),
            ..Event::default()
        }
    }

    #[test]
    fn a_deletion_is_declined_and_explained_in_one_group() {
        let group = answer(&asked("/bin/bash -lc 'rm -rf build'")).unwrap();
        let actions: Vec<_> = group.actions().map(|action| (action.kind(), action.payload())).collect();
        let reason = "`rm -rf build` deletes folders with everything in them.";
        let entry = json!({
            "messageId": "guard-apr_1", "turnId": "t", "role": "system", "type": "guard.declined",
            "content": format!("The guard declined this command: {reason}"), "status": "complete",
            "details": { "anchorItemId": "call_1" },
        });
        assert_eq!(
            actions,
            [
                ("approval.decline", json!({ "approvalId": "apr_1", "reason": reason })),
                ("transcript.upsert", json!({ "sessionId": "s", "entry": entry })),
            ]
        );
    }

    #[test]
    fn without_a_turn_there_is_no_place_for_a_row() {
        let group = answer(&Event { turn: None, ..asked("rm -rf build") }).unwrap();
        assert_eq!(group.actions().map(Action::kind).collect::<Vec<_>>(), ["approval.decline"]);
    }

    #[test]
    fn it_abstains_from_everything_else() {
        let other =
            Event { kind: "app_server.turn.completed".to_owned(), payload: "{}".to_owned(), ..Event::default() };
        for event in [asked("/bin/bash -lc 'cargo test'"), other] {
            assert_eq!(answer(&event).unwrap(), Group::abstain());
        }
    }

    #[test]
    fn a_payload_that_it_cannot_read_is_a_fault() {
        assert_eq!(answer(&Event { payload: "{}".to_owned(), ..asked("ls") }).unwrap_err().code, "bad-payload");
    }
}
