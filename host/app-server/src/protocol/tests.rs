//! The types against messages as Codex 0.169 writes them, shortened.

use serde_json::{Value, json};

use super::*;

fn encoded<R: Request>(request: R) -> (&'static str, Value) {
    (R::METHOD, serde_json::to_value(request).unwrap())
}

#[test]
fn what_is_not_set_is_not_sent() {
    let thread_id = "t".to_owned();
    assert_eq!(encoded(ThreadStart::default()), ("thread/start", json!({})));
    assert_eq!(
        encoded(ThreadResume { thread_id: thread_id.clone(), exclude_turns: true, ..ThreadResume::default() }),
        ("thread/resume", json!({"threadId": "t", "excludeTurns": true}))
    );
    assert_eq!(
        encoded(TurnStart {
            thread_id: thread_id.clone(),
            input: vec![UserInput::text("hi")],
            client_user_message_id: Some("op_1".into()),
            sandbox_policy: Some(json!({"type": "readOnly"})),
            ..TurnStart::default()
        }),
        (
            "turn/start",
            json!({"threadId": "t", "input": [{"type": "text", "text": "hi"}], "clientUserMessageId": "op_1",
                   "sandboxPolicy": {"type": "readOnly"}})
        )
    );
    assert_eq!(
        encoded(ThreadTurnsList { thread_id, limit: Some(5), ..ThreadTurnsList::default() }),
        ("thread/turns/list", json!({"threadId": "t", "limit": 5}))
    );
}

#[test]
fn a_thread_is_read_and_passed_on_whole() {
    let thread = json!({
        "id": "01a2", "extra": null, "preview": "", "modelProvider": "standin", "createdAt": 1_795_333_492,
        "updatedAt": 1_795_333_493, "status": {"type": "active", "activeFlags": ["waitingOnApproval"]},
        "cwd": "/home/user/project", "source": {"subAgent": {"other": "x"}}, "aMemberToCome": [1, {"a": null}],
    });
    let answer = json!({"thread": thread, "model": "gpt-5.5", "cwd": "/home/user/project", "sandbox": {"type": "x"}});
    let answer: ThreadAnswer = serde_json::from_value(answer).unwrap();
    assert_eq!(answer.thread.raw, thread);
    assert_eq!(answer.thread.id, "01a2");
    let page: Page<Told<Thread>> = serde_json::from_value(json!({"data": [thread], "nextCursor": "c"})).unwrap();
    assert_eq!((page.data.len(), page.next_cursor.as_deref()), (1, Some("c")));
}

#[test]
fn what_is_no_object_is_not_taken_for_one() {
    assert!(serde_json::from_value::<Thread>(json!(["01a2"])).is_ok(), "by itself it would be");
    assert!(serde_json::from_value::<Told<Thread>>(json!(["01a2"])).is_err());
}

#[test]
fn turns_and_items_keep_words_that_are_not_known() {
    let params = json!({"threadId": "t", "turn": {"id": "u", "items": [], "status": "suspended", "error": {"message": "m"},
        "startedAt": 7, "completedAt": null}});
    let turn = read::<TurnCompleted>(&params).unwrap().turn;
    assert_eq!((turn.status.as_str(), &turn.raw["startedAt"]), ("suspended", &json!(7)));
    let page = json!({"data": [{"turnId": "u", "item": {"type": "hologram", "id": "i", "clientId": "op_1"}}],
        "nextCursor": null});
    let page: Page<ItemEntry> = serde_json::from_value(page).unwrap();
    assert_eq!(page.data[0].item.client_id.as_deref(), Some("op_1"));
}

#[test]
fn a_piece_of_an_item_is_read() {
    let delta = read::<Delta>(&json!({"threadId": "t", "turnId": "u", "itemId": "i", "delta": "Hello "})).unwrap();
    assert_eq!(delta.delta, "Hello ");
    assert!(read::<Delta>(&json!({"threadId": "t"})).is_err());
}
