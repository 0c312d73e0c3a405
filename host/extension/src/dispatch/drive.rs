//! Dispatch at work: calls the handlers, records what they come to, and wakes when a time is up.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use codex_manager_model::Seq;
use codex_manager_model::limits::EXTENSION_ADVANCE_INTERVAL;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};

use super::{Answered, Committed, Dispatch, Occurrence, Order, Page, Quarantine, Read, Roster, Run, Seat, Settle};
use crate::{Claim, Digest, ExtensionId};

/// What an embedder does for its extensions.
pub trait Host: Send + Sync + 'static {
    /// What a call leaves besides its actions: buffered writes, the journal, the log.
    type Remains: Send + 'static;

    /// Writes that this handler is about to be called, so that a crash of the host is laid at its door, and calls it
    /// with the limits of `run`. The mark need not outlive a loss of power.
    fn call(&self, run: Run) -> impl Future<Output = (Answered, Self::Remains)> + Send + 'static;

    /// Records the outcome with its mark, and applies its group and its buffered writes, in one transaction. Its place
    /// in the order is taken when this is called, not when the future is polled. `remains` is `None` for what was never
    /// called, or has not returned.
    fn commit(
        &self,
        settle: Settle,
        remains: Option<Self::Remains>,
    ) -> impl Future<Output = Committed> + Send + 'static;

    /// Makes a quarantine durable and visible, if that code is still approved and enabled. Whether the rosters that are
    /// read from now on know of it: if not, because it cannot be written, it holds for this run, until a roster comes
    /// without that code. Code that only serves until what was approved is ready is not called again in any case.
    fn quarantine(&self, quarantine: Quarantine) -> impl Future<Output = bool> + Send + 'static;

    /// Reads what follows in the log, for one extension that has fallen behind. It is there: it was told of, or is about
    /// to be.
    fn read(&self, read: Read) -> impl Future<Output = Page> + Send + 'static;

    /// Makes durable up to where each of these extensions is done with everything. They are those that have come
    /// further since the last time, and each one once when it begins; marks up to there, and events that nobody else
    /// needs, may go. It is called at most once a second, never before the last time is done, and once at the end.
    fn advance(&self, low: BTreeMap<ExtensionId, Seq>) -> impl Future<Output = ()> + Send + 'static;
}

/// Something that happened besides the next event of the log.
#[derive(Debug)]
pub enum News {
    /// A pending interaction, before its turn.
    Overtaking(Box<Occurrence>),
    /// A person has decided this, or it can no longer be decided. It may come before the event that asks.
    Resolved(Claim),
    /// The extensions, or their versions, have changed.
    Replaced(Box<Roster>),
}

/// A dispatch with a host.
pub struct Driver<H: Host> {
    dispatch: Dispatch,
    host: Arc<H>,
    tasks: JoinSet<Done<H::Remains>>,
    /// What the calls have left that are not settled yet.
    remains: HashMap<Seat, H::Remains>,
    /// Whose calls are under way, so that one in which the host itself fails is known.
    calls: HashMap<Id, Seat>,
    /// Code that has failed too often, as long as a roster may come that does not know of it.
    held: BTreeMap<ExtensionId, Held>,
    /// The last roster that came while there was some.
    roster: Option<Roster>,
    advance: Advance,
}

/// Code that is not to be called.
struct Held {
    failed: Digest,
    /// Whether the rosters know of it.
    durable: bool,
}

/// What the host knows of how far the extensions have come.
struct Advance {
    told: BTreeMap<ExtensionId, Seq>,
    /// When it is told again; `None` while nothing has happened since, or while it is being told.
    at: Option<Instant>,
    under_way: bool,
}

/// What a task has done.
enum Done<R> {
    Call(Answered, R),
    Commit(Seat, Committed),
    Quarantine(Quarantine, bool),
    Read(Read, Page),
    Advance,
}

