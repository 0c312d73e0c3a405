//! One line of the table of routes.

use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::response::Response;
use codex_manager_model::Role;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Doc, State};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody who names an allowed host; without a token.
    Open,
    /// The bearer of a token with this role or a higher one.
    Role(Role),
}

/// A method, a path, who may use it, and what answers.
pub(crate) struct Route<S = State> {
    /// The method. `GET` answers `HEAD` too.
    pub(crate) method: Method,
    /// The path, with `{names}` for its parameters.
    pub(crate) path: &'static str,
    /// Who may use it.
    pub(crate) access: Access,
    /// What answers.
    pub(super) answers: Answers<S>,
    /// What the document of the API says about it.
    pub(crate) doc: Option<Doc>,
}

/// Answers a request with what it is given to work with.
pub(super) type Answers<S> = Arc<dyn Fn(Request, S) -> BoxFuture<'static, Response> + Send + Sync>;

impl<S: Clone + Send + Sync + 'static> Route<S> {
    /// A route that reads.
    pub(crate) fn get<H: Handler<T, S>, T: 'static>(path: &'static str, access: Access, handler: H) -> Self {
        Self::new(Method::GET, path, access, handler)
    }

    /// A route that makes or acts.
    pub(crate) fn post<H: Handler<T, S>, T: 'static>(path: &'static str, access: Access, handler: H) -> Self {
        Self::new(Method::POST, path, access, handler)
    }

    /// A route that ends something.
    pub(crate) fn delete<H: Handler<T, S>, T: 'static>(path: &'static str, access: Access, handler: H) -> Self {
        Self::new(Method::DELETE, path, access, handler)
    }

    /// Says in the document of the API what it takes, answers and refuses.
    #[must_use]
    pub(crate) fn doc(mut self, doc: Doc) -> Self {
        self.doc = Some(doc);
        self
    }

    pub(super) fn new<H: Handler<T, S>, T: 'static>(
        method: Method,
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self {
        let answers: Answers<S> = Arc::new(move |request, state| handler.clone().call(request, state).boxed());
        Self { method, path, access, answers, doc: None }
    }
}
