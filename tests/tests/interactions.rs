//! What the child asks: approvals, questions and calls of tools, each answered once, by somebody, or never.

mod approvals;
mod every_kind;
mod offered;
mod refused;
mod tool_calls;
mod tool_input;

use codex_manager_tests::{Answer, soon, until};
use serde_json::{Value, json};

use crate::child_asks::replies;
use crate::stage::Stage;

const APPROVAL: &str = r#"item/commandExecution/requestApproval {"command": "make all"}"#;
pub(crate) const INPUT: &str = r#"item/tool/requestUserInput {"isBlocking": true, "questions":
    [{"id": "q", "header": "Pick", "question": "Which colour?", "isSecret": true}]}"#;
pub(crate) const CALL: &str = r#"item/tool/call {"tool": "lookup", "arguments": {"n": 3}}"#;
pub(crate) const ELICITATION: &str =
    r#"mcpServer/elicitation/request {"serverName": "s", "mode": "form", "message": "Who?"}"#;
pub(crate) const PERMISSIONS: &str =
    r#"item/permissions/requestApproval {"permissions": {"network": {"enabled": true}}}"#;

/// A command that offers rules for itself and for a host, and a decision that nobody here knows.
pub(crate) const OFFERS: &str = r#"item/commandExecution/requestApproval {"command": "make all",
    "proposedExecpolicyAmendment": ["make"],
    "proposedNetworkPolicyAmendments": [{"host": "a.test", "action": "allow"}, {"host": "a.test", "action": "deny"}],
    "availableDecisions": ["accept", "new", "cancel",
        {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["make", "all"]}}]}"#;

/// The three kinds: what to ask, where it is listed and answered, what names it, its frames, and an answer.
const KINDS: [(&str, &str, &str, &str, [&str; 2]); 3] = [
    (APPROVAL, "approvals", "decision", "approvalId", ["approval", "approval_resolved"]),
    (INPUT, "tool-input", "decision", "requestId", ["tool_user_input_requested", "tool_user_input_resolved"]),
    (CALL, "tool-calls", "response", "requestId", ["tool_call_requested", "tool_call_resolved"]),
];

/// What all kinds can be answered with.
fn yes() -> Value {
    json!({"decision": "accept", "success": true})
}

impl Stage {
    /// Has the child ask something in a session, and gives it as it is listed there.
    pub(crate) async fn asked(&self, session: &str, noun: &str, request: &str) -> Value {
        self.api.say(session, &format!("::ask {}", request.replace('\n', " "))).await;
        self.waiting(session, noun).await
    }

    /// What waits in a session, once something does.
    async fn waiting(&self, session: &str, noun: &str) -> Value {
        let first = async || self.listed(&format!("/api/sessions/{session}/{noun}")).await.into_iter().next();
        until("what is asked", first).await
    }

    async fn listed(&self, path: &str) -> Vec<Value> {
        self.api.get(path).await.expect(200)["data"].as_array().unwrap().clone()
    }

    async fn answer_to(&self, noun: &str, id: &str, verb: &str, body: Value) -> Answer {
        soon("an answer", self.api.post(&format!("/api/{noun}/{id}/{verb}"), body)).await
    }

    /// Shows that the first life of the child was sent these replies, and no more.
    async fn assert_replied(&self, expected: &[Value]) {
        let replied = async || Some(replies(self, 1)).filter(|replies| replies.len() >= expected.len());
        assert_eq!(until("all replies", replied).await, expected);
    }

    /// All frames up to the one that tells the end of that interaction, which is the last.
    async fn until_over(&self, id: &str) -> Vec<Value> {
        let over = |frame: &Value| is_over(frame, id);
        self.until("the end of what was asked", over).await
    }
}

fn is_over(frame: &Value, id: &str) -> bool {
    let names = |member: &str| frame["payload"][member] == id;
    frame["type"].as_str().is_some_and(|kind| kind.ends_with("_resolved"))
        && (names("approvalId") || names("requestId"))
}

/// The entry of a transcript that stands for an interaction.
fn entry<'a>(transcript: &'a [Value], id: &str) -> &'a Value {
    let entry = transcript.iter().find(|entry| entry["messageId"].as_str().is_some_and(|name| name.ends_with(id)));
    entry.unwrap_or_else(|| panic!("no row for {id} in {transcript:?}"))
}
