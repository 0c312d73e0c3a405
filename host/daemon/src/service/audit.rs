//! Who had what done: written before the answer, kept as long as there is room, read by administrators.

use codex_manager_model::{Act, Actor, Clock, Role};
use codex_manager_store::{Store, Tx};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Error;

/// The audit.
#[derive(Clone)]
pub(crate) struct Audit {
    store: Store,
    clock: Clock,
}

/// What is written of a request, but for the time.
#[derive(Debug)]
pub(crate) struct Acted {
    pub(crate) actor: Actor,
    pub(crate) role: Role,
    pub(crate) method: String,
    pub(crate) route: String,
    pub(crate) targets: Map<String, Value>,
    pub(crate) status: Option<u16>,
    pub(crate) request_id: String,
}

/// One request that acted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownAct {
    /// Its number, which grows.
    number: u64,
    /// When it was answered.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who made it, such as `token:tok_…`.
    #[schema(value_type = String)]
    actor: Actor,
    /// As what.
    role: Role,
    /// The method.
    method: String,
    /// The path, with `{names}` for its parameters.
    route: String,
    /// What was in the place of these names.
    targets: Map<String, Value>,
    /// The status of the answer; null when the client did not wait for it.
    status: Option<u16>,
    /// The id of the request.
    request_id: String,
}

/// Some of them, the newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditPage {
    /// The acts.
    data: Vec<ShownAct>,
    /// What to ask for as `before` to get the next page; null when there is none.
    next_before: Option<u64>,
}

impl Audit {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Writes it down, durably. What cannot be written is told to the log instead: it has happened.
    pub(crate) async fn record(&self, acted: Acted) {
        let Acted { actor, role, method, route, targets, status, request_id } = acted;
        let act = Act { at: self.clock.now(), actor, role, method, route, targets, status, request_id };
        let written = act.clone();
        if let Err(error) = self.store.write(move |tx: &Tx<'_>| tx.put_act(&written)).await {
            tracing::error!(%error, ?act, "an act could not be written to the audit");
        }
    }

    /// The acts before a number, or the newest.
    pub(crate) async fn list(&self, before: Option<u64>, limit: u32) -> Result<AuditPage, Error> {
        let acts = self.store.read(move |view| view.acts(before, limit.saturating_add(1))).await?;
        let more = acts.len() > limit as usize;
        let data: Vec<ShownAct> = acts.into_iter().take(limit as usize).map(shown).collect();
        let next_before = data.last().filter(|_| more).map(|act| act.number);
        Ok(AuditPage { data, next_before })
    }
}

fn shown((number, act): (u64, Act)) -> ShownAct {
    let Act { at, actor, role, method, route, targets, status, request_id } = act;
    ShownAct { number, at, actor, role, method, route, targets, status, request_id }
}
