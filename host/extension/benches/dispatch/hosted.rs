//! The host: an event is offered to a dispatch, and its orders are carried out on the spot.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use codex_manager_extension::dispatch::{Committed, Dispatch, Order, Roster, Run, Serving, Settled};
use codex_manager_extension::{Component, Engine, Event, ExtensionId, Invoked, Limits, Linked, Record};
use codex_manager_model::Seq;
use jiff::Timestamp;

use crate::guard::{self, Guard, registry};

/// A dispatch with extensions, without tasks and without a store.
pub(crate) struct Hosted {
    pub(crate) dispatch: Dispatch,
    pub(crate) extensions: Extensions,
    event: Event,
    seq: u64,
}

/// Extensions, linked.
pub(crate) struct Extensions(BTreeMap<ExtensionId, Linked>);

impl Hosted {
    pub(crate) fn new(engine: &Engine, component: &Component, guard: &Guard, extensions: usize) -> Self {
        let registry = registry();
        let approved = &guard.approved(&registry, component.digest())[..extensions];
        let link = |id: &ExtensionId| {
            let linked = Linked::new(engine, &registry, component, id.clone(), BTreeMap::new(), Limits::default());
            (id.clone(), linked.expect("it imports WASI alone"))
        };
        let linked = approved.iter().map(|approved| link(&approved.id)).collect();
        let roster = Roster::of(approved, &Default::default(), &Serving::all(approved));
        let vocabulary = Arc::new(registry.vocabulary().clone());
        let dispatch = Dispatch::new(vocabulary, roster, BTreeMap::new(), Seq(0));
        Self { dispatch, extensions: Extensions(linked), event: guard::event(), seq: 0 }
    }

    /// Tells all extensions of the next event; how many actions apply.
    pub(crate) async fn dispatch(&mut self) -> usize {
        self.seq += 1;
        let mut applied = 0;
        let offered = self.dispatch.offer(guard::occurrence(&self.event, self.seq), Instant::now());
        let mut orders = VecDeque::from(offered);
        while let Some(order) = orders.pop_front() {
            match order {
                Order::Run(run) => {
                    let outcome = self.extensions.call(&run).await.outcome;
                    orders.extend(self.dispatch.answered(&run.seat, outcome.into(), Instant::now()));
                }
                Order::Settle(settle) => {
                    if let Settled::Apply(group) = &settle.settled {
                        applied += group.actions.len();
                    }
                    orders.extend(self.dispatch.committed(&settle.seat, Committed::Applied, Instant::now()));
                }
                Order::Quarantine(quarantine) => panic!("{}", quarantine.reason),
                Order::Read(read) => panic!("{} has fallen behind", read.extension),
            }
        }
        applied
    }
}

impl Extensions {
    /// Calls one, as a host does.
    pub(crate) async fn call(&self, run: &Run) -> Invoked {
        let linked = &self.0[&run.seat.rank.extension];
        let record = Record { id: run.seat.seq.to_string(), at: Timestamp::now(), seed: [7; 32] };
        let wall = run.wall.unwrap_or(linked.limits().wall);
        linked.on_event_within(wall, &run.occurrence.event, &record).await
    }
}
