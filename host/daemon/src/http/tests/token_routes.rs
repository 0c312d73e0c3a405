//! `/api/tokens` from outside.

use serde_json::json;

use super::*;

async fn create(fixture: &Fixture, body: Value) -> Response<RawBody> {
    fixture.send(post("/api/tokens", &fixture.admin, body.to_string())).await
}

#[tokio::test]
async fn a_token_is_made_listed_used_and_ended() {
    let fixture = Fixture::new().await;
    let made = json(create(&fixture, json!({ "name": "ci", "role": "viewer" })).await).await;
    let secret = made["secret"].as_str().expect("the secret").to_owned();
    let id = made["token"]["tokenId"].as_str().expect("an id").to_owned();
    assert_eq!(made["token"]["role"], "viewer");

    let listed = text(fixture.send(get("/api/tokens", &fixture.admin)).await).await;
    assert!(listed.contains(&id));
    assert!(!listed.contains(&secret) && !listed.contains("hash"), "{listed}");

    let use_it = || {
        let builder = to_us(Method::GET, "/view/x").header(AUTHORIZATION, format!("Bearer {secret}"));
        builder.body(RawBody::empty()).expect("a request")
    };
    assert_eq!(fixture.send(use_it()).await.status(), StatusCode::OK);
    let end = with(to_us(Method::DELETE, &format!("/api/tokens/{id}")), &fixture.admin).body(RawBody::empty());
    let ended = json(fixture.send(end.expect("a request")).await).await;
    assert!(ended["token"]["revokedAt"].is_string(), "{ended}");
    problem(fixture.send(use_it()).await, StatusCode::UNAUTHORIZED, "unauthenticated").await;
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let fixture = Fixture::new().await;
    for body in [
        json!({}),
        json!({ "name": "ci" }),
        json!({ "name": "ci", "role": "owner" }),
        json!({ "name": "", "role": "viewer" }),
        json!({ "name": "ci", "role": "viewer", "expiresAt": "yesterday" }),
        json!({ "name": "ci", "role": "viewer", "expiresAt": "2001-01-01T00:00:00Z" }),
        json!({ "name": "ci", "role": "viewer", "secret": "chosen" }),
    ] {
        problem(create(&fixture, body).await, StatusCode::BAD_REQUEST, "invalid_request").await;
    }
    let none = with(to_us(Method::DELETE, "/api/tokens/tok_none"), &fixture.admin).body(RawBody::empty());
    let refusal = problem(fixture.send(none.expect("a request")).await, StatusCode::NOT_FOUND, "token_not_found").await;
    assert_eq!(refusal["tokenId"], "tok_none");
    let listed = json(fixture.send(get("/api/tokens", &fixture.admin)).await).await;
    assert_eq!(listed["data"].as_array().expect("a list").len(), 3, "nothing was made");
}
