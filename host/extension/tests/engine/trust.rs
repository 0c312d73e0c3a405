//! The whole way of an extension: dropped, shown, approved, called, and replaced by nothing but another approval.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::{Future, ready};
use std::path::Path;
use std::sync::{Arc, Mutex};

use codex_manager_extension::dispatch::{
    Answered, Committed, Dispatch, Driver, Host, Occurrence, Page, Quarantine, Read, Roster, Run, Seat, Serving,
    Settle, Settled,
};
use codex_manager_extension::{
    ActionKind, ClaimRule, Component, Config, Digest, Effects, Engine, EventKind, ExtensionId, Limits, Linked, Listed,
    Lock, LockError, MANIFEST_FILE, Manifest, News, Registry, Verdict, folder, list,
};
use codex_manager_model::{Actor, Seq};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::guest::{Guest, abstainer};
use crate::host::{event, id, record};

const MANIFEST: &str = r#"manifest = 1
[extension]
id = "acme.guard"
version = "1.0.0"
name = "Guard"
description = "Keeps the door shut."
[handlers.on-event]
kinds = ["door.knocked"]
[actions]
"door.keep-shut" = { reason = "Strangers stay outside." }
"#;

/// A guest that answers everything with `door.keep-shut` about knock 1.
fn keeps_shut() -> Vec<u8> {
    let rest = r#"
      (data (i32.const 2048) "door.keep-shut")
      (data (i32.const 2080) "{\22knock\22: \221\22}")
      (data (i32.const 2112) "\00\08\00\00\0e\00\00\00\20\08\00\00\0e\00\00\00")
      (data (i32.const 2148) "\40\08\00\00\01\00\00\00")"#;
    Guest { rest, handle: "(i32.const 2144)", ..Guest::default() }.build()
}

/// A house with a door.
fn registry() -> Registry {
    let knock = || ClaimRule::new("knock", "/knock");
    let decline =
        ActionKind { sentence: "keep somebody out".to_owned(), claim: Some(knock()), verdict: Some(Verdict::Decline) };
    Registry::new()
        .event("door.knocked", EventKind { interaction: Some(knock()), ..EventKind::default() })
        .action("door.keep-shut", decline)
}

/// A program that embeds extensions, with its folders below a temporary one.
struct House {
    folder: tempfile::TempDir,
    engine: Engine,
    registry: Registry,
}

impl House {
    fn new() -> Self {
        let engine = Config { invocations_max: 2 }.build().expect("an engine");
        Self { folder: tempfile::tempdir().expect("a folder"), engine, registry: registry() }
    }

    fn lock(&self) -> Lock {
        Lock::open(self.folder.path().join("data")).expect("the lock")
    }

    fn drops(&self) -> std::path::PathBuf {
        self.folder.path().join("drops")
    }

