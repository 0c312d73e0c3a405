//! Answers: what somebody decided, in the words of the child's request.

use std::collections::BTreeMap;

use codex_manager_model::{Decision, DecisionScope, Interaction, InteractionKind, limits};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::service::Error;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) decision: Decision,
    /// Of an approval.
    pub(crate) scope: Option<DecisionScope>,
    /// What is sent to the child.
    pub(crate) result: Value,
    /// What is kept of that for people to see: nothing where the decision says it all, or where it may be a secret.
    pub(crate) kept: Option<Value>,
}

/// A decision about an approval. Beside the decision at most one member says more than its word.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Decide {
    /// What to do.
    decision: Decision,
    /// How far it reaches.
    #[serde(default)]
    scope: DecisionScope,
    /// Of a command: the words with which commands begin that are never asked for again. With `accept`.
    exec_policy_amendment: Option<Vec<String>>,
    /// Of a command: what holds for a host from now on. `allow` goes with `accept`, `deny` with `decline`.
    network_policy_amendment: Option<NetworkPolicyAmendment>,
    /// Of a request for more access: what of it to grant, where that is not all of it. With `accept`.
    #[schema(value_type = Option<Object>)]
    permissions: Option<Map<String, Value>>,
    /// The whole answer as the child is to get it, verbatim; the decision is noted and not sent.
    #[schema(value_type = Option<Object>)]
    response: Option<Map<String, Value>>,
}

/// A rule for a host.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub(crate) struct NetworkPolicyAmendment {
    host: String,
    action: NetworkPolicyAction,
}

/// What a rule for a host says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NetworkPolicyAction {
    /// It may be reached.
    Allow,
    /// It may not.
    Deny,
}

/// An answer to a request for input.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(crate) struct DecideInput {
    /// Whether there is an answer.
    decision: Decision,
    /// The answers to questions, by their ids.
    #[serde(default)]
    answers: BTreeMap<String, QuestionAnswers>,
    /// What an MCP server asked for, in the shape of its schema.
    content: Option<Value>,
    /// The whole answer as the child is to get it, verbatim; the decision is noted and not sent.
    #[schema(value_type = Option<Object>)]
    response: Option<Map<String, Value>>,
}

/// The answers to one question.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub(crate) struct QuestionAnswers {
    answers: Vec<String>,
}

/// What a tool came to.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallResponse {
    /// Whether it did what it was called for; `true` unless it says otherwise.
    success: Option<bool>,
    /// What it has to say.
    content_items: Option<Vec<ContentItem>>,
    /// The same as one text, where there are no `contentItems`.
    text: Option<String>,
    /// The whole answer as the child is to get it, verbatim.
    #[schema(value_type = Option<Object>)]
    response: Option<Map<String, Value>>,
}

/// A piece of what a tool has to say.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(tag = "type")]
pub(crate) enum ContentItem {
    /// Text.
    #[serde(rename = "inputText")]
    Text { text: String },
    /// A picture.
    #[serde(rename = "inputImage", rename_all = "camelCase")]
    Image { image_url: String },
    /// Sound.
    #[serde(rename = "inputAudio", rename_all = "camelCase")]
    Audio { audio_url: String },
}

impl Answer {
    /// A decision that its word says all of.
    pub(crate) fn plain(approval: &Interaction, decision: Decision, scope: DecisionScope) -> Self {
        let result = if approval.method == PERMISSIONS {
            granted(approval, decision, scope, None)
        } else {
            json!({ "decision": word(&approval.method, decision, scope) })
        };
        Self { decision, scope: Some(scope), result, kept: None }
    }
}

impl Decide {
    /// The decision in the words of its approval.
    ///
    /// # Errors
    /// Invalid when it says more than the request can be answered with.
    pub(crate) fn answer(self, approval: &Interaction) -> Result<Answer, Error> {
        let (decision, scope) = (self.decision, self.scope);
        let members = [
            ("execPolicyAmendment", self.exec_policy_amendment.is_some()),
            ("networkPolicyAmendment", self.network_policy_amendment.is_some()),
            ("permissions", self.permissions.is_some()),
            ("response", self.response.is_some()),
        ];
        let mut more = members.into_iter().filter(|(_, given)| *given).map(|(member, _)| member);
        let Some(member) = more.next() else { return Ok(Answer::plain(approval, decision, scope)) };
        if let Some(second) = more.next() {
            return Err(Error::invalid(second, &format!("goes not together with {member}")));
        }
        let result = match (self.exec_policy_amendment, self.network_policy_amendment, self.permissions, self.response)
        {
            (Some(words), ..) => exec_amendment(approval, decision, &words)?,
            (_, Some(rule), ..) => network_amendment(approval, decision, &rule)?,
            (.., Some(granted_only), _) => {
                check(
                    approval.method == PERMISSIONS && decision == Decision::Accept,
                    member,
                    "answers no such request",
                )?;
                granted(approval, decision, scope, Some(granted_only))
            }
            (.., response) => verbatim(response.unwrap_or_default())?,
        };
        Ok(Answer { decision, scope: Some(scope), kept: Some(result.clone()), result })
    }
}

