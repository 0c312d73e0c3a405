//! Intake: what the child says, made state and events.
//!
//! Every signal becomes either one row of the log, committed together with the state change it tells of, or an ephemeral
//! event, published only after the rows before it are committed. When the store does not take a row, intake stops
//! reading: the child's pipe fills and holds the child back.

mod apply;
mod asked;
mod change;
mod changes;
mod child;
#[cfg(test)]
pub(crate) mod fixture;
mod gone;
mod items;
mod left_out;
mod passing;
mod recovery;
mod request;
mod signal;
mod synthesized;
mod threads;
mod translate;

use std::sync::Arc;

use codex_manager_app_server::{Signal, Signals};
use codex_manager_model::{Clock, limits};
use codex_manager_store::{Ephemeral, Error};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::deletion::Deletions;
use crate::outbox::Outbox;
use crate::reconcile::Heard;
use crate::storage::Storage;
use change::{Change, Step};
use passing::{Cards, Passing};
use translate::Translator;

pub(crate) use left_out::is_nested_within;
pub(crate) use recovery::recover;

/// How many signals share one transaction at most.
const BATCH_MAX: usize = 256;

/// Takes in what the child says, until told to stop.
pub(crate) struct Intake {
    storage: Storage,
    ephemeral: Ephemeral,
    outbox: Outbox,
    deletions: Deletions,
    heard: Heard,
    clock: Clock,
    translator: Translator,
    cards: Cards,
}

impl Intake {
    pub(crate) fn new(
        storage: Storage,
        ephemeral: Ephemeral,
        outbox: Outbox,
        deletions: Deletions,
        heard: Heard,
        clock: Clock,
    ) -> Self {
        let (translator, cards) = (Translator::default(), Cards::default());
        Self { storage, ephemeral, outbox, deletions, heard, clock, translator, cards }
    }

    /// Runs until the child's supervisor is done or `stop` is called, and flushes what was still streaming.
    pub(crate) async fn run(mut self, mut signals: Signals, stop: CancellationToken) {
        let every = limits::ITEM_FLUSH_INTERVAL;
        let mut flush = interval_at(Instant::now() + every, every);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let steps = tokio::select! {
                // The flush is due now and then only; the last words of a child that was stopped come before the stop.
                biased;
                _ = flush.tick() => self.translator.flush(self.clock.now()),
                signal = signals.recv() => match signal {
                    Some(first) => self.translate(first, &mut signals),
                    None => break,
                },
                () = stop.cancelled() => break,
            };
            if let Err(error) = self.commit(steps).await {
                tracing::warn!(%error, "intake stops");
                return;
            }
        }
        let last = self.translator.flush(self.clock.now());
        if let Err(error) = self.commit(last).await {
            tracing::warn!(%error, "what was streaming was not flushed");
        }
    }

    /// Translates one signal and those that wait behind it.
    fn translate(&mut self, first: Signal, signals: &mut Signals) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(signal) = next.take() {
            self.translator.take(signal, &mut steps);
            taken += 1;
            if taken < BATCH_MAX {
                next = signals.try_recv();
            }
        }
        steps
    }

    /// Commits the steps in runs: durable ones in one transaction, then the ephemeral ones behind them. So whoever sees
    /// a row has been given every ephemeral event that came before it.
    async fn commit(&mut self, steps: Vec<Step>) -> Result<(), Error> {
        let mut rows = Vec::new();
        let mut behind = Vec::new();
        for step in steps {
            match step {
                Step::Durable(change) => {
                    if !behind.is_empty() {
                        self.commit_run(std::mem::take(&mut rows), std::mem::take(&mut behind)).await?;
                    }
                    rows.push(*change);
                }
                Step::Passing(passing) => behind.push(*passing),
            }
        }
        self.commit_run(rows, behind).await
    }

    async fn commit_run(&mut self, rows: Vec<Change>, behind: Vec<Passing>) -> Result<(), Error> {
        if !rows.is_empty() {
            // Some are answered on the spot.
            let requests = rows.iter().any(|change| matches!(change, Change::Asked(..) | Change::Refused(_)));
            // They are large, and tried again while there is no room.
            let rows = Arc::new(rows);
            let applied = self
                .storage
                .insist(move |tx| rows.iter().map(|change| apply::apply(tx, change)).collect::<Result<Vec<_>, _>>())
                .await?;
            applied.iter().filter_map(|one| one.unknown.clone()).for_each(|thread| self.heard.of(thread));
            let (cards, erased): (Vec<_>, Vec<_>) = applied.into_iter().map(|one| (one.card, one.erased)).unzip();
            cards.into_iter().flatten().for_each(|card| self.cards.learn(card.session.clone(), Some(card)));
            self.deletions.follow(erased.into_iter().flatten().collect());
            if requests {
                self.outbox.wake();
            }
        }
        match self.cards.meet(self.storage.store(), &behind).await {
            Ok(()) => {}
            Err(Error::Closed) => return Err(Error::Closed),
            Err(error) => {
                // Whom they concern is not known, so they are for nobody. What they are pieces of comes as a row.
                tracing::error!(%error, lost = behind.len(), "passing events cannot be told");
                return Ok(());
            }
        }
        let after = *self.storage.store().head().borrow();
        for passing in behind {
            self.ephemeral.publish(self.cards.event(passing, after));
        }
        Ok(())
    }
}
