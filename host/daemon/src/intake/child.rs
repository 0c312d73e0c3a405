//! The child's own comings and goings, as events. Their words are those of health; `exited` alone is a moment and no state.

use codex_manager_app_server::{Exit, Phase};
use codex_manager_model::{Generation, NewEvent};
use codex_manager_store::{Error, Tx};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::ending::bury;

/// A child is ready.
pub(super) fn ready(tx: &Tx<'_>, generation: &Generation, pid: Option<u32>, at: Timestamp) -> Result<(), Error> {
    tell(tx, json!({ "state": "ready", "generation": generation, "pid": pid }), at)
}

/// A child is gone: its row first, then what it left unfinished.
pub(super) fn gone(tx: &Tx<'_>, generation: &Generation, exit: &Exit) -> Result<(), Error> {
    tell(tx, json!({ "state": "exited", "generation": generation, "exit": shown(exit) }), exit.at)?;
    bury(tx, Some(generation), "app_server_exited", exit.at)
}

/// No child runs, for a while or for good.
pub(super) fn rests(tx: &Tx<'_>, phase: &Phase, last_exit: Option<&Exit>, at: Timestamp) -> Result<(), Error> {
    let last_exit = last_exit.map(shown);
    let payload = match phase {
        Phase::Restarting { attempt, retry_at } => {
            json!({ "state": "restarting", "attempt": attempt, "retryAt": retry_at, "lastExit": last_exit })
        }
        Phase::CrashLoop { attempt, retry_at } => {
            json!({ "state": "crash-loop", "attempt": attempt, "retryAt": retry_at, "lastExit": last_exit })
        }
        Phase::Unusable { reason } => json!({ "state": "unusable", "reason": reason, "lastExit": last_exit }),
        Phase::Starting | Phase::Ready | Phase::Ending | Phase::Stopped => return Ok(()),
    };
    tell(tx, payload, at)
}

fn tell(tx: &Tx<'_>, payload: Value, at: Timestamp) -> Result<(), Error> {
    tx.append_event(NewEvent::new("app_server_state", None, payload, at)).map(drop)
}

/// Not with its reason, which may quote what the child said last.
fn shown(exit: &Exit) -> Value {
    json!({ "code": exit.code, "signal": exit.signal, "at": exit.at })
}
