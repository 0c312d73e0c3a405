//! Groups that dispatch has let pass, as the store takes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use codex_manager_extension::capability::kv::Changes;
use codex_manager_extension::dispatch::{CheckedAction, Committed, Group, Rank, Seat, Settled};
use codex_manager_model::{Clock, InteractionId, Invocation, Item, ItemId, ItemStatus, TranscriptEntry, TurnId};
use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::super::begun::Begun;
use super::super::commit::{Commits, Settling};
use super::super::fixture::compiled_code;
use super::super::host::Left;
use super::super::versions::Versions;
use super::super::vocabulary;
use super::*;

/// The commit line of `a.guard`, which is approved.
struct Line {
    stage: Stage,
    asked: Seq,
    versions: Arc<Versions>,
    commits: Commits,
    committing: JoinHandle<()>,
}

impl Line {
    /// With `apr_1` pending.
    async fn new() -> Self {
        let stage = Stage::new().await;
        let asked = stage.ask("apr_1").await;
        stage.approve("a.guard", &[ASKS], &asking(&[DECLINE]));
        stage.put(move |tx| tx.set_marks_low("a.guard", Seq(asked.0 - 1))).await;
        let code = compiled_code(stage.folder.path()).await;
        let versions =
            Versions::new(code, Arc::new(vocabulary()), stage.storage.clone(), stage.shelf.clone(), Clock::system());
        versions.run(&stage.shelf.lineup());
        let versions = Arc::new(versions);
        let begun = Begun::open(&stage.folder.path().join("begun"), |_, _| false).expect("it is ours");
        let (storage, outbox) = (stage.storage.clone(), stage.outbox.clone());
        let (commits, committer) = Commits::new(storage, outbox, Arc::new(begun), Arc::clone(&versions));
        Self { stage, asked, versions, commits, committing: tokio::spawn(committer.run()) }
    }

    /// Commits what a call has left; what dispatch is told, and what is recorded.
    async fn commit(&self, settled: Settled, left: Left) -> (Committed, Invocation) {
        let rank = Rank { priority: 1, extension: "a.guard".parse().expect("an id"), registration: 0 };
        let committed = self.commits.enter(Settling {
            seat: Seat { seq: self.asked, rank },
            settled,
            called: None,
            digest: None,
            version: String::new(),
            left,
            now: Timestamp::UNIX_EPOCH,
        });
        (committed.await, self.stage.invocations(0).await.pop().expect("it is recorded"))
    }

    async fn apply(&self, actions: Vec<CheckedAction>) -> (Committed, Invocation) {
        self.commit(Settled::Apply(Group { actions, claims: BTreeMap::new() }), Left::default()).await
    }

    async fn rows(&self) -> Vec<TranscriptEntry> {
        self.stage.look(|view| view.transcript_entries(&SessionId::new("s"))).await
    }

    async fn end(self) {
        drop(self.commits);
        self.committing.await.expect("it ends when nobody can come any more");
    }
}

fn action(kind: &str, payload: &str) -> CheckedAction {
    let payload = serde_json::from_str(payload).expect("it is JSON");
    CheckedAction { kind: kind.to_owned(), payload, idempotency_key: None }
}

fn decline() -> CheckedAction {
    action(DECLINE.0, DECLINE.1)
}

/// A row of the session `s`, with that in place of what it usually has.
fn upsert(changed: Value) -> CheckedAction {
    let mut upsert = action("transcript.upsert", &row("s"));
    let Value::Object(changed) = changed else { panic!("{changed}") };
    upsert.payload["entry"].as_object_mut().expect("it is one").extend(changed);
    upsert
}

#[tokio::test]
async fn a_person_who_decides_before_a_group_is_recorded_has_decided() {
    let line = Line::new().await;
    // Dispatch has not heard of the person yet.
    line.stage
        .put(|tx| {
            let id = InteractionId::new("apr_1");
            tx.decide_interaction(&id, Decision::Accept, None, None, &Actor::User, Timestamp::UNIX_EPOCH)
        })
        .await;
    let (committed, invocation) = line.apply(vec![upsert(json!({})), decline()]).await;
    assert_eq!(committed, Committed::NotEligible);
    assert_eq!((invocation.outcome, invocation.session), (InvocationOutcome::NotEligible, Some(SessionId::new("s"))));
    assert_eq!(invocation.sentence.as_deref(), Some("approval apr_1 has been decided already"));
    assert_eq!(line.rows().await, [], "nothing of it was done");
    assert_eq!(line.stage.look(|view| view.marks("a.guard")).await, [line.asked]);
    assert_eq!(line.stage.approval("apr_1").await.decided_by, Some(Actor::User));
    line.end().await;
}

