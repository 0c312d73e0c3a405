//! Approvals: what is decided, in the words of each request.

use serde_json::{Value, json};

use super::{APPROVAL, PERMISSIONS, entry};
use crate::offline::{Offline, real_codex};
use crate::stage::{Stage, of_type};

#[tokio::test]
async fn case_32_an_approval_for_the_session_is_shown_decided_once_and_remembered() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("untrusted", "danger-full-access").await;
    let turn = offline.api.say(&session, "::exec touch accepted").await;
    let approval = offline.api.until_asked(&session).await;
    let path = format!("/api/approvals/{approval}/decision");
    let decided = offline.api.post(&path, json!({"decision": "accept", "scope": "session"})).await;
    assert_eq!(*decided.expect(200), json!({"status": "ok", "approvalId": approval, "threadId": session}));
    assert_eq!(offline.api.approvals(&session).await, [] as [Value; 0]);
    let (frames, _) = offline.until_end(&turn).await;
    assert_eq!(of_type(&frames, "app_server.request.item.command_execution.request_approval").len(), 1);
    let shown = &of_type(&frames, "approval")[0]["payload"];
    assert_eq!(
        (&shown["approvalId"], &shown["status"], &shown["threadId"]),
        (&json!(approval), &json!("pending"), &json!(session))
    );
    let resolved = &of_type(&frames, "approval_resolved")[0]["payload"];
    let told = (&resolved["status"], &resolved["decision"], &resolved["scope"]);
    assert_eq!(told, (&json!("resolved"), &json!("accept"), &json!("session")));

    let again = offline.api.post(&path, json!({"decision": "decline"})).await;
    let again = again.expect(404);
    assert_eq!(
        (&again["status"], &again["code"], &again["approvalId"]),
        (&json!("not_found"), &json!("already_decided"), &json!(approval))
    );
    assert_eq!((&again["decision"], &again["decidedBy"]), (&json!("accept"), &resolved["actor"]));
    assert!(again["at"].is_string() && resolved["actor"].as_str().unwrap().starts_with("token:"), "{again}");

    let history = offline.api.get("/api/approvals?state=all").await.expect(200)["data"][0].clone();
    assert_eq!((&history["approvalId"], &history["status"]), (&json!(approval), &json!("resolved")));
    assert_eq!((&history["decidedBy"], &history["scope"]), (&resolved["actor"], &json!("session")));
    let row = entry(&offline.api.transcript(&session).await, &approval).clone();
    assert_eq!(
        (&row["type"], &row["status"], &row["role"]),
        (&json!("approval.resolved"), &json!("complete"), &json!("system"))
    );
    assert_eq!(row["messageId"], format!("approval-{approval}"));

    // It was for the session: nobody is asked for the same thing again.
    let turn = offline.api.say(&session, "::exec touch accepted").await;
    let (frames, _) = offline.until_end(&turn).await;
    assert_eq!(of_type(&frames, "approval").len(), 1);
}

#[tokio::test]
async fn case_33_each_decision_is_told_in_the_words_of_its_request() {
    let stage = Stage::ready([]).await;
    let legacy = r#"execCommandApproval {"command": ["make", "all"], "cwd": "/"}"#;
    let granted = json!({"network": {"enabled": true}});
    let mut expected = Vec::new();
    for (request, decision, result) in [
        (APPROVAL, json!({"decision": "accept"}), json!({"decision": "accept"})),
        (APPROVAL, json!({"decision": "accept", "scope": "session"}), json!({"decision": "acceptForSession"})),
        (APPROVAL, json!({"decision": "decline", "scope": "session"}), json!({"decision": "decline"})),
        (APPROVAL, json!({"decision": "cancel"}), json!({"decision": "cancel"})),
        ("item/fileChange/requestApproval", json!({"decision": "decline"}), json!({"decision": "decline"})),
        (legacy, json!({"decision": "accept"}), json!({"decision": "approved"})),
        (legacy, json!({"decision": "accept", "scope": "session"}), json!({"decision": "approved_for_session"})),
        (legacy, json!({"decision": "decline"}), json!({"decision": "denied"})),
        ("applyPatchApproval", json!({"decision": "cancel"}), json!({"decision": "abort"})),
        (
            PERMISSIONS,
            json!({"decision": "accept", "scope": "session"}),
            json!({"permissions": granted, "scope": "session"}),
        ),
        (PERMISSIONS, json!({"decision": "accept", "permissions": {}}), json!({"permissions": {}, "scope": "turn"})),
        (PERMISSIONS, json!({"decision": "cancel"}), json!({"permissions": {}, "scope": "turn"})),
    ] {
        let session = stage.session().await;
        let asked = stage.asked(&session, "approvals", request).await;
        let id = asked["approvalId"].as_str().unwrap();
        assert!(id.starts_with("apr_") && asked["itemId"] == "item-1" && asked["summary"].is_string(), "{asked}");
        stage.answer_to("approvals", id, "decision", decision).await.expect(200);
        expected.push(json!({"id": expected.len(), "result": result}));
    }
    stage.assert_replied(&expected).await;
}

#[tokio::test]
async fn a_rule_for_commands_is_written_by_codex_and_holds() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("untrusted", "danger-full-access").await;
    let turn = offline.api.say(&session, "::exec touch accepted").await;
    let approval = offline.api.until_asked(&session).await;
    let body = json!({"decision": "accept", "execPolicyAmendment": ["touch", "accepted"]});
    offline.api.post(&format!("/api/approvals/{approval}/decision"), body).await.expect(200);
    offline.until_end(&turn).await;
    let again = offline.api.say(&session, "::exec touch accepted").await;
    let (frames, _) = offline.until_end(&again).await;
    assert_eq!(of_type(&frames, "approval").len(), 1, "nobody is asked again");
    let response = &of_type(&frames, "approval_resolved")[0]["payload"]["response"];
    assert_eq!(response["decision"]["acceptWithExecpolicyAmendment"]["execpolicy_amendment"][1], "accepted");
}
