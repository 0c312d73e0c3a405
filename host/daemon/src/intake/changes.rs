//! The changes that a request for approval of a file change is about. The request names the item that it is about and says
//! no more; whoever decides wants to see what would be written where.

use codex_manager_model::Interaction;
use codex_manager_store::{Error, Tx};
use serde_json::json;

use super::left_out::LeftOut;

/// The approval with its item's changes in its details. Where they are more than an event carries, it says so instead.
pub(super) fn with_changes(tx: &Tx<'_>, approval: &Interaction) -> Result<Interaction, Error> {
    let mut approval = approval.clone();
    let Some(id) = approval.item.as_ref().filter(|_| wants_changes(&approval)) else { return Ok(approval) };
    let item = tx.item(&approval.session, id)?;
    let Some(changes) = item.and_then(|mut item| item.body.get_mut("changes").map(|changes| changes.take())) else {
        return Ok(approval);
    };
    let mut details = approval.details.clone();
    details["changes"] = changes;
    match LeftOut::of(&details) {
        None => approval.details = details,
        Some(left_out) => approval.details["changesLeftOut"] = json!(left_out),
    }
    Ok(approval)
}

/// The older request, `applyPatchApproval`, has them itself.
fn wants_changes(approval: &Interaction) -> bool {
    approval.method == "item/fileChange/requestApproval"
        && approval.details.as_object().is_some_and(|details| !details.contains_key("changes"))
}

#[cfg(test)]
mod tests {
    use codex_manager_model::{Generation, Seq, SessionId, TurnId, limits};
    use codex_manager_store::Config;
    use jiff::Timestamp;
    use serde_json::Value;

    use super::super::apply::apply;
    use super::super::change::{Change, Told};
    use super::super::request;
    use super::*;

    fn told(method: &str, params: Value) -> Told {
        Told {
            generation: Generation::new("gen_1"),
            method: method.to_owned(),
            left_out: LeftOut::of(&params),
            params,
            request_id: method.ends_with("Approval").then(|| json!(0)),
            session: Some(SessionId::new("s")),
            turn: Some(TurnId::new("t")),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    /// The details of the approval that is asked for after an item began: as it is kept, and as its event tells it.
    async fn details(item: Value, method: &str, params: Value) -> [Value; 2] {
        let folder = tempfile::tempdir().unwrap();
        let store = Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().unwrap();
        let began = told("item/started", json!({ "threadId": "s", "turnId": "t", "item": item }));
        let asks = told(method, params);
        let approval = request::interaction(&asks).unwrap();
        let asked = store.write(move |tx| {
            apply(tx, &Change::Told(began))?;
            apply(tx, &Change::Asked(asks, Box::new(approval.clone())))?;
            let kept = tx.interaction(&approval.id)?.unwrap().details;
            let mut payload = tx.events(Seq(1), 1)?.remove(0).payload.unwrap();
            Ok::<_, Error>([kept, payload["house"]["payload"]["details"].take()])
        });
        asked.await.unwrap()
    }

    fn item(diff: &str) -> Value {
        let change = json!({ "path": "/p/a", "kind": { "type": "add" }, "diff": diff });
        json!({ "id": "i", "type": "fileChange", "status": "inProgress", "changes": [change] })
    }

    const ASKS: &str = "item/fileChange/requestApproval";

    #[tokio::test]
    async fn a_file_change_is_asked_for_with_what_would_be_written() {
        let params = json!({ "threadId": "s", "turnId": "t", "itemId": "i", "reason": null });
        let mut expected = params.clone();
        expected["changes"] = item("one\n")["changes"].clone();
        assert_eq!(details(item("one\n"), ASKS, params).await, [expected.clone(), expected]);
    }

    #[tokio::test]
    async fn what_is_not_there_or_there_already_is_not_made_up() {
        let table = [
            (ASKS, json!({ "threadId": "s", "itemId": "other" })),
            (ASKS, json!({ "threadId": "s" })),
            (ASKS, json!({ "threadId": "s", "itemId": "i", "changes": [] })),
            ("item/commandExecution/requestApproval", json!({ "threadId": "s", "itemId": "i", "command": "ls" })),
            ("applyPatchApproval", json!({ "conversationId": "s", "callId": "i", "fileChanges": {} })),
        ];
        for (method, params) in table {
            assert_eq!(details(item("one\n"), method, params.clone()).await, [params.clone(), params]);
        }
    }

    #[tokio::test]
    async fn changes_that_no_event_carries_are_left_out_and_said_to_be() {
        let params = json!({ "threadId": "s", "turnId": "t", "itemId": "i" });
        let large = item(&"x".repeat(limits::EVENT_PAYLOAD_BYTES_MAX));
        let [kept, shown] = details(large, ASKS, params.clone()).await;
        assert_eq!(kept, shown);
        assert_eq!(kept["changesLeftOut"]["reason"], "too_large");
        assert!(kept["changesLeftOut"]["bytes"].as_u64().unwrap() > limits::EVENT_PAYLOAD_BYTES_MAX as u64);
        assert_eq!((&kept["changes"], &kept["itemId"]), (&Value::Null, &json!("i")));
    }
}
