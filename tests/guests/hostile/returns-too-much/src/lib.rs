//! Returns 100 MB without having them: a hundred actions with one and the same megabyte as their payload. No honest
//! program owns a text twice, so this one is written against the packages themselves, and lies about who owns it.

wit_bindgen::generate!({
    path: ["../../../../wit/events", "../../../../wit/actions", "../../../../wit/on-event"],
    world: "codex-manager:on-event/on-event",
    generate_all,
});

use codex_manager::actions::types::Action;
use codex_manager::events::types::Event;
use exports::codex_manager::on_event::handler::{Fault, Guest};

struct Component;

impl Guest for Component {
    fn handle(_event: Event) -> Result<Vec<Action>, Fault> {
        let payload = "x".repeat(1 << 20).leak();
        let action = |_| Action {
            kind: "transcript.upsert".to_owned(),
            // SAFETY: a hundred owners of the same bytes are as wrong as can be. The host reads them and no more, and
            // nothing is ever freed: it ends the instance over what it has read.
            payload: unsafe { String::from_raw_parts(payload.as_mut_ptr(), payload.len(), payload.len()) },
            idempotency_key: None,
        };
        Ok((0..100).map(action).collect())
    }
}

export!(Component);
