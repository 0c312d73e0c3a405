//! Calls of tools that are not Codex' own to run.

use codex_manager_tests::until;
use serde_json::json;

use super::{CALL, is_over};
use crate::offline::{Offline, real_codex};
use crate::stage::{Stage, of_type};

#[tokio::test]
async fn what_a_tool_came_to_is_told_in_the_words_of_its_call() {
    let stage = Stage::ready([]).await;
    let text = json!([{"type": "inputText", "text": "sunny"}]);
    let picture = json!([{"type": "inputImage", "imageUrl": "data:,"}]);
    let mut expected = Vec::new();
    for (answer, result) in [
        (json!({"text": "sunny"}), json!({"success": true, "contentItems": text})),
        (
            json!({"success": false, "contentItems": picture, "text": "unused"}),
            json!({"success": false, "contentItems": picture}),
        ),
        (json!({}), json!({"success": true, "contentItems": []})),
        (json!({"response": {"any": [1]}}), json!({"any": [1]})),
    ] {
        let session = stage.session().await;
        let asked = stage.asked(&session, "tool-calls", CALL).await;
        let id = asked["requestId"].as_str().unwrap();
        let done = stage.answer_to("tool-calls", id, "response", answer).await;
        assert_eq!(*done.expect(200), json!({"status": "ok", "requestId": id, "threadId": session}));
        expected.push(json!({"id": expected.len(), "result": result}));
    }
    stage.assert_replied(&expected).await;
    let calls = stage.listed("/api/tool-calls?state=resolved&limit=2").await;
    let told: Vec<_> = calls.iter().map(|call| (&call["tool"], &call["success"])).collect();
    assert_eq!(told, [(&json!("lookup"), &json!(false)), (&json!("lookup"), &json!(true))], "the newest first");
}

#[tokio::test]
async fn what_a_call_asks_is_read_for_the_client() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let call = stage.asked(&session, "tool-calls", CALL).await;
    let read = (&call["tool"], &call["arguments"], &call["callId"]);
    assert_eq!(read, (&json!("lookup"), &json!({"n": 3}), &json!("item-1")));
}

#[tokio::test]
async fn a_tool_of_the_client_is_called_and_answered() {
    let offline = Offline::start(&real_codex!()).await;
    let tool = json!({"type": "function", "name": "lookup", "description": "Looks things up.",
                      "inputSchema": {"type": "object", "properties": {"query": {"type": "string"}}}});
    let session = offline.api.session(json!({"cwd": offline.home.project(), "dynamicTools": [tool]})).await;
    for (answer, told) in [
        (json!({"text": "sunny, 21 degrees"}), "sunny, 21 degrees"),
        (json!({"success": false, "contentItems": [{"type": "inputText", "text": "no such place"}]}), "no such place"),
    ] {
        let turn = offline.api.say(&session, r#"::tool lookup {"query": "weather"}"#).await;
        let path = format!("/api/sessions/{session}/tool-calls");
        let first = async || offline.api.get(&path).await.expect(200)["data"].get(0).cloned();
        let call = until("a call", first).await;
        assert_eq!((&call["tool"], &call["arguments"]), (&json!("lookup"), &json!({"query": "weather"})));
        let id = call["requestId"].as_str().unwrap();
        assert!(id.starts_with("call_"), "{id}");
        offline.api.post(&format!("/api/tool-calls/{id}/response"), answer).await.expect(200);
        let (frames, said) = offline.until_end(&turn).await;
        assert!(said.contains(told), "{said}");
        assert!(!of_type(&frames, "tool_call_requested").is_empty());
    }
    // The session waits for nothing, and a call that nobody answers ends with its turn.
    let turn = offline.api.say(&session, "::tool lookup {}").await;
    let path = format!("/api/sessions/{session}/tool-calls");
    let first = async || offline.api.get(&path).await.expect(200)["data"].get(0).cloned();
    let call = until("a call", first).await;
    offline.api.post(&format!("/api/sessions/{session}/interrupt"), json!({})).await.expect(200);
    let (frames, _) = offline.until_end(&turn).await;
    let id = call["requestId"].as_str().unwrap();
    let over = frames.iter().find(|frame| is_over(frame, id)).cloned();
    let late = offline.api.post(&format!("/api/tool-calls/{id}/response"), json!({})).await;
    assert_eq!((late.status, late.code()), (404, "expired"), "{over:?}");
}
