//! What is told of an interaction: its row in the transcript, and the event that it is over. Always in the transaction
//! that changes it.

use codex_manager_model::{
    Actor, Cause, Decision, DecisionScope, Interaction, InteractionKind, InteractionState, ItemStatus, NewEvent,
    OperationId, SessionId, TranscriptEntry, TranscriptRole, TurnId, limits,
};
use codex_manager_store::{Error, Tx};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::shape::id_member;
use crate::service::transcripts::put_in;

/// The turn of rows about requests that belong to none.
const NO_TURN: &str = "session-interactions";

/// Writes the row of a request that was made just now.
///
/// # Errors
/// When the store fails.
pub(crate) fn interaction_asked(tx: &Tx<'_>, interaction: &Interaction) -> Result<(), Error> {
    let row = row(interaction, "request", interaction.summary.clone(), ItemStatus::Streaming, None);
    put_in(tx, &interaction.session, row, Actor::Host, None, interaction.created_at).map(drop)
}

/// Tells that an interaction is over: answered by `actor`, or, if it has expired, never to be answered.
///
/// # Errors
/// When the store fails.
pub(crate) fn interaction_resolved(
    tx: &Tx<'_>,
    interaction: &Interaction,
    actor: &Actor,
    cause: Option<Cause>,
    now: Timestamp,
) -> Result<(), Error> {
    let expired = interaction.state == InteractionState::Expired;
    let event = NewEvent::new(kind(interaction.kind), Some(interaction.session.clone()), payload(interaction), now);
    tx.append_event(event.of_turn(interaction.turn.clone()).by(actor.clone()).because(cause))?;
    // Of a session that was deleted nothing is left, and it has no transcript any more.
    if interaction.details.is_null() {
        return Ok(());
    }
    let status = if expired { ItemStatus::Canceled } else { ItemStatus::Complete };
    let content = format!("{}: {}", outcome(interaction), interaction.summary);
    let row = row(interaction, "resolved", content, status, Some(now));
    put_in(tx, &interaction.session, row, actor.clone(), cause, now).map(drop)
}

/// Writes the row of a request that a worker made, and that was refused at once: nobody is there to be asked.
///
/// # Errors
/// When the store fails.
pub(crate) fn worker_was_refused(
    tx: &Tx<'_>,
    session: &SessionId,
    turn: Option<&TurnId>,
    method: &str,
    at: Timestamp,
) -> Result<(), Error> {
    let entry = TranscriptEntry {
        message_id: format!("worker-{}", OperationId::fresh()),
        turn_id: turn.cloned().unwrap_or_else(|| TurnId::new(NO_TURN)),
        role: TranscriptRole::System,
        kind: "agent.worker.lifecycle".to_owned(),
        content: format!("A worker asked for {method}, and was refused: nobody is asked on its behalf."),
        details: Some(json!({ "event": "request_refused", "method": method }).to_string()),
        status: ItemStatus::Complete,
        started_at: Some(at),
        completed_at: Some(at),
    };
    put_in(tx, session, entry, Actor::Host, None, at).map(drop)
}

const fn kind(kind: InteractionKind) -> &'static str {
    match kind {
        InteractionKind::Approval => "approval_resolved",
        InteractionKind::ToolInput => "tool_user_input_resolved",
        InteractionKind::ToolCall => "tool_call_resolved",
    }
}

/// What is over, and how. Who did it stands there too, where older readers look for it.
fn payload(interaction: &Interaction) -> Value {
    let expired = interaction.state == InteractionState::Expired;
    let mut payload = Map::new();
    let mut tell = |member: &str, value: Value| {
        if !value.is_null() {
            payload.insert(member.to_owned(), value);
        }
    };
    tell(id_member(interaction.kind), json!(interaction.id));
    tell("status", json!(if expired { "expired" } else { "resolved" }));
    match interaction.kind {
        InteractionKind::Approval | InteractionKind::ToolInput => tell("decision", json!(interaction.decision)),
        InteractionKind::ToolCall => tell("success", json!(!expired && interaction.decision == Some(Decision::Accept))),
    }
    tell("scope", json!(interaction.scope));
    tell("response", json!(interaction.response));
    if !expired {
        tell("actor", json!(interaction.decided_by));
    }
    Value::Object(payload)
}

fn row(
    interaction: &Interaction,
    stage: &str,
    content: String,
    status: ItemStatus,
    completed_at: Option<Timestamp>,
) -> TranscriptEntry {
    let (name, kind) = match interaction.kind {
        InteractionKind::Approval => ("approval", "approval"),
        InteractionKind::ToolInput => ("tool-input", "tool_input"),
        InteractionKind::ToolCall => ("tool-call", "tool_call"),
    };
    let mut details = payload(interaction);
    if completed_at.is_none() {
        details["status"] = json!("pending");
    }
    details["method"] = json!(interaction.method);
    // The row stands behind that of the item which waits.
    details["anchorItemId"] = json!(interaction.item);
    TranscriptEntry {
        message_id: format!("{name}-{}", interaction.id),
        turn_id: interaction.turn.clone().unwrap_or_else(|| TurnId::new(NO_TURN)),
        role: TranscriptRole::System,
        kind: format!("{kind}.{stage}"),
        content: content.chars().take(limits::INTERACTION_ROW_CHARS_MAX).collect(),
        details: Some(details.to_string()),
        status,
        started_at: Some(interaction.created_at),
        completed_at,
    }
}

fn outcome(interaction: &Interaction) -> &'static str {
    match (interaction.state, interaction.decision, interaction.kind) {
        (InteractionState::Expired, ..) => "Expired",
        (_, Some(Decision::Accept), InteractionKind::Approval) => match interaction.scope {
            Some(DecisionScope::Session) => "Accepted for the session",
            _ => "Accepted",
        },
        (_, Some(Decision::Accept), _) => "Answered",
        (_, Some(Decision::Decline), InteractionKind::ToolCall) => "Answered with a failure",
        (_, Some(Decision::Cancel), _) => "Canceled",
        (_, _, _) => "Declined",
    }
}
