//! Keeps a child alive: life after life, with a growing delay between those that fail, until it is told to stop or
//! another try cannot help.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use codex_manager_model::Generation;
use jiff::Timestamp;

use crate::launch::Launcher;
use crate::life::{Cause, Death, Life};
use crate::recipe::Recipe;
use crate::shared::Shared;
use crate::signals::SignalSender;
use crate::{Config, Contained, ContainmentPolicy, Phase, Signal};

/// The supervisor. It owns the thread that starts children, so that ends no sooner than it does.
#[derive(Debug)]
pub(crate) struct Supervisor {
    config: Config,
    shared: Arc<Shared>,
    signals: SignalSender,
    launcher: Launcher,
}

impl Supervisor {
    pub(crate) fn new(config: Config, shared: Arc<Shared>, signals: SignalSender) -> io::Result<Self> {
        Ok(Self { config, shared, signals, launcher: Launcher::start()? })
    }

    /// Supervises until it is stopped.
    pub(crate) async fn run(self) {
        let recipe = tokio::select! {
            recipe = Recipe::new(&self.config) => recipe,
            () = self.shared.stopping.cancelled() => return,
        };
        match recipe {
            Ok(recipe) => self.keep_alive(&recipe).await,
            Err(reason) => self.give_up(reason).await,
        }
    }

    async fn keep_alive(&self, recipe: &Recipe) {
        self.tell_containment(&recipe.contained);
        let (mut restarts, mut failures) = (0, 0);
        while !self.shared.stopping.is_cancelled() {
            if let Err(reason) = recipe.check() {
                return self.give_up(reason).await;
            }
            let generation = Generation::fresh();
            self.shared.starting(generation.clone(), restarts);
            let Self { config, shared, signals, launcher } = self;
            let mut death = Life { config, recipe, launcher, shared, signals }.live(generation).await;
            match std::mem::replace(&mut death.cause, Cause::Itself) {
                Cause::Stop => return self.bury(death, Phase::Ending).await,
                Cause::Unusable(reason) => {
                    self.bury(death, Phase::Unusable { reason: reason.clone() }).await;
                    return self.give_up(reason).await;
                }
                Cause::Itself | Cause::Closing(_) | Cause::Verdict(_) => {}
            }
            failures = if death.ready_for >= self.config.backoff.stable { 1 } else { failures + 1 };
            restarts += 1;
            self.pause(death, failures).await;
        }
    }

    /// Tells whether the children will be contained. Each is started in the same way, so that is told once.
    fn tell_containment(&self, contained: &Contained) {
        if let Contained::No { reason } = contained
            && self.config.containment.policy != ContainmentPolicy::Off
        {
            tracing::warn!(%reason, "the app-server is started without containment");
        }
        self.shared.prepared(contained.clone());
    }

    /// Tells how a life ended and waits until it is time for the next.
    async fn pause(&self, death: Death, failures: u32) {
        let delay = self.config.backoff.delay(failures, &self.config.jitter);
        let again = tokio::time::Instant::now() + delay;
        tracing::warn!(reason = %death.exit.reason, ?delay, "the app-server ended");
        let next = self.phase_after(failures, delay);
        self.bury(death, next.clone()).await;
        self.tell_rest(next);
        tokio::select! {
            () = tokio::time::sleep_until(again) => {}
            () = self.shared.stopping.cancelled() => {}
        }
    }

    /// Shows the end of a life, then lets its last signals be taken.
    async fn bury(&self, death: Death, next: Phase) {
        self.shared.ended(Some(death.exit.clone()), next);
        if let Some(remains) = death.remains {
            remains.settle(death.exit, &self.signals, &self.shared.stopping).await;
        }
    }

    /// Another try cannot help: says so, and waits to be stopped.
    async fn give_up(&self, reason: String) {
        tracing::error!(%reason, "the app-server cannot be used");
        let phase = Phase::Unusable { reason };
        self.shared.ended(None, phase.clone());
        self.tell_rest(phase);
        self.shared.stopping.cancelled().await;
    }

    fn tell_rest(&self, phase: Phase) {
        let last_exit = self.shared.state.borrow().last_exit.clone();
        self.signals.tell(Signal::Resting { phase, last_exit, at: self.config.clock.now() });
    }

    fn phase_after(&self, attempt: u32, delay: Duration) -> Phase {
        let now = self.config.clock.now();
        let retry_at = now.checked_add(delay).unwrap_or(Timestamp::MAX);
        if attempt >= self.config.backoff.crash_loop_after {
            Phase::CrashLoop { attempt, retry_at }
        } else {
            Phase::Restarting { attempt, retry_at }
        }
    }
}

impl Drop for Supervisor {
    /// However it ends, also by a panic or with its runtime, whoever waits for the stop hears of it.
    fn drop(&mut self) {
        self.shared.ended(None, Phase::Stopped);
    }
}
