//! What a handler asks for: actions, in the shape of the package `codex-manager:actions`.

use serde::{Deserialize, Serialize};
use wasmtime::component::{ComponentType, Lift};

/// Something that the host is asked to do. All that one call returns is a group: it applies as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ComponentType, Lift)]
#[component(record)]
pub struct Action {
    /// What to do, such as `door.open`. Not yet checked: the guest may have written anything.
    pub kind: String,
    /// With what: supposed to be the text of a JSON object.
    pub payload: String,
    /// A name under which it is done once, however often it is asked for.
    #[component(name = "idempotency-key")]
    pub idempotency_key: Option<String>,
}
