//! Steering: saying something to the turn that runs, without starting another.

use codex_manager_model::{Actor, Session, SessionId, TurnId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Sessions;
use crate::service::code::{self, Code};
use crate::service::{Error, Kind};

/// What is said to a turn.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(crate) struct Steer {
    /// What the user says.
    #[schema(min_length = 1)]
    input: String,
}

/// A turn that was told.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnSteered {
    /// `ok`.
    status: &'static str,
    /// The session.
    session_id: SessionId,
    /// The turn.
    turn_id: TurnId,
    /// What became of it.
    result: SteerResult,
}

/// What became of an action.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SteerResult {
    /// `turn.steer`.
    action_type: &'static str,
    /// `performed`, or the code of what stood against it.
    status: &'static str,
    /// What Codex said.
    #[schema(value_type = Object)]
    details: Value,
}

impl SteerResult {
    fn new(status: &'static str, details: Value) -> Self {
        Self { action_type: "turn.steer", status, details }
    }
}

impl Sessions {
    /// Says something to the turn that runs, if it is that one.
    ///
    /// # Errors
    /// `conflict` when another turn runs, or none; `not_eligible` when it is one that cannot be steered; `failed` when
    /// the child refuses it for another reason.
    pub(crate) async fn steer(
        &self,
        session: Session,
        turn: TurnId,
        body: Steer,
        actor: Actor,
    ) -> Result<TurnSteered, Error> {
        if body.input.is_empty() {
            return Err(Error::invalid("input", "must not be empty"));
        }
        self.require_contained()?;
        let session_id = session.id;
        let mut operation = self.outbox.call("turn/steer", Some(session_id.clone()), Value::Null, actor);
        operation.body = json!({
            "params": {
                "threadId": session_id,
                "expectedTurnId": turn,
                "clientUserMessageId": operation.id,
                "input": [{ "type": "text", "text": body.input, "text_elements": [] }],
            },
        });
        match self.perform(operation).await {
            Ok(details) => {
                let result = SteerResult::new("performed", details);
                Ok(TurnSteered { status: "ok", session_id, turn_id: turn, result })
            }
            Err(refused) => Err(classed(refused, &session_id, &turn)),
        }
    }
}

/// The child's "no" in the words that clients of this operation know. What is not about the turn stays what it is.
fn classed(refused: Error, session: &SessionId, turn: &TurnId) -> Error {
    let Some(class) = class(&refused) else { return refused };
    let result = SteerResult::new(class.word, json!({ "message": refused.message }));
    Error::new(class, refused.message)
        .with("sessionId", session.as_str())
        .with("turnId", turn.as_str())
        .with("result", json!(result))
}

fn class(refused: &Error) -> Option<&'static Code> {
    let says = |words: &str| refused.message.contains(words);
    match refused.code.word {
        "no_active_turn" => Some(code::STEER_CONFLICT),
        "invalid_state" if says("expected active turn") => Some(code::STEER_CONFLICT),
        "invalid_state" if says("cannot steer") => Some(code::STEER_NOT_ELIGIBLE),
        "invalid_state" | "invalid_params" => Some(code::STEER_FAILED),
        "codex_error" if refused.kind == Kind::Upstream => Some(code::STEER_FAILED),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::refused;

    #[test]
    fn a_refusal_is_classed_by_what_it_is_about() {
        let classed = |message: &str| {
            let error = classed(refused("turn/steer", -32600, message), &SessionId::new("s"), &TurnId::new("t"));
            (error.code.word, error.context.get("result").map(|result| result["status"].clone()))
        };
        for (message, word) in [
            ("no active turn to steer", "conflict"),
            ("expected active turn id `a` but found `b`", "conflict"),
            ("cannot steer a review turn", "not_eligible"),
            ("input must not be empty", "failed"),
        ] {
            assert_eq!(classed(message), (word, Some(json!(word))), "{message}");
        }
        assert_eq!(classed("unknown variant `turn/steer`"), ("method_not_supported", None));
        assert_eq!(classed("no rollout found for thread id s"), ("not_materialized", None));
    }
}
