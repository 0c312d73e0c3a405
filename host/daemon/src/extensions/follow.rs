//! Following the shelf and what becomes ready: who comes, who goes, and which version runs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use codex_manager_extension::dispatch::News;
use codex_manager_extension::{Digest, ExtensionId, LockError};
use codex_manager_model::Seq;
use codex_manager_store::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;

use super::Shelf;
use super::shelf::Lineup;
use super::versions::Versions;
use crate::storage::Storage;

/// After how long a version that is ready tries again to take the place of its predecessor, where the disk refused.
const SUCCEED_AGAIN: Duration = Duration::from_secs(1);

/// What keeps up with the shelf.
pub(super) struct Follow {
    shelf: Shelf,
    changed: watch::Receiver<u64>,
    /// Grows when a version has become ready.
    readied: watch::Receiver<u64>,
    versions: Arc<Versions>,
    storage: Storage,
    /// Up to which change dispatch knows what runs.
    followed: u64,
    /// Whether something that is ready could not take the place of its predecessor, and is to be tried again.
    owed: bool,
    /// Those whose place in the log is written: dispatch may know them.
    placed: BTreeSet<ExtensionId>,
    /// Those whose marks are still to be forgotten.
    leaving: BTreeSet<ExtensionId>,
}

impl Follow {
    /// `opened` is what dispatch begins with, and `changed` has not seen more than that.
    pub(super) fn new(
        shelf: Shelf,
        changed: watch::Receiver<u64>,
        opened: &Lineup,
        versions: Arc<Versions>,
        storage: Storage,
    ) -> Self {
        let (followed, placed, mut readied) = (opened.changes, opened.ids(), versions.changed());
        // What became ready before this was here.
        readied.mark_changed();
        Self { shelf, changed, readied, versions, storage, followed, owed: false, placed, leaving: BTreeSet::new() }
    }

    /// Tells dispatch of every change, until nobody listens or the store is closed.
    pub(super) async fn run(mut self, listener: mpsc::Sender<News>) {
        self.shelf.follow(self.followed);
        loop {
            let owed = self.owed;
            let news = tokio::select! {
                news = self.news() => news,
                () = tokio::time::sleep(SUCCEED_AGAIN), if owed => Some(()),
            };
            if news.is_none() || self.turn(&listener).await.is_none() {
                return;
            }
        }
    }

    /// Who goes, goes at once, whether or not the store has room, and is forgotten then, so that the log does not wait
    /// for it. Who comes starts at the head of the log; dispatch hears of it only when that is written, so that it does
    /// so still when the host ends in the next moment. `None` when this is to end.
    async fn turn(&mut self, listener: &mpsc::Sender<News>) -> Option<()> {
        loop {
            self.changed.borrow_and_update();
            self.readied.borrow_and_update();
            let lineup = self.lineup().await?;
            self.versions.prepare(&lineup);
            let ids = lineup.ids();
            self.leaving.extend(self.placed.difference(&ids).cloned());
            self.placed.retain(|id| ids.contains(id));
            let fresh: BTreeSet<_> = ids.difference(&self.placed).cloned().collect();
            self.tell(&lineup.without(&fresh), [], listener).await?;
            if fresh.is_empty() {
                self.shelf.follow(lineup.changes);
            }
            if fresh.is_empty() && self.leaving.is_empty() {
                return Some(());
            }
            let head = tokio::select! {
                written = write(self.storage.clone(), self.leaving.clone(), fresh.clone()) => written?,
                news = self.news() => {
                    news?;
                    // Nobody knows whether their places were written, so they begin anew.
                    self.leaving.extend(fresh);
                    continue;
                }
            };
            self.leaving.clear();
            if !fresh.is_empty() {
                self.placed.extend(fresh.clone());
                self.tell(&lineup, fresh.into_iter().map(|extension| (extension, head)), listener).await?;
                self.shelf.follow(lineup.changes);
            }
            return Some(());
        }
    }

    /// Waits until what is approved has changed, or something has become ready. `None` when neither can happen any more.
    async fn news(&mut self) -> Option<()> {
        let news = tokio::select! {
            changed = self.changed.changed() => changed,
            readied = self.readied.changed() => readied,
        };
        news.ok()
    }

    /// What is approved, after what is ready has taken the place of its predecessor. Where the disk does not let that be
    /// written the predecessor runs on.
    async fn lineup(&mut self) -> Option<Lineup> {
        self.owed = false;
        let lineup = self.look().await?;
        let successors = self.versions.successors(&lineup);
        if successors.is_empty() {
            return Some(lineup);
        }
        for (extension, digest) in successors {
            if let Err(error) = self.succeed(extension.clone(), digest).await? {
                self.owed = true;
                tracing::warn!(%error, %extension, %digest, "it is ready, and its predecessor runs on");
            }
        }
        self.look().await
    }

    async fn look(&self) -> Option<Lineup> {
        let shelf = self.shelf.clone();
        spawn_blocking(move || shelf.lineup()).await.ok()
    }

    async fn succeed(&self, extension: ExtensionId, ready: Digest) -> Option<Result<bool, LockError>> {
        let shelf = self.shelf.clone();
        let succeeded = spawn_blocking(move || shelf.succeed(&extension, ready)).await.ok();
        tracing::trace!(target: "codex_manager::arrow", at = "version_succeeded", digest = %ready);
        succeeded
    }

    /// From now on these run, and dispatch has heard of it, and of where those begin that are new.
    async fn tell(
        &self,
        lineup: &Lineup,
        places: impl IntoIterator<Item = (ExtensionId, Seq)>,
        listener: &mpsc::Sender<News>,
    ) -> Option<()> {
        self.versions.run(lineup);
        let serving = self.versions.serving(lineup);
        let roster = lineup.roster(&serving).beginning_after(places);
        listener.send(News::Replaced(Box::new(roster))).await.ok()?;
        // When all the room is ours, nothing waits to be taken any more.
        drop(listener.reserve_many(listener.max_capacity()).await.ok()?);
        self.versions.called(&serving);
        Some(())
    }
}

/// The head of the log, after which the fresh ones begin.
async fn write(storage: Storage, leaving: BTreeSet<ExtensionId>, fresh: BTreeSet<ExtensionId>) -> Option<Seq> {
    let written = storage.insist(move |tx| {
        leaving.iter().try_for_each(|extension| tx.forget_marks(extension.as_str()))?;
        let head = tx.event_bounds()?.head;
        fresh.iter().try_for_each(|extension| tx.set_marks_low(extension.as_str(), head))?;
        Ok(head)
    });
    match written.await {
        Ok(head) => Some(head),
        Err(Error::Closed) => None,
        Err(error) => {
            tracing::error!(%error, "where the extensions begin was not written");
            None
        }
    }
}
