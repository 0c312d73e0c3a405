//! The runner with a real store and guests of a few lines.

mod ending;
mod follow;
mod group;
mod guest;
mod order;
mod stage;

use codex_manager_model::{Actor, Decision, InteractionState, InvocationOutcome, Seq, SessionId, limits};
use serde_json::json;

use guest::{asking, counting, trapping};
use stage::{ASKS, Stage, TURN, outcomes, row};

const DECLINE: (&str, &str, Option<&str>) = ("approval.decline", r#"{"approvalId":"apr_1"}"#, None);

#[tokio::test]
async fn a_decision_and_a_row_are_one_group_with_everything_that_tells_of_it() {
    let stage = Stage::new().await;
    stage.approve("a.guard", &[ASKS], &asking(&[DECLINE, ("transcript.upsert", &row("s"), None)]));
    let running = stage.run().await;
    let asked = stage.ask("apr_1").await;
    let invocation = stage.invocations(1).await.remove(0);
    let by = Actor::Extension("a.guard".to_owned());

    let approval = stage.approval("apr_1").await;
    assert_eq!((approval.state, approval.decision), (InteractionState::Decided, Some(Decision::Decline)));
    assert_eq!(approval.decided_by.as_ref(), Some(&by));
    let reply = stage.look(|view| view.due_operations(9)).await.remove(0);
    assert_eq!((&reply.interaction, &reply.actor), (&Some(approval.id), &by));
    assert_eq!(reply.cause.map(|cause| (cause.seq, cause.hops)), Some((asked, 0)));
    assert_eq!(reply.body, json!({ "id": 0, "result": { "decision": "decline" } }));

    let entry = stage.look(|view| view.transcript_entries(&SessionId::new("s"))).await.remove(0);
    assert_eq!((entry.content.as_str(), entry.details.as_deref()), ("Declined.", Some(r#"{"why":"rm"}"#)));

    let told = stage.events(&["transcript_updated", "extension_invoked"]).await;
    assert_eq!(told.len(), 2);
    for event in &told {
        assert_eq!((&event.actor, event.caused_by, event.hops), (&Some(by.clone()), Some(asked), 1), "{}", event.kind);
    }
    let payload = told[1].payload.as_ref().expect("it says something");
    assert_eq!(payload["invocationId"], json!(invocation.id));
    assert_eq!((&payload["outcome"], &payload["version"]), (&json!("applied"), &json!("1.2.3")));
    assert_eq!(payload["actions"], json!(["approval.decline", "transcript.upsert"]));
    assert_eq!((invocation.event, invocation.outcome), (asked, InvocationOutcome::Applied));
    assert_eq!((invocation.handler.as_str(), invocation.session), ("on-event", Some(SessionId::new("s"))));
    assert!(invocation.wall_us > 0 && invocation.memory_bytes > 0 && invocation.seed != [0; 32]);
    running.stop().await;
    let low = stage.look(|view| view.marks_low("a.guard")).await;
    assert!(low >= Some(asked), "it is done with: {low:?}");
}

#[tokio::test]
async fn a_group_that_cannot_be_done_is_refused_as_a_whole_and_says_why() {
    let stage = Stage::new().await;
    for (id, second, told) in [
        ("a.other", ("transcript.upsert", row("other"), None), "scope_session_mismatch"),
        ("a.row", ("transcript.upsert", r#"{"sessionId":"s","entry":{}}"#.to_owned(), None), "is not understood"),
        ("a.twice", ("approval.decline", DECLINE.1.to_owned(), None), "decides apr_1 twice"),
        ("a.unknown", ("approval.decline", r#"{"approvalId":"apr_9"}"#.to_owned(), None), "there is no approval apr_9"),
    ] {
        stage.approve(id, &[ASKS], &asking(&[DECLINE, (second.0, &second.1, second.2)]));
        let running = stage.run().await;
        let before = stage.invocations(0).await.len();
        stage.ask("apr_1").await;
        let invocation = stage.invocations(before + 1).await.pop().expect("it was recorded");
        assert_eq!(invocation.outcome, InvocationOutcome::Refused, "{id}");
        assert!(invocation.sentence.as_ref().is_some_and(|why| why.contains(told)), "{id}: {:?}", invocation.sentence);
        running.stop().await;
        stage.stand(id, disabled());
    }
    assert_eq!(stage.approval("apr_1").await.state, InteractionState::Pending);
    assert_eq!(stage.look(|view| view.due_operations(9)).await, []);
    assert_eq!(stage.events(&["extension_invoked"]).await.len(), 4);
}

#[tokio::test]
async fn what_a_guest_wrote_does_not_fill_the_log() {
    let stage = Stage::new().await;
    let unknown = format!(r#"{{"approvalId":"{}"}}"#, "x".repeat(50_000));
    stage.approve("a.long", &[ASKS], &asking(&[("approval.decline", &unknown, None)]));
    stage.approve("a.strange", &[ASKS], &asking(&[(&"y".repeat(50_000), "{}", None)]));
    let running = stage.run().await;
    stage.ask("apr_1").await;
    assert_eq!(outcomes(&stage.invocations(2).await)["refused"], 2);
    for event in stage.events(&["extension_invoked"]).await {
        let told = event.payload.expect("it says something").to_string();
        assert!(told.len() < 10 * limits::EXTENSION_SENTENCE_CHARS_MAX, "{} bytes", told.len());
    }
    running.stop().await;
}

#[tokio::test]
async fn an_action_with_a_name_is_done_once() {
    let stage = Stage::new().await;
    stage.approve("a.row", &[TURN], &asking(&[("transcript.upsert", &row("s"), Some("the row"))]));
    let running = stage.run().await;
    stage.tell(TURN, "s").await;
    stage.tell(TURN, "s").await;
    assert_eq!(outcomes(&stage.invocations(2).await)["applied"], 2);
    assert_eq!(stage.events(&["transcript_updated"]).await.len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn what_was_kept_meanwhile_makes_a_handler_run_again_and_nothing_is_lost() {
    const EVENTS: usize = 9;
    let stage = Stage::new().await;
    stage.approve("a.count", &[TURN], &counting());
    let running = stage.run().await;
    // Each in a session of its own, so that they run side by side.
    stage
        .put(|tx| {
            let threads = (0..EVENTS).map(|number| stage::event(TURN, &format!("s{number}")));
            threads.map(|event| tx.append_event(event)).collect::<Result<Vec<_>, _>>()
        })
        .await;
    assert_eq!(outcomes(&stage.invocations(EVENTS).await)["abstained"], EVENTS);
    let (kept, version) = stage.look(|view| view.kv_get("a.count", "n")).await.expect("it was kept");
    assert_eq!((kept, version), ("x".repeat(EVENTS), EVENTS as u64));
    running.stop().await;
}

fn disabled() -> codex_manager_extension::Standing {
    codex_manager_extension::Standing::Disabled { by: Actor::User, at: jiff::Timestamp::UNIX_EPOCH }
}
