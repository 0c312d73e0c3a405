//! Intake: what the child says, made state and events.
//!
//! Every signal becomes either one row of the log, committed together with the state change it tells of, or an ephemeral
//! event, published only after the rows before it are committed. When the store does not take a row, intake stops
//! reading: the child's pipe fills and holds the child back.

mod apply;
mod change;
mod changes;
mod child;
mod items;
mod left_out;
mod recovery;
mod request;
mod signal;
mod translate;

use std::sync::Arc;

use codex_manager_app_server::{Signal, Signals};
use codex_manager_model::{Clock, limits};
use codex_manager_store::{Ephemeral, EphemeralEvent, Error};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::outbox::Outbox;
use crate::storage::Storage;
use change::{Change, Step};
use translate::Translator;

pub(crate) use recovery::recover;
pub(crate) use request::pending;

/// How many signals share one transaction at most.
const BATCH_MAX: usize = 256;

/// Takes in what the child says, until told to stop.
pub(crate) struct Intake {
    storage: Storage,
    ephemeral: Ephemeral,
    outbox: Outbox,
    clock: Clock,
    translator: Translator,
}

impl Intake {
    pub(crate) fn new(storage: Storage, ephemeral: Ephemeral, outbox: Outbox, clock: Clock) -> Self {
        Self { storage, ephemeral, outbox, clock, translator: Translator::default() }
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
                Step::Ephemeral(event) => behind.push(event),
            }
        }
        self.commit_run(rows, behind).await
    }

    async fn commit_run(&mut self, rows: Vec<Change>, behind: Vec<EphemeralEvent>) -> Result<(), Error> {
        if !rows.is_empty() {
            let refusals = rows.iter().any(|change| matches!(change, Change::Refused(_)));
            // They are large, and tried again while there is no room.
            let rows = Arc::new(rows);
            let cards = self
                .storage
                .insist(move |tx| rows.iter().map(|change| apply::apply(tx, change)).collect::<Result<Vec<_>, _>>())
                .await?;
            cards.into_iter().flatten().for_each(|card| self.translator.learn(card));
            if refusals {
                self.outbox.wake();
            }
        }
        let after = *self.storage.store().head().borrow();
        for mut event in behind {
            event.after = after;
            self.ephemeral.publish(event);
        }
        Ok(())
    }
}
