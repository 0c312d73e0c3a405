//! Roles that come from elsewhere than a token of ours, for those who ran an earlier implementation of this API: a signed
//! JSON web token as the bearer, or a role in a header beside the bearer. A header only ever takes away.

use std::fmt;

use axum::http::{HeaderMap, HeaderName};
use codex_manager_model::{Role, TokenId};
use jiff::Timestamp;
use serde_json::json;
use subtle::ConstantTimeEq;

use super::jwt::JwtRules;
use crate::http::Problem;
use crate::service::code::{self, Code};
use crate::service::error::Error;
use crate::service::tokens::Bearer;

/// The roles that others have words for, and ours. `member` reads and works with sessions; the others may do everything.
const ROLES: [(&str, Role); 6] = [
    ("viewer", Role::Viewer),
    ("operator", Role::Operator),
    ("member", Role::Operator),
    ("admin", Role::Admin),
    ("owner", Role::Admin),
    ("system", Role::Admin),
];
/// The routes on which a header says a role too.
const GUARDED: [&str; 2] = ["/api/agents/extensions", "/api/agents/extensions/reload"];

const SECRET: HeaderName = HeaderName::from_static("x-codex-rbac-token");
const ROLE: HeaderName = HeaderName::from_static("x-codex-role");

/// Whose roles count, beside those of the tokens.
#[derive(Clone, Default)]
pub enum Rbac {
    /// Nobody's.
    #[default]
    Disabled,
    /// On the two routes that list and reload extensions, a request says its role in a header too, and this secret in
    /// another. It may do there what both its token and that role may.
    Header {
        /// What the second header must hold.
        secret: String,
    },
    /// A bearer may be a signed JSON web token, which says its role.
    Jwt(JwtRules),
}

/// All but the secrets.
impl fmt::Debug for Rbac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("Disabled"),
            Self::Header { .. } => f.debug_struct("Header").finish_non_exhaustive(),
            Self::Jwt(rules) => f.debug_tuple("Jwt").field(rules).finish(),
        }
    }
}

impl Rbac {
    /// Whether it can work: what is missing otherwise.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Header { secret } if secret.is_empty() => Err("there is no secret for the header"),
            Self::Jwt(rules) if !rules.are_sound() => {
                Err("the secret of JSON web tokens needs 32 bytes at least, and the claims of role and actor a name")
            }
            _ => Ok(()),
        }
    }

    /// Who shows this JSON web token, where such are taken and it is good.
    pub(super) fn bearer(&self, secret: &str, now: Timestamp) -> Result<Option<Bearer>, Problem> {
        let Self::Jwt(rules) = self else { return Ok(None) };
        let Some(claims) = rules.verify(secret, now) else { return Ok(None) };
        let role = claims.role.as_deref().and_then(role).ok_or_else(|| {
            let message = format!("the claim `{}` of the token names no role", rules.role_claim);
            refused(code::INVALID_ROLE_CLAIM, &message).status("forbidden")
        })?;
        let token = TokenId::new(format!("jwt:{}", claims.actor));
        Ok(Some(Bearer { token, role, ends_at: Some(claims.ends_at) }))
    }

    /// The role that is left of the bearer's own on the route at `path`.
    pub(super) fn lowered(&self, own: Role, path: &str, headers: &HeaderMap) -> Result<Role, Problem> {
        match self {
            Self::Header { secret } if GUARDED.contains(&path) => Ok(own.min(said(headers, secret)?)),
            _ => Ok(own),
        }
    }
}

/// The role in the header, when the secret beside it is right.
fn said(headers: &HeaderMap, secret: &str) -> Result<Role, Problem> {
    let shown = headers.get(SECRET).ok_or_else(|| {
        refused(code::MISSING_HEADER_TOKEN, "the header x-codex-rbac-token is missing").status("unauthorized")
    })?;
    if !bool::from(shown.as_bytes().ct_eq(secret.as_bytes())) {
        let error = refused(code::INVALID_HEADER_TOKEN, "the header x-codex-rbac-token does not hold the secret");
        return Err(error.status("unauthorized").into());
    }
    let said = headers
        .get(ROLE)
        .ok_or_else(|| refused(code::MISSING_ROLE, "the header x-codex-role is missing").status("unauthorized"))?;
    let known = said.to_str().ok().and_then(role);
    known.ok_or_else(|| refused(code::INVALID_ROLE, "the header x-codex-role names no role").into())
}

fn role(word: &str) -> Option<Role> {
    ROLES.iter().find(|(known, _)| *known == word.trim()).map(|(_, role)| *role)
}

fn refused(code: &'static Code, message: &str) -> Error {
    Error::new(code, message).with("roles", json!(ROLES.map(|(word, _)| word)))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;

    use super::*;

    fn lowered(own: Role, path: &str, given: &[(HeaderName, &'static str)]) -> Result<Role, StatusCode> {
        let headers = given.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let rbac = Rbac::Header { secret: "opensesame".to_owned() };
        rbac.lowered(own, path, &headers).map_err(|problem| problem.into_response().status())
    }

    #[test]
    fn a_role_in_a_header_takes_away_and_never_gives() {
        const LIST: &str = "/api/agents/extensions";
        for (own, word, expected) in [
            (Role::Admin, "owner", Role::Admin),
            (Role::Admin, "member", Role::Operator),
            (Role::Admin, "viewer", Role::Viewer),
            (Role::Operator, "system", Role::Operator),
            (Role::Viewer, "owner", Role::Viewer),
        ] {
            assert_eq!(lowered(own, LIST, &[(SECRET, "opensesame"), (ROLE, word)]), Ok(expected), "{word}");
            assert_eq!(lowered(own, "/api/sessions", &[(ROLE, word)]), Ok(own), "elsewhere nothing is asked");
        }
    }

    #[test]
    fn a_header_that_is_missing_or_wrong_is_refused() {
        let at = |given: &[_]| lowered(Role::Admin, "/api/agents/extensions/reload", given).unwrap_err();
        assert_eq!(at(&[]), StatusCode::UNAUTHORIZED);
        assert_eq!(at(&[(ROLE, "owner")]), StatusCode::UNAUTHORIZED);
        assert_eq!(at(&[(SECRET, "opensesam"), (ROLE, "owner")]), StatusCode::UNAUTHORIZED);
        assert_eq!(at(&[(SECRET, ""), (ROLE, "owner")]), StatusCode::UNAUTHORIZED);
        assert_eq!(at(&[(SECRET, "opensesame")]), StatusCode::UNAUTHORIZED);
        assert_eq!(at(&[(SECRET, "opensesame"), (ROLE, "root")]), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn what_cannot_keep_anybody_out_is_not_started_with() {
        assert_eq!(Rbac::Disabled.check(), Ok(()));
        assert!(Rbac::Header { secret: String::new() }.check().is_err());
        assert!(Rbac::Jwt(super::super::jwt::tests::rules("short")).check().is_err());
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = format!("{:?}", Rbac::Header { secret: "opensesame".to_owned() });
        assert!(!shown.contains("opensesame"), "{shown}");
    }
}
