//! Bearer tokens and their roles.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::TokenId;

/// What a token's bearer may do. Each role may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read.
    Viewer,
    /// Work with sessions, messages, decisions and jobs.
    Operator,
    /// Everything: extensions, tokens, configuration, commands, raw methods.
    Admin,
}

/// A token as it is kept: the secret itself is shown once and never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Names it in lists and as an actor.
    pub id: TokenId,
    /// What people call it.
    pub name: String,
    /// What its bearer may do.
    pub role: Role,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

impl Token {
    /// Whether the token still opens anything at `now`.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}
