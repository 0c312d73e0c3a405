//! `codex-manager:config`: the settings of the extension.

use std::sync::Arc;

use semver::Version;
use serde_json::{Map, Value, json};
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use crate::{Capability, CapabilityKind, ExtensionId, Invocation, Package};

/// Where settings come from.
pub trait Settings: Send + Sync {
    /// What is set for this extension, defaults included. Asked once an invocation.
    fn of(&self, extension: &ExtensionId) -> Map<String, Value>;
}

/// The capability `config`.
#[derive(Clone)]
pub struct Config(Arc<dyn Settings>);

/// What one invocation sees; it does not change while it runs.
#[derive(Default)]
struct Seen(Option<Map<String, Value>>);

impl Config {
    /// The capability, with settings from there.
    pub fn new(settings: impl Settings + 'static) -> Self {
        Self(Arc::new(settings))
    }
}

impl Capability for Config {
    fn name(&self) -> &str {
        "config"
    }

    fn kind(&self) -> CapabilityKind {
        CapabilityKind {
            package: Package::new("codex-manager:config", Version::new(1, 0, 0)),
            sentence: "read its own settings".to_owned(),
            parameters: Default::default(),
            wider: Vec::new(),
        }
    }

    fn link(&self, linker: &mut Linker<Invocation>) -> wasmtime::Result<()> {
        let mut interface = linker.instance("codex-manager:config/settings@1.0.0")?;
        let settings = Arc::clone(&self.0);
        interface.func_wrap("get", move |mut store: StoreContextMut<'_, Invocation>, (name,): (String,)| {
            let invocation = store.data_mut();
            let answer = seen(invocation, &*settings).get(&name).map(Value::to_string);
            invocation.journal("config", "get", json!([name]), &answer)?;
            Ok((answer,))
        })?;
        let settings = Arc::clone(&self.0);
        interface.func_wrap("all", move |mut store: StoreContextMut<'_, Invocation>, (): ()| {
            let invocation = store.data_mut();
            let answer = json!(seen(invocation, &*settings)).to_string();
            invocation.journal("config", "all", json!([]), &answer)?;
            Ok((answer,))
        })
    }
}

fn seen<'a>(invocation: &'a mut Invocation, settings: &dyn Settings) -> &'a Map<String, Value> {
    if invocation.state::<Seen>().0.is_none() {
        let settings = settings.of(invocation.extension());
        invocation.state::<Seen>().0 = Some(settings);
    }
    invocation.state::<Seen>().0.as_ref().expect("it was filled above")
}
