//! The greenhouse: what it does for its extensions, and what they may hear and ask for.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::sync::{Mutex, MutexGuard, PoisonError};

use codex_manager_extension::dispatch::{
    Answered, Committed, Group, Host, Occurrence, Page, Quarantine, Read, Run, Settle, Settled,
};
use codex_manager_extension::{
    ActionKind, ClaimRule, Digest, EventKind, ExtensionId, Linked, LogLine, Record, Registry, capability,
};
use codex_manager_model::Seq;
use jiff::Timestamp;

use crate::forecast::Forecast;

/// A greenhouse with its extensions. What happens is kept in memory, and told as a story.
pub struct Greenhouse {
    linked: BTreeMap<Digest, Linked>,
    /// What was measured, in order.
    log: Mutex<Vec<Occurrence>>,
    story: Mutex<Vec<String>>,
}

/// What there is to hear, to ask for and to call in a greenhouse. It rains in the south.
pub fn registry() -> Registry {
    let window = |sentence: &str| ActionKind {
        sentence: sentence.to_owned(),
        // Of two extensions that both want to move a window, one has its way.
        claim: Some(ClaimRule::new("window", "/window")),
        verdict: None,
    };
    Registry::new()
        .event("air.measured", EventKind::default())
        .action("window.open", window("open a window"))
        .action("window.close", window("close a window"))
        .capability(capability::log::Log)
        .capability(Forecast::new(BTreeMap::from([("south".to_owned(), 1)])))
}

impl Greenhouse {
    /// A greenhouse with these extensions, by what was approved.
    pub fn new(linked: BTreeMap<Digest, Linked>) -> Self {
        Self { linked, log: Mutex::default(), story: Mutex::default() }
    }

    /// Keeps what was measured, before extensions are told of it: one that falls behind reads it here.
    pub fn keep(&self, measured: Occurrence) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(measured);
    }

    /// What has happened.
    pub fn story(&self) -> MutexGuard<'_, Vec<String>> {
        self.story.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, seq: Seq, group: &Group) {
        for action in &group.actions {
            self.story().push(format!("  {seq}: {} {}", action.kind, action.payload));
        }
    }
}

impl Host for Greenhouse {
    type Remains = Vec<LogLine>;

    fn call(&self, run: Run) -> impl Future<Output = (Answered, Self::Remains)> + Send + 'static {
        let linked = self.linked[&run.digest].clone();
        async move {
            let record = Record { id: run.seat.seq.to_string(), at: Timestamp::now(), seed: rand::random() };
            let wall = run.wall.unwrap_or(linked.limits().wall);
            let invoked = linked.on_event_within(wall, &run.occurrence.event, &record).await;
            (invoked.outcome.into(), invoked.log)
        }
    }

    fn commit(
        &self,
        settle: Settle,
        remains: Option<Self::Remains>,
    ) -> impl Future<Output = Committed> + Send + 'static {
        let seq = settle.seat.seq;
        for line in remains.into_iter().flatten() {
            self.story().push(format!("  {seq}: {} says: {}", settle.seat.rank.extension, line.message));
        }
        match &settle.settled {
            Settled::Apply(group) => self.apply(seq, group),
            Settled::Abstained => self.story().push(format!("  {seq}: nothing is to be done")),
            other => self.story().push(format!("  {seq}: {other:?}")),
        }
        ready(Committed::Applied)
    }

    fn quarantine(&self, quarantine: Quarantine) -> impl Future<Output = bool> + Send + 'static {
        let Quarantine { extension, reason, .. } = quarantine;
        self.story().push(format!("  {extension} is in quarantine: {reason}"));
        ready(true)
    }

    fn read(&self, read: Read) -> impl Future<Output = Page> + Send + 'static {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let later = log.iter().filter(|measured| measured.event.header.seq > read.after.0);
        let events: Vec<_> = later.take(16).cloned().collect();
        let end = events.last().map_or(read.after, |last| Seq(last.event.header.seq));
        ready(Page { events, end })
    }

    fn advance(&self, _: BTreeMap<ExtensionId, Seq>) -> impl Future<Output = ()> + Send + 'static {
        // Nothing is kept here, so there is nothing to go on from.
        ready(())
    }
}