impl Held {
    /// Whether it still matters with this roster. Code that was switched off or replaced meanwhile is not the code that
    /// comes next; and if the rosters know of it and say that it runs, somebody has enabled it again.
    fn holds(&mut self, extension: &ExtensionId, roster: &Roster) -> bool {
        let is_approved = roster.approved(extension) == Some(self.failed);
        let serves = roster.digest(extension) == Some(self.failed);
        // It is in quarantine there.
        self.durable |= is_approved && !roster.has(extension);
        if is_approved { !(serves && self.durable) } else { serves }
    }
}

impl<H: Host> Driver<H> {
    /// A driver that has not begun.
    pub fn new(dispatch: Dispatch, host: Arc<H>) -> Self {
        // What is new has its place in the log made durable at once.
        let advance = Advance { told: BTreeMap::new(), at: Some(now()), under_way: false };
        let (tasks, remains, calls) = (JoinSet::new(), HashMap::new(), HashMap::new());
        Self { dispatch, host, tasks, remains, calls, held: BTreeMap::new(), roster: None, advance }
    }

    /// Works until `events`, which come in the order of the log, end and everything under way is settled; then the
    /// dispatch is handed back. Neither events nor news ever wait for an extension: for one that has fallen behind the
    /// log is [read](Host::read) again.
    ///
    /// Dropping the future ends every call at once; what was not committed is told again in the next life.
    pub async fn run(mut self, mut events: mpsc::Receiver<Occurrence>, mut news: mpsc::Receiver<News>) -> Dispatch {
        let mut open = true;
        let orders = self.dispatch.tick(now());
        self.carry_out(orders);
        while open || !self.tasks.is_empty() || self.dispatch.wake_at().is_some() {
            let (wake, advance) = (self.dispatch.wake_at(), self.advance.at);
            let orders = tokio::select! {
                Some(done) = self.tasks.join_next_with_id() => self.done(done),
                Some(news) = news.recv() => self.take(news),
                event = events.recv(), if open => match event {
                    Some(occurrence) => self.dispatch.offer(occurrence, now()),
                    None => { open = false; Vec::new() }
                },
                () = until(wake), if wake.is_some() => self.dispatch.tick(now()),
                () = until(advance), if advance.is_some() => {
                    self.advance();
                    continue;
                }
            };
            self.carry_out(orders);
            if !self.advance.under_way {
                self.advance.at.get_or_insert_with(|| now() + EXTENSION_ADVANCE_INTERVAL);
            }
        }
        let low = self.moved();
        if !low.is_empty() {
            self.host.advance(low).await;
        }
        self.dispatch
    }

    /// Tells the host how far the extensions have come, if they have.
    fn advance(&mut self) {
        self.advance.at = None;
        let low = self.moved();
        if !low.is_empty() {
            self.advance.under_way = true;
            let advance = self.host.advance(low);
            self.tasks.spawn(async move {
                advance.await;
                Done::Advance
            });
        }
    }

    /// The marks that the host does not know; from now on it does.
    fn moved(&mut self) -> BTreeMap<ExtensionId, Seq> {
        let low: BTreeMap<_, _> = self.dispatch.lows().map(|(extension, low)| (extension.clone(), low)).collect();
        let told = std::mem::replace(&mut self.advance.told, low.clone());
        low.into_iter().filter(|(extension, low)| told.get(extension) != Some(low)).collect()
    }

    fn take(&mut self, news: News) -> Vec<Order> {
        match news {
            News::Overtaking(occurrence) => self.dispatch.overtake(*occurrence, now()),
            News::Resolved(claim) => self.dispatch.resolved(&claim, now()),
            News::Replaced(roster) => self.replace(*roster),
        }
    }

