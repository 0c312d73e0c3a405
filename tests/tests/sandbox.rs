//! A sandbox like the daemon's: its limits, its words, and the way of a guest from its source to an approved extension.

use std::fs;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use codex_manager_extension::capability::log::Log;
use codex_manager_extension::capability::sessions::{Asker, Fault, SessionReader, Sessions};
use codex_manager_extension::{
    ActionKind, CodeConfig, CodeLedger, CompiledCode, Compiler, Config, Engine, Event, EventKind, FileLedger, Header,
    Limits, Linked, Lock, MANIFEST_FILE, Manifest, MemoryLedger, Record, Registry, folder,
};
use codex_manager_model::Actor;
use codex_manager_tests::guest;
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;

const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");

/// An engine, what is compiled for it, and what extensions are offered.
pub(crate) struct Sandbox {
    pub(crate) engine: Engine,
    pub(crate) registry: Registry,
    code: CompiledCode,
    /// Where the code lies that is kept for this one alone.
    _folder: Option<TempDir>,
}

impl Sandbox {
    /// On the one engine that the tests share, which keeps compiled code between runs.
    pub(crate) async fn shared() -> Self {
        static CODE: OnceCell<CompiledCode> = OnceCell::const_new();
        let open = || async {
            let ledger = Arc::new(FileLedger::new(Path::new(SCRATCH).join("compiled-guests.json")));
            compiled_code(Config::default(), Path::new(SCRATCH).join("compiled-guests"), ledger).await
        };
        Self::on(CODE.get_or_init(open).await.clone(), None)
    }

    /// On an engine of its own, with so few places that one that is not given back is missed.
    pub(crate) async fn with_places(invocations_max: u32) -> Self {
        let folder = TempDir::new_in(SCRATCH).unwrap();
        let ledger = Arc::new(MemoryLedger::default());
        let code = compiled_code(Config { invocations_max }, folder.path().to_owned(), ledger).await;
        Self::on(code, Some(folder))
    }

    fn on(code: CompiledCode, folder: Option<TempDir>) -> Self {
        Self { engine: code.engine().clone(), registry: registry(), code, _folder: folder }
    }

    /// A guest below `guests/`, built, dropped, approved as it was shown, and linked with what it asked for; the reason,
    /// if it cannot be built here.
    pub(crate) async fn approved(&self, name: &str) -> Result<Linked, String> {
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
        let component = self.code.prepare(copy.component.into()).await.unwrap();
        let (granted, limits) = (approved.grants.capabilities, Limits::default().within(&manifest.limits));
        Ok(Linked::new(&self.engine, &self.registry, &component, approved.id, granted, limits).unwrap())
    }
}

/// Code that the daemon's program compiles, within the daemon's bounds.
async fn compiled_code(engine: Config, folder: PathBuf, ledger: Arc<dyn CodeLedger>) -> CompiledCode {
    let program = env!("CARGO_BIN_EXE_daemon-under-test").into();
    let compiler = Compiler::Process { program, arguments: vec!["compile-extension".into()] };
    let config = CodeConfig::new(folder, ledger, compiler);
    CompiledCode::open(engine.build().unwrap(), config).await.unwrap()
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
