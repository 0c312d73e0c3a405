//! What a handler is told: an event, in the shape of the package `codex-manager:events`.

use wasmtime::component::{ComponentType, Lower};

/// What is known of every event, whatever its kind.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower)]
#[component(record)]
pub struct Header {
    /// Names this event and no other, also in another log.
    pub id: String,
    /// Its place in the log.
    pub seq: u64,
    /// What happened.
    pub kind: String,
    /// The session that it concerns; `None` concerns everybody.
    pub session: Option<String>,
    /// The turn that it concerns.
    pub turn: Option<String>,
    /// When it happened, in milliseconds since 1970 (UTC).
    #[component(name = "at-ms")]
    pub at_ms: u64,
    /// The `seq` of the event that caused it, where one did.
    #[component(name = "caused-by")]
    pub caused_by: Option<u64>,
    /// How many causes lie behind it.
    pub hops: u32,
}

/// An event as it is handed to a handler.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower)]
#[component(record)]
pub struct Event {
    /// What is known of every event.
    pub header: Header,
    /// What there is to say about it: the text of a JSON object.
    pub payload: String,
}
