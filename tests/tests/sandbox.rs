//! A sandbox like the daemon's: its limits, its words, and the way of a guest from its source to an approved extension.

use std::fs;
use std::future::pending;
use std::path::Path;
use std::sync::OnceLock;

use async_trait::async_trait;
use codex_manager_extension::capability::log::Log;
use codex_manager_extension::capability::sessions::{Asker, Fault, SessionReader, Sessions};
use codex_manager_extension::{
    ActionKind, Component, Config, Engine, Event, EventKind, Header, Limits, Linked, Lock, MANIFEST_FILE, Manifest,
    Record, Registry, folder,
};
use codex_manager_model::Actor;
use codex_manager_tests::guest;
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");

/// An engine, and what extensions are offered.
pub(crate) struct Sandbox {
    pub(crate) engine: Engine,
    pub(crate) registry: Registry,
}

impl Sandbox {
    /// On the one engine that the tests share, which keeps compiled code between runs.
    pub(crate) fn shared() -> Self {
        static ENGINE: OnceLock<Engine> = OnceLock::new();
        let cache = Some(Path::new(SCRATCH).join("compiled-guests"));
        let engine = ENGINE.get_or_init(|| Config { cache, ..Config::default() }.build().unwrap());
        Self { engine: engine.clone(), registry: registry() }
    }

    /// On an engine of its own, with so few places that one that is not given back is missed.
    pub(crate) fn with_places(invocations_max: u32) -> Self {
        let engine = Config { invocations_max, ..Config::default() }.build().unwrap();
        Self { engine, registry: registry() }
    }

    /// A guest below `guests/`, built, dropped, approved as it was shown, and linked with what it asked for; the reason,
    /// if it cannot be built here.
    pub(crate) fn approved(&self, name: &str) -> Result<Linked, String> {
        let place = TempDir::new_in(SCRATCH).unwrap();
        let dropped = place.path().join("dropped");
        lay(name, &dropped)?;
        let offer =
            folder::read(&dropped, self.registry.vocabulary()).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let mut lock = Lock::open(place.path().join("lock")).unwrap();
        let approved =
            lock.approve(&offer, offer.candidate.digest, Actor::User, Timestamp::UNIX_EPOCH, false).unwrap().clone();

        let copy = lock.copy(approved.digest).unwrap();
        let manifest = Manifest::parse(str::from_utf8(&copy.manifest).unwrap(), self.registry.vocabulary()).unwrap();
        let component = Component::compile(&self.engine, &copy.component).unwrap();
        let (granted, limits) = (approved.grants.capabilities, Limits::default().within(&manifest.limits));
        Ok(Linked::new(&self.engine, &self.registry, &component, approved.id, granted, limits).unwrap())
    }
}

/// Builds a guest below `guests/` and lays it at `place` as an author would drop it.
pub(crate) fn lay(name: &str, place: &Path) -> Result<(), String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests").join(name);
    let component = guest(&source, SCRATCH)?;
    fs::create_dir_all(place).unwrap();
    fs::copy(source.join(MANIFEST_FILE), place.join(MANIFEST_FILE)).unwrap();
    fs::copy(component, place.join(source.file_name().unwrap()).with_extension("wasm")).unwrap();
    Ok(())
}

/// What the guests hear.
pub(crate) fn event(payload: &str) -> Event {
    let header = Header {
        id: "log:4711".to_owned(),
        seq: 4711,
        kind: "app_server.turn.completed".to_owned(),
        session: Some("session".to_owned()),
        turn: Some("turn".to_owned()),
        at_ms: 1_700_000_000_000,
        caused_by: None,
        hops: 0,
    };
    Event { header, payload: payload.to_owned() }
}

/// What an invocation is made with.
pub(crate) fn record() -> Record {
    Record { id: "invocation".to_owned(), at: "2026-01-02T03:04:05Z".parse().unwrap(), seed: [7; 32] }
}

fn registry() -> Registry {
    Registry::new()
        .event("app_server.turn.completed", EventKind::default())
        .action("transcript.upsert", ActionKind { sentence: "write a row".to_owned(), ..ActionKind::default() })
        .capability(Log)
        .capability(SessionReader::new(Silent))
}

/// Sessions that nobody ever hears of: a call that does not come back.
struct Silent;

#[async_trait]
impl Sessions for Silent {
    async fn get(&self, _: &Asker, _: &str) -> Result<Option<Value>, Fault> {
        pending().await
    }

    async fn list(&self, _: &Asker, _: Option<&str>, _: u32) -> Result<Vec<Value>, Fault> {
        pending().await
    }

    async fn items(&self, _: &Asker, _: &str, _: Option<&str>, _: u32) -> Result<Option<Vec<Value>>, Fault> {
        pending().await
    }
}
