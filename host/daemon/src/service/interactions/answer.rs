//! Answers: what somebody decided, in the words of the child's request.

use std::collections::BTreeMap;

use codex_manager_model::{Decision, DecisionScope, Interaction, InteractionKind, limits};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::offered::{check_answer, check_granted, with_rule, with_words};
use crate::service::Error;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) decision: Decision,
    /// Of an approval, where its answer does not say more than a plain one.
    pub(crate) scope: Option<DecisionScope>,
    /// What is sent to the child.
    pub(crate) result: Value,
    /// What is kept of that for people to see: nothing where the decision says it all, or where it may be a secret.
    pub(crate) kept: Option<Value>,
}

/// A decision about an approval. Beside the decision at most one member says more than its word, and only what the request
/// offers.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Decide {
    /// What to do.
    decision: Decision,
    /// How far it reaches; `turn` unless it says otherwise. Not beside an amendment or a `response`, which say it themselves.
    scope: Option<DecisionScope>,
    /// Of a command: the words with which commands begin that are never asked for again, as the request proposes them. With
    /// `accept`.
    exec_policy_amendment: Option<Vec<String>>,
    /// Of a command: what holds for a host from now on, as the request proposes it. `allow` goes with `accept`, `deny` with
    /// `decline`.
    network_policy_amendment: Option<NetworkPolicyAmendment>,
    /// Of a request for more access: what of it to grant, where that is not all of it. With `accept`.
    #[schema(value_type = Option<Object>)]
    permissions: Option<Map<String, Value>>,
    /// The whole answer as the child is to get it, verbatim. What it decides is a plain word or among the request's
    /// `availableDecisions`, and says what `decision` says, which is noted and not sent.
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
            granted(approval, decision, scope)
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
    /// Invalid when it says what the request does not offer, or contradicts itself.
    pub(crate) fn answer(self, approval: &Interaction) -> Result<Answer, Error> {
        let (decision, scope) = (self.decision, self.scope.unwrap_or_default());
        let members = [
            ("execPolicyAmendment", self.exec_policy_amendment.is_some()),
            ("networkPolicyAmendment", self.network_policy_amendment.is_some()),
            ("response", self.response.is_some()),
            ("permissions", self.permissions.is_some()),
            ("scope", self.scope.is_some()),
        ];
        let mut more = members.into_iter().filter(|(_, given)| *given).map(|(member, _)| member);
        match (more.next(), more.next()) {
            (None | Some("scope"), _) => return Ok(Answer::plain(approval, decision, scope)),
            (Some("permissions"), Some("scope")) | (_, None) => {}
            (Some(first), Some(second)) => {
                return Err(Error::invalid(second, &format!("goes not together with {first}")));
            }
        }
        let (result, scope) =
            match (self.exec_policy_amendment, self.network_policy_amendment, self.permissions, self.response) {
                (Some(words), ..) => (exec_amendment(approval, decision, &words)?, None),
                (_, Some(rule), ..) => (network_amendment(approval, decision, &rule)?, None),
                (.., Some(only), _) => (granted_only(approval, decision, scope, only)?, Some(scope)),
                (.., response) => (verbatim_decision(approval, decision, response.unwrap_or_default())?, None),
            };
        Ok(Answer { decision, scope, kept: Some(result.clone()), result })
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

/// The request is for more access: what is granted is all that it asks for, and nothing when the answer is no.
fn granted(approval: &Interaction, decision: Decision, scope: DecisionScope) -> Value {
    match decision {
        Decision::Accept => json!({ "permissions": approval.details["permissions"], "scope": scope }),
        Decision::Decline | Decision::Cancel => json!({ "permissions": {}, "scope": DecisionScope::Turn }),
    }
}

fn granted_only(
    approval: &Interaction,
    decision: Decision,
    scope: DecisionScope,
    only: Map<String, Value>,
) -> Result<Value, Error> {
    let member = "permissions";
    check(approval.method == PERMISSIONS && decision == Decision::Accept, member, "answers no such request")?;
    let only = Value::Object(only);
    check_granted(approval, &[member], &only)?;
    Ok(json!({ "permissions": only, "scope": scope }))
}

fn exec_amendment(approval: &Interaction, decision: Decision, words: &[String]) -> Result<Value, Error> {
    let member = "execPolicyAmendment";
    check(decision == Decision::Accept, member, "goes with accept")?;
    check(approval.method == COMMAND, member, "is for commands")?;
    Ok(json!({ "decision": with_words(approval, words)? }))
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
    check(approval.method == COMMAND, member, "is for commands")?;
    Ok(json!({ "decision": with_rule(approval, &json!(rule))? }))
}

/// A whole answer to an approval, which says no more than its request offers.
fn verbatim_decision(approval: &Interaction, decision: Decision, response: Map<String, Value>) -> Result<Value, Error> {
    let answer = verbatim(response)?;
    if approval.method != PERMISSIONS {
        check_answer(approval, decision, &answer)?;
        return Ok(answer);
    }
    let (path, granted) = (["response", "permissions"], &answer["permissions"]);
    check_granted(approval, &path, granted)?;
    let is_empty = granted.as_object().is_none_or(Map::is_empty);
    if decision != Decision::Accept && !is_empty {
        return Err(Error::invalid_at(&path, "is not what `decision` says"));
    }
    Ok(answer)
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
