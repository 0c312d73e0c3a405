//! A runner on a store of its own, with a child that never starts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use codex_manager_app_server::{Config as Child, Signals};
use codex_manager_extension::{Compiler, Digest, Standing};
use codex_manager_model::{Actor, Clock, Event, Interaction, InteractionId, Invocation, NewEvent, Seq, SessionId};
use codex_manager_store::{Error, InvocationQuery, Store, Tx, View};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::{Config, Shelf, vocabulary};
use crate::intake::fixture::asked;
use crate::outbox::Outbox;
use crate::storage::Storage;

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Hears commands that wait for approval.
pub(super) const ASKS: &str = "app_server.request.item.command_execution.request_approval";
pub(super) const TURN: &str = "app_server.turn.completed";

pub(super) struct Stage {
    pub(super) folder: TempDir,
    pub(super) store: Store,
    pub(super) storage: Storage,
    pub(super) outbox: Outbox,
    pub(super) shelf: Shelf,
    _signals: Signals,
}

/// A runner at work.
pub(super) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Stage {
    /// A store with the session `s`, and nothing that runs.
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = codex_manager_store::Config { folder: folder.path().join("data"), size_bytes_max: None };
        let store = config.open().expect("a store");
        let storage = Storage::new(store.clone());
        let child = Child::new(folder.path().join("no-codex"), folder.path());
        let (child, signals) = child.build().expect("a child that never starts");
        let outbox = Outbox::new(storage.clone(), child, Clock::system());
        let (locked, roots) = (folder.path().join("data/extensions"), vec![folder.path().join("drops")]);
        let shelf = Shelf::open(&locked, roots, Arc::new(vocabulary())).expect("a shelf");
        let stage = Self { folder, store, storage, outbox, shelf, _signals: signals };
        let change = stage.put(|tx| {
            for id in ["s", "other"] {
                let session = crate::thread::session(&json!({ "id": id }), Timestamp::UNIX_EPOCH);
                tx.put_session(&session.expect("it has an id"))?;
            }
            Ok(())
        });
        change.await;
        stage
    }

    /// Drops an extension that hears these kinds and may do everything, and approves it.
    pub(super) fn approve(&self, id: &str, kinds: &[&str], component: &[u8]) {
        let manifest = format!(
            "manifest = 1\n[extension]\nid = {id:?}\nversion = \"1.2.3\"\nname = \"N\"\ndescription = \"D.\"\n\
             component = \"c.wasm\"\n[handlers.on-event]\nkinds = {kinds:?}\n\
             [capabilities.kv]\nreason = \"R.\"\n[actions]\n\"approval.decline\" = {{ reason = \"R.\" }}\n\
             \"approval.accept\" = {{ reason = \"R.\" }}\n\"transcript.upsert\" = {{ reason = \"R.\" }}\n"
        );
        let folder = self.folder.path().join("drops").join(id);
        std::fs::create_dir_all(&folder).expect("it is ours");
        std::fs::write(folder.join("extension.toml"), &manifest).expect("it is ours");
        std::fs::write(folder.join("c.wasm"), component).expect("it is ours");
        let shown = Digest::of_extension(manifest.as_bytes(), component);
        let id = id.parse().expect("an id");
        self.shelf.approve(&id, shown, Actor::User, Timestamp::UNIX_EPOCH, None).expect("approved");
    }

    pub(super) fn stand(&self, id: &str, standing: Standing) {
        self.shelf.stand(&id.parse().expect("an id"), standing).expect("it was approved");
    }

    /// Where the runner notes what is about to run.
    pub(super) fn begun(&self) -> PathBuf {
        self.folder.path().join("data/extensions/begun")
    }

    /// Starts a runner on what is there.
    pub(super) async fn run(&self) -> Running {
        let config = Config {
            folder: self.folder.path().join("data/extensions"),
            shelf: self.shelf.clone(),
            storage: self.storage.clone(),
            outbox: self.outbox.clone(),
            clock: Clock::system(),
            compiler: Compiler::InProcess,
        };
        let runner = config.open().await.expect("it opens");
        let stop = CancellationToken::new();
        Running { task: tokio::spawn(runner.run(stop.clone())), stop }
    }

    /// Changes the store.
    pub(super) async fn put<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.store.write(change).await.expect("it is written")
    }

    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&View<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.store.read(look).await.expect("it is read")
    }

    /// An event of the child's in this session.
    pub(super) async fn tell(&self, kind: &str, session: &str) -> Seq {
        self.append(event(kind, session)).await
    }

    /// That a turn has ended in the session `s`, so often.
    pub(super) async fn tell_times(&self, times: usize) -> Vec<Seq> {
        let mut told = Vec::new();
        for _ in 0..times {
            told.push(self.tell(TURN, "s").await);
        }
        told
    }

    pub(super) async fn append(&self, event: NewEvent) -> Seq {
        self.put(move |tx| tx.append_event(event)).await
    }

    /// The child asks to be allowed something in the session `s`.
    pub(super) async fn ask(&self, id: &'static str) -> Seq {
        self.put(move |tx| ask(tx, id)).await
    }

    pub(super) async fn approval(&self, id: &'static str) -> Interaction {
        self.look(move |view| view.interaction(&InteractionId::new(id))).await.expect("it is there")
    }

    /// What has been recorded of invocations, once there are so many, the oldest first.
    pub(super) async fn invocations(&self, count: usize) -> Vec<Invocation> {
        let query = InvocationQuery { extension: None, before: None, limit: 1000 };
        let mut head = self.store.head();
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let query = query.clone();
                let mut found = self.look(move |view| view.invocations(&query)).await;
                if found.len() >= count {
                    found.reverse();
                    return found;
                }
                // Those that nobody is told of leave no row.
                drop(tokio::time::timeout(Duration::from_millis(20), head.changed()).await);
            }
        });
        waited.await.expect("they are recorded in time")
    }

    /// All events of these kinds.
    pub(super) async fn events(&self, kinds: &[&str]) -> Vec<Event> {
        let kinds: Vec<_> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        self.look(move |view| view.events_of_kinds(Seq(0), &kinds, 1000)).await
    }

    /// Waits until this holds.
    pub(super) async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("never: {what}"));
    }
}

impl Running {
    /// Stops it and waits for its end.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("it ends").expect("it does not panic");
    }
}

/// Writes an approval, if it is new, and the event that asks for it.
pub(super) fn ask(tx: &Tx<'_>, id: &str) -> Result<Seq, Error> {
    if tx.interaction(&InteractionId::new(id))?.is_none() {
        tx.put_interaction(&asked(id, "item/commandExecution/requestApproval", Value::Null))?;
    }
    let mut asks = event(ASKS, "s");
    asks.payload = json!({ "house": { "type": "approval", "payload": { "approvalId": id } } });
    tx.append_event(asks)
}

pub(super) fn event(kind: &str, session: &str) -> NewEvent {
    NewEvent::new(kind, Some(SessionId::new(session)), json!({ "signal": {} }), Timestamp::UNIX_EPOCH)
}

/// How often each outcome was recorded.
pub(super) fn outcomes(invocations: &[Invocation]) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for invocation in invocations {
        *counted.entry(json!(invocation.outcome).as_str().expect("a word").to_owned()).or_default() += 1;
    }
    counted
}

/// The payload of a row for the session's transcript.
pub(super) fn row(session: &str) -> String {
    let entry = json!({
        "messageId": "m", "turnId": "t", "role": "system", "type": "guard", "content": "Declined.",
        "details": { "why": "rm" }, "status": "complete",
    });
    json!({ "sessionId": session, "entry": entry }).to_string()
}
