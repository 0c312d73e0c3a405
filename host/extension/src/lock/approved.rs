//! One approval.

use codex_manager_model::Actor;
use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::{Candidate, Digest, ExtensionId, Grants, Vocabulary};

/// An extension that a person has said yes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approved {
    /// Which.
    pub id: ExtensionId,
    /// The version that its manifest gave.
    pub version: Version,
    /// The two files that were approved, and no others.
    pub digest: Digest,
    /// Who approved it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Whether it runs.
    pub standing: Standing,
    /// What it was given.
    pub grants: Grants,
    /// The version that was enabled when this one was approved. It runs until this one is ready to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<ApprovedVersion>,
}

/// One version of an extension, as it was approved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovedVersion {
    /// The version that its manifest gave.
    pub version: Version,
    /// The two files that were approved.
    pub digest: Digest,
    /// What it was given.
    pub grants: Grants,
}

/// Whether an approved extension runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state", deny_unknown_fields)]
pub enum Standing {
    /// It does.
    Enabled,
    /// Somebody has switched it off.
    Disabled {
        /// Who.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// It failed too often. It stays so over restarts, until somebody enables it or approves other code.
    Quarantined {
        /// What happened, in a sentence.
        reason: String,
        /// When.
        at: Timestamp,
    },
}

impl Approved {
    /// The candidate as approved in place of what was `before`; it is enabled.
    pub(super) fn new(candidate: &Candidate, before: Option<&Self>, by: Actor, at: Timestamp) -> Self {
        let (id, version) = (candidate.manifest.id.clone(), candidate.manifest.version.clone());
        let (digest, grants) = (candidate.digest, candidate.grants.clone());
        let predecessor = before.and_then(|before| before.serving()).filter(|serving| serving.digest != digest);
        Self { id, version, digest, by, at, standing: Standing::Enabled, grants, predecessor }
    }

    /// The version that was approved.
    pub fn approved_version(&self) -> ApprovedVersion {
        ApprovedVersion { version: self.version.clone(), digest: self.digest, grants: self.grants.clone() }
    }

    /// The version that is to be called now, if it is enabled: itself, or its predecessor as long as there is one.
    pub fn serving(&self) -> Option<ApprovedVersion> {
        let version = || self.predecessor.clone().unwrap_or_else(|| self.approved_version());
        (self.standing == Standing::Enabled).then(version)
    }
}

/// Whether the word of what is offered is needed once it is approved, where its approver does not say: as it was before,
/// and yes for what may decline from now on.
pub(crate) fn is_required_by_default(
    offered: &Grants,
    before: Option<&Approved>,
    required: bool,
    vocabulary: &Vocabulary,
) -> bool {
    let declined = before.is_some_and(|before| before.grants.may_decline(vocabulary));
    required || (!declined && offered.may_decline(vocabulary))
}
