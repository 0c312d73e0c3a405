//! Writing down who had what done, before they are told.
//!
//! The guard, which knows who asks, leaves a note; the outermost layer, which sees every answer, writes it down. So
//! nothing that acts can be forgotten: not a route that is new, not a handler that panics, not a client that has left.

use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use codex_manager_model::limits::AUDIT_ID_BYTES_MAX;
use codex_manager_model::{Actor, Role};
use serde_json::{Map, Value};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::service::tokens::Bearer;
use crate::service::{Acted, Audit};

/// Where the guard says who asks for what. Found in the extensions of each request.
#[derive(Clone, Default)]
pub(in crate::http) struct Note(Arc<OnceLock<Asked>>);

/// What is known of a request before it is answered.
struct Asked {
    actor: Actor,
    role: Role,
    method: Method,
    route: String,
    targets: Map<String, Value>,
}

impl Note {
    /// Leaves the note, for a request that acts on a route that there is.
    pub(in crate::http) fn leave(&self, request: &Request, route: &str, bearer: &Bearer) {
        let only_reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        if only_reads || route.is_empty() {
            return;
        }
        let asked = Asked {
            actor: bearer.actor(),
            role: bearer.role,
            method: request.method().clone(),
            route: route.to_owned(),
            targets: targets(route, request.uri().path()),
        };
        // The guard stands there once.
        let _ = self.0.set(asked);
    }
}

/// The record of one request. Dropped before it was written, it is written without an answer.
pub(super) struct Record {
    audit: Audit,
    request_id: String,
    note: Note,
}

impl Record {
    pub(super) fn new(audit: Audit, request_id: &str) -> Self {
        Self { audit, request_id: request_id.to_owned(), note: Note::default() }
    }

    /// What the guard is given.
    pub(super) fn note(&self) -> Note {
        self.note.clone()
    }

    /// Writes the record down, if there is one; when this returns, it is on the disk.
    pub(super) async fn write(mut self, status: StatusCode) {
        if let Some(writing) = self.begin(Some(status)) {
            // It has told of its failure itself.
            let _ = writing.await;
        }
    }

    /// Goes on although the client may leave in the meantime.
    fn begin(&mut self, status: Option<StatusCode>) -> Option<JoinHandle<()>> {
        let asked = std::mem::take(&mut self.note);
        let asked = asked.0.get()?;
        let acted = Acted {
            actor: asked.actor.clone(),
            role: asked.role,
            method: asked.method.to_string(),
            route: asked.route.clone(),
            targets: asked.targets.clone(),
            status: status.map(|status| status.as_u16()),
            request_id: std::mem::take(&mut self.request_id),
        };
        let audit = self.audit.clone();
        let runtime = Handle::try_current().ok()?;
        Some(runtime.spawn(async move { audit.record(acted).await }))
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.begin(None);
    }
}

/// The ids in a path, under the names that they have in the API.
fn targets(route: &str, path: &str) -> Map<String, Value> {
    let named = route.split('/').zip(path.split('/')).filter_map(|(name, value)| {
        let name = name.strip_prefix('{')?.strip_suffix('}')?;
        Some((camel(name), value.chars().take(AUDIT_ID_BYTES_MAX).collect::<String>().into()))
    });
    named.collect()
}

/// `session_id` is `sessionId` to clients.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_ascii_uppercase() + &word[1..])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_ids_of_a_path_are_named_as_clients_know_them() {
        let found = targets("/api/sessions/{session_id}/turns/{turn_id}/steer", "/api/sessions/s%2F1/turns/t2/steer");
        assert_eq!(Value::Object(found), json!({ "sessionId": "s%2F1", "turnId": "t2" }));
        let long = "x".repeat(AUDIT_ID_BYTES_MAX + 1);
        let found = targets("/api/tokens/{token_id}", &format!("/api/tokens/{long}"));
        assert_eq!(found["tokenId"].as_str().map(str::len), Some(AUDIT_ID_BYTES_MAX));
    }
}