impl DecideInput {
    /// The answer in the words of its request.
    ///
    /// # Errors
    /// Invalid when it says what the request cannot be answered with.
    pub(crate) fn answer(self, asked: &Interaction) -> Result<Answer, Error> {
        let decision = self.decision;
        let result = match self.response {
            Some(response) => verbatim(response)?,
            None if asked.method == ELICITATION => match decision {
                Decision::Accept => json!({ "action": decision, "content": bounded("content", self.content)? }),
                Decision::Decline | Decision::Cancel => json!({ "action": decision }),
            },
            None => {
                check(self.content.is_none(), "content", "is for requests of MCP servers")?;
                match decision {
                    Decision::Accept => json!({ "answers": self.answers }),
                    Decision::Decline | Decision::Cancel => json!({ "answers": {} }),
                }
            }
        };
        Ok(Answer { decision, scope: None, result, kept: None })
    }
}

impl CallResponse {
    /// The answer as the child takes it.
    ///
    /// # Errors
    /// Invalid when it is larger than answers may be.
    pub(crate) fn answer(self) -> Result<Answer, Error> {
        let result = match self.response {
            Some(response) => verbatim(response)?,
            None => {
                let text = self.text.map(|text| ContentItem::Text { text });
                let items = self.content_items.unwrap_or_else(|| text.into_iter().collect());
                json!({ "success": self.success.unwrap_or(true), "contentItems": items })
            }
        };
        let decision = if result["success"] == true { Decision::Accept } else { Decision::Decline };
        Ok(Answer { decision, scope: None, result, kept: None })
    }
}

/// What a request is answered with where nobody may be asked.
pub(crate) fn refusal(asked: &Interaction) -> Value {
    match asked.kind {
        InteractionKind::Approval => Answer::plain(asked, Decision::Decline, DecisionScope::Turn).result,
        InteractionKind::ToolInput if asked.method == ELICITATION => json!({ "action": Decision::Cancel }),
        InteractionKind::ToolInput => json!({ "answers": {} }),
        InteractionKind::ToolCall => {
            let text = "The tool was not run: nobody answers the calls of a worker.";
            json!({ "success": false, "contentItems": [ContentItem::Text { text: text.to_owned() }] })
        }
    }
}

const COMMAND: &str = "item/commandExecution/requestApproval";
const PERMISSIONS: &str = "item/permissions/requestApproval";
const ELICITATION: &str = "mcpServer/elicitation/request";

/// The older requests have words of their own.
fn is_legacy(method: &str) -> bool {
    matches!(method, "execCommandApproval" | "applyPatchApproval")
}

fn word(method: &str, decision: Decision, scope: DecisionScope) -> &'static str {
    match (decision, scope, is_legacy(method)) {
        (Decision::Accept, DecisionScope::Turn, false) => "accept",
        (Decision::Accept, DecisionScope::Session, false) => "acceptForSession",
        (Decision::Decline, _, false) => "decline",
        (Decision::Cancel, _, false) => "cancel",
        (Decision::Accept, DecisionScope::Turn, true) => "approved",
        (Decision::Accept, DecisionScope::Session, true) => "approved_for_session",
        (Decision::Decline, _, true) => "denied",
        (Decision::Cancel, _, true) => "abort",
    }
}

/// The request is for more access: what is granted is all that it asks for unless somebody says what, and nothing when
/// the answer is no.
fn granted(
    approval: &Interaction,
    decision: Decision,
    scope: DecisionScope,
    only: Option<Map<String, Value>>,
) -> Value {
    match decision {
        Decision::Accept => {
            let granted = only.map_or_else(|| approval.details["permissions"].clone(), Value::Object);
            json!({ "permissions": granted, "scope": scope })
        }
        Decision::Decline | Decision::Cancel => json!({ "permissions": {}, "scope": DecisionScope::Turn }),
    }
}

fn exec_amendment(approval: &Interaction, decision: Decision, words: &[String]) -> Result<Value, Error> {
    let member = "execPolicyAmendment";
    check(decision == Decision::Accept, member, "goes with accept")?;
    check(!words.is_empty(), member, "has at least one word")?;
    match approval.method.as_str() {
        COMMAND => Ok(json!({ "decision": { "acceptWithExecpolicyAmendment": { "execpolicy_amendment": words } } })),
        "execCommandApproval" => {
            Ok(json!({ "decision": { "approved_execpolicy_amendment": { "proposed_execpolicy_amendment": words } } }))
        }
        _ => Err(Error::invalid(member, "is for commands")),
    }
}

fn network_amendment(
    approval: &Interaction,
    decision: Decision,
    rule: &NetworkPolicyAmendment,
) -> Result<Value, Error> {
    let member = "networkPolicyAmendment";
    let fits = match rule.action {
        NetworkPolicyAction::Allow => decision == Decision::Accept,
        NetworkPolicyAction::Deny => decision == Decision::Decline,
    };
    check(fits, member, "allow goes with accept, deny with decline")?;
    check(!rule.host.is_empty(), member, "names a host")?;
    match approval.method.as_str() {
        COMMAND => Ok(json!({ "decision": { "applyNetworkPolicyAmendment": { "network_policy_amendment": rule } } })),
        "execCommandApproval" => {
            Ok(json!({ "decision": { "network_policy_amendment": { "network_policy_amendment": rule } } }))
        }
        _ => Err(Error::invalid(member, "is for commands")),
    }
}

fn verbatim(response: Map<String, Value>) -> Result<Value, Error> {
    bounded("response", Some(Value::Object(response)))
}

/// What is not looked into has to be small enough to be kept.
fn bounded(member: &str, value: Option<Value>) -> Result<Value, Error> {
    let value = value.unwrap_or_default();
    let fits = value.to_string().len() <= limits::INTERACTION_RESPONSE_BYTES_MAX;
    check(fits, member, "must have at most 256 KiB")?;
    Ok(value)
}

fn check(holds: bool, member: &str, message: &str) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::invalid(member, message)) }
}
