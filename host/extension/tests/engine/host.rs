//! A host that is not Codex Manager's: it knows doors, and what it kept lies in memory.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use codex_manager_extension::capability::{config, kv, log, sessions};
use codex_manager_extension::wasmtime::StoreContextMut;
use codex_manager_extension::wasmtime::component::Linker;
use codex_manager_extension::{
    Capability, CapabilityKind, Component, Config, Engine, Event, ExtensionId, Granted, Header, Invocation, Invoked,
    Limits, LinkError, Linked, Package, Record, Registry,
};
use semver::Version;
use serde_json::{Map, Value, json};

/// A host, and how much it lets an extension use.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) registry: Registry,
    pub(crate) limits: Limits,
}

impl Host {
    pub(crate) fn new() -> Self {
        let registry = Registry::new()
            .capability(log::Log)
            .capability(config::Config::new(Fixed))
            .capability(kv::Kv::new(Fixed))
            .capability(sessions::SessionReader::new(Fixed))
            .capability(Doors);
        // Few places, so that one that is not given back is missed soon.
        let engine = Config { invocations_max: 2 }.build().expect("an engine");
        Self { engine, registry, limits: Limits::default() }
    }

    /// Links a guest that was granted these capabilities.
    pub(crate) fn link(&self, component: &[u8], grants: &[&str]) -> Result<Linked, LinkError> {
        let component = Component::compile(&self.engine, component).expect("it compiles");
        let granted: Granted = grants.iter().map(|name| ((*name).to_owned(), Map::new())).collect();
        Linked::new(&self.engine, &self.registry, &component, id("acme.guest"), granted, self.limits)
    }

    /// Links a guest and offers it an event.
    pub(crate) async fn run(&self, component: &[u8], grants: &[&str]) -> Invoked {
        self.link(component, grants).expect("it links").on_event(&event("{}"), &record()).await
    }
}

pub(crate) fn id(text: &str) -> ExtensionId {
    text.parse().expect("an id")
}

pub(crate) fn event(payload: &str) -> Event {
    let header = Header {
        id: "log-1:4711".to_owned(),
        seq: 4711,
        kind: "door.knocked".to_owned(),
        session: Some("house".to_owned()),
        turn: None,
        at_ms: 1_700_000_000_000,
        caused_by: None,
        hops: 0,
    };
    Event { header, payload: payload.to_owned() }
}

pub(crate) fn record() -> Record {
    Record { id: "inv-1".to_owned(), at: "2026-01-02T03:04:05Z".parse().expect("a time"), seed: [7; 32] }
}

/// A capability of the embedder's own.
struct Doors;

/// How often it knocked: what it wants to have written.
#[derive(Default, PartialEq, Eq, Debug)]
pub(crate) struct Knocks(pub(crate) u32);

impl Capability for Doors {
    fn name(&self) -> &str {
        "doors"
    }

    fn kind(&self) -> CapabilityKind {
        CapabilityKind {
            package: Package::new("acme:doors", Version::new(2, 3, 0)),
            sentence: "knock at doors".to_owned(),
            parameters: BTreeMap::new(),
            wider: Vec::new(),
        }
    }

    fn link(&self, linker: &mut Linker<Invocation>) -> codex_manager_extension::wasmtime::Result<()> {
        let mut door = linker.instance("acme:doors/door@2.3.0")?;
        door.func_wrap("knock", |mut store: StoreContextMut<'_, Invocation>, (times,): (u32,)| {
            assert!(times < 13, "nobody knocks that often");
            let invocation = store.data_mut();
            invocation.state::<Knocks>().0 += times;
            let answer = invocation.state::<Knocks>().0;
            invocation.journal("doors", "knock", json!([times]), &answer)?;
            Ok((answer,))
        })?;
        door.func_wrap_async("wait", |_: StoreContextMut<'_, Invocation>, (ms,): (u64,)| {
            Box::new(async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(())
            })
        })
    }
}

/// Answers that never change.
struct Fixed;

impl config::Settings for Fixed {
    fn of(&self, _: &ExtensionId) -> Map<String, Value> {
        Map::from_iter([("strangers".to_owned(), json!(["wolf"]))])
    }
}

#[async_trait]
impl kv::Kept for Fixed {
    async fn get(&self, _: &ExtensionId, key: &str) -> Result<Option<kv::Entry>, kv::Fault> {
        Ok((key == "old").then(|| kv::Entry { value: "before".to_owned(), version: 3 }))
    }

    async fn keys(&self, _: &ExtensionId, _: &str, _: Option<&str>, _: u32) -> Result<kv::Keys, kv::Fault> {
        Ok(kv::Keys { keys: vec!["old".to_owned()], version: 3 })
    }

    async fn bytes(&self, _: &ExtensionId) -> Result<u64, kv::Fault> {
        Ok("oldbefore".len() as u64)
    }
}

#[async_trait]
impl sessions::Sessions for Fixed {
    async fn get(&self, asker: &sessions::Asker, session: &str) -> Result<Option<Value>, sessions::Fault> {
        Ok((asker.session.as_deref() == Some(session)).then(|| json!({"id": session})))
    }

    async fn list(&self, _: &sessions::Asker, _: Option<&str>, _: u32) -> Result<Vec<Value>, sessions::Fault> {
        Ok(vec![json!({"id": "house"})])
    }

    async fn items(
        &self,
        _: &sessions::Asker,
        _: &str,
        _: Option<&str>,
        _: u32,
    ) -> Result<Option<Vec<Value>>, sessions::Fault> {
        Ok(None)
    }
}
