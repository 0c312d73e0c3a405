//! The real child is killed while it waits for a decision.

use codex_manager_tests::{Process, Socket};
use serde_json::{Value, json};

use crate::offline::{Offline, real_codex};

#[tokio::test]
async fn a_killed_child_comes_back_and_its_questions_do_not() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("untrusted", "danger-full-access").await;
    offline.api.say(&session, "::exec touch never").await;
    let approval = offline.api.until_asked(&session).await;
    let mut socket = Socket::open(&offline.api, "").await;
    let pid = u32::try_from(offline.api.codex().await["pid"].as_u64().unwrap()).unwrap();
    Process::find(pid).unwrap().kill();

    // Between two children, calls are refused with the time to come back. The gap is short: a busy machine may miss it.
    let gone = |frame: &Value| frame["type"] == "app_server_state" && frame["payload"]["state"] == "exited";
    socket.until("the child's end", gone).await;
    let refused = offline.api.post("/api/sessions", json!({})).await;
    if offline.api.codex().await["state"] != "ready" {
        refused.expect(503);
        assert!(refused.headers.contains_key("retry-after"));
    }

    let expired = |frame: &Value| frame["type"] == "approval_resolved";
    let frames = Socket::open(&offline.api, "?after=0").await.until("the expiry", expired).await;
    let told = &frames.last().unwrap()["payload"];
    assert_eq!((&told["approvalId"], &told["status"]), (&json!(approval), &json!("expired")));
    let codex = offline.api.until_restarted(1).await;
    assert_eq!(codex["lastExit"]["signal"], 9, "{codex}");
    let late = offline.api.decide(&approval, "accept").await;
    assert!((400..500).contains(&late.status), "{late:?}");

    let turn = offline.api.say(&session, "::exec touch later && echo did it").await;
    let approval = offline.api.until_asked(&session).await;
    offline.api.decide(&approval, "accept").await.expect(200);
    assert!(offline.until_end(&turn).await.1.contains("did it"));
    assert!(!offline.home.project().join("never").exists() && offline.home.project().join("later").exists());
}
