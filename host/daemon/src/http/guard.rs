//! Who may come in. Checked on every route, the websocket's and the ones that do not exist included, in this order:
//! Host (a page that rebinds its name to loopback has another one), Origin and Sec-Fetch-Site (a page of another site
//! says so), the bearer, its role, and the kind of body.
//!
//! The checks themselves are pure functions over headers; there are no cookies, so nothing is sent along unasked.

mod bearer;
mod body;
mod host;
mod origin;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use codex_manager_model::Role;
use serde_json::json;

use super::drain::drain;
use super::{Access, Problem};
use crate::service::error::{Error, Kind};
use crate::service::tokens::{Bearer, Tokens};
use bearer::nobody;
use host::Authorities;

/// What the guard knows: the names that this daemon answers to, and the tokens.
#[derive(Clone)]
pub(crate) struct Guard {
    authorities: Arc<Authorities>,
    tokens: Tokens,
}

impl Guard {
    /// A guard for a daemon bound to `port` on loopback. `names` are further hosts to answer to: `name`, which is given
    /// the same port, or `name:port`.
    pub(crate) fn new(tokens: Tokens, port: u16, names: &[String]) -> Self {
        Self { authorities: Arc::new(Authorities::new(port, names)), tokens }
    }
}

/// The guard together with the table of routes that it stands before.
#[derive(Clone)]
pub(super) struct Door {
    guard: Guard,
    access: Arc<HashMap<(Method, String), Access>>,
}

impl Door {
    pub(super) fn new<'a>(guard: Guard, table: impl Iterator<Item = (&'a Method, &'a str, Access)>) -> Self {
        let access = table.map(|(method, path, access)| ((method.clone(), path.to_owned()), access)).collect();
        Self { guard, access: Arc::new(access) }
    }

    /// What a request needs. What the table does not name needs a token, so that nobody learns without one which
    /// routes there are.
    fn access(&self, request: &Request) -> Access {
        let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
        let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
        path.and_then(|path| self.access.get(&(method, path)).copied()).unwrap_or(Access::Role(Role::Viewer))
    }
}

/// Lets a request through with its [`Bearer`], or refuses it.
pub(super) async fn check(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    match admit(&door, &request) {
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
    next.run(request).await
}

fn admit(door: &Door, request: &Request) -> Result<Option<Bearer>, Problem> {
    let Guard { authorities, tokens } = &door.guard;
    if !host::host_allowed(request.headers(), request.uri(), authorities) {
        return Err(wrong_host());
    }
    if !origin::origin_allowed(request.headers(), authorities) {
        return Err(wrong_origin());
    }
    let bearer = match door.access(request) {
        Access::Open => None,
        Access::Role(needed) => {
            let secret = bearer::secret(request.headers()).ok_or_else(nobody)?;
            let bearer = tokens.authenticate(secret).ok_or_else(nobody)?;
            if bearer.role < needed {
                return Err(too_low(needed, bearer.role));
            }
            Some(bearer)
        }
    };
    body::body_allowed(request.method(), request.headers())?;
    Ok(bearer)
}

fn wrong_host() -> Problem {
    let message = "the Host header does not name this daemon";
    let error = Error::new(Kind::Forbidden, "host_not_allowed", message)
        .hint("use 127.0.0.1, [::1] or localhost with the daemon's port");
    Problem::at(StatusCode::MISDIRECTED_REQUEST, error)
}

fn wrong_origin() -> Problem {
    Error::new(Kind::Forbidden, "origin_not_allowed", "pages of other origins may not use this daemon").into()
}

fn too_low(needed: Role, held: Role) -> Problem {
    let enough: Vec<Role> =
        [Role::Viewer, Role::Operator, Role::Admin].into_iter().filter(|role| *role >= needed).collect();
    let message = format!("this needs the role {}, and the token has {}", json!(needed), json!(held));
    Error::new(Kind::Forbidden, "insufficient_role", message.replace('"', "`"))
        .status("forbidden")
        .with("required", json!(enough))
        .with("role", json!(held))
        .into()
}
