//! What the tests start from.

use std::sync::mpsc;
use std::time::Duration;

use codex_manager_model::{
    Actor, Controls, Event, Generation, Interaction, InteractionId, InteractionKind, InteractionState, Invocation,
    InvocationId, InvocationOutcome, Item, ItemId, ItemStatus, NewEvent, Operation, OperationId, OperationKind,
    OperationState, Seq, Session, SessionId, TranscriptEntry, TranscriptRole, Turn, TurnId, TurnStatus,
};
use codex_manager_store::{Config, Error, Store};
use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// Longer than anything here takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A folder that is gone with the test.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub(crate) fn config(folder: &TempDir) -> Config {
    Config { folder: folder.path().to_owned(), size_bytes_max: None }
}

pub(crate) fn open(folder: &TempDir) -> Store {
    config(folder).open().unwrap()
}

/// That many seconds after some beginning.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

pub(crate) fn event(kind: &str) -> NewEvent {
    NewEvent::new(kind, None, json!({ "said": kind }), at(0))
}

pub(crate) fn session(id: &str) -> Session {
    Session {
        project: None,
        worker: None,
        thread_missing: false,
        id: SessionId::new(id),
        title: None,
        preview: "a question".into(),
        cwd: "/somewhere".into(),
        source: "cli".into(),
        model_provider: "scripted".into(),
        materialized: false,
        archived: false,
        controls: Controls::default(),
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn turn(session: &str, id: &str) -> Turn {
    Turn {
        id: TurnId::new(id),
        session: SessionId::new(session),
        generation: Generation::new("gen_1"),
        status: TurnStatus::InProgress,
        started_at: at(0),
        completed_at: None,
    }
}

pub(crate) fn item(session: &str, turn: &str, id: &str) -> Item {
    Item {
        id: ItemId::new(id),
        session: SessionId::new(session),
        turn: TurnId::new(turn),
        kind: "agentMessage".into(),
        status: ItemStatus::Streaming,
        text: String::new(),
        body: json!({ "id": id }),
        started_at: at(0),
        completed_at: None,
    }
}

pub(crate) fn approval(session: &str, generation: &str, request_id: u64) -> Interaction {
    Interaction {
        id: InteractionId::fresh(InteractionKind::Approval),
        kind: InteractionKind::Approval,
        generation: Generation::new(generation),
        request_id: json!(request_id),
        method: "item/commandExecution/requestApproval".into(),
        session: SessionId::new(session),
        turn: Some(TurnId::new("turn")),
        item: None,
        summary: "run ls".into(),
        details: json!({ "command": "ls" }),
        state: InteractionState::Pending,
        decision: None,
        scope: None,
        response: None,
        decided_by: None,
        created_at: at(0),
        resolved_at: None,
    }
}

pub(crate) fn operation(kind: OperationKind, generation: Option<&str>) -> Operation {
    Operation {
        id: OperationId::fresh(),
        kind,
        method: "turn/start".into(),
        session: Some(SessionId::new("s")),
        interaction: None,
        generation: generation.map(Generation::new),
        body: json!({ "threadId": "s" }),
        state: OperationState::Recorded,
        outcome: None,
        actor: Actor::User,
        cause: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn entry(id: &str) -> TranscriptEntry {
    TranscriptEntry {
        message_id: id.into(),
        turn_id: TurnId::new("turn"),
        role: TranscriptRole::System,
        kind: "note".into(),
        content: "what it says".into(),
        details: None,
        status: ItemStatus::Complete,
        started_at: None,
        completed_at: None,
    }
}

pub(crate) fn invocation(extension: &str, seconds: i64) -> Invocation {
    Invocation {
        id: InvocationId::fresh(),
        extension: extension.into(),
        version: "1.0.0".into(),
        digest: "sha256:00".into(),
        handler: "on-event".into(),
        event: Seq(1),
        session: None,
        at: at(seconds),
        seed: [0; 32],
        outcome: InvocationOutcome::Abstained,
        sentence: None,
        actions: json!([]),
        journal: json!([]),
        log: json!([]),
        cpu_us: 0,
        wall_us: 0,
        memory_bytes: 0,
    }
}

pub(crate) async fn append(store: &Store, event: NewEvent) -> Result<Seq, Error> {
    store.write(move |tx| tx.append_event(event)).await
}

pub(crate) async fn all_events(store: &Store) -> Vec<Event> {
    store.read(|view| view.events(Seq(0), u32::MAX)).await.unwrap()
}

/// Everything in the log, and that its numbers have no gap from 1 to the head.
pub(crate) async fn assert_dense(store: &Store) -> Vec<Event> {
    let events = all_events(store).await;
    let numbers: Vec<u64> = events.iter().map(|event| event.seq.0).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    assert_eq!(store.head().borrow().0, events.len() as u64);
    events
}

/// An operation that has run and does not return, so that what is queued meanwhile shares one transaction.
pub(crate) struct Held {
    go_on: mpsc::Sender<()>,
    done: JoinHandle<Result<Seq, Error>>,
}

impl Held {
    /// Appends an event and stays inside its operation. Returns once it is there.
    pub(crate) async fn enter(store: &Store) -> Self {
        let (go_on, wait) = mpsc::channel();
        let (entered, inside) = tokio::sync::oneshot::channel();
        let store = store.clone();
        let work = async move {
            store
                .write(move |tx| {
                    let seq = tx.append_event(event("held"))?;
                    entered.send(()).unwrap();
                    wait.recv_timeout(DEADLINE).unwrap();
                    Ok(seq)
                })
                .await
        };
        let done = tokio::spawn(work);
        inside.await.unwrap();
        Self { go_on, done }
    }

    /// Waits until that many operations are queued behind it, then lets it return.
    pub(crate) async fn leave(self, store: &Store, queued: usize) -> Seq {
        until(|| store.stats().queue_depth == queued).await;
        self.try_leave().await.unwrap()
    }

    /// Lets it return, whatever became of it.
    pub(crate) async fn try_leave(self) -> Result<Seq, Error> {
        self.go_on.send(()).unwrap();
        self.done.await.unwrap()
    }
}

/// Yields until something is so.
pub(crate) async fn until(mut so: impl FnMut() -> bool) {
    let waiting = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.expect("it came to be in time");
}
