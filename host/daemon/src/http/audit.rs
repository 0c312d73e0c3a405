//! `GET /api/audit`: who had what done. For administrators.

use axum::Json;
use axum::extract::{FromRef, State};
use codex_manager_model::Role;
use codex_manager_model::limits::AUDIT_PAGE_MAX;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::extract::invalid;
use super::{Access, Doc, Problem, Query, Route};
use crate::service::{Audit, AuditPage};

/// How many acts a page has unless told otherwise.
const PAGE: u32 = 100;

/// The route of the audit.
pub(super) fn routes<S>() -> Vec<Route<S>>
where
    S: Clone + Send + Sync + 'static,
    Audit: FromRef<S>,
{
    let example = json!({
        "data": [{
            "number": 7, "at": "2026-01-02T03:04:05.678Z", "actor": "token:tok_0198c0de", "role": "admin",
            "method": "DELETE", "route": "/api/tokens/{tokenId}", "targets": { "tokenId": "tok_0198beef" },
            "status": 200, "requestId": "req_0198c0de",
        }],
        "nextBefore": null,
    });
    let doc = Doc::new("listAudit", "tokens", "Lists the requests that acted: who made them, about what, how they ended.")
        .says(
            "Every request that may change something is written down before it is answered, refused ones too, as long as \
             its bearer was known. Nothing of what it said is kept. The newest come first; the oldest go when there are \
             too many, and those that were refused for their role never push out others.",
        )
        .query::<Ask>()
        .answer::<AuditPage>(200, "The acts.", example);
    vec![Route::get("/api/audit", Access::Role(Role::Admin), list).doc(doc)]
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
struct Ask {
    /// Only acts with a smaller number.
    #[param(minimum = 0)]
    before: Option<i64>,
    /// How many at most; 100 unless said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

async fn list(State(audit): State<Audit>, Query(ask): Query<Ask>) -> Result<Json<AuditPage>, Problem> {
    let limit = ask.limit.unwrap_or(PAGE);
    if !(1..=AUDIT_PAGE_MAX).contains(&limit) {
        return Err(invalid(format!("limit is a number from 1 to {AUDIT_PAGE_MAX}")).into());
    }
    let before = ask.before.map(u64::try_from).transpose().map_err(|_| invalid("before is not less than 0"))?;
    Ok(Json(audit.list(before, limit).await?))
}