    fn drop(&self, version: &str, component: &[u8]) {
        let folder = self.drops().join("guard");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(MANIFEST_FILE), MANIFEST.replace("1.0.0", version)).expect("a file");
        fs::write(folder.join("guard.wasm"), component).expect("a file");
    }

    fn listed(&self) -> Listed {
        let drops = folder::scan(&[self.drops()], self.registry.vocabulary());
        let mut list = list(&drops, self.lock().all(), &BTreeSet::new(), self.registry.vocabulary());
        assert_eq!(list.len(), 1, "{list:?}");
        list.remove(0)
    }

    /// Says yes to what was shown as `digest`.
    fn approve(&self, digest: Digest) -> Result<(), LockError> {
        let offer =
            folder::read(Path::new(&self.drops().join("guard")), self.registry.vocabulary()).expect("it is good");
        self.lock().approve(&offer, digest, Actor::User, Timestamp::UNIX_EPOCH, false).map(|_| ())
    }

    /// A new life of the program: links what the lock names, tells of one knock, and returns what was settled.
    async fn live(&self) -> Vec<Settled> {
        let lock = self.lock();
        let linked = lock.all().iter().map(|approved| {
            let copy = lock.copy(approved.digest).expect("it is whole");
            let manifest = String::from_utf8(copy.manifest).expect("text");
            let manifest = Manifest::parse(&manifest, self.registry.vocabulary()).expect("it was read before");
            let component = Component::compile(&self.engine, &copy.component).expect("it compiles");
            let (granted, limits) = (approved.grants.capabilities.clone(), Limits::default().within(&manifest.limits));
            let id = approved.id.clone();
            let linked = Linked::new(&self.engine, &self.registry, &component, id, granted, limits).expect("it links");
            (approved.digest, linked)
        });
        let program = Arc::new(Program { linked: linked.collect(), settled: Mutex::default() });
        let vocabulary = Arc::new(self.registry.vocabulary().clone());
        let roster = Roster::of(lock.all(), lock.required(), &Serving::all(lock.all()));
        let dispatch = Dispatch::new(vocabulary, roster, BTreeMap::new(), Seq(4710));
        let (events, receive) = mpsc::channel(1);
        let (_news, news) = mpsc::channel(1);
        let (event, pending) = (event(r#"{"knock": "1"}"#), true);
        events.send(Occurrence { event, by: None, pending, begun: BTreeMap::new() }).await.expect("there is room");
        drop(events);
        let dispatch = Driver::new(dispatch, program.clone()).run(receive, news).await;
        assert_eq!(dispatch.low(&id("acme.guard")), Some(Seq(4711)));
        let settled = program.settled.lock().expect("nobody panicked in it");
        settled.iter().map(|(_, settled)| settled.clone()).collect()
    }
}

/// What the program does for its extensions.
struct Program {
    linked: BTreeMap<Digest, Linked>,
    settled: Mutex<Vec<(Seat, Settled)>>,
}

impl Host for Program {
    type Remains = Effects;

    fn call(&self, run: Run) -> impl Future<Output = (Answered, Effects)> + Send + 'static {
        let linked = self.linked[&run.digest].clone();
        async move {
            let invoked = linked.on_event(&run.occurrence.event, &record()).await;
            (invoked.outcome.into(), invoked.effects)
        }
    }

    fn commit(&self, settle: Settle, _: Option<Effects>) -> impl Future<Output = Committed> + Send + 'static {
        self.settled.lock().expect("nobody panicked in it").push((settle.seat, settle.settled));
        async { Committed::Applied }
    }

    fn quarantine(&self, _: Quarantine) -> impl Future<Output = bool> + Send + 'static {
        ready(true)
    }

    fn read(&self, _: Read) -> impl Future<Output = Page> + Send + 'static {
        // One knock leaves nobody behind.
        std::future::pending()
    }

    fn advance(&self, _: BTreeMap<ExtensionId, Seq>) -> impl Future<Output = ()> + Send + 'static {
        ready(())
    }
}

fn kinds(settled: &[Settled]) -> Vec<String> {
    let kind = |settled: &Settled| match settled {
        Settled::Apply(group) => group.actions[0].kind.clone(),
        other => format!("{other:?}"),
    };
    settled.iter().map(kind).collect()
}

#[tokio::test]
async fn an_extension_runs_once_it_is_approved_and_until_another_version_is() {
    let house = House::new();
    house.drop("1.0.0", &keeps_shut());
    let first = house.listed().waiting.expect("it waits");
    assert_eq!((first.news, first.asks[0].sentence.as_str()), (News::First, "keep somebody out"));
    assert!(house.lock().all().is_empty(), "dropping it does nothing");

    house.approve(first.digest).expect("approved");
    assert_eq!(kinds(&house.live().await), ["door.keep-shut"]);

    house.drop("2.0.0", &abstainer());
    let second = house.listed().waiting.expect("it waits");
    assert_eq!(second.news, News::Code { running: "1.0.0".parse().expect("a version") });
    assert_eq!(kinds(&house.live().await), ["door.keep-shut"], "the approved copy runs, over a restart");

    let shown_before = house.approve(first.digest).expect_err("it is another one by now");
    assert!(matches!(shown_before, LockError::Changed { .. }), "{shown_before}");
    house.approve(second.digest).expect("approved");
    assert_eq!(kinds(&house.live().await), ["Abstained"]);
    fs::remove_dir_all(house.drops()).expect("it is ours");
    assert_eq!(kinds(&house.live().await), ["Abstained"], "what was dropped is needed no more");
}
