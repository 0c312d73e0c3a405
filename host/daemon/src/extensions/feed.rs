//! From the log to dispatch: one reader tells all extensions of every event in its order, the other passes it and looks
//! for approvals alone. Neither waits for an extension: for one that has fallen behind the log is read page by page, from
//! its own mark.

use std::sync::Arc;
use std::time::Duration;

use codex_manager_extension::dispatch::{self, News, Occurrence, Read};
use codex_manager_extension::{Event as Told, ExtensionId, Header};
use codex_manager_model::limits::EXTENSION_EVENTS_PAGE_MAX;
use codex_manager_model::{Actor, Clock, Event, InteractionId, InteractionState, NewEvent, Seq};
use codex_manager_store::{Error, Store, Tx, View};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::begun::Begun;
use super::registry::{APPROVAL_RESOLVED, asked, claim, interactions, is_decided_by_extensions};
use crate::storage::Storage;

/// How long to wait after the log could not be read.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// The log, as dispatch is told of it.
#[derive(Clone)]
pub(super) struct Feed {
    storage: Storage,
    store: Store,
    begun: Arc<Begun>,
    clock: Clock,
}

/// What one look at the log gave, and where the next one begins.
struct Page {
    /// Each with whether what it asks is pending.
    events: Vec<(Event, bool)>,
    end: Seq,
}

impl Page {
    /// Up to where retention has taken what follows this event, if it has. The log has no holes, so what does not follow
    /// was taken, up to the page's end if there is nothing.
    fn taken_up_to(&self, after: Seq) -> Option<Seq> {
        let first = self.events.first().map_or(self.end.next(), |(first, _)| first.seq);
        (first > after.next()).then(|| Seq(first.0 - 1))
    }
}

impl Feed {
    pub(super) fn new(storage: Storage, begun: Arc<Begun>, clock: Clock) -> Self {
        let store = storage.store().clone();
        Self { storage, store, begun, clock }
    }

    /// Tells of every event after this one, until nobody listens or the store is closed.
    pub(super) async fn in_order(self, mut after: Seq, listener: mpsc::Sender<Occurrence>) {
        let mut head = self.store.head();
        while let Some(page) = self.next(&mut head, after, move |view| in_order(view, after)).await {
            if let Some(to) = page.taken_up_to(after) {
                self.tell_missed(None, after, to).await;
            }
            after = page.end;
            for (event, pending) in page.events {
                if let Some(occurrence) = self.occurrence(event, pending)
                    && listener.send(occurrence).await.is_err()
                {
                    return;
                }
            }
        }
    }

    /// Reads what follows for one that has fallen behind.
    pub(super) async fn page(self, read: Read) -> dispatch::Page {
        let (mut head, after) = (self.store.head(), read.after);
        let Some(page) = self.next(&mut head, after, move |view| in_order(view, after)).await else {
            // The store is closed, and nobody is told of anything any more.
            return std::future::pending().await;
        };
        if let Some(to) = page.taken_up_to(after) {
            self.tell_missed(Some(read.extension.clone()), after, to).await;
        }
        let events = page.events.into_iter().filter_map(|(event, pending)| self.occurrence(event, pending));
        dispatch::Page { events: events.collect(), end: page.end }
    }

    /// Tells people that retention has taken events, after this one and up to that, before this extension was told of
    /// them; or all those that stand there.
    async fn tell_missed(&self, only: Option<ExtensionId>, after: Seq, to: Seq) {
        tracing::warn!(%after, %to, "retention has taken events that extensions were to be told of");
        let now = self.clock.now();
        if let Err(error) = self.storage.insist(move |tx| missed(tx, only.as_ref(), after, to, now)).await {
            tracing::warn!(%error, "which extensions have missed events was not told");
        }
    }

    /// Tells of the approvals after this event that are pending, and of those that are no longer.
    pub(super) async fn ahead(self, mut after: Seq, listener: mpsc::Sender<News>) {
        let kinds: Vec<_> = interactions().chain([APPROVAL_RESOLVED.to_owned()]).collect();
        let mut head = self.store.head();
        loop {
            let kinds = kinds.clone();
            let Some(page) = self.next(&mut head, after, move |view| ahead(view, after, &kinds)).await else { return };
            after = page.end;
            for (event, pending) in page.events {
                if let Some(news) = self.news(event, pending)
                    && listener.send(news).await.is_err()
                {
                    return;
                }
            }
        }
    }

