//! What acts is written down before it is answered, and nothing else is.

use serde_json::json;

use super::*;

async fn acts(fixture: &Fixture, query: &str) -> Value {
    let answer = fixture.send(get(&format!("/api/audit{query}"), &fixture.admin)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    json(answer).await
}

#[tokio::test]
async fn whoever_acts_is_written_down_with_how_it_ended() {
    let fixture = Fixture::new().await;
    let made = fixture.send(post("/api/tokens", &fixture.admin, r#"{"name":"canary-name","role":"viewer"}"#)).await;
    let id = made.headers()["x-request-id"].to_str().expect("text").to_owned();
    assert_eq!(made.status(), StatusCode::OK);
    let refused = fixture.send(post("/api/tokens", &fixture.viewer, "{}")).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let none = with(to_us(Method::DELETE, "/api/tokens/tok_none"), &fixture.admin).body(RawBody::empty());
    fixture.send(none.expect("a request")).await;
    fixture.send(post("/panic", &fixture.operator, "{}")).await;

    let page = acts(&fixture, "").await;
    let data = page["data"].as_array().expect("a list");
    let seen: Vec<Value> = data
        .iter()
        .rev()
        .map(|act| json!([act["method"], act["route"], act["role"], act["targets"], act["status"]]))
        .collect();
    let expected = [
        json!(["POST", "/api/tokens", "admin", {}, 200]),
        json!(["POST", "/api/tokens", "viewer", {}, 403]),
        json!(["DELETE", "/api/tokens/{tokenId}", "admin", { "tokenId": "tok_none" }, 404]),
        json!(["POST", "/panic", "operator", {}, 500]),
    ];
    assert_eq!(seen, expected);
    assert_eq!(data[3]["requestId"], id);
    assert!(data[3]["actor"].as_str().is_some_and(|actor| actor.starts_with("token:tok_")), "{page}");
    let text = page.to_string();
    assert!(!text.contains("canary-name") && !text.contains("cmgr_"), "{text}");
}

#[tokio::test]
async fn what_only_reads_or_comes_from_nobody_is_not_written_down() {
    let fixture = Fixture::new().await;
    fixture.send(get("/view/x", &fixture.viewer)).await;
    fixture.send(post("/api/nowhere", &fixture.admin, "{}")).await;
    for method in ["PUT", "DELETE", "ODD"] {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let odd = with(to_us(method, "/api/tokens"), &fixture.viewer).body(RawBody::empty()).expect("a request");
        assert_eq!(fixture.send(odd).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
    let nobody = to_us(Method::POST, "/act").body(RawBody::empty()).expect("a request");
    assert_eq!(fixture.send(nobody).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(acts(&fixture, "").await, json!({ "data": [], "nextBefore": null }));
}

#[tokio::test]
async fn a_client_that_leaves_is_written_down_too() {
    let fixture = Fixture::new().await;
    let mut leaving = Box::pin(fixture.send(post("/hangs", &fixture.operator, "{}")));
    assert!(futures_util::poll!(&mut leaving).is_pending());
    drop(leaving);
    let found = async {
        loop {
            let page = acts(&fixture, "").await;
            if let Some(act) = page["data"].get(0) {
                break act.clone();
            }
        }
    };
    let act = tokio::time::timeout(DEADLINE, found).await.expect("it is written");
    assert_eq!((&act["route"], &act["status"]), (&json!("/hangs"), &Value::Null));
}

#[tokio::test]
async fn the_audit_is_read_in_pages_by_administrators() {
    let fixture = Fixture::new().await;
    for _ in 0..5 {
        fixture.send(post("/idle", &fixture.operator, "{}")).await;
    }
    let mut numbers = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = acts(&fixture, &query).await;
        numbers.extend(page["data"].as_array().expect("a list").iter().map(|act| act["number"].clone()));
        let Some(before) = page["nextBefore"].as_u64() else { break };
        query = format!("?limit=2&before={before}");
    }
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
    for wrong in ["?limit=0", "?limit=1001", "?limit=x", "?before=-1", "?after=1"] {
        let answer = fixture.send(get(&format!("/api/audit{wrong}"), &fixture.admin)).await;
        problem(answer, StatusCode::BAD_REQUEST, "invalid_request").await;
    }
    let answer = fixture.send(get("/api/audit", &fixture.operator)).await;
    problem(answer, StatusCode::FORBIDDEN, "insufficient_role").await;
}
