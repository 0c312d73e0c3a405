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

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use codex_manager_model::limits::URI_BYTES_MAX;
use codex_manager_model::{Clock, Role};
use serde_json::json;

use super::drain::drain;
use super::edge::Note;
use super::serve::{Known, Over};
use super::{Access, Problem, Route};
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

    /// Who shows this secret.
    fn bearer(&self, secret: &str) -> Result<Bearer, Problem> {
        match self.tokens.authenticate(secret) {
            Some(bearer) => Ok(bearer),
            None => self.rbac.bearer(secret, self.clock.now())?.ok_or_else(nobody),
        }
    }
}

/// The guard together with the table of routes that it stands before.
pub(super) struct Door {
    guard: Guard,
    /// By path, then by method.
    access: HashMap<String, HashMap<Method, Access>>,
}

impl Door {
    pub(super) fn new<S>(guard: Guard, routes: &[Route<S>]) -> Self {
        let mut by_path: HashMap<String, HashMap<Method, Access>> = HashMap::new();
        for route in routes {
            by_path.entry(route.path.to_owned()).or_default().insert(route.method.clone(), route.access);
        }
        Self { guard, access: by_path }
    }

    /// What a request needs. What the table does not name needs a token, so that nobody learns without one which
    /// routes there are; of an open route everybody knows, and may learn what it does not answer.
    fn access(&self, request: &Request) -> Access {
        let Some(methods) = self.access.get(route(request)) else { return Access::Role(Role::Viewer) };
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        let is_open = methods.values().any(|access| *access == Access::Open);
        let unknown = if is_open { Access::Open } else { Access::Role(Role::Viewer) };
        methods.get(method).copied().unwrap_or(unknown)
    }
}

/// The path as the table of routes has it; nothing where it has none.
fn route(request: &Request) -> &str {
    request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str)
}

/// Lets a request through with its [`Bearer`], or refuses it.
pub(super) async fn check<F: Future<Output = Response>>(
    door: &Door,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    match admit(door, &request) {
        Ok(None) => {}
        Ok(Some(bearer)) => {
            request.extensions_mut().insert(bearer);
        }
        Err(problem) => {
            let (parts, body) = request.into_parts();
            drain(&parts.headers, body).await;
            return problem.into_response();
        }
    }
    next(request).await
}

fn admit(door: &Door, request: &Request) -> Result<Option<Bearer>, Problem> {
    let guard = &door.guard;
    let over = request.extensions().get().copied().unwrap_or(Over::Tcp);
    if !host::host_allowed(request.headers(), request.uri(), &guard.doors, over) {
        return Err(wrong_host());
    }
    if !origin::origin_allowed(request.headers(), &guard.doors) {
        return Err(wrong_origin());
    }
    if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > URI_BYTES_MAX) {
        return Err(too_long());
    }
    let bearer = match door.access(request) {
        Access::Open => None,
        Access::Role(needed) => Some(identify(guard, request, needed)?),
    };
    body::body_allowed(request.method(), request.headers())?;
    Ok(bearer)
}

/// The bearer, if it may do what needs this role.
fn identify(guard: &Guard, request: &Request, needed: Role) -> Result<Bearer, Problem> {
    let secret = bearer::secret(request.headers()).ok_or_else(nobody)?;
    let mut bearer = guard.bearer(secret)?;
    if let Some(known) = request.extensions().get::<Known>() {
        known.admitted();
    }
    guard.rates.take(&bearer.token)?;
    bearer.role = guard.rbac.lowered(bearer.role, route(request), request.headers())?;
    if let Some(note) = request.extensions().get::<Note>() {
        note.leave(request, route(request), &bearer);
    }
    if bearer.role < needed {
        return Err(too_low(needed, bearer.role));
    }
    Ok(bearer)
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
