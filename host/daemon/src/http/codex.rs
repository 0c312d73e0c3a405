//! What Codex itself can do beside sessions. Who may use a route stands in the table of Codex's methods.

mod account;
mod capabilities;
mod catalogue;
mod commands;
mod config;
mod mcp;
mod skills;

use super::{Access, Body, Doc, Path, Problem, Query, Route};
use crate::service::codex::methods::Method;

pub(super) fn routes() -> Vec<Route> {
    let mut routes = capabilities::routes();
    routes.extend(catalogue::routes());
    routes.extend(skills::routes());
    routes.extend(mcp::routes());
    routes.extend(account::routes());
    routes.extend(config::routes());
    routes.extend(commands::routes());
    routes
}

/// Who may have a method called.
fn access(method: &Method) -> Access {
    Access::Role(method.role)
}
