//! One approval.

use codex_manager_model::Actor;
use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::{Candidate, Digest, ExtensionId, Grants};

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
    /// The candidate as approved; it is enabled.
    pub(super) fn new(candidate: &Candidate, by: Actor, at: Timestamp) -> Self {
        let (id, version) = (candidate.manifest.id.clone(), candidate.manifest.version.clone());
        let grants = candidate.grants.clone();
        Self { id, version, digest: candidate.digest, by, at, standing: Standing::Enabled, grants }
    }
}
