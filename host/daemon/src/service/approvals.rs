//! Approvals: listing what waits, and deciding.

use codex_manager_app_server::AppServer;
use codex_manager_model::{
    Actor, Approval, ApprovalId, ApprovalState, Cause, Clock, Decision, DecisionScope, Operation, SessionId,
};
use codex_manager_store::{self as store, ApprovalQuery, Store, Tx};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Error, Kind, require_ready};
use crate::outbox::{Outbox, reply};

/// How many approvals one list holds.
const LIST_MAX: u32 = 500;

/// A decision as clients send it.
#[derive(Debug, Clone, Copy, Deserialize)]
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
        let reply = reply_of(&approval, body, actor, None, self.clock.now());
        let (operation, wanted) = (reply.id.clone(), id.clone());
        let performed = self
            .outbox
            .perform_recorded(operation, move |tx| {
                if record(tx, &wanted, body, &reply)? {
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

/// Records a decision inside a transaction, with the event because of which it was made; the outbox is to be woken then.
/// `false` if it is not pending any more: then nothing was done.
///
/// # Errors
/// When the store fails.
pub(crate) fn decide_in(
    tx: &Tx<'_>,
    approval: &Approval,
    decide: Decide,
    actor: Actor,
    cause: Option<Cause>,
    now: Timestamp,
) -> Result<bool, store::Error> {
    record(tx, &approval.id, decide, &reply_of(approval, decide, actor, cause, now))
}

/// The decision and its reply, together or not at all.
fn record(tx: &Tx<'_>, id: &ApprovalId, decide: Decide, reply: &Operation) -> Result<bool, store::Error> {
    if !tx.decide_approval(id, decide.decision, decide.scope, &reply.actor, reply.created_at)? {
        return Ok(false);
    }
    tx.record_operation(reply)?;
    Ok(true)
}

fn reply_of(approval: &Approval, decide: Decide, actor: Actor, cause: Option<Cause>, now: Timestamp) -> Operation {
    let result = answer(&approval.method, decide.decision, decide.scope);
    Operation { cause, ..reply(approval, &result, actor, now) }
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
