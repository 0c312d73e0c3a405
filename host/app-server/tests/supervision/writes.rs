//! What is written to a child, and what certainly is not.

use std::time::Duration;

use codex_manager_app_server::{CallError, Reply, ReplyError, Signal};
use codex_manager_model::Generation;
use serde_json::{Value, json};

use crate::script::{Scripted, kill, script, script_with};

/// A child that asks something and repeats every line it is then given.
const ASKING: &str = r#"hello; printf '{"id":0,"method":"ask","params":{"a":1}}\n'
while read -r line; do printf '{"method":"given","params":%s}\n' "$line"; done"#;

async fn asked(child: &mut Scripted) -> (Generation, Value) {
    match child.next().await {
        Signal::Request { generation, id, .. } => (generation, id),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_reply_reaches_the_child_that_asked() {
    let mut child = script(ASKING);
    child.started().await;
    let (generation, id) = asked(&mut child).await;
    child.app.reply(&generation, &id, Reply::Result(json!({"decision": "accept"}))).await.unwrap();
    let refusal = Reply::Error { code: -32000, message: "no".into() };
    child.app.reply(&generation, &json!("text"), refusal).await.unwrap();
    assert_eq!(child.notification().await.1, json!({"id": 0, "result": {"decision": "accept"}}));
    assert_eq!(child.notification().await.1, json!({"id": "text", "error": {"code": -32000, "message": "no"}}));
    child.app.stop().await;
}

#[tokio::test]
async fn a_reply_to_a_dead_child_is_void_although_the_next_one_asks_with_the_same_id() {
    let mut child = script(ASKING);
    child.started().await;
    let (first, id) = asked(&mut child).await;
    kill(child.ready().await.pid.unwrap());
    child.exited().await;
    child.started().await;
    let (second, same) = asked(&mut child).await;
    assert!(first != second && id == same);
    let accept = Reply::Result(json!("for the first"));
    assert_eq!(child.app.reply(&first, &id, accept).await, Err(ReplyError::NotWritten));
    child.app.reply(&second, &id, Reply::Result(json!("for the second"))).await.unwrap();
    assert_eq!(child.notification().await.1, json!({"id": 0, "result": "for the second"}));
    child.app.stop().await;
}

#[tokio::test]
async fn what_waits_behind_a_full_pipe_is_not_written_when_the_child_dies() {
    let mut child = script(r#"hello; printf '{"id":0,"method":"ask"}\n'; sleep 600"#);
    child.started().await;
    let (generation, id) = asked(&mut child).await;
    let pid = child.ready().await.pid.unwrap();
    let filler = json!("x".repeat(1_000_000));
    let (filling, waiting, reply, killing) = tokio::join!(
        child.app.call("fill", filler),
        child.app.call("wait", json!({})),
        child.app.reply(&generation, &id, Reply::Result(json!({}))),
        async {
            tokio::task::yield_now().await;
            kill(pid);
        },
    );
    let () = killing;
    // The filler was begun, or it was not: the error says which, and both are right.
    match filling {
        Err(error @ CallError::Gone { .. }) => assert!(error.was_written()),
        Err(error @ CallError::NotWritten) => assert!(!error.was_written()),
        other => panic!("{other:?}"),
    }
    assert!(matches!(waiting, Err(CallError::NotWritten)), "{waiting:?}");
    assert_eq!(reply, Err(ReplyError::NotWritten));
    child.app.stop().await;
}

#[tokio::test]
async fn a_call_that_timed_out_in_the_queue_is_never_written() {
    let mut child = script(
        r#"hello; read -r line <go
        while read -r line; do line=${line#*'"method":"'}; printf '{"method":"%s"}\n' "${line%%\"*}"; done"#,
    );
    std::process::Command::new("mkfifo").arg(child.file("go")).status().unwrap();
    child.started().await;
    // The pipe holds 64 KiB, so this call is begun and fills it.
    let app = child.app.clone();
    let filling = tokio::spawn(async move { app.call("fill", json!("x".repeat(200_000))).await });
    let (mut waited, mut overtook) = (0, 0);
    while waited < 3 {
        let late = child.app.call_within("late", json!({}), Duration::from_millis(100)).await;
        match late.unwrap_err() {
            // The first ones may overtake the filler.
            CallError::TimedOut { .. } => overtook += 1,
            CallError::NotWritten => waited += 1,
            other => panic!("{other}"),
        }
    }
    drop(child.app.call("dropped", json!({})));
    std::fs::write(child.file("go"), "go\n").unwrap();
    let app = child.app.clone();
    let last = tokio::spawn(async move { app.call("last", json!({})).await });
    let mut given = Vec::new();
    while given.last().map(String::as_str) != Some("last") {
        given.push(child.notification().await.0);
    }
    let late = given.iter().filter(|method| *method == "late").count();
    assert!(late == overtook && given.contains(&"fill".to_owned()), "{given:?}");
    assert!(!given.contains(&"dropped".to_owned()), "{given:?}");
    child.app.stop().await;
    assert!(matches!(filling.await.unwrap(), Err(CallError::Gone { .. })));
    assert!(matches!(last.await.unwrap(), Err(CallError::Gone { .. })));
}

#[tokio::test]
async fn a_child_that_reads_nothing_is_replaced() {
    let mut child = script_with("hello; sleep 600", |config| config.timeouts.write_stall = Duration::from_millis(100));
    child.started().await;
    let filling = child.app.call("fill", json!("x".repeat(1_000_000))).await;
    assert!(matches!(filling, Err(CallError::Gone { .. })), "{filling:?}");
    assert!(child.exited().await.contains("it read nothing for"));
    child.started().await;
    child.app.stop().await;
}

#[tokio::test]
async fn without_a_child_nothing_is_written() {
    let child = script("exit 1");
    let call = child.app.call("x", json!({})).await;
    assert!(matches!(&call, Err(error @ CallError::NotRunning { .. }) if !error.was_written()), "{call:?}");
    let reply = child.app.reply(&Generation::fresh(), &json!(0), Reply::Result(json!({}))).await;
    assert_eq!(reply, Err(ReplyError::NotWritten));
    child.app.stop().await;
}
