//! Who may come in. Checked on every route, the websocket's and the ones that do not exist included, in this order:
//! Host (a page that rebinds its name to loopback has another one), Origin and Sec-Fetch-Site (a page of another site
//! says so), the length of the address, the bearer, how often it asks, its role, and the kind of body.
//!
//! The checks themselves are pure functions over headers; there are no cookies, so nothing is sent along unasked.

mod bearer;
mod body;
mod host;
mod jwt;
mod origin;
mod rate;
mod rbac;

use std::sync::Arc;

use axum::extract::Request;
use codex_manager_model::limits::URI_BYTES_MAX;
use codex_manager_model::{Clock, Role};
use serde_json::json;

use super::edge::Record;
use super::serve::Link;
use super::{Access, Problem};
use crate::service::code;
use crate::service::error::Error;
use crate::service::tokens::{Bearer, Tokens};
use bearer::nobody;
pub(crate) use host::Doors;
pub use jwt::JwtRules;
pub use rate::Rate;
use rate::Rates;
pub use rbac::Rbac;

/// What the guard knows: the names that this daemon answers to, the tokens, and what each of them may.
#[derive(Clone)]
pub(crate) struct Guard {
    doors: Arc<Doors>,
    tokens: Tokens,
    rates: Rates,
    rbac: Arc<Rbac>,
    clock: Clock,
}

impl Guard {
    /// A guard for a daemon that is reached through `doors`.
    pub(crate) fn new(tokens: Tokens, doors: Doors, rate: Rate, rbac: Rbac, clock: Clock) -> Self {
        Self { doors: Arc::new(doors), tokens, rates: Rates::new(rate), rbac: Arc::new(rbac), clock }
    }

    /// Lets a request through, with its [`Bearer`], or refuses it.
    pub(super) fn check(&self, request: &mut Request, link: &Link, record: &Record<'_>) -> Result<(), Problem> {
        if let Some(bearer) = self.admit(request, link, record)? {
            request.extensions_mut().insert(bearer);
            request.extensions_mut().insert(link.progress.clone());
        }
        Ok(())
    }

    fn admit(&self, request: &Request, link: &Link, record: &Record<'_>) -> Result<Option<Bearer>, Problem> {
        if !host::host_allowed(request.headers(), request.uri(), &self.doors, link.over) {
            return Err(wrong_host());
        }
        if !origin::origin_allowed(request.headers(), &self.doors) {
            return Err(wrong_origin());
        }
        if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > URI_BYTES_MAX) {
            return Err(too_long());
        }
        let bearer = match record.asked.access() {
            Access::Open => None,
            Access::Role(needed) => Some(self.identify(request, link, record, needed)?),
        };
        body::body_allowed(request.method(), request.headers())?;
        Ok(bearer)
    }

    /// The bearer, if it may do what needs this role.
    fn identify(&self, request: &Request, link: &Link, record: &Record<'_>, needed: Role) -> Result<Bearer, Problem> {
        let secret = bearer::secret(request.headers()).ok_or_else(nobody)?;
        let mut bearer = self.bearer(secret)?;
        if let Some(known) = &link.known {
            known.admitted();
        }
        self.rates.take(&bearer.token)?;
        let route = record.asked.route().unwrap_or_default();
        bearer.role = self.rbac.lowered(bearer.role, route, request.headers())?;
        record.note(request.uri().path(), &bearer);
        if bearer.role < needed {
            return Err(too_low(needed, bearer.role));
        }
        Ok(bearer)
    }

    /// Who shows this secret.
    fn bearer(&self, secret: &str) -> Result<Bearer, Problem> {
        match self.tokens.authenticate(secret) {
            Some(bearer) => Ok(bearer),
            None => self.rbac.bearer(secret, self.clock.now())?.ok_or_else(nobody),
        }
    }
}

fn wrong_host() -> Problem {
    let message = "the Host header does not name this daemon";
    let error =
        Error::new(code::HOST_NOT_ALLOWED, message).hint("use 127.0.0.1, [::1] or localhost with the daemon's port");
    error.into()
}

fn too_long() -> Problem {
    Error::new(code::URI_TOO_LONG, format!("an address may have {URI_BYTES_MAX} bytes")).into()
}

fn wrong_origin() -> Problem {
    Error::new(code::ORIGIN_NOT_ALLOWED, "pages of other origins may not use this daemon").into()
}

fn too_low(needed: Role, held: Role) -> Problem {
    let enough: Vec<Role> =
        [Role::Viewer, Role::Operator, Role::Admin].into_iter().filter(|role| *role >= needed).collect();
    let message = format!("this needs the role {}, and the token has {}", json!(needed), json!(held));
    Error::new(code::INSUFFICIENT_ROLE, message.replace('"', "`"))
        .status("forbidden")
        .with("required", json!(enough))
        .with("role", json!(held))
        .into()
}

/// What the tests of the edge try on every route.
#[cfg(test)]
pub(super) mod hostile {
    pub(in crate::http) use super::host::tests::HOSTILE as HOSTS;
    pub(in crate::http) use super::jwt::tests::{rules, signed};
    pub(in crate::http) use super::origin::tests::HOSTILE as ORIGINS;
}