#[tokio::test]
async fn what_an_extension_may_not_write_refuses_its_group_and_says_why() {
    let line = Line::new().await;
    let kept = "x".repeat(limits::EXTENSION_ROW_TEXT_BYTES_MAX);
    line.stage
        .put(move |tx| {
            let item = Item {
                id: ItemId::new("i1"),
                session: SessionId::new("s"),
                turn: TurnId::new("t"),
                kind: "agentMessage".to_owned(),
                status: ItemStatus::Complete,
                text: "said".to_owned(),
                body: json!({}),
                started_at: Timestamp::UNIX_EPOCH,
                completed_at: None,
            };
            tx.put_item(&item)?;
            let mut large: TranscriptEntry =
                serde_json::from_value(upsert(json!({ "details": kept })).payload["entry"].take())
                    .expect("it is a row");
            (0..9).try_for_each(|number| {
                large.message_id = format!("large{number}");
                tx.put_transcript_entry(&SessionId::new("s"), &large)
            })
        })
        .await;
    let too_long = "x".repeat(limits::EXTENSION_ROW_TEXT_BYTES_MAX + 1);
    // Each is small, and would be told with all that its row keeps.
    let again =
        (0..9).map(|number| upsert(json!({ "messageId": format!("large{number}"), "details": null }))).collect();
    let named = CheckedAction { idempotency_key: Some("once".to_owned()), ..decline() };
    for (actions, told) in [
        (vec![upsert(json!({})), named], "`approval.decline` takes no idempotency key"),
        (vec![upsert(json!({})), upsert(json!({ "content": "Again." }))], "it writes the row m twice"),
        (vec![decline(), upsert(json!({ "messageId": "i1" }))], "i1 is an item of the session"),
        (vec![decline(), upsert(json!({ "role": "assistant" }))], "has the role `system`"),
        (vec![decline(), upsert(json!({ "role": "user" }))], "has the role `system`"),
        (vec![decline(), upsert(json!({ "content": too_long }))], "the content of a row has more than 64 KiB"),
        (vec![decline(), upsert(json!({ "details": too_long }))], "the details of a row has more than 64 KiB"),
        (again, "its rows have more than 512 KiB"),
    ] {
        let (committed, invocation) = line.apply(actions).await;
        assert_eq!((committed, invocation.outcome), (Committed::Refused, InvocationOutcome::Refused), "{told}");
        let sentence = invocation.sentence.expect("it says why");
        assert!(sentence.contains(told), "{sentence}");
    }
    assert_eq!(line.rows().await.len(), 9, "nothing was written");
    assert_eq!(line.stage.events(&["transcript_updated"]).await, []);
    assert_eq!(line.stage.approval("apr_1").await.state, InteractionState::Pending);
    line.end().await;
}

#[tokio::test]
async fn who_was_switched_off_before_its_group_was_recorded_changes_nothing_and_leaves_its_claim() {
    let line = Line::new().await;
    line.stage.stand("a.guard", disabled());
    line.versions.run(&line.stage.shelf.lineup());
    let write = |key: &str| {
        let written = BTreeMap::from([(key.to_owned(), Some("kept".to_owned()))]);
        Left { changes: Changes { written, ..Changes::default() }, ..Left::default() }
    };
    for settled in [Settled::Apply(Group { actions: vec![decline()], claims: BTreeMap::new() }), Settled::Abstained] {
        let (committed, invocation) = line.commit(settled, write("k")).await;
        // Not as if somebody had it.
        assert_eq!((committed, invocation.outcome), (Committed::Refused, InvocationOutcome::Withdrawn));
    }
    assert_eq!(line.stage.look(|view| view.kv_bytes("a.guard")).await, 0);
    assert_eq!(line.stage.approval("apr_1").await.state, InteractionState::Pending);

    line.stage.stand("a.guard", codex_manager_extension::Standing::Enabled);
    line.versions.run(&line.stage.shelf.lineup());
    assert_eq!(line.apply(vec![decline()]).await.0, Committed::Applied);
    assert_eq!(line.stage.approval("apr_1").await.state, InteractionState::Decided);
    line.end().await;
}

#[tokio::test]
async fn two_that_found_the_same_room_do_not_both_fill_it() {
    let line = Line::new().await;
    let write = |key: &str| {
        let value = "x".repeat(usize::try_from(limits::KV_BYTES_MAX).expect("it fits") * 2 / 3);
        let written = BTreeMap::from([(key.to_owned(), Some(value))]);
        Left { changes: Changes { written, ..Changes::default() }, ..Left::default() }
    };
    assert_eq!(line.commit(Settled::Abstained, write("a")).await.0, Committed::Applied);
    assert_eq!(line.commit(Settled::Abstained, write("b")).await.0, Committed::Conflict, "it runs again, and is told");
    let kept = line.stage.look(|view| view.kv_keys("a.guard", "", None, 9)).await;
    assert_eq!(kept.0, ["a"]);
    line.end().await;
}
