//! A capability of the example's own: a name, a package of WIT, and the code behind its function.

use std::collections::BTreeMap;
use std::sync::Arc;

use codex_manager_extension::wasmtime::component::Linker;
use codex_manager_extension::wasmtime::{Result, StoreContextMut};
use codex_manager_extension::{Capability, CapabilityKind, Invocation, Package, Shape};
use semver::Version;
use serde_json::{Value, json};

/// In how many hours it rains, by place. Elsewhere it stays dry.
pub struct Forecast(Arc<BTreeMap<String, u32>>);

impl Forecast {
    /// A forecast for these places.
    pub fn new(rain: BTreeMap<String, u32>) -> Self {
        Self(Arc::new(rain))
    }
}

impl Capability for Forecast {
    fn name(&self) -> &str {
        "forecast"
    }

    fn kind(&self) -> CapabilityKind {
        CapabilityKind {
            package: Package::new("greenhouse:forecast", Version::new(1, 0, 0)),
            sentence: "look at the weather forecast".to_owned(),
            parameters: BTreeMap::from([("hours_max".to_owned(), Shape::Integer)]),
            wider: Vec::new(),
        }
    }

    fn link(&self, linker: &mut Linker<Invocation>) -> Result<()> {
        let rain = Arc::clone(&self.0);
        let mut interface = linker.instance("greenhouse:forecast/rain@1.0.0")?;
        interface.func_wrap("in-hours", move |mut store: StoreContextMut<'_, Invocation>, (): ()| {
            let invocation = store.data_mut();
            let hours = invocation.session().and_then(|place| rain.get(place)).copied();
            let answer = hours.filter(|hours| u64::from(*hours) <= hours_max(invocation));
            // What a capability answers goes into the journal: it is part of why the handler did what it did.
            invocation.journal("forecast", "in-hours", json!([]), &answer)?;
            Ok((answer,))
        })
    }
}

/// How far this extension was granted to look.
fn hours_max(invocation: &Invocation) -> u64 {
    let granted = invocation.parameters("forecast").and_then(|parameters| parameters.get("hours_max"));
    granted.and_then(Value::as_u64).unwrap_or(24)
}
