//! Calling a handler: a fresh store, one call, and the store is gone, however it ended.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use codex_manager_model::limits::EXTENSION_CPU_BRIEF;
use futures_util::FutureExt;
use tokio::time;
use wasmtime::component::{ComponentType, Lift};
use wasmtime::{Store, UpdateDeadline};

use crate::engine::{Place, Turn};
use crate::exceeded::Exceeded;
use crate::failure::Teller;
use crate::log_lines::{Level, LogLine};
use crate::{Action, Effects, Event, Failure, Invocation, JournalEntry, Limits, Linked, Record};

/// What came of an invocation.
pub struct Invoked {
    /// The group of actions that the handler wants, or how it failed.
    pub outcome: Result<Vec<Action>, Failure>,
    /// What its capabilities want to have written. Empty if it failed.
    pub effects: Effects,
    /// What it asked its capabilities.
    pub journal: Vec<JournalEntry>,
    /// What it logged, also if it failed.
    pub log: Vec<LogLine>,
    /// How long it computed.
    pub cpu: Duration,
    /// How long it took, once it had a place to run in.
    pub wall: Duration,
    /// How much memory it had at most.
    pub memory_bytes: usize,
}

/// Why a handler cannot deal with something, as the guest says it.
#[derive(Debug, ComponentType, Lift)]
#[component(record)]
struct Fault {
    code: String,
    message: String,
}

/// What the handler of events answers.
type Answer = Result<Vec<Action>, Fault>;

impl Linked {
    /// Offers an event to the extension's handler. Waits for a place to run in; from then on its limits hold.
    ///
    /// Dropping the future ends the invocation at once, and nothing of it is left.
    ///
    /// # Panics
    ///
    /// When the component has no handler of events: see [`Linked::handles_events`].
    pub async fn on_event(&self, event: &Event, record: &Record) -> Invoked {
        let place = self.engine.place(&self.share, self.caller.limits.memory_bytes, false).await;
        self.invoke(place, self.caller.limits.wall, event, record).await
    }

    /// The same, for somebody who waits: it may take no longer than that, nor than its limits say, and a few places are
    /// kept for such calls.
    ///
    /// # Panics
    ///
    /// As [`Linked::on_event`].
    pub async fn on_event_within(&self, wall_max: Duration, event: &Event, record: &Record) -> Invoked {
        let place = self.engine.place(&self.share, self.caller.limits.memory_bytes, true).await;
        self.invoke(place, wall_max, event, record).await
    }

    async fn invoke(&self, _place: Place<'_>, wall_max: Duration, event: &Event, record: &Record) -> Invoked {
        let begun = time::Instant::now();
        let turn = self.engine.turn();
        let mut store = self.store(event, record, turn.clone());
        let meter = store.data().meter.clone();
        let limits = Limits { wall: self.caller.limits.wall.min(wall_max), ..self.caller.limits };
        // What a capability's code panics about is its own; the panic's hook has told it.
        let call = AssertUnwindSafe(self.call(&mut store, event)).catch_unwind();
        let answer = time::timeout(limits.wall, turn.within(meter.measure(call))).await;
        let wall = begun.elapsed();

        // The store is not entered again: after a trap or a timeout it must not be.
        let remains = store.into_data().into_remains();
        let teller = Teller {
            extension: &self.caller.extension,
            limits: &limits,
            subject: format!("event {} ({})", event.header.seq, event.header.kind),
            last_words: remains.log.last(Level::Warn),
            memory_refused: remains.memory_refused,
        };
        let outcome = match answer {
            Err(_) => Err(teller.wall()),
            Ok(Err(_)) => Err(teller.panicked()),
            Ok(Ok(Err(error))) => Err(teller.error(&error)),
            Ok(Ok(Ok(Err(fault)))) => Err(teller.fault(fault.code, &fault.message)),
            Ok(Ok(Ok(Ok(actions)))) => match self.check_size(&actions) {
                Ok(()) => Ok(actions),
                Err(exceeded) => Err(teller.exceeded(exceeded)),
            },
        };
        Invoked {
            effects: if outcome.is_ok() { remains.effects } else { Effects::default() },
            outcome,
            journal: remains.journal,
            log: remains.log.take(),
            cpu: meter.used(),
            wall,
            memory_bytes: remains.memory_bytes,
        }
    }

    fn store(&self, event: &Event, record: &Record, turn: Turn) -> Store<Invocation> {
        let invocation = Invocation::new(Arc::clone(&self.caller), record, event.header.session.clone());
        let mut store = Store::new(self.engine.wasmtime(), invocation);
        let limits = &self.caller.limits;
        let cpu = limits.cpu;
        store.limiter(|invocation| &mut invocation.limiter);
        store.set_hostcall_fuel(limits.host_call_bytes);
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |store| match store.data().meter.used_now() {
            used if used > cpu => Err(Exceeded::Cpu.into()),
            // Others get their turn, and the wall's clock is looked at.
            used if used < EXTENSION_CPU_BRIEF => {
                Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
            }
            _ => Ok(UpdateDeadline::YieldCustom(1, Box::pin(turn.clone().next()))),
        });
        store
    }

    async fn call(&self, store: &mut Store<Invocation>, event: &Event) -> wasmtime::Result<Answer> {
        let index = self.component.on_event().expect("the caller has asked whether there is a handler");
        let instance = self.pre.instantiate_async(&mut *store).await?;
        let handle = instance.get_typed_func::<(&Event,), (Answer,)>(&mut *store, index)?;
        let (answer,) = handle.call_async(&mut *store, (event,)).await?;
        Ok(answer)
    }

    fn check_size(&self, actions: &[Action]) -> Result<(), Exceeded> {
        let limits = &self.caller.limits;
        let key = |action: &Action| action.idempotency_key.as_ref().map_or(0, String::len);
        let bytes: usize = actions.iter().map(|a| a.kind.len() + a.payload.len() + key(a)).sum();
        if actions.len() > limits.actions {
            return Err(Exceeded::Actions(limits.actions));
        }
        if bytes > limits.output_bytes { Err(Exceeded::Output(limits.output_bytes)) } else { Ok(()) }
    }
}
