//! The child's own comings and goings, as events.

use codex_manager_app_server::Exit;
use codex_manager_model::{Generation, NewEvent};
use codex_manager_store::{Error, Tx};
use jiff::Timestamp;
use serde_json::json;

use crate::ending::bury;

/// A child is ready.
pub(super) fn ready(tx: &Tx<'_>, generation: &Generation, at: Timestamp) -> Result<(), Error> {
    let payload = json!({ "state": "ready", "generation": generation });
    tx.append_event(NewEvent::new("app_server_state", None, payload, at)).map(drop)
}

/// A child is gone: its row first, then what it left unfinished.
pub(super) fn gone(tx: &Tx<'_>, generation: &Generation, exit: &Exit) -> Result<(), Error> {
    let payload = json!({
        "state": "exited",
        "generation": generation,
        "exit": { "code": exit.code, "signal": exit.signal, "at": exit.at.to_string() },
    });
    tx.append_event(NewEvent::new("app_server_state", None, payload, exit.at))?;
    bury(tx, Some(generation), "app_server_exited", exit.at)
}
