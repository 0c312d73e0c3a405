//! Nobody comes in who may not, on any route.

use axum::http::header::{
    CONNECTION, CONTENT_ENCODING, COOKIE, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderName, HeaderValue};
use codex_manager_model::limits::URI_BYTES_MAX;

use super::guard::hostile;
use super::*;

/// The real table, with something harmless behind each door.
fn harmless() -> Vec<Route<Parts>> {
    let harmless = |route: Route| Route::new(route.method, route.path, route.access, async || "inside");
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
        (Method::PUT, "/api"),
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

/// The real table before harmless handlers, and what was let in, or not, when it was knocked at.
struct Front(Api);

impl Front {
    fn of(fixture: &Fixture) -> Self {
        Self(fixture.routed(harmless()))
    }

    async fn send(&self, request: Request<RawBody>) -> Response<RawBody> {
        self.0.answer(request, &Link::default()).await
    }
}

#[test]
fn health_and_the_page_about_the_api_alone_are_open() {
    let known = ["/api/health", "/healthz", "/readyz", "/docs", "/docs/{file}", "/errors/{code}"]
        .map(|path| (Method::GET, path));
    let open = routes().into_iter().filter(|route| route.access == Access::Open);
    assert_eq!(open.map(|route| (route.method, route.path)).collect::<Vec<_>>(), known);
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

fn bearing(secret: &str) -> String {
    format!("Bearer {secret}")
}

#[tokio::test]
async fn s01_every_route_but_the_open_ones_needs_a_token_that_is_valid_now() {
    let fixture = Fixture::new().await;
    let tokens = &fixture.parts.tokens;
    let end = fixture.clock.now() + jiff::SignedDuration::from_secs(60);
    let (_, expired) = tokens.create("short", Role::Admin, Some(end), Actor::User).await.expect("a token");
    let (token, revoked) = tokens.create("ended", Role::Admin, None, Actor::User).await.expect("a token");
    tokens.revoke(&token.id, Actor::User).await.expect("revoked");
    let front = Front::of(&fixture);
    let works = knock(&Method::GET, "/api", &[(HOST, OUR_HOST), (AUTHORIZATION, &bearing(expired.expose()))]);
    assert_eq!(front.send(works).await.status(), StatusCode::OK, "before its end");
    fixture.ahead.store(61, Ordering::SeqCst);

    let admin = fixture.admin.expose();
    for (method, path, access) in doors() {
        let wrong = [
            knock(&method, &path, &[(HOST, OUR_HOST)]),
            knock(&method, &path, &[(HOST, OUR_HOST), (AUTHORIZATION, "Bearer cmgr_wrong")]),
            knock(&method, &path, &[(HOST, OUR_HOST), (AUTHORIZATION, &bearing(&admin[..admin.len() - 1]))]),
            knock(&method, &path, &[(HOST, OUR_HOST), (AUTHORIZATION, &bearing(&admin.to_ascii_uppercase()))]),
            knock(&method, &path, &[(HOST, OUR_HOST), (AUTHORIZATION, admin)]),
            knock(&method, &path, &[(HOST, OUR_HOST), (AUTHORIZATION, &bearing(expired.expose()))]),
            knock(&method, &path, &[(HOST, OUR_HOST), (AUTHORIZATION, &bearing(revoked.expose()))]),
            knock(&method, &path, &[(HOST, OUR_HOST), (COOKIE, &format!("token={admin}; authorization={admin}"))]),
            knock(&method, &format!("{path}?access_token={admin}"), &[(HOST, OUR_HOST)]),
            knock(&method, &format!("{path}?token={admin}"), &[(HOST, OUR_HOST)]),
        ];
        for request in wrong {
            let response = front.send(request).await;
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
async fn of_an_open_route_everybody_may_learn_what_it_does_not_answer() {
    let fixture = Fixture::new().await;
    for method in [Method::PUT, Method::OPTIONS, Method::TRACE] {
        let response = fixture.send(knock(&method, "/open", &[(HOST, OUR_HOST)])).await;
        assert_eq!(response.headers()["allow"], "GET,HEAD");
        problem(response, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").await;
    }
}

#[tokio::test]
async fn s02_no_route_answers_under_a_name_that_is_not_ours_whatever_the_token() {
    let fixture = Fixture::new().await;
    let front = Front::of(&fixture);
    let bearer = bearing(fixture.admin.expose());
    const { assert!(hostile::HOSTS.len() >= 40) };
    for (method, path, _) in doors() {
        for host in hostile::HOSTS {
            let mut request = knock(&method, &path, &[(AUTHORIZATION, &bearer)]);
            request.headers_mut().insert(HOST, HeaderValue::from_bytes(host).expect("a header"));
            problem(front.send(request).await, StatusCode::MISDIRECTED_REQUEST, "host_not_allowed").await;
        }
        for hosts in [&[][..], &[OUR_HOST, OUR_HOST], &[OUR_HOST, "evil.com"]] {
            let mut headers = vec![(AUTHORIZATION, bearer.as_str())];
            headers.extend(hosts.iter().map(|host| (HOST, *host)));
            let request = knock(&method, &path, &headers);
            problem(front.send(request).await, StatusCode::MISDIRECTED_REQUEST, "host_not_allowed").await;
        }
    }
}

#[tokio::test]
async fn s03_no_route_answers_a_page_of_another_origin_whatever_the_token() {
    let fixture = Fixture::new().await;
    let front = Front::of(&fixture);
    let bearer = bearing(fixture.admin.expose());
    const { assert!(hostile::ORIGINS.len() >= 30) };
    for (method, path, _) in doors() {
        let knock = |name: &HeaderName, value: &[u8]| {
            let mut request = knock(&method, &path, &[(HOST, OUR_HOST), (AUTHORIZATION, &bearer)]);
            request.headers_mut().insert(name, HeaderValue::from_bytes(value).expect("a header"));
            request
        };
        for origin in hostile::ORIGINS {
            problem(front.send(knock(&ORIGIN, origin)).await, StatusCode::FORBIDDEN, "origin_not_allowed").await;
        }
        for site in ["cross-site", "same-site"] {
            let site = knock(&HeaderName::from_static("sec-fetch-site"), site.as_bytes());
            problem(front.send(site).await, StatusCode::FORBIDDEN, "origin_not_allowed").await;
        }
        let ours = front.send(knock(&ORIGIN, b"http://127.0.0.1:4317")).await;
        assert_ne!(ours.status(), StatusCode::FORBIDDEN, "{method} {path}");
    }
}

#[tokio::test]
async fn s04_nothing_that_acts_takes_a_body_that_a_page_could_send_unasked() {
    let fixture = Fixture::new().await;
    let front = Front::of(&fixture);
    let bearer = bearing(fixture.admin.expose());
    let acting = doors().into_iter().filter(|(method, ..)| !matches!(*method, Method::GET | Method::OPTIONS));
    for (method, path, _) in acting {
        for (name, value) in [
            (CONTENT_TYPE, "text/plain"),
            (CONTENT_TYPE, "text/plain; application/json"),
            (CONTENT_TYPE, "application/x-www-form-urlencoded"),
            (CONTENT_TYPE, "multipart/form-data; boundary=x"),
            (CONTENT_TYPE, "application/json, text/plain"),
            (CONTENT_ENCODING, "gzip"),
            (CONTENT_ENCODING, "identity, br"),
        ] {
            let mut request = knock(&method, &path, &[(HOST, OUR_HOST), (AUTHORIZATION, &bearer), (name, value)]);
            *request.body_mut() = "{}".into();
            problem(front.send(request).await, StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type").await;
        }
    }
}

#[tokio::test]
async fn s05_no_page_of_another_origin_is_told_that_it_may() {
    let fixture = Fixture::new().await;
    let front = Front::of(&fixture);
    let bearer = bearing(fixture.admin.expose());
    for (_, path, _) in doors() {
        for origin in ["https://evil.com", "null", "http://127.0.0.1:4317"] {
            let asked = HeaderName::from_static("access-control-request-method");
            let headers = [(HOST, OUR_HOST), (ORIGIN, origin), (asked, "POST"), (AUTHORIZATION, &bearer)];
            for headers in [&headers[..3], &headers[..]] {
                let response = front.send(knock(&Method::OPTIONS, &path, headers)).await;
                assert!(response.headers().keys().all(|name| !name.as_str().starts_with("access-control")), "{path}");
                assert!(!response.status().is_success(), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn s07_a_role_opens_its_own_routes_and_those_below() {
    let fixture = Fixture::new().await;
    let front = Front::of(&fixture);
    let bearers = [(Role::Viewer, &fixture.viewer), (Role::Operator, &fixture.operator), (Role::Admin, &fixture.admin)];
    for (method, path, access) in doors() {
        let Access::Role(needed) = access else { continue };
        for (held, secret) in bearers {
            let bearer = bearing(secret.expose());
            for raised in [&[][..], RAISED] {
                let mut headers = vec![(HOST, OUR_HOST), (AUTHORIZATION, bearer.as_str())];
                headers.extend(raised.iter().map(|(name, value)| (HeaderName::from_static(name), *value)));
                let response = front.send(knock(&method, &path, &headers)).await;
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
}

/// What clients of other implementations say of themselves. It raises nobody.
const RAISED: &[(&str, &str)] = &[
    ("x-codex-role", "owner"),
    ("x-codex-rbac-role", "owner"),
    ("x-codex-actor", "root"),
    ("x-codex-rbac-actor", "root"),
    ("x-codex-rbac-token", "opensesame"),
    ("x-role", "admin"),
    ("x-forwarded-for", "127.0.0.1"),
];

/// The status of knocking at the two routes of extensions, and at one that only an administrator may use.
async fn statuses(fixture: &Fixture, headers: &[(HeaderName, &str)]) -> [u16; 3] {
    let front = Front::of(fixture);
    let mut statuses = [0; 3];
    let doors = [
        (Method::GET, "/api/agents/extensions"),
        (Method::POST, "/api/agents/extensions/reload"),
        (Method::GET, "/api/tokens"),
    ];
    for (at, (method, path)) in doors.iter().enumerate() {
        let headers = [&[(HOST, OUR_HOST)], headers].concat();
        statuses[at] = front.send(knock(method, path, &headers)).await.status().as_u16();
    }
    statuses
}

#[tokio::test]
async fn s07_a_role_in_a_header_takes_away_where_it_is_asked_for_and_never_gives() {
    let rbac = Rbac::Header { secret: "opensesame".to_owned() };
    let fixture = Fixture::new().await.guarded_by(Rate::default(), rbac);
    let (admin, viewer) = (bearing(fixture.admin.expose()), bearing(fixture.viewer.expose()));
    fn say<'a>(bearer: &'a str, secret: &'a str, role: &'a str) -> Vec<(HeaderName, &'a str)> {
        let named = |name, value| (HeaderName::from_static(name), value);
        vec![(AUTHORIZATION, bearer), named("x-codex-rbac-token", secret), named("x-codex-role", role)]
    }
    assert_eq!(statuses(&fixture, &say(&admin, "opensesame", "owner")).await, [200, 200, 200]);
    assert_eq!(statuses(&fixture, &say(&admin, "opensesame", "member")).await, [200, 403, 200]);
    assert_eq!(statuses(&fixture, &say(&viewer, "opensesame", "owner")).await, [200, 403, 403]);
    assert_eq!(statuses(&fixture, &say(&admin, "sesame", "owner")).await, [401, 401, 200]);
    assert_eq!(statuses(&fixture, &say(&admin, "opensesame", "root")).await, [400, 400, 200]);
    assert_eq!(statuses(&fixture, &[(AUTHORIZATION, &admin)]).await, [401, 401, 200]);
    let without_bearer = &say("", "opensesame", "owner")[1..];
    assert_eq!(statuses(&fixture, without_bearer).await, [401, 401, 401]);
}

#[tokio::test]
async fn s07_where_json_web_tokens_are_taken_their_role_counts() {
    const KEY: &str = "a key that two programs share, of 32 bytes at least";
    let fixture = Fixture::new().await.guarded_by(Rate::default(), Rbac::Jwt(hostile::rules(KEY)));
    let end = fixture.clock.now().as_second() + 60;
    let jwt = |key: &str, role: &str, end: i64| {
        let claims = serde_json::json!({ "sub": "alice", "role": role, "exp": end });
        bearing(&hostile::signed(key, &serde_json::json!({ "alg": "HS256" }), &claims))
    };
    for (bearer, expected) in [
        (jwt(KEY, "owner", end), [200, 200, 200]),
        (jwt(KEY, "system", end), [200, 200, 200]),
        (jwt(KEY, "member", end), [200, 403, 403]),
        (jwt(KEY, "viewer", end), [200, 403, 403]),
        (jwt(KEY, "root", end), [403, 403, 403]),
        (jwt("another key of 32 bytes, or a bit more", "owner", end), [401, 401, 401]),
        (jwt(KEY, "owner", end - 3600), [401, 401, 401]),
        (bearing(fixture.admin.expose()), [200, 200, 200]),
        (bearing(fixture.viewer.expose()), [200, 403, 403]),
    ] {
        assert_eq!(statuses(&fixture, &[(AUTHORIZATION, &bearer)]).await, expected, "{bearer}");
    }
    let elsewhere = Fixture::new().await;
    assert_eq!(statuses(&elsewhere, &[(AUTHORIZATION, &jwt(KEY, "owner", end))]).await, [401, 401, 401]);
}

#[tokio::test]
async fn s12_a_token_that_asks_too_often_is_told_when_to_come_back() {
    let fixture = Fixture::new().await.guarded_by(Rate { per_second: 1, burst: 2 }, Rbac::Disabled);
    for _ in 0..2 {
        assert_eq!(fixture.send(get("/view/x", &fixture.viewer)).await.status(), StatusCode::OK);
    }
    let refused = fixture.send(get("/view/x", &fixture.viewer)).await;
    assert_eq!(refused.headers()["retry-after"], "1");
    problem(refused, StatusCode::TOO_MANY_REQUESTS, "rate_limited").await;
    assert_eq!(fixture.send(get("/view/x", &fixture.operator)).await.status(), StatusCode::OK, "others go on");
    let open = to_us(Method::GET, "/open").body(RawBody::empty()).expect("a request");
    assert_eq!(fixture.send(open).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn s12_an_address_may_be_long_and_not_longer() {
    let fixture = Fixture::new().await;
    let long = |bytes: usize| get(&format!("/view/x?{}", "y".repeat(bytes - "/view/x?".len())), &fixture.viewer);
    assert_eq!(fixture.send(long(URI_BYTES_MAX)).await.status(), StatusCode::OK);
    problem(fixture.send(long(URI_BYTES_MAX + 1)).await, StatusCode::URI_TOO_LONG, "uri_too_long").await;
}
