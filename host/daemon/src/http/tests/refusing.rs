//! Whatever is wrong is said in one shape, and changes nothing.

use std::convert::Infallible;

use axum::body::Bytes;
use axum::http::header::ALLOW;
use codex_manager_model::limits::BODY_BYTES_MAX;

use super::*;

#[tokio::test]
async fn a_route_that_does_not_exist_is_a_problem() {
    let fixture = Fixture::new().await;
    let refusal =
        problem(fixture.send(get("/api/none?a=1", &fixture.viewer)).await, StatusCode::NOT_FOUND, "route_not_found");
    let refusal = refusal.await;
    assert_eq!(refusal["status"], "not_found");
    assert_eq!(refusal["message"], "there is no route GET /api/none");
}

#[tokio::test]
async fn a_method_that_is_not_answered_is_a_problem_that_names_the_others() {
    let fixture = Fixture::new().await;
    let response = fixture.send(post("/view/x", &fixture.admin, "{}")).await;
    assert_eq!(response.headers()[ALLOW], "GET,HEAD");
    let refusal = problem(response, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").await;
    assert_eq!(refusal["message"], "/view/x does not answer POST, but GET and HEAD");
    let request = with(to_us(Method::DELETE, "/api/tokens"), &fixture.admin).body(RawBody::empty());
    let response = fixture.send(request.expect("a request")).await;
    assert_eq!(response.headers()[ALLOW], "GET,HEAD,POST");
}

#[tokio::test]
async fn a_handler_that_panics_is_a_problem_and_no_more() {
    let fixture = Fixture::new().await;
    let api = fixture.api();
    for _ in 0..2 {
        let response = api.answer(get("/panic", &fixture.viewer), &Link::default()).await;
        let refusal = problem(response, StatusCode::INTERNAL_SERVER_ERROR, "internal_error").await;
        assert!(!refusal.to_string().contains("on purpose"), "{refusal}");
    }
    let response = api.answer(get("/view/alive", &fixture.viewer), &Link::default()).await;
    assert_eq!(text(response).await, "alive");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_it_says_so_or_not() {
    let fixture = Fixture::new().await;
    let large = vec![b' '; BODY_BYTES_MAX + 1];
    let told = post("/act", &fixture.operator, large.clone());
    problem(fixture.send(told).await, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").await;
    let chunks = large.chunks(4096).map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk))).collect::<Vec<_>>();
    let untold = post("/act", &fixture.operator, RawBody::from_stream(futures_util::stream::iter(chunks)));
    problem(fixture.send(untold).await, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").await;
}

#[tokio::test]
async fn a_body_must_be_json() {
    let fixture = Fixture::new().await;
    for path in ["/act", "/idle"] {
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            let request = with(to_us(Method::POST, path), &fixture.operator).header(CONTENT_TYPE, kind);
            let response = fixture.send(request.body("{}".into()).expect("a request")).await;
            problem(response, StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type").await;
        }
    }
    let response = fixture.send(post("/act", &fixture.operator, "{\"a\":")).await;
    let refusal = problem(response, StatusCode::BAD_REQUEST, "invalid_request").await;
    assert_eq!((&refusal["line"], &refusal["column"]), (&1.into(), &5.into()));
}

#[tokio::test]
async fn a_body_may_be_left_out() {
    let fixture = Fixture::new().await;
    let request = || with(to_us(Method::POST, "/act"), &fixture.operator).body(RawBody::empty()).expect("a request");
    assert_eq!(text(fixture.send(request()).await).await, "{}");
    let idle = with(to_us(Method::POST, "/idle"), &fixture.operator).body(RawBody::empty()).expect("a request");
    assert!(text(fixture.send(idle).await).await.starts_with("token:tok_"));
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_request() {
    let fixture = Fixture::new().await;
    let named = to_us(Method::GET, "/open").header("x-request-id", "mine-1").body(RawBody::empty());
    assert_eq!(fixture.send(named.expect("a request")).await.headers()["x-request-id"], "mine-1");
    let unnamed = to_us(Method::GET, "/open").body(RawBody::empty()).expect("a request");
    let id = fixture.send(unnamed).await.headers()["x-request-id"].clone();
    assert!(id.to_str().expect("text").starts_with("req_"));
}

#[tokio::test]
async fn a_parameter_of_a_path_is_decoded_and_must_be_text() {
    let fixture = Fixture::new().await;
    for (sent, taken) in [("plain", "plain"), ("a%2Fb", "a/b"), ("%E2%82%AC", "€"), ("a+b", "a+b"), ("100%", "100%")]
    {
        let response = fixture.send(get(&format!("/view/{sent}"), &fixture.viewer)).await;
        assert_eq!(text(response).await, taken);
    }
    for nothing in ["/view/%ff", "/view/", "/view/a/b", "//view/a", "/view"] {
        let response = fixture.send(get(nothing, &fixture.viewer)).await;
        problem(response, StatusCode::NOT_FOUND, "route_not_found").await;
    }
}
