//! An interaction for tests.

use codex_manager_model::{Generation, Interaction, InteractionId, InteractionKind, InteractionState, SessionId};
use jiff::Timestamp;
use serde_json::{Value, json};

/// An approval that waits in the session `s`.
pub(crate) fn asked(id: &str, method: &str, details: Value) -> Interaction {
    Interaction {
        id: InteractionId::new(id),
        kind: InteractionKind::Approval,
        generation: Generation::new("gen_1"),
        request_id: json!(0),
        method: method.to_owned(),
        session: SessionId::new("s"),
        turn: None,
        item: None,
        summary: "Run: rm".to_owned(),
        details,
        state: InteractionState::Pending,
        decision: None,
        scope: None,
        response: None,
        decided_by: None,
        created_at: Timestamp::UNIX_EPOCH,
        resolved_at: None,
    }
}
