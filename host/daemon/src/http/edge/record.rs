//! Writing down who had what done, before they are told.
//!
//! The guard, which knows who asks, leaves a note; the edge, which sees every answer, writes it down. So
//! nothing that acts can be forgotten: not a route that is new, not a handler that panics, not a client that has left.

use std::sync::OnceLock;

use axum::http::{Method, StatusCode};
use codex_manager_model::limits::AUDIT_ID_BYTES_MAX;
use codex_manager_model::{Actor, Role};
use serde_json::{Map, Value};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::http::asked::Asked;
use crate::service::tokens::Bearer;
use crate::service::{Acted, Audit};

/// The record of one request. Dropped before it was written, it is written without an answer.
pub(in crate::http) struct Record<'a> {
    audit: &'a Audit,
    pub(in crate::http) asked: &'a Asked<'a>,
    note: OnceLock<Note>,
}

/// What the guard says: who asks, and about what.
struct Note {
    actor: Actor,
    role: Role,
    targets: Map<String, Value>,
}

impl<'a> Record<'a> {
    pub(in crate::http) fn new(audit: &'a Audit, asked: &'a Asked<'a>) -> Self {
        Self { audit, asked, note: OnceLock::new() }
    }

    /// Takes the guard's note, for a request that acts on a route that there is. A method that the route does not answer
    /// is no act.
    pub(in crate::http) fn note(&self, path: &str, bearer: &Bearer) {
        let method = &self.asked.method;
        let acts = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let Some(entry) = self.asked.entry.filter(|entry| acts && entry.answers(method)) else { return };
        let note = Note { actor: bearer.actor(), role: bearer.role, targets: targets(entry.path(), path) };
        // The guard stands there once.
        let _ = self.note.set(note);
    }

    /// Writes the record down, if there is one; when this returns, it is on the disk.
    pub(in crate::http) async fn write(mut self, status: StatusCode) {
        if let Some(writing) = self.begin(Some(status)) {
            // It has told of its failure itself.
            let _ = writing.await;
        }
    }

    /// Goes on although the client may leave in the meantime.
    fn begin(&mut self, status: Option<StatusCode>) -> Option<JoinHandle<()>> {
        let note = self.note.take()?;
        let acted = Acted {
            actor: note.actor,
            role: note.role,
            method: self.asked.method.to_string(),
            route: self.asked.route().unwrap_or_default().to_owned(),
            targets: note.targets,
            status: status.map(|status| status.as_u16()),
            request_id: self.asked.id.as_str().to_owned(),
        };
        let audit = self.audit.clone();
        let runtime = Handle::try_current().ok()?;
        Some(runtime.spawn(async move { audit.record(acted).await }))
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        self.begin(None);
    }
}

/// The ids in a path, under the names that the route gives them.
fn targets(route: &str, path: &str) -> Map<String, Value> {
    let named = route.split('/').zip(path.split('/')).filter_map(|(name, value)| {
        let name = name.strip_prefix('{')?.strip_suffix('}')?;
        Some((name.to_owned(), value.chars().take(AUDIT_ID_BYTES_MAX).collect::<String>().into()))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_ids_of_a_path_have_their_names_in_the_route() {
        let found = targets("/api/sessions/{sessionId}/turns/{turnId}/steer", "/api/sessions/s%2F1/turns/t2/steer");
        assert_eq!(Value::Object(found), json!({ "sessionId": "s%2F1", "turnId": "t2" }));
        let long = "x".repeat(AUDIT_ID_BYTES_MAX + 1);
        let found = targets("/api/tokens/{tokenId}", &format!("/api/tokens/{long}"));
        assert_eq!(found["tokenId"].as_str().map(str::len), Some(AUDIT_ID_BYTES_MAX));
    }
}