    /// Goes on with a roster, but for what is in quarantine and may not be in the roster's.
    fn replace(&mut self, mut roster: Roster) -> Vec<Order> {
        self.held.retain(|extension, held| held.holds(extension, &roster));
        self.roster = (!self.held.is_empty()).then(|| roster.clone());
        self.held.iter().for_each(|(extension, held)| roster.fail(extension, held.failed));
        let orders = self.dispatch.replace(roster, now());
        // One that comes back begins anew, wherever it stood.
        self.advance.told.retain(|extension, _| self.dispatch.low(extension).is_some());
        orders
    }

    /// Goes on with the last roster as it is, if one has come meanwhile: somebody may have enabled again what was in
    /// quarantine, and then nobody tells of it twice. If the roster was older than that, the next one is under way.
    fn release(&mut self, quarantine: &Quarantine) -> Vec<Order> {
        let held = self.held.get_mut(&quarantine.extension).filter(|held| held.failed == quarantine.digest);
        held.into_iter().for_each(|held| held.durable = true);
        self.roster.take().map_or_else(Vec::new, |roster| self.replace(roster))
    }

    fn done(&mut self, done: Result<(Id, Done<H::Remains>), JoinError>) -> Vec<Order> {
        match done {
            Ok((task, Done::Call(answered, remains))) => {
                let seat = self.calls.remove(&task).expect("it was noted when it was spawned");
                // One that comes too late is dropped as a whole, and one that is tried again has left nothing.
                if self.dispatch.expects(&seat) && !matches!(answered, Answered::Unavailable { .. }) {
                    self.remains.insert(seat.clone(), remains);
                }
                self.dispatch.answered(&seat, answered, now())
            }
            Ok((_, Done::Commit(seat, committed))) => self.dispatch.committed(&seat, committed, now()),
            Ok((_, Done::Quarantine(quarantine, true))) => self.release(&quarantine),
            Ok((_, Done::Quarantine(_, false))) => Vec::new(),
            Ok((_, Done::Read(read, page))) => self.dispatch.caught_up(&read, page, now()),
            Ok((_, Done::Advance)) => {
                self.advance.under_way = false;
                Vec::new()
            }
            Err(error) => match self.calls.remove(&error.id()) {
                Some(seat) => {
                    let sentence = format!("the host itself failed while it called {}", seat.rank.extension);
                    self.dispatch.answered(&seat, Answered::Unavailable { sentence }, now())
                }
                // What cannot be recorded must not go on.
                None => std::panic::resume_unwind(error.into_panic()),
            },
        }
    }

    fn carry_out(&mut self, orders: Vec<Order>) {
        for order in orders {
            match order {
                Order::Run(run) => {
                    let seat = run.seat.clone();
                    let call = self.host.call(run);
                    let task = self.tasks.spawn(async move {
                        let (answered, remains) = call.await;
                        Done::Call(answered, remains)
                    });
                    self.calls.insert(task.id(), seat);
                }
                Order::Settle(settle) => {
                    let seat = settle.seat.clone();
                    let commit = self.host.commit(settle, self.remains.remove(&seat));
                    self.tasks.spawn(async move { Done::Commit(seat, commit.await) });
                }
                Order::Quarantine(quarantine) => {
                    let extension = &quarantine.extension;
                    self.advance.told.remove(extension);
                    self.held.insert(extension.clone(), Held { failed: quarantine.digest, durable: false });
                    // What came before does not know of it.
                    self.roster.iter_mut().for_each(|roster| roster.fail(extension, quarantine.digest));
                    let durable = self.host.quarantine(quarantine.clone());
                    self.tasks.spawn(async move { Done::Quarantine(quarantine, durable.await) });
                }
                Order::Read(read) => {
                    let page = self.host.read(read.clone());
                    self.tasks.spawn(async move { Done::Read(read, page.await) });
                }
            }
        }
    }
}

/// The runtime's clock, so that a test that stops the time stops this one too.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

async fn until(wake: Option<Instant>) {
    if let Some(wake) = wake {
        tokio::time::sleep_until(wake.into()).await;
    }
}
