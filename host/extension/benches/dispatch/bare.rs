//! The engine alone: the same settings, a linker with WASI, a fresh store and instance, one asynchronous call.

use codex_manager_extension::{Action, Component, Engine, Event};
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, ComponentType, InstancePre, Lift, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::guard;

/// A component, linked.
pub(crate) struct Bare {
    engine: wasmtime::Engine,
    pre: InstancePre<State>,
    handle: ComponentExportIndex,
    event: Event,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

#[derive(Debug, ComponentType, Lift)]
#[component(record)]
#[expect(dead_code, reason = "shown by the panic of a guard that refuses")]
struct Fault {
    code: String,
    message: String,
}

impl Bare {
    pub(crate) fn new(engine: &Engine, component: &Component) -> Self {
        assert!(component.handles_events());
        let engine = engine.wasmtime().clone();
        let compiled = component.wasmtime();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("nothing else is there");
        let handler = compiled.get_export_index(None, "codex-manager:on-event/handler@1.0.0").expect("a handler");
        let handle = compiled.get_export_index(Some(&handler), "handle").expect("its function");
        let pre = linker.instantiate_pre(compiled).expect("it imports WASI alone");
        Self { engine, pre, handle, event: guard::event() }
    }

    /// Tells it of the event; how many actions it asks for.
    pub(crate) async fn call(&self) -> usize {
        let event = self.event.clone();
        let wasi = WasiCtx::builder().build();
        let mut store = Store::new(&self.engine, State { wasi, table: ResourceTable::new() });
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = self.pre.instantiate_async(&mut store).await.expect("there is a place");
        let handle = instance
            .get_typed_func::<(&Event,), (Result<Vec<Action>, Fault>,)>(&mut store, &self.handle)
            .expect("it has that type");
        let (answer,) = handle.call_async(&mut store, (&event,)).await.expect("it does not trap");
        answer.expect("it does not refuse").len()
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
