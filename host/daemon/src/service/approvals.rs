//! Approvals: listing what waits, and deciding.

use codex_manager_app_server::AppServer;
use codex_manager_model::{Actor, Approval, ApprovalId, ApprovalState, Clock, Decision, DecisionScope, SessionId};
use codex_manager_store::{ApprovalQuery, Store};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Error, Kind, require_ready};
use crate::outbox::Outbox;

/// How many approvals one list holds.
const LIST_MAX: u32 = 500;

/// A decision as clients send it.
#[derive(Debug, Deserialize)]
pub(crate) struct Decide {
    /// What to do.
    pub(crate) decision: Decision,
    /// How far it reaches.
    #[serde(default)]
    pub(crate) scope: DecisionScope,
}

/// The use cases of approvals.
#[derive(Clone)]
pub(crate) struct Approvals {
    store: Store,
    outbox: Outbox,
    child: AppServer,
    clock: Clock,
}

impl Approvals {
    pub(crate) fn new(store: Store, outbox: Outbox, child: AppServer, clock: Clock) -> Self {
        Self { store, outbox, child, clock }
    }

    /// What waits for a decision, oldest first; of one session, or of all.
    pub(crate) async fn pending(&self, session: Option<SessionId>) -> Result<Vec<Approval>, Error> {
        let query = ApprovalQuery { session, state: Some(ApprovalState::Pending), limit: LIST_MAX };
        self.store.read(move |view| Ok(view.approvals(&query)?)).await
    }

    /// Records a decision and has it written to the child that asked.
    ///
    /// # Errors
    /// Not found, with `already_decided` or `expired`, who and when: of two that decide at once, one succeeds. A conflict,
    /// `expired`, when the child was gone before the decision was written; unavailable while there is none.
    pub(crate) async fn decide(&self, id: &ApprovalId, body: Decide, actor: Actor) -> Result<Approval, Error> {
        let approval = self.read(id).await?;
        if approval.state == ApprovalState::Pending {
            require_ready(&self.child, &self.clock)?;
        }
        let result = answer(&approval.method, body.decision, body.scope);
        let reply = self.outbox.reply(&approval, &result, actor.clone());
        let (wanted, now) = (id.clone(), self.clock.now());
        let performed = self
            .outbox
            .perform(reply, move |tx| {
                if tx.decide_approval(&wanted, body.decision, body.scope, &actor, now)? {
                    return Ok(());
                }
                Err(match tx.approval(&wanted)? {
                    Some(approval) => no_longer(&approval),
                    None => unknown(&wanted),
                })
            })
            .await;
        match performed {
            Ok(_) => Ok(approval),
            Err(error) => Err(error.with("approvalId", id.as_str()).with("threadId", approval.session.as_str())),
        }
    }

    async fn read(&self, id: &ApprovalId) -> Result<Approval, Error> {
        let wanted = id.clone();
        let found: Option<Approval> = self.store.read::<_, Error, _>(move |view| Ok(view.approval(&wanted)?)).await?;
        found.ok_or_else(|| unknown(id))
    }
}

fn unknown(id: &ApprovalId) -> Error {
    Error::not_found("approval_not_found", "approvalId", id.as_str())
}

fn no_longer(approval: &Approval) -> Error {
    let (code, what) = match approval.state {
        ApprovalState::Expired => ("expired", "has expired"),
        _ => ("already_decided", "has been decided already"),
    };
    Error::new(Kind::NotFound, code, format!("approval {} {what}", approval.id))
        .status("not_found")
        .with("decision", json!(approval.decision))
        .with("decidedBy", json!(approval.decided_by))
        .with("at", approval.resolved_at.map(|at| at.to_string()))
}

/// A decision in the words of the child's request; the older requests have words of their own.
fn answer(method: &str, decision: Decision, scope: DecisionScope) -> Value {
    let legacy = matches!(method, "execCommandApproval" | "applyPatchApproval");
    let word = match (decision, scope, legacy) {
        (Decision::Accept, DecisionScope::Turn, false) => "accept",
        (Decision::Accept, DecisionScope::Session, false) => "acceptForSession",
        (Decision::Decline, _, false) => "decline",
        (Decision::Cancel, _, false) => "cancel",
        (Decision::Accept, DecisionScope::Turn, true) => "approved",
        (Decision::Accept, DecisionScope::Session, true) => "approved_for_session",
        (Decision::Decline, _, true) => "denied",
        (Decision::Cancel, _, true) => "abort",
    };
    json!({ "decision": word })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_told_in_the_words_of_the_request() {
        let word = |method, decision, scope| answer(method, decision, scope)["decision"].as_str().unwrap().to_owned();
        for (decision, scope, new, legacy) in [
            (Decision::Accept, DecisionScope::Turn, "accept", "approved"),
            (Decision::Accept, DecisionScope::Session, "acceptForSession", "approved_for_session"),
            (Decision::Decline, DecisionScope::Turn, "decline", "denied"),
            (Decision::Cancel, DecisionScope::Session, "cancel", "abort"),
        ] {
            assert_eq!(word("item/commandExecution/requestApproval", decision, scope), new);
            assert_eq!(word("execCommandApproval", decision, scope), legacy);
        }
    }
}
