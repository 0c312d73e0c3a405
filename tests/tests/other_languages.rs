//! Extensions in other languages than Rust. An interpreter is sandboxed like any other code: it answers, and it is stopped.

use std::time::Duration;

use codex_manager_extension::{FailureKind, Linked};
use codex_manager_tests::skip;
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, event, record};

/// How long a call of the host that does not come back is waited for.
const BRIEF: Duration = Duration::from_millis(500);

#[tokio::test]
async fn an_extension_in_python_answers_and_is_stopped() {
    answers_and_is_stopped("python").await;
}

#[tokio::test]
async fn an_extension_in_javascript_answers_and_is_stopped() {
    answers_and_is_stopped("javascript").await;
}

async fn answers_and_is_stopped(language: &str) {
    let linked = match Sandbox::shared().await.approved(language).await {
        Ok(linked) => linked,
        Err(why) => skip!(why),
    };
    answers(&linked, language).await;
    for (misdeed, kind, sentence) in [
        ("spin", FailureKind::Cpu, "computed for longer than 250ms ([limits] cpu)"),
        ("wait", FailureKind::Wall, "took longer than 500ms"),
        ("hoard", FailureKind::Memory, "failed, because it may not have more than 64 MiB of memory ([limits] memory)"),
    ] {
        let event = event(&json!({ "do": misdeed }).to_string());
        // What computes needs its time on a busy machine, too; what waits need not be waited for.
        let patience = if misdeed == "wait" { BRIEF } else { linked.limits().wall };
        let failure = linked.on_event_within(patience, &event, &record()).await.outcome.unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.sentence.starts_with(&format!("languages.{language} {sentence}, on event 4711 ")), "{failure}");
        answers(&linked, language).await;
    }
}

/// Whether it reads its event and returns a row about it.
async fn answers(linked: &Linked, language: &str) {
    let invoked = linked.on_event(&event("{}"), &record()).await;
    println!("{language}: {:?} of processor time, {} bytes", invoked.cpu, invoked.memory_bytes);
    let group = invoked.outcome.unwrap();
    assert_eq!((group.len(), group[0].kind.as_str()), (1, "transcript.upsert"));
    let payload: Value = serde_json::from_str(&group[0].payload).unwrap();
    let expected = json!({ "sessionId": "session", "entry": {
        "messageId": "heard-4711",
        "turnId": "turn",
        "role": "system",
        "type": format!("{language}.heard"),
        "content": "heard app_server.turn.completed",
        "status": "complete",
    }});
    assert_eq!(payload, expected);
}
