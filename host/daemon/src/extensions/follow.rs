//! Following the shelf: who comes, who goes, and which version runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use codex_manager_extension::ExtensionId;
use codex_manager_extension::dispatch::News;
use codex_manager_model::Seq;
use codex_manager_store::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;

use super::Shelf;
use super::shelf::Lineup;
use super::versions::Versions;
use crate::storage::Storage;

/// What keeps up with the shelf.
pub(super) struct Follow {
    shelf: Shelf,
    changed: watch::Receiver<u64>,
    versions: Arc<Versions>,
    storage: Storage,
    /// Up to which change dispatch knows what runs.
    followed: u64,
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
        let (followed, placed) = (opened.changes, opened.ids());
        Self { shelf, changed, versions, storage, followed, placed, leaving: BTreeSet::new() }
    }

    /// Tells dispatch of every change, until nobody listens or the store is closed.
    pub(super) async fn run(mut self, listener: mpsc::Sender<News>) {
        self.shelf.follow(self.followed);
        while self.changed.changed().await.is_ok() {
            if self.turn(&listener).await.is_none() {
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
            let shelf = self.shelf.clone();
            let lineup = spawn_blocking(move || shelf.lineup()).await.ok()?;
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
                changed = self.changed.changed() => {
                    changed.ok()?;
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

    /// From now on these run, and dispatch has heard of it, and of where those begin that are new.
    async fn tell(
        &self,
        lineup: &Lineup,
        places: impl IntoIterator<Item = (ExtensionId, Seq)>,
        listener: &mpsc::Sender<News>,
    ) -> Option<()> {
        self.versions.run(lineup);
        let roster = lineup.roster().beginning_after(places);
        listener.send(News::Replaced(Box::new(roster))).await.ok()?;
        // When all the room is ours, nothing waits to be taken any more.
        drop(listener.reserve_many(listener.max_capacity()).await.ok()?);
        self.versions.let_go();
        tokio::spawn(Arc::clone(&self.versions).warm());
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
