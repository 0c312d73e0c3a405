//! Decisions that say more than a plain one: only what the request offers, and nothing that contradicts itself.

use serde_json::{Value, json};

use super::{APPROVAL, OFFERS, PERMISSIONS};
use crate::child_asks::replies;
use crate::stage::Stage;

/// Files to write below a folder, but one.
const FILES: &str = r#"item/permissions/requestApproval {"permissions": {"network": {"enabled": true}, "fileSystem":
    {"write": ["/a", "/b"], "entries": [{"path": {"type": "path", "path": "/a/key"}, "access": "deny"}]}}}"#;

fn words(words: Value) -> Value {
    json!({"acceptWithExecpolicyAmendment": {"execpolicy_amendment": words}})
}

fn rule(action: &str) -> Value {
    json!({"applyNetworkPolicyAmendment": {"network_policy_amendment": {"host": "a.test", "action": action}}})
}

fn denied() -> Value {
    json!([{"path": {"type": "path", "path": "/a/key"}, "access": "deny"}])
}

#[tokio::test]
async fn what_the_request_offers_is_told_in_its_words() {
    let stage = Stage::ready([]).await;
    let (some, deny) = (json!({"fileSystem": {"write": ["/b"], "entries": denied()}}), json!({"network": null}));
    let mut expected = Vec::new();
    for (request, body, result) in [
        (
            OFFERS,
            json!({"decision": "accept", "execPolicyAmendment": ["make"]}),
            json!({"decision": words(json!(["make"]))}),
        ),
        (
            OFFERS,
            json!({"decision": "accept", "execPolicyAmendment": ["make", "all"]}),
            json!({"decision": words(json!(["make", "all"]))}),
        ),
        (
            OFFERS,
            json!({"decision": "accept", "networkPolicyAmendment": {"host": "a.test", "action": "allow"}}),
            json!({"decision": rule("allow")}),
        ),
        (
            OFFERS,
            json!({"decision": "decline", "networkPolicyAmendment": {"host": "a.test", "action": "deny"}}),
            json!({"decision": rule("deny")}),
        ),
        (OFFERS, json!({"decision": "accept", "response": {"decision": "new"}}), json!({"decision": "new"})),
        (
            OFFERS,
            json!({"decision": "decline", "response": {"decision": rule("deny")}}),
            json!({"decision": rule("deny")}),
        ),
        (APPROVAL, json!({"decision": "cancel", "response": {"decision": "cancel"}}), json!({"decision": "cancel"})),
        (FILES, json!({"decision": "accept", "permissions": some}), json!({"permissions": some, "scope": "turn"})),
        (
            FILES,
            json!({"decision": "accept", "permissions": deny, "scope": "session"}),
            json!({"permissions": deny, "scope": "session"}),
        ),
        (
            FILES,
            json!({"decision": "accept", "response": {"permissions": some, "strictAutoReview": true}}),
            json!({"permissions": some, "strictAutoReview": true}),
        ),
    ] {
        let session = stage.session().await;
        let asked = stage.asked(&session, "approvals", request).await;
        let id = asked["approvalId"].as_str().unwrap();
        stage.answer_to("approvals", id, "decision", body).await.expect(200);
        expected.push(json!({"id": expected.len(), "result": result}));
    }
    stage.assert_replied(&expected).await;
}

impl Stage {
    /// Shows that a request is not answered with that, and still waits; `told` stands in what is said of that place.
    async fn assert_refused(&self, request: &str, body: Value, path: Value, told: &str) {
        let session = self.session().await;
        let asked = self.asked(&session, "approvals", request).await;
        let id = asked["approvalId"].as_str().unwrap();
        let refused = self.answer_to("approvals", id, "decision", body.clone()).await;
        let issue = &refused.expect(400)["issues"][0];
        assert!(issue["path"] == path && issue["message"].as_str().unwrap().contains(told), "{body}: {issue}");
        assert_eq!(self.waiting(&session, "approvals").await, asked, "it still waits");
        assert_eq!(replies(self, 1), [] as [Value; 0]);
    }
}

#[tokio::test]
async fn a_rule_that_the_request_does_not_offer_is_refused_with_what_it_does() {
    let stage = Stage::ready([]).await;
    let host = json!({"host": "b.test", "action": "allow"});
    for (request, member, given, told) in [
        (OFFERS, "execPolicyAmendment", json!(["rm"]), r#"offers ["make","all"] or ["make"]"#),
        (OFFERS, "execPolicyAmendment", json!([]), "was not offered"),
        (APPROVAL, "execPolicyAmendment", json!(["make"]), "offers none"),
        (OFFERS, "networkPolicyAmendment", host, r#"offers {"action":"allow","host":"a.test"} or"#),
    ] {
        stage.assert_refused(request, json!({"decision": "accept", member: given}), json!([member]), told).await;
    }
    // The same in the words of the child, and what is noted is what is sent.
    for (request, decision, said, told) in [
        (OFFERS, "accept", json!({"decision": words(json!(["rm"]))}), r#""new""#),
        (APPROVAL, "accept", json!({"decision": "new"}), "offers none"),
        (APPROVAL, "accept", json!({}), "offers none"),
        (APPROVAL, "decline", json!({"decision": "accept"}), "`decision`"),
        (OFFERS, "decline", json!({"decision": rule("allow")}), "`decision`"),
    ] {
        let body = json!({"decision": decision, "response": said});
        stage.assert_refused(request, body, json!(["response", "decision"]), told).await;
    }
}

#[tokio::test]
async fn more_access_than_was_asked_for_is_refused_and_so_is_less_that_was_kept_from_it() {
    let stage = Stage::ready([]).await;
    for (request, granted) in [
        (PERMISSIONS, json!({"fileSystem": {"write": ["/"]}})),
        (FILES, json!({"fileSystem": {"write": ["/a", "/c"], "entries": denied()}})),
        (FILES, json!({"fileSystem": {"write": ["/a"]}})),
    ] {
        let body = json!({"decision": "accept", "permissions": granted});
        stage.assert_refused(request, body, json!(["permissions"]), "more than is asked").await;
        let body = json!({"decision": "accept", "response": {"permissions": granted}});
        stage.assert_refused(request, body, json!(["response", "permissions"]), "more than is asked").await;
    }
    let body = json!({"decision": "decline", "response": {"permissions": {"network": {"enabled": true}}}});
    stage.assert_refused(PERMISSIONS, body, json!(["response", "permissions"]), "`decision`").await;
}

#[tokio::test]
async fn a_scope_goes_not_beside_what_says_it_itself() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let asked = stage.asked(&session, "approvals", OFFERS).await;
    let id = asked["approvalId"].as_str().unwrap();
    for (member, given) in [
        ("execPolicyAmendment", json!(["make"])),
        ("networkPolicyAmendment", json!({"host": "a.test", "action": "allow"})),
        ("response", json!({"decision": "accept"})),
    ] {
        for scope in ["turn", "session"] {
            let body = json!({"decision": "accept", "scope": scope, member: given});
            let refused = stage.answer_to("approvals", id, "decision", body).await;
            let issue = &refused.expect(400)["issues"][0];
            assert_eq!(
                (&issue["path"], &issue["message"]),
                (&json!(["scope"]), &json!(format!("goes not together with {member}")))
            );
        }
    }
    stage
        .answer_to("approvals", id, "decision", json!({"decision": "accept", "execPolicyAmendment": ["make"]}))
        .await
        .expect(200);
    let over = stage.until_over(id).await;
    let told = &over.last().unwrap()["payload"];
    assert_eq!((told.get("scope"), &told["response"]["decision"]), (None, &words(json!(["make"]))));
}