    /// Looks, and looks again whenever the log has grown, until it gets further. `None` when the store is closed.
    async fn next<F>(&self, head: &mut watch::Receiver<Seq>, after: Seq, look: F) -> Option<Page>
    where
        F: FnOnce(&View<'_>) -> Result<Page, Error> + Clone + Send + 'static,
    {
        loop {
            head.borrow_and_update();
            match self.store.read(look.clone()).await {
                Ok(page) if page.end > after => return Some(page),
                Ok(_) => head.changed().await.ok()?,
                Err(Error::Closed) => return None,
                Err(error) => {
                    tracing::error!(%error, "extensions cannot be told of events; trying again");
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    fn news(&self, event: Event, pending: bool) -> Option<News> {
        if event.kind == APPROVAL_RESOLVED {
            return claim().of(event.payload.as_ref()?).map(News::Resolved);
        }
        let occurrence = self.occurrence(event, pending).filter(|_| pending)?;
        Some(News::Overtaking(Box::new(occurrence)))
    }

    /// The event as handlers are told it; `None` if what it said was deleted.
    fn occurrence(&self, event: Event, pending: bool) -> Option<Occurrence> {
        let payload = event.payload?;
        if asked(&payload).is_some() {
            tracing::trace!(target: "codex_manager::arrow", at = "event_committed", seq = event.seq.0);
        }
        let payload = payload.to_string();
        let header = Header {
            id: format!("{}-{}", self.store.epoch(), event.seq),
            seq: event.seq.0,
            kind: event.kind,
            session: event.session.map(|session| session.to_string()),
            turn: event.turn.map(|turn| turn.to_string()),
            at_ms: u64::try_from(event.at.as_millisecond()).unwrap_or(0),
            caused_by: event.caused_by.map(|cause| cause.0),
            hops: u32::from(event.hops),
        };
        let begun = self.begun.earlier(event.seq);
        Some(Occurrence { event: Told { header, payload }, by: event.actor.as_ref().and_then(author), pending, begun })
    }
}

fn in_order(view: &View<'_>, after: Seq) -> Result<Page, Error> {
    page(view, after, view.events(after, EXTENSION_EVENTS_PAGE_MAX)?)
}

fn ahead(view: &View<'_>, after: Seq, kinds: &[String]) -> Result<Page, Error> {
    page(view, after, view.events_of_kinds(after, kinds, EXTENSION_EVENTS_PAGE_MAX)?)
}

/// Writes who has missed what, and that it need not be told again. On the common way those that stand before that are
/// behind, and find out when they read on.
fn missed(tx: &Tx<'_>, only: Option<&ExtensionId>, after: Seq, to: Seq, now: Timestamp) -> Result<(), Error> {
    for extension in tx.marked()? {
        let Some(low) = tx.marks_low(&extension)? else { continue };
        if only.map_or(low < after, |only| only.as_str() != extension) {
            continue;
        }
        let from = low.max(after).next();
        // Pending interactions have overtaken what was taken.
        let ahead = tx.marks(&extension)?.into_iter().filter(|seq| (from..=to).contains(seq)).count() as u64;
        if from.0 + ahead <= to.0 {
            let payload = json!({ "extensionId": extension, "from": from, "to": to });
            tx.append_event(NewEvent::new("extension_missed", None, payload, now).by(Actor::Host))?;
        }
        // Unless something before it is under way.
        if low >= after {
            tx.set_marks_low(&extension, low.max(to))?;
        }
    }
    Ok(())
}

/// Joins events with whether what they ask is still pending, at the same moment.
fn page(view: &View<'_>, after: Seq, events: Vec<Event>) -> Result<Page, Error> {
    let is_full = events.len() >= EXTENSION_EVENTS_PAGE_MAX as usize;
    let end = match events.last() {
        Some(last) if is_full => last.seq,
        _ => view.event_bounds()?.head.max(after),
    };
    let with_pending = |event: Event| is_pending(view, &event).map(|pending| (event, pending));
    Ok(Page { events: events.into_iter().map(with_pending).collect::<Result<_, Error>>()?, end })
}

fn is_pending(view: &View<'_>, event: &Event) -> Result<bool, Error> {
    let Some(id) = event.payload.as_ref().and_then(asked) else { return Ok(false) };
    let approval = view.interaction(&InteractionId::new(id))?;
    Ok(approval.is_some_and(|approval| {
        approval.state == InteractionState::Pending && is_decided_by_extensions(&approval.method)
    }))
}

fn author(actor: &Actor) -> Option<ExtensionId> {
    match actor {
        Actor::Extension(id) => id.parse().ok(),
        _ => None,
    }
}
