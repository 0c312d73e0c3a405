//! The child is older, newer, or says nothing of its age.

use codex_manager_tests::{Fault, Moment};
use serde_json::json;

use crate::stage::Stage;

#[tokio::test]
async fn a_child_that_is_too_old_is_named_and_not_tried_again() {
    for version in [Some("0.100.0".to_owned()), None] {
        let stage = Stage::start([Fault::Version(version.clone()).at(Moment::Start)]).await;
        let codex = stage.api.until_codex_is("unusable").await;
        let reason = codex["reason"].as_str().unwrap();
        assert!(reason.contains("0.169.0") && reason.contains(version.as_deref().unwrap_or("no version")), "{reason}");
        let refused = stage.api.post("/api/sessions", json!({})).await;
        refused.expect(503);
        assert_eq!(stage.home.starts(), 1);
        assert_eq!(stage.api.get("/api/health").await.expect(200)["status"], "ok");
    }
}

#[tokio::test]
async fn a_newer_child_works() {
    let stage = Stage::ready([Fault::Version(Some("0.170.3".into())).at(Moment::Start)]).await;
    assert_eq!(stage.api.codex().await["version"], "0.170.3");
    stage.assert_works().await;
}
