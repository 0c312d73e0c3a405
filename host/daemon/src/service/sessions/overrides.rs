//! What a request changes in a session's controls, and the controls in Codex's words.

use codex_manager_model::{ApprovalPolicy, Controls, FilesystemSandbox, NetworkAccess};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is said in place of what the session, or the default, has. It travels with the operation, so that what is
/// accepted is laid over the controls as they are then.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Overrides {
    /// The model.
    pub(crate) model: Option<String>,
    /// When Codex must ask.
    pub(crate) approval_policy: Option<ApprovalPolicy>,
    /// Whether commands may use the network.
    pub(crate) network_access: Option<NetworkAccess>,
    /// What commands may write.
    pub(crate) filesystem_sandbox: Option<FilesystemSandbox>,
}

impl Overrides {
    /// Lays them over controls.
    pub(crate) fn over(&self, controls: &mut Controls) {
        if self.model.is_some() {
            controls.model.clone_from(&self.model);
        }
        controls.approval_policy = self.approval_policy.unwrap_or(controls.approval_policy);
        controls.network_access = self.network_access.unwrap_or(controls.network_access);
        controls.filesystem_sandbox = self.filesystem_sandbox.unwrap_or(controls.filesystem_sandbox);
    }

    /// What there is to warn of.
    pub(super) fn warnings(&self) -> Vec<&'static str> {
        self.approval_policy
            .filter(|policy| *policy == ApprovalPolicy::OnFailure)
            .map(|_| ON_FAILURE)
            .into_iter()
            .collect()
    }
}

/// What is said of a policy that is still accepted.
const ON_FAILURE: &str =
    "approvalPolicy on-failure is deprecated: Codex no longer has it and is told on-request instead";

/// The policy in Codex's words; it no longer knows `on-failure`, and `on-request` is the nearest it has.
pub(super) fn policy(policy: ApprovalPolicy) -> ApprovalPolicy {
    if policy == ApprovalPolicy::OnFailure { ApprovalPolicy::OnRequest } else { policy }
}

/// The sandbox of a turn, in Codex's words.
pub(super) fn sandbox_policy(controls: &Controls) -> Value {
    let network = controls.network_access == NetworkAccess::Enabled;
    match controls.filesystem_sandbox {
        FilesystemSandbox::ReadOnly => json!({ "type": "readOnly", "networkAccess": network }),
        FilesystemSandbox::WorkspaceWrite => json!({ "type": "workspaceWrite", "networkAccess": network }),
        FilesystemSandbox::DangerFullAccess => json!({ "type": "dangerFullAccess" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_is_told_in_the_words_of_the_child() {
        let mut controls = Controls::default();
        assert_eq!(sandbox_policy(&controls), json!({"type": "readOnly", "networkAccess": false}));
        controls.network_access = NetworkAccess::Enabled;
        controls.filesystem_sandbox = FilesystemSandbox::WorkspaceWrite;
        assert_eq!(sandbox_policy(&controls), json!({"type": "workspaceWrite", "networkAccess": true}));
        controls.filesystem_sandbox = FilesystemSandbox::DangerFullAccess;
        assert_eq!(sandbox_policy(&controls), json!({"type": "dangerFullAccess"}));
    }

    #[test]
    fn only_what_is_said_is_laid_over() {
        let mut controls = Controls { model: Some("kept".to_owned()), ..Controls::default() };
        let overrides = Overrides { approval_policy: Some(ApprovalPolicy::OnFailure), ..Overrides::default() };
        overrides.over(&mut controls);
        let expected = Controls {
            model: Some("kept".to_owned()),
            approval_policy: ApprovalPolicy::OnFailure,
            ..Controls::default()
        };
        assert_eq!(controls, expected);
        assert_eq!((overrides.warnings().len(), Overrides::default().warnings().len()), (1, 0));
    }
}
