//! What the routes of extensions answer. Extensions, reviews and approvals are told as their own crate writes them.

use codex_manager_model::{Invocation, InvocationId, Seq, SessionId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::service::{Containment, Stood};

/// What there is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExtensionList {
    pub(super) status: &'static str,
    /// A name for what runs, which changes with it.
    pub(super) snapshot_version: String,
    #[schema(value_type = String, format = DateTime)]
    pub(super) loaded_at: Timestamp,
    /// What runs, as older clients know it.
    #[schema(value_type = Vec<Object>)]
    pub(super) modules: Vec<Value>,
    /// What was dropped and what was approved.
    #[schema(value_type = Vec<Object>)]
    pub(super) extensions: Value,
    /// The folders that extensions are dropped into.
    pub(super) roots: Vec<DropFolder>,
    /// Whether Codex is kept out of the data folder.
    #[schema(value_type = Object)]
    pub(super) contained: Containment,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DropFolder {
    pub(super) folder: String,
    pub(super) is_there: bool,
}

/// One of them, with what it asks for and what it was given.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownExtension {
    pub(super) status: &'static str,
    #[schema(value_type = Option<Object>)]
    pub(super) granted: Value,
    #[schema(value_type = Object)]
    pub(super) extension: Value,
    #[schema(value_type = Object)]
    pub(super) contained: Containment,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReloadedExtensions {
    pub(super) status: &'static str,
    pub(super) reload_id: String,
    pub(super) loaded_count: usize,
    pub(super) failed_count: usize,
    pub(super) snapshot_version: String,
    #[schema(value_type = String, format = DateTime)]
    pub(super) loaded_at: Timestamp,
    #[schema(value_type = Vec<Object>)]
    pub(super) modules: Vec<Value>,
}

/// An approval as it now stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApprovedExtension {
    status: &'static str,
    extension_id: String,
    #[schema(value_type = Object)]
    approved: Value,
    /// How far the approved version has come: `approved`, `compiling`, `ready`, `running`, `disabled` or `quarantined`.
    #[schema(value_type = String)]
    state: Value,
    /// Whether its word is needed before anybody but a person accepts.
    required: bool,
}

impl From<Stood> for ApprovedExtension {
    fn from(stood: Stood) -> Self {
        let Stood { approved, state, required } = stood;
        let (extension_id, approved) = (approved.id.to_string(), json!(approved));
        Self { status: "ok", extension_id, approved, state: json!(state), required }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RevokedExtension {
    pub(super) status: &'static str,
    pub(super) extension_id: String,
    #[schema(value_type = Object)]
    pub(super) revoked: Value,
}

#[derive(Serialize, ToSchema)]
pub(super) struct InvocationList {
    pub(super) status: &'static str,
    pub(super) data: Vec<ShownInvocation>,
}

/// An invocation on the wire. What it read is left out: sessions show it to whoever may see them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Invocation)]
pub(super) struct ShownInvocation {
    invocation_id: InvocationId,
    extension_id: String,
    version: String,
    digest: String,
    handler: String,
    #[schema(value_type = u64)]
    event: Seq,
    session_id: Option<SessionId>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[schema(value_type = String)]
    outcome: Value,
    /// What went wrong, if anything did.
    sentence: Option<String>,
    #[schema(value_type = Vec<Object>)]
    actions: Value,
    #[schema(value_type = Vec<Object>)]
    log: Value,
    cpu_us: u64,
    wall_us: u64,
    memory_bytes: u64,
}

impl From<Invocation> for ShownInvocation {
    fn from(invocation: Invocation) -> Self {
        Self {
            invocation_id: invocation.id,
            extension_id: invocation.extension,
            version: invocation.version,
            digest: invocation.digest,
            handler: invocation.handler,
            event: invocation.event,
            session_id: invocation.session,
            at: invocation.at,
            outcome: json!(invocation.outcome),
            sentence: invocation.sentence,
            actions: invocation.actions,
            log: invocation.log,
            cpu_us: invocation.cpu_us,
            wall_us: invocation.wall_us,
            memory_bytes: invocation.memory_bytes,
        }
    }
}
