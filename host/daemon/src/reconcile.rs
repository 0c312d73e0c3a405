//! Keeping our records in line with threads that change behind our back: while we were down, in another program, at a
//! terminal.
//!
//! Once for each child that is ready its lists are paged through, and each page is taken in as one transaction (see
//! [`adopt`]). A thread that it speaks of later, and that nobody here knows, is read by itself. Nothing waits for that:
//! lists are answered from what is known. A session is never dropped because its thread is gone; it is shown as missing
//! it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use codex_manager_app_server::{AppServer, CallError};
use codex_manager_model::{Clock, Generation, SessionId};
use codex_manager_store::{Error, SessionQuery, Store, Tx};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::service::sessions::adopt::{adopt, miss};
use crate::service::{is_unwritten, taken};

/// How many threads a page of the child holds, and how many pages of each list are taken in at once.
const PAGE: u32 = 100;
const PAGES_MAX: usize = 200;
/// How many of our sessions are read at once, and how many that no list told of are asked for in one go.
const SESSIONS_PAGE: u32 = 200;
const ASKED_MAX: usize = 200;
/// How many threads may be heard of before they are looked up.
const HEARD_MAX: usize = 1000;
/// How long to wait after a thread was heard of that nobody knows: more of them may come, or one of ours be answered.
const PAUSE: Duration = Duration::from_secs(1);

/// Threads that were heard of and are not known. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<(Mutex<HashSet<SessionId>>, Notify)>);

impl Heard {
    /// A thread was heard of. A child that speaks of too many at once is not heard to the end; its next one is.
    pub(crate) fn of(&self, thread: SessionId) {
        let mut threads = self.lock();
        if threads.len() < HEARD_MAX {
            threads.insert(thread);
        }
        self.0.1.notify_one();
    }

    fn take(&self) -> HashSet<SessionId> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<SessionId>> {
        // Entries come and go as a whole.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes in what others did to threads.
pub(crate) struct Reconcile {
    store: Store,
    child: AppServer,
    clock: Clock,
    heard: Heard,
}

/// Why a look was not carried to its end; another comes with the next child.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    #[error("the child does not tell")]
    Child(#[from] CallError),
    #[error("the store does not take it")]
    Store(#[from] Error),
}

/// How far a look has come.
struct Seen {
    /// The threads that the lists tell of.
    threads: HashSet<SessionId>,
    /// The lists were read to their ends, so whatever they do not tell of is in neither.
    whole: bool,
}

impl Reconcile {
    pub(crate) fn new(store: Store, child: AppServer, clock: Clock, heard: Heard) -> Self {
        Self { store, child, clock, heard }
    }

    /// Looks whenever there is a reason to, until told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.look_again_and_again()).await;
    }

    async fn look_again_and_again(&self) {
        let mut child = self.child.state();
        let mut seen: Option<Generation> = None;
        loop {
            let state = child.borrow_and_update().clone();
            let looked = if state.is_ready() && state.generation != seen {
                seen = state.generation;
                self.look().await
            } else {
                self.look_up().await
            };
            if let Err(error) = looked {
                tracing::warn!(error = &error as &dyn std::error::Error, "threads of others were not all taken in");
            }
            tokio::select! {
                () = self.heard.0.1.notified() => tokio::time::sleep(PAUSE).await,
                changed = child.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Reads the threads that were heard of and that are not known by now.
    async fn look_up(&self) -> Result<(), Unfinished> {
        for id in self.heard.take() {
            let wanted = id.clone();
            let known = self.store.read::<_, Error, _>(move |view| {
                Ok(view.session(&wanted)?.is_some() || view.tombstone(&wanted)?.is_some())
            });
            if known.await? {
                continue;
            }
            let params = json!({ "threadId": id, "includeTurns": false });
            match self.child.call("thread/read", params).await {
                Ok(mut answer) => self.take_in(vec![taken(&mut answer, "thread")], None).await?,
                // It is of those that leave nothing behind.
                Err(CallError::Rejected { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Takes in some threads; those that are left for later are heard of again.
    async fn take_in(&self, threads: Vec<Value>, archived: Option<bool>) -> Result<(), Error> {
        let now = self.clock.now();
        let take_in = move |tx: &Tx<'_>| {
            let mut later = Vec::new();
            for thread in &threads {
                if !adopt(tx, thread, archived, now)? {
                    later.extend(thread["id"].as_str().map(SessionId::new));
                }
            }
            Ok::<_, Error>(later)
        };
        self.store.write(take_in).await?.into_iter().for_each(|thread| self.heard.of(thread));
        Ok(())
    }

    async fn look(&self) -> Result<(), Unfinished> {
        let mut seen = Seen { threads: HashSet::new(), whole: true };
        for archived in [false, true] {
            self.take_in_list(archived, &mut seen).await?;
        }
        if seen.whole { self.ask_for_missing(&seen.threads).await } else { Ok(()) }
    }

    /// Takes in one list, page by page.
    async fn take_in_list(&self, archived: bool, seen: &mut Seen) -> Result<(), Unfinished> {
        let mut cursor = Value::Null;
        for _ in 0..PAGES_MAX {
            let params = json!({ "archived": archived, "limit": PAGE, "cursor": cursor });
            let mut page = self.child.call("thread/list", params).await?;
            cursor = taken(&mut page, "nextCursor");
            let Value::Array(threads) = taken(&mut page, "data") else { break };
            seen.threads.extend(threads.iter().filter_map(|thread| thread["id"].as_str()).map(SessionId::new));
            self.take_in(threads, Some(archived)).await?;
            if cursor.is_null() {
                return Ok(());
            }
        }
        seen.whole = false;
        Ok(())
    }

    /// The lists do not tell of every thread there is, so the child is asked for those of our sessions that had a turn
    /// and are in neither.
    async fn ask_for_missing(&self, listed: &HashSet<SessionId>) -> Result<(), Unfinished> {
        for id in self.unlisted(listed).await? {
            let params = json!({ "threadId": id, "includeTurns": false });
            let missing = match self.child.call("thread/read", params).await {
                Ok(_) => false,
                Err(error) if is_unwritten(&error) => true,
                Err(CallError::Rejected { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let now = self.clock.now();
            self.store.write(move |tx| miss(tx, &id, missing, now)).await?;
        }
        Ok(())
    }

    async fn unlisted(&self, listed: &HashSet<SessionId>) -> Result<Vec<SessionId>, Error> {
        let mut unlisted = Vec::new();
        for archived in [false, true] {
            let mut after = None;
            loop {
                let wanted = SessionQuery { archived, workers: true, limit: SESSIONS_PAGE, after };
                let page = self.store.read::<_, Error, _>(move |view| view.sessions(&wanted)).await?;
                let Some(last) = page.last() else { break };
                after = Some((last.updated_at, last.id.clone()));
                let gone = page.into_iter().filter(|session| session.materialized && !listed.contains(&session.id));
                unlisted.extend(gone.map(|session| session.id));
                if unlisted.len() >= ASKED_MAX {
                    unlisted.truncate(ASKED_MAX);
                    return Ok(unlisted);
                }
            }
        }
        Ok(unlisted)
    }
}
