//! What a session lets Codex do: the tuple that travels with each turn.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// When Codex must ask before it acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalPolicy {
    /// Ask for every command and patch.
    Untrusted,
    /// Ask after a failure. Codex 0.169 no longer knows it: it is accepted and sent as `on-request`.
    OnFailure,
    /// Ask when the model asks to.
    OnRequest,
    /// Never ask.
    Never,
}

/// Whether commands may use the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NetworkAccess {
    /// Only inside a sandbox mode that allows it anyway.
    Restricted,
    /// Commands may connect.
    Enabled,
}

/// What commands may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FilesystemSandbox {
    /// Nothing.
    ReadOnly,
    /// The session's working folder.
    WorkspaceWrite,
    /// Everything the user may.
    DangerFullAccess,
}

/// A session's controls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Controls {
    /// The model, or `None` for Codex's own default.
    pub model: Option<String>,
    /// When Codex must ask.
    pub approval_policy: ApprovalPolicy,
    /// Whether commands may use the network.
    pub network_access: NetworkAccess,
    /// What commands may write.
    pub filesystem_sandbox: FilesystemSandbox,
    /// Free settings of clients and extensions; Codex never sees them.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

impl Default for Controls {
    /// The strictest tuple: ask always, write nothing, no network.
    fn default() -> Self {
        Self {
            model: None,
            approval_policy: ApprovalPolicy::Untrusted,
            network_access: NetworkAccess::Restricted,
            filesystem_sandbox: FilesystemSandbox::ReadOnly,
            settings: Map::new(),
        }
    }
}
