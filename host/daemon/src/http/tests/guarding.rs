//! Nobody comes in who may not, on any route.

use axum::http::HeaderName;
use axum::http::header::{CONNECTION, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};

use super::*;

/// The real table, with something harmless behind each door.
fn harmless() -> Vec<Route<Parts>> {
    let harmless = |route: Route| {
        let filter = MethodFilter::try_from(route.method.clone()).expect("a usual method");
        Route { handler: on(filter, async || "inside"), method: route.method, path: route.path, access: route.access }
    };
    routes().into_iter().map(harmless).collect()
}

/// Every line of the real table, and what is not in it: routes that do not exist, methods that are not answered.
fn doors() -> Vec<(Method, String, Access)> {
    let known = routes().into_iter().map(|route| (route.method, filled(route.path), route.access));
    let unknown = [
        (Method::GET, "/nowhere"),
        (Method::GET, "/"),
        (Method::GET, "/api/health/"),
        (Method::GET, "/api//health"),
        (Method::GET, "//api/health"),
        (Method::GET, "/api/%68ealth"),
        (Method::GET, "/api%2Fhealth"),
        (Method::GET, "/API/health"),
        (Method::GET, "/api/health/../sessions"),
        (Method::PUT, "/api/health"),
        (Method::OPTIONS, "/api/health"),
        (Method::OPTIONS, "/api"),
    ];
    let unknown = unknown.into_iter().map(|(method, path)| (method, path.to_owned(), Access::Role(Role::Viewer)));
    known.chain(unknown).collect()
}

/// A path with something in the place of each parameter.
fn filled(path: &str) -> String {
    let fill = |part: &str| if part.starts_with('{') { "x".to_owned() } else { part.to_owned() };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

async fn send(fixture: &Fixture, request: Request<RawBody>) -> Response<RawBody> {
    let router = assemble(harmless(), fixture.guard.clone(), fixture.parts.clone());
    router.oneshot(request).await.expect("a router never fails")
}

#[test]
fn health_alone_is_open() {
    let open = routes().into_iter().filter(|route| route.access == Access::Open);
    assert_eq!(open.map(|route| (route.method, route.path)).collect::<Vec<_>>(), [(Method::GET, "/api/health")]);
}

fn knock(method: &Method, path: &str, headers: &[(HeaderName, &str)]) -> Request<RawBody> {
    let mut builder = Request::builder().method(method).uri(path);
    if path == "/api/stream" {
        builder = builder
            .header(CONNECTION, "upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==");
    }
    for (name, value) in headers {
        builder = builder.header(name, *value);
    }
    builder.body(RawBody::empty()).expect("a request")
}

#[tokio::test]
async fn every_route_but_the_open_one_needs_a_token() {
    let fixture = Fixture::new().await;
    for (method, path, access) in doors() {
        let in_query = format!("{path}?access_token={}", fixture.admin.expose());
        let wrong = [
            knock(&method, &path, &[(HOST, OUR_HOST)]),
            knock(&method, &path, &[(HOST, OUR_HOST), (AUTHORIZATION, "Bearer cmgr_wrong")]),
            knock(&method, &path, &[(HOST, OUR_HOST), (AUTHORIZATION, fixture.admin.expose())]),
            knock(&method, &in_query, &[(HOST, OUR_HOST)]),
        ];
        for request in wrong {
            let response = send(&fixture, request).await;
            if access == Access::Open {
                assert_eq!(response.status(), StatusCode::OK, "{method} {path}");
            } else {
                assert!(response.headers()["www-authenticate"].to_str().expect("text").starts_with("Bearer"));
                problem(response, StatusCode::UNAUTHORIZED, "unauthenticated").await;
            }
        }
    }
}

#[tokio::test]
async fn no_route_answers_a_foreign_host_or_page_whatever_its_token() {
    let fixture = Fixture::new().await;
    let bearer = format!("Bearer {}", fixture.admin.expose());
    let site = HeaderName::from_static("sec-fetch-site");
    for (method, path, _) in doors() {
        for host in ["evil.com", "evil.com:4317", "localhost:3000", "127.0.0.1"] {
            let request = knock(&method, &path, &[(HOST, host), (AUTHORIZATION, &bearer)]);
            problem(send(&fixture, request).await, StatusCode::MISDIRECTED_REQUEST, "host_not_allowed").await;
        }
        let request = knock(&method, &path, &[(AUTHORIZATION, &bearer)]);
        problem(send(&fixture, request).await, StatusCode::MISDIRECTED_REQUEST, "host_not_allowed").await;
        for (name, value) in [(ORIGIN, "http://evil.com"), (ORIGIN, "null"), (site.clone(), "cross-site")] {
            let request = knock(&method, &path, &[(HOST, OUR_HOST), (AUTHORIZATION, &bearer), (name, value)]);
            problem(send(&fixture, request).await, StatusCode::FORBIDDEN, "origin_not_allowed").await;
        }
    }
}

#[tokio::test]
async fn a_role_opens_its_own_routes_and_those_below() {
    let fixture = Fixture::new().await;
    let bearers = [(Role::Viewer, &fixture.viewer), (Role::Operator, &fixture.operator), (Role::Admin, &fixture.admin)];
    for (method, path, access) in doors() {
        let Access::Role(needed) = access else { continue };
        for (held, secret) in bearers {
            let bearer = format!("Bearer {}", secret.expose());
            let response = send(&fixture, knock(&method, &path, &[(HOST, OUR_HOST), (AUTHORIZATION, &bearer)])).await;
            if held < needed {
                let refusal = problem(response, StatusCode::FORBIDDEN, "insufficient_role").await;
                assert_eq!(refusal["role"], serde_json::json!(held));
                assert_eq!(refusal["required"][0], serde_json::json!(needed));
                assert_eq!(refusal["status"], "forbidden");
            } else {
                let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&response.status());
                assert!(!refused, "{method} {path} as {held:?}: {}", response.status());
            }
        }
    }
}

#[tokio::test]
async fn what_is_sent_along_does_not_raise_a_role() {
    let fixture = Fixture::new().await;
    let request = with(to_us(Method::GET, "/api/tokens?role=admin"), &fixture.viewer)
        .header("x-role", "admin")
        .header("x-codex-manager-role", "admin")
        .body(RawBody::empty());
    let response = send(&fixture, request.expect("a request")).await;
    problem(response, StatusCode::FORBIDDEN, "insufficient_role").await;
}

#[tokio::test]
async fn nothing_is_said_to_pages_of_other_origins() {
    let fixture = Fixture::new().await;
    let request = to_us(Method::OPTIONS, "/api/sessions")
        .header(ORIGIN, "http://127.0.0.1:4317")
        .header("access-control-request-method", "POST")
        .body(RawBody::empty());
    let response = send(&fixture, request.expect("a request")).await;
    assert!(response.headers().keys().all(|name| !name.as_str().starts_with("access-control")));
}
