//! What tasks and a commit add: the same event through a [`Driver`], on threads of its own.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Instant;

use codex_manager_extension::dispatch::{Answered, Committed, Driver, Host, Page, Quarantine, Read, Run, Settle};
use codex_manager_extension::{Component, Engine, ExtensionId};
use codex_manager_model::Seq;
use tokio::sync::mpsc;

use crate::dispatched;
use crate::figures::{Compared, compare, micros};
use crate::guard::{self, Guard};
use crate::hosted::{Extensions, Hosted};

/// How many events a side has in one turn.
const EVENTS: u32 = 20;

/// A host that keeps nothing: it says when something is to be committed.
struct Teller {
    extensions: Arc<Extensions>,
    settled: mpsc::UnboundedSender<Instant>,
}

/// Measures from an event's arrival to the moment at which its group would be committed, with one extension; and the
/// same without tasks, in turn.
pub(crate) fn measure(engine: &Engine, component: &Component, guard: &Guard) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let hosted = || Hosted::new(engine, component, guard, 1);
    let compared = runtime.expect("a runtime").block_on(drive(hosted(), hosted()));
    println!(
        "tasks     one event to  1: {} through the host, {} through the driver, {} of it between threads; no commit",
        micros(compared.one),
        micros(compared.other),
        micros(compared.more),
    );
}

async fn drive(mut direct: Hosted, hosted: Hosted) -> Compared {
    let (settled, mut told) = mpsc::unbounded_channel();
    let host = Arc::new(Teller { extensions: Arc::new(hosted.extensions), settled });
    let (send, events) = mpsc::channel(1);
    let (_news, news) = mpsc::channel(1);
    let driven = tokio::spawn(Driver::new(hosted.dispatch, host).run(events, news));
    let (event, mut seq) = (guard::event(), 0);
    let through = async || {
        seq += 1;
        let begun = Instant::now();
        send.send(guard::occurrence(&event, seq)).await.expect("it listens");
        told.recv().await.expect("it is settled").duration_since(begun)
    };
    let compared = compare(EVENTS, async || dispatched(&mut direct).await, through).await;
    drop(send);
    driven.await.expect("it comes to an end");
    compared
}

impl Host for Teller {
    type Remains = ();

    fn call(&self, run: Run) -> impl Future<Output = (Answered, ())> + Send + 'static {
        let extensions = Arc::clone(&self.extensions);
        async move { (extensions.call(&run).await.outcome.into(), ()) }
    }

    fn commit(&self, _: Settle, _: Option<()>) -> impl Future<Output = Committed> + Send + 'static {
        let settled = self.settled.clone();
        async move {
            // Whoever waited for it may have gone at the end.
            let _ = settled.send(Instant::now());
            Committed::Applied
        }
    }

    fn quarantine(&self, quarantine: Quarantine) -> impl Future<Output = bool> + Send + 'static {
        eprintln!("quarantined: {}", quarantine.reason);
        ready(true)
    }

    fn read(&self, _: Read) -> impl Future<Output = Page> + Send + 'static {
        // Each event is done with before the next one is told, so nobody is behind.
        std::future::pending()
    }

    fn advance(&self, _: BTreeMap<ExtensionId, Seq>) -> impl Future<Output = ()> + Send + 'static {
        ready(())
    }
}
