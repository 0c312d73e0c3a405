//! Endings: turns and interactions that can go no further, because their turn or their child is gone. Each is ended in our
//! state and told, in the same transaction.

use codex_manager_model::{Actor, Generation, ItemStatus, NewEvent, Turn, TurnStatus};
use codex_manager_store::{Error, ExpireScope, Tx};
use jiff::Timestamp;
use serde_json::json;

use crate::service::interaction_resolved;

/// Expires interactions and tells of each.
pub(crate) fn expire(tx: &Tx<'_>, scope: ExpireScope<'_>, at: Timestamp) -> Result<(), Error> {
    for interaction in tx.expire_interactions(scope, at)? {
        interaction_resolved(tx, &interaction, &Actor::Host, None, at)?;
    }
    Ok(())
}

/// Ends a turn whose child is gone, and tells it with the text that its items had come to.
pub(crate) fn interrupt(tx: &Tx<'_>, turn: &Turn, reason: &str, at: Timestamp) -> Result<(), Error> {
    if !tx.finish_turn(&turn.session, &turn.id, TurnStatus::Interrupted, at)? {
        return Ok(());
    }
    let items = tx.close_open_items(&turn.session, &turn.id, ItemStatus::Canceled, at)?;
    let items: Vec<_> = items
        .iter()
        .map(|item| json!({ "itemId": item.id, "itemType": item.kind, "text": item.text, "status": item.status }))
        .collect();
    let payload = json!({ "threadId": turn.session, "turnId": turn.id, "reason": reason, "items": items });
    let event = NewEvent::new("turn_interrupted", Some(turn.session.clone()), payload, at);
    tx.append_event(event.of_turn(Some(turn.id.clone()))).map(drop)
}

/// Ends everything that only a child could finish that is gone: all of them, or the one of `generation`.
pub(crate) fn bury(tx: &Tx<'_>, generation: Option<&Generation>, reason: &str, at: Timestamp) -> Result<(), Error> {
    for turn in tx.open_turns()? {
        if generation.is_none_or(|gone| *gone == turn.generation) {
            interrupt(tx, &turn, reason, at)?;
        }
    }
    // A command may outlive its turn, and no child its successor's start: whatever still streams has ended.
    tx.close_all_items(ItemStatus::Canceled, at)?;
    match generation {
        Some(gone) => expire(tx, ExpireScope::Generation(gone), at),
        None => expire(tx, ExpireScope::All, at),
    }
}
