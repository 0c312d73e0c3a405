//! What is known of a request before anybody looks at what it wants.

use axum::extract::Request;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use codex_manager_model::Role;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::time::Instant;

use super::Access;
use super::edge::RequestId;
use super::table::{Entry, Parameters, Table, no_route};

/// One request: when it came, what it is called, and which line of the table it means.
pub(super) struct Asked<'a> {
    pub(super) at: Instant,
    pub(super) id: RequestId,
    pub(super) method: Method,
    /// `None` where the table has no such path.
    pub(super) entry: Option<&'a Entry>,
    parameters: Parameters,
}

impl<'a> Asked<'a> {
    pub(super) fn new(request: &Request, table: &'a Table) -> Self {
        let (entry, parameters) = table.find(request.uri().path()).unzip();
        Self {
            at: Instant::now(),
            id: RequestId::of(request.headers()),
            method: request.method().clone(),
            entry,
            parameters: parameters.unwrap_or_default(),
        }
    }

    /// What it needs. What the table does not name needs a token, so that nobody learns without one which routes there are.
    pub(super) fn access(&self) -> Access {
        self.entry.map_or(Access::Role(Role::Viewer), |entry| entry.access(&self.method))
    }

    /// Has it answered by the line that it means; says so where there is none.
    pub(super) fn answer(&self, request: Request) -> BoxFuture<'static, Response> {
        match self.entry {
            Some(entry) => entry.answer(&self.parameters, request),
            None => ready(no_route(request.method(), request.uri()).into_response()).boxed(),
        }
    }

    /// The path as the table has it.
    pub(super) fn route(&self) -> Option<&'static str> {
        self.entry.map(Entry::path)
    }
}
