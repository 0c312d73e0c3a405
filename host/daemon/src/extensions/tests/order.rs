//! Who is told of what, in which order, and where one goes on.

use std::time::Duration;

use codex_manager_model::{Cause, limits};
use codex_manager_store::Retention;
use jiff::Timestamp;

use super::*;

/// The events that were answered, in the order of their recording.
async fn answered(stage: &Stage, count: usize) -> Vec<(String, Seq)> {
    let invocations = stage.invocations(count).await;
    invocations.into_iter().map(|invocation| (invocation.extension, invocation.event)).collect()
}

#[tokio::test]
async fn events_of_a_session_come_in_order_and_each_once_over_a_restart() {
    let stage = Stage::new().await;
    stage.tell(TURN, "s").await;
    stage.approve("a.one", &[TURN], &asking(&[]));
    let running = stage.run().await;
    let mut told = stage.tell_times(5).await;
    answered(&stage, 5).await;
    running.stop().await;
    told.extend(stage.tell_times(5).await);
    let running = stage.run().await;
    told.push(stage.tell(TURN, "s").await);
    let answered = answered(&stage, 11).await;
    assert_eq!(answered.iter().map(|(_, seq)| *seq).collect::<Vec<_>>(), told, "from its approval on, none twice");
    running.stop().await;
    assert_eq!(stage.look(|view| view.marks("a.one")).await, [], "the low mark has passed them");
}

#[tokio::test]
async fn one_that_comes_back_starts_at_the_head_and_the_log_does_not_wait_for_one_that_is_gone() {
    let stage = Stage::new().await;
    stage.approve("a.one", &[TURN], &asking(&[]));
    let running = stage.run().await;
    stage.tell(TURN, "s").await;
    answered(&stage, 1).await;
    stage.stand("a.one", disabled());
    let marked = async || !stage.look(|view| view.marked()).await.is_empty();
    stage.until("its marks are gone", async || !marked().await).await;
    stage.tell(TURN, "s").await;
    stage.stand("a.one", codex_manager_extension::Standing::Enabled);
    stage.until("it has a place", marked).await;
    let last = stage.tell(TURN, "s").await;
    assert_eq!(answered(&stage, 2).await[1].1, last, "what was told meanwhile is none of its business");
    running.stop().await;
}

#[tokio::test]
async fn nobody_hears_an_echo_of_its_own_nor_what_lies_eight_causes_deep() {
    let stage = Stage::new().await;
    for id in ["a.one", "b.two"] {
        stage.approve(id, &["transcript_updated"], &asking(&[]));
    }
    let running = stage.run().await;
    let deep = Cause { seq: Seq(1), hops: limits::HOPS_MAX - 1 };
    stage.append(stage::event("transcript_updated", "s").because(Some(deep))).await;
    let own = stage.append(stage::event("transcript_updated", "s").by(Actor::Extension("a.one".to_owned()))).await;
    let last = stage.append(stage::event("transcript_updated", "s")).await;
    let mut told = answered(&stage, 3).await;
    told.sort();
    assert_eq!(told, [("a.one".to_owned(), last), ("b.two".to_owned(), own), ("b.two".to_owned(), last)]);
    running.stop().await;
}

#[tokio::test]
async fn a_pending_approval_overtakes_what_came_before_it() {
    // More than can be under way at once, so that the busy one falls behind.
    const BEFORE: usize = limits::EXTENSION_ROUNDS_MAX + 100;
    let stage = Stage::new().await;
    stage.approve("a.busy", &[TURN], &asking(&[]));
    stage.approve("b.guard", &[ASKS], &asking(&[DECLINE]));
    let running = stage.run().await;
    let told = stage.put(|tx| {
        for _ in 0..BEFORE {
            tx.append_event(stage::event(TURN, "s"))?;
        }
        stage::ask(tx, "apr_1")
    });
    told.await;
    let decided = async || stage.approval("apr_1").await.state == InteractionState::Decided;
    stage.until("it is decided", decided).await;
    let before = stage.invocations(0).await.len();
    assert!(before < BEFORE / 2, "it was decided when {before} of {BEFORE} were done with");
    running.stop().await;
}

#[tokio::test]
async fn what_retention_took_before_anybody_was_told_is_told_once() {
    let stage = Stage::new().await;
    stage.approve("a.one", &[TURN], &asking(&[]));
    stage.approve("b.two", &[TURN], &asking(&[]));
    stage.run().await.stop().await;
    let told = stage.tell_times(5).await;
    // One is done with the last of them, as with an interaction that overtook, and knows of the first.
    let all = Retention { age_max: Duration::ZERO, bytes_max: 0, held_bytes_max: 0 };
    let (first, last) = (told[0], told[4]);
    stage
        .put(move |tx| {
            // What is told of the extensions themselves stands in the log as well, before that or not.
            tx.set_marks_low("a.one", Seq(first.0 - 1))?;
            tx.set_marks_low("b.two", first)?;
            tx.mark_event("b.two", last)?;
            tx.prune_events(&all, Timestamp::UNIX_EPOCH)
        })
        .await;
    // Nothing is left in the log, and then something again.
    for _ in 0..2 {
        let running = stage.run().await;
        stage.until("it is told", async || stage.events(&["extension_missed"]).await.len() == 2).await;
        running.stop().await;
    }
    let next = stage.tell(TURN, "s").await;
    let running = stage.run().await;
    let mut both = answered(&stage, 2).await;
    both.sort();
    assert_eq!(both, [("a.one".to_owned(), next), ("b.two".to_owned(), next)]);
    running.stop().await;
    let missed = stage.events(&["extension_missed"]).await.into_iter();
    let mut missed: Vec<_> = missed.map(|event| event.payload).collect();
    // Each reads from its own mark.
    missed.sort_by_key(|payload| payload.as_ref().map(|payload| payload["extensionId"].to_string()));
    let expected = [("a.one", first), ("b.two", told[1])];
    assert_eq!(missed, expected.map(|(id, from)| Some(json!({ "extensionId": id, "from": from, "to": last }))));
}

#[tokio::test]
async fn one_that_is_far_behind_reads_the_log_from_its_own_mark_while_the_other_is_served() {
    // Some pages, and more than one extension may have under way at once.
    const BEFORE: u64 = limits::EXTENSION_ROUNDS_MAX as u64 / 2 + 20;
    let stage = Stage::new().await;
    for id in ["a.behind", "b.front"] {
        stage.approve(id, &[TURN], &asking(&[]));
    }
    stage.run().await.stop().await;
    let before = stage.put(|tx| {
        let told = (0..BEFORE).map(|_| tx.append_event(stage::event(TURN, "s")));
        let told = told.collect::<Result<Vec<_>, _>>()?;
        tx.set_marks_low("b.front", *told.last().expect("some"))?;
        Ok(told)
    });
    let mut before = before.await;
    let running = stage.run().await;
    let next = stage.tell(TURN, "s").await;
    let all = answered(&stage, before.len() + 2).await;
    before.push(next);
    let of = |id: &str| all.iter().filter(|(one, _)| one == id).map(|(_, seq)| *seq).collect::<Vec<_>>();
    assert_eq!((of("a.behind"), of("b.front")), (before, vec![next]), "in order, and each once");
    running.stop().await;
    let low = stage.look(|view| view.marks_low("a.behind")).await;
    assert!(low >= Some(next), "it is done with all: {low:?}");
}
