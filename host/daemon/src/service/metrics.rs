//! Metrics: figures of this process and of what it keeps, for programs that draw curves.
//!
//! Requests are counted as they are answered; everything else is looked up when somebody asks. No figure has a label of
//! which there may be many: routes are told by their pattern, and nothing by an id.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use codex_manager_app_server::AppServer;
use codex_manager_store::{Error as StoreError, EventBounds};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use serde::Serialize;

use super::error::Error;
use super::health;
use crate::extensions::Status;
use crate::storage::Storage;
use crate::stream::Stream;

/// How each name begins.
const PREFIX: &str = "codex_manager";
/// The bounds of the buckets of a request's time, in seconds. What waits for Codex takes seconds, what does not less than
/// a thousandth.
const BUCKETS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0, 120.0];

/// The figures. Clones are the same.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Shared>);

struct Shared {
    counted: Registry,
    requests: Family<Answered, Counter>,
    durations: Family<Measured, Histogram, fn() -> Histogram>,
    child: AppServer,
    storage: Storage,
    stream: Stream,
    extensions: Status,
}

/// What was asked: a route's pattern and a method that it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Measured {
    pub(crate) method: &'static str,
    pub(crate) route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: &'static str,
    status: u16,
}

/// One word that tells a figure from its siblings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: String,
}

impl Metrics {
    pub(crate) fn new(child: AppServer, storage: Storage, stream: Stream, extensions: Status) -> Self {
        let requests = Family::<Answered, Counter>::default();
        let durations: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let mut counted = Registry::with_prefix(PREFIX);
        counted.register("requests", "Requests answered", requests.clone());
        counted.register(
            "request_duration_seconds",
            "How long it took to answer, up to the head of the answer",
            durations.clone(),
        );
        Self(Arc::new(Shared { counted, requests, durations, child, storage, stream, extensions }))
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, measured: Measured, status: u16, took: Duration) {
        let Measured { method, route } = measured;
        self.0.requests.get_or_create(&Answered { method, route, status }).inc();
        self.0.durations.get_or_create(&measured).observe(took.as_secs_f64());
    }

    /// All figures, in the text format of OpenMetrics.
    pub(crate) async fn text(&self) -> Result<String, Error> {
        type Outbox = Vec<(codex_manager_model::OperationState, u64)>;
        let kept: Result<(EventBounds, Outbox), StoreError> =
            self.0.storage.store().read(|view| Ok((view.event_bounds()?, view.operations_by_state()?))).await;
        let (log, outbox) = kept?;
        let mut looked = Registry::with_prefix(PREFIX);
        self.of_store(&mut looked, &log);
        self.of_codex(&mut looked);
        self.of_extensions(&mut looked);
        let states = outbox.into_iter().map(|(state, operations)| (word(&state), operations));
        looked.register("outbox_operations", "Operations in the outbox", by_state(states));
        of_process(&mut looked);
        let mut text = String::new();
        let written = encode_registry(&mut text, &self.0.counted)
            .and_then(|()| encode_registry(&mut text, &looked))
            .and_then(|()| encode_eof(&mut text));
        written.map_err(Error::internal)?;
        Ok(text)
    }

    fn of_store(&self, to: &mut Registry, log: &EventBounds) {
        let (stats, (readers, lag)) = (self.0.storage.store().stats(), self.0.stream.readers());
        gauge(to, "stream_readers", "Readers of the event stream", readers as u64);
        gauge(to, "stream_lag_events", "Events by which the slowest reader is behind", lag);
        gauge(to, "log_head", "The number of the last event", log.head.0);
        gauge(to, "log_bytes", "What the events take, as text", log.bytes);
        counter(to, "store_commits", "Transactions committed, each with one sync of the disk", stats.commits);
        counter(to, "store_operations", "Writes committed", stats.operations);
        counter(to, "store_events", "Events committed", stats.events);
        gauge(to, "store_queue_depth", "Writes that wait for the writer", stats.queue_depth as u64);
        gauge(to, "store_refuses", "Whether the disk refused the last transaction", stats.refuses.into());
    }

    fn of_codex(&self, to: &mut Registry) {
        let state = self.0.child.state().borrow().clone();
        let word = health::word(&state);
        to.register("codex_state", "1 for the state that the app-server is in", by_state([(word.to_owned(), 1)]));
        counter(to, "codex_restarts", "How often the app-server was started after the first time", state.restarts);
    }

    fn of_extensions(&self, to: &mut Registry) {
        let status = &self.0.extensions;
        let overview = status.overview();
        let states = overview.states.iter().map(|(state, count)| (state.to_string(), *count as u64));
        to.register("extensions", "Approved extensions, by how far they have come", by_state(states));
        let missing =
            "Extensions that may decide and of which nothing runs: only a person accepts what they would decide";
        gauge(to, "extensions_missing", missing, overview.missing.len() as u64);
        let calls = Family::<State, Counter>::default();
        for (outcome, count) in status.tally().counts() {
            calls.get_or_create(&State { state: word(&outcome) }).inc_by(count);
        }
        to.register("extension_invocations", "Calls of extensions, by what became of them", calls);
    }
}

/// What the system says of this process. Where it says nothing, there is no figure.
fn of_process(to: &mut Registry) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    if let Some(kibibytes) = resident.map(|kibibytes: u64| kibibytes * 1024) {
        gauge(to, "process_resident_memory_bytes", "Resident memory", kibibytes);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        gauge(to, "process_open_fds", "Open file descriptors", open.count() as u64);
    }
}

fn gauge(to: &mut Registry, name: &str, help: &str, value: u64) {
    to.register(name, help, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)));
}

fn counter(to: &mut Registry, name: &str, help: &str, value: u64) {
    to.register(name, help, ConstCounter::new(value));
}

fn by_state(counts: impl IntoIterator<Item = (String, u64)>) -> Family<State, Gauge> {
    let family = Family::<State, Gauge>::default();
    for (state, count) in counts {
        family.get_or_create(&State { state }).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    family
}

/// The word that the API has for it.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
