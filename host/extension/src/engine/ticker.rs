//! The thread that interrupts guests at a steady pace, so that one that computes for ever is looked at.
//!
//! It is a thread of the operating system and no task: a task would wait behind the very guests that it should
//! interrupt. While nothing has run for a while it sleeps, so that an idle host wakes nobody.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};

use codex_manager_model::limits;
use wasmtime::EngineWeak;

/// After how many ticks without an invocation the thread sleeps.
const IDLE_TICKS: u32 = 200;

/// The thread's handle. Dropping it ends the thread.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

/// Somebody runs, so the thread ticks.
pub(super) struct Running<'a>(&'a Shared);

#[derive(Default)]
struct Shared {
    running: AtomicUsize,
    asleep: AtomicBool,
    over: AtomicBool,
}

impl Ticker {
    /// Starts the thread.
    pub(super) fn start(engine: EngineWeak) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let handle =
            thread::Builder::new().name("extension-ticker".to_owned()).spawn(move || tick(&engine, &of_thread))?;
        Ok(Self { thread: handle.thread().clone(), shared })
    }

    /// Ticks for as long as the answer lives.
    pub(super) fn running(&self) -> Running<'_> {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(&self.shared)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

fn tick(engine: &EngineWeak, shared: &Shared) {
    let mut idle = 0;
    while !shared.over.load(Ordering::SeqCst) {
        if idle < IDLE_TICKS {
            thread::park_timeout(limits::EXTENSION_TICK);
        } else {
            sleep(shared);
        }
        idle = if shared.running.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
        match engine.upgrade() {
            Some(engine) => engine.increment_epoch(),
            None => return,
        }
    }
}

/// Sleeps until somebody runs. Whoever comes between the check and the sleep sees `asleep` and wakes the thread.
fn sleep(shared: &Shared) {
    shared.asleep.store(true, Ordering::SeqCst);
    if shared.running.load(Ordering::SeqCst) == 0 && !shared.over.load(Ordering::SeqCst) {
        thread::park();
    }
    shared.asleep.store(false, Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use wasmtime::{Config, Engine, Instance, Module, Store};

    use super::*;

    #[test]
    fn one_who_comes_while_the_thread_sleeps_is_interrupted_too() {
        let engine = Engine::new(Config::new().epoch_interruption(true)).expect("an engine");
        let ticker = Ticker::start(engine.weak()).expect("a thread");
        let deadline = Instant::now() + Duration::from_secs(60);
        while !ticker.shared.asleep.load(Ordering::SeqCst) {
            assert!(Instant::now() < deadline, "it never sleeps");
            thread::yield_now();
        }
        let _running = ticker.running();
        let spin = wat::parse_str(r#"(module (func (export "spin") (loop (br 0))))"#).expect("it parses");
        let module = Module::new(&engine, spin).expect("it compiles");
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(1);
        let instance = Instance::new(&mut store, &module, &[]).expect("an instance");
        let spin = instance.get_typed_func::<(), ()>(&mut store, "spin").expect("a function");
        assert!(spin.call(&mut store, ()).is_err());
    }
}
