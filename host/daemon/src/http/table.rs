//! The table of routes, made ready: which line of it a request means, who may use that, and what answers.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::ALLOW;
use axum::http::{HeaderValue, Method, Uri};
use axum::response::{IntoResponse, Response};
use codex_manager_model::Role;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use super::parameters::Parameters as Query;
use super::{Access, Problem, Route};
use crate::service::code;
use crate::service::error::Error;

/// Every route that there is.
pub(super) struct Table(matchit::Router<Entry>);

/// One path, with the methods that it answers.
pub(super) struct Entry {
    path: &'static str,
    endpoints: Vec<Endpoint>,
}

/// What stands for the parameters of a path, as it was sent. Found in the extensions of requests whose path has some.
#[derive(Clone, Default)]
pub(super) struct Parameters(pub(super) Vec<String>);

struct Endpoint {
    method: Method,
    access: Access,
    query: Query,
    answers: Answers,
}

/// What answers, with all that it works with.
type Answers = Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;

impl Table {
    /// # Panics
    /// When two paths of the table cannot be told apart.
    pub(super) fn new<S: Clone + Send + Sync + 'static>(routes: Vec<Route<S>>, state: &S) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        for route in routes {
            let query = Query::of(&route);
            let Route { path, method, access, answers, .. } = route;
            let state = state.clone();
            let answers: Answers = Arc::new(move |request| answers(request, state.clone()));
            let endpoint = Endpoint { method, access, query, answers };
            match entries.iter_mut().find(|entry| entry.path == path) {
                Some(entry) => entry.endpoints.push(endpoint),
                None => entries.push(Entry { path, endpoints: vec![endpoint] }),
            }
        }
        let mut paths = matchit::Router::new();
        for entry in entries {
            paths.insert(entry.path, entry).expect("the paths of the table can be told apart");
        }
        Self(paths)
    }

    /// The line for a path, if there is one, and what stands for its parameters, in their order.
    pub(super) fn find(&self, path: &str) -> Option<(&Entry, Parameters)> {
        let found = self.0.at(path).ok()?;
        Some((found.value, Parameters(found.params.iter().map(|(_, value)| value.to_owned()).collect())))
    }
}

impl Entry {
    /// Has a request answered that means this line; says so where its method is not answered.
    pub(super) fn answer(&self, parameters: &Parameters, mut request: Request) -> BoxFuture<'static, Response> {
        let Some(endpoint) = self.endpoint(request.method()) else { return ready(self.no_method(&request)).boxed() };
        if let Err(problem) = endpoint.query.check(request.uri().query()) {
            return ready(problem.into_response()).boxed();
        }
        if !parameters.0.is_empty() {
            request.extensions_mut().insert(parameters.clone());
        }
        (endpoint.answers)(request)
    }

    /// The path, with `{names}` for its parameters.
    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    /// What a method needs here. Of an open path everybody knows, and may learn what it does not answer; of others
    /// nobody learns anything without a token.
    pub(super) fn access(&self, method: &Method) -> Access {
        let is_open = || self.endpoints.iter().any(|endpoint| endpoint.access == Access::Open);
        match self.endpoint(method) {
            Some(endpoint) => endpoint.access,
            None if is_open() => Access::Open,
            None => Access::Role(Role::Viewer),
        }
    }

    /// Whether there is something here for the method.
    pub(super) fn answers(&self, method: &Method) -> bool {
        self.endpoint(method).is_some()
    }

    fn endpoint(&self, method: &Method) -> Option<&Endpoint> {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        self.endpoints.iter().find(|endpoint| endpoint.method == *method)
    }

    fn no_method(&self, request: &Request) -> Response {
        let (path, method, answered) = (request.uri().path(), request.method(), self.methods());
        let (last, others) = answered.split_last().expect("a path answers something");
        let words = if others.is_empty() { (*last).to_owned() } else { format!("{} and {last}", others.join(", ")) };
        let message = format!("{path} does not answer {method}, but {words}");
        let mut response = Problem::from(Error::new(code::METHOD_NOT_ALLOWED, message)).into_response();
        let allowed = HeaderValue::from_str(&answered.join(",")).expect("names of methods");
        response.headers_mut().insert(ALLOW, allowed);
        response
    }

    /// The methods that are answered here.
    fn methods(&self) -> Vec<&str> {
        let mut methods: Vec<_> = self.endpoints.iter().map(|endpoint| endpoint.method.as_str()).collect();
        if let Some(get) = methods.iter().position(|method| *method == Method::GET) {
            methods.insert(get + 1, Method::HEAD.as_str());
        }
        methods
    }
}

/// What is said of a path that the table does not have.
pub(super) fn no_route(method: &Method, uri: &Uri) -> Problem {
    Error::new(code::ROUTE_NOT_FOUND, format!("there is no route {method} {}", uri.path())).status("not_found").into()
}
