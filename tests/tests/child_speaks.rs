//! The child says what it should not: too much, too long, not text, not messages, not true.

use codex_manager_tests::{Fault, Moment, Socket, row};
use serde_json::{Value, json};

use crate::stage::{Stage, of_type};

/// Longer than any line that is taken.
const LONG_LINE: usize = 64 * 1024 * 1024;

/// Whether the same child still lives.
async fn assert_same_child(stage: &Stage) {
    let codex = stage.api.codex().await;
    assert_eq!((codex["state"].as_str(), codex["restarts"].as_u64()), (Some("ready"), Some(0)), "{codex}");
}

#[tokio::test]
async fn a_line_without_measure_ends_that_child_and_no_more() {
    let stage = Stage::ready([Fault::LongLine(LONG_LINE).at(Moment::Turn).in_generation(1)]).await;
    let session = stage.session().await;
    stage.api.say(&session, "good day").await;
    stage.api.until_restarted(1).await;
    stage.turn(&session, "again").await;
    stage.assert_works().await;
}

#[tokio::test]
async fn garbage_is_passed_over() {
    let rules =
        [Fault::Garbage.at(Moment::Start), Fault::Garbage.at(Moment::Turn), Fault::InvalidUtf8.at(Moment::Turn)];
    let stage = Stage::ready(rules).await;
    stage.assert_works().await;
    assert_same_child(&stage).await;
}

#[tokio::test]
async fn a_character_cut_in_two_is_whole_again() {
    let stage = Stage::ready([Fault::SplitUtf8.at(Moment::Turn)]).await;
    let session = stage.session().await;
    let mut socket = Socket::open(&stage.api, "").await;
    stage.api.say(&session, "good day").await;
    let cut = |frame: &Value| frame["payload"]["params"]["delta"] == "Grüße 🎉";
    socket.until("the whole character", cut).await;
    assert_same_child(&stage).await;
}

#[tokio::test]
async fn answers_that_nobody_asked_for_change_nothing() {
    let rules = [
        Fault::AnswerUnknown.at(Moment::Turn),
        Fault::AnswerTwice.on("thread/start"),
        Fault::AnswerTwice.on("turn/start"),
    ];
    let stage = Stage::ready(rules).await;
    stage.assert_works().await;
    stage.assert_works().await;
    assert_same_child(&stage).await;
    let sessions = stage.api.get("/api/sessions").await;
    assert_eq!(sessions.expect(200)["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_error_without_a_message_is_still_an_error() {
    let stage = Stage::ready([Fault::Refuse(-32000, None).on("turn/start").once()]).await;
    let session = stage.session().await;
    let answer = stage.api.post(&format!("/api/sessions/{session}/messages"), json!({"text": "good day"})).await;
    assert!((400..600).contains(&answer.status) && !answer.code().is_empty(), "{answer:?}");
    stage.turn(&session, "again").await;
    assert_same_child(&stage).await;
}

#[tokio::test]
async fn an_overloaded_child_is_asked_again() {
    let overloaded = Fault::Refuse(-32001, Some("Server overloaded; retry later.".into()));
    let stage = Stage::ready([overloaded.on("turn/start").once()]).await;
    let session = stage.session().await;
    stage.turn(&session, "good day").await;
    assert_eq!(stage.home.received_of("turn/start").len(), 2);
    assert_same_child(&stage).await;
}

#[tokio::test]
async fn a_thread_that_nobody_started_does_no_harm() {
    let stage = Stage::ready([Fault::UnknownThread.at(Moment::Turn)]).await;
    stage.assert_works().await;
    assert_same_child(&stage).await;
}

#[tokio::test]
async fn an_item_that_ends_after_its_turn_is_kept_and_the_turn_stays_over() {
    let stage = Stage::ready([Fault::LateItem.at(Moment::TurnEnd).once()]).await;
    let session = stage.session().await;
    let turn = stage.api.say(&session, "good day").await;
    let late = |frame: &Value| frame["payload"]["params"]["item"]["id"] == "late";
    stage.until("the late item", late).await;
    let entry =
        |entry: &Value| entry["turnId"] == *turn && entry["messageId"] == "late" && entry["status"] == "complete";
    stage.api.until_transcript(&session, "the late item", entry).await;
    let interrupt = stage.api.post(&format!("/api/sessions/{session}/interrupt"), json!({})).await;
    assert_eq!((interrupt.status, &interrupt.body["status"]), (409, &json!("no_active_turn")), "{interrupt:?}");
    stage.turn(&session, "again").await;
}

#[tokio::test]
async fn a_turn_that_ends_twice_ended_once() {
    let stage = Stage::ready([Fault::CompleteTwice.at(Moment::TurnEnd)]).await;
    let session = stage.session().await;
    let first = stage.api.say(&session, "good day").await;
    stage.turn(&session, "again").await;
    assert_eq!(stage.answer(&session, &first).await, "Hello from the scripted app-server. Done.");
    assert_same_child(&stage).await;
}

#[tokio::test]
async fn a_flood_of_deltas_reaches_a_reader_that_slept() {
    let stage = Stage::ready([Fault::Deltas(20_000).at(Moment::Turn)]).await;
    let session = stage.session().await;
    let mut sleeper = Socket::open(&stage.api, "").await;
    let turn = stage.api.say(&session, "good day").await;
    stage.until_end(&turn).await;
    // Nothing was read from this socket until now: what it missed of the log it still gets, in order and once.
    let frames = sleeper.until("the turn's end", |frame| crate::stage::ends(frame, &turn)).await;
    assert_ascending(&frames);
    let text = stage.answer(&session, &turn).await;
    assert_eq!(text, "Hello from the scripted app-server. Done.", "the item's own end says what was said");
    assert_same_child(&stage).await;
}

#[tokio::test]
async fn a_flood_of_items_is_in_the_log_without_a_gap() {
    const ITEMS: usize = 2_000;
    let stage = Stage::ready([Fault::Items(2_000).at(Moment::Turn)]).await;
    let session = stage.session().await;
    let frames = stage.turn(&session, "good day").await;
    assert_ascending(&frames);
    let thought = |frame: &&&Value| frame["payload"]["params"]["item"]["type"] == "reasoning";
    for kind in ["app_server.item.started", "app_server.item.completed"] {
        assert_eq!(of_type(&frames, kind).iter().filter(thought).count(), ITEMS, "{kind}");
    }
    assert_same_child(&stage).await;
}

#[tokio::test]
async fn noise_on_stderr_holds_nobody_up() {
    let stage = Stage::ready([Fault::Stderr(8 * 1024 * 1024).at(Moment::Turn)]).await;
    stage.assert_works().await;
    assert_same_child(&stage).await;
}

/// The numbers of the durable frames never go back; frames of one row share theirs.
fn assert_ascending(frames: &[Value]) {
    let seqs: Vec<u64> = frames.iter().filter_map(row).collect();
    assert!(!seqs.is_empty() && seqs.is_sorted(), "{seqs:?}");
    let mut rows = seqs;
    rows.dedup();
    assert!(rows.windows(2).all(|pair| pair[1] == pair[0] + 1), "a row is missing: {rows:?}");
}

#[tokio::test]
async fn answers_of_no_known_shape_are_told_and_break_nothing() {
    for odd in [json!(7), json!("text"), json!([1]), json!({"thread": 7}), json!({"thread": {"id": ""}}), json!(null)] {
        let rules = ["thread/read", "thread/turns/list"].map(|method| Fault::Answer(odd.clone()).on(method));
        let first = ["thread/start", "turn/start"].map(|method| Fault::Answer(odd.clone()).on(method).once());
        let stage = Stage::ready([rules, first].concat()).await;
        let refused = stage.api.post("/api/sessions", json!({})).await;
        assert_eq!((refused.status, refused.code()), (500, "codex_error"), "{odd}: {}", refused.body);
        let session = stage.session().await;
        let path = format!("/api/sessions/{session}/messages");
        let refused = stage.api.post(&path, json!({"text": "good day"})).await;
        assert_eq!((refused.status, refused.code()), (500, "codex_error"), "{odd}: {}", refused.body);

        let turn = stage.api.say(&session, "good day").await;
        stage.until_end(&turn).await;
        let shown = stage.api.get(&format!("/api/sessions/{session}")).await;
        assert!(shown.expect(200)["thread"].is_object(), "{odd}: {}", shown.body);
        assert_eq!(stage.answer(&session, &turn).await, "Hello from the scripted app-server. Done.");
        assert_same_child(&stage).await;
    }
}

#[tokio::test]
async fn odd_answers_about_a_session_are_never_a_fault_of_ours() {
    for odd in [json!(7), json!("text"), json!([1])] {
        let about_it =
            ["thread/archive", "thread/unarchive", "thread/fork", "thread/resume", "thread/list", "skills/list"];
        let stage = Stage::ready(about_it.map(|method| Fault::Answer(odd.clone()).on(method))).await;
        let session = stage.session().await;
        stage.turn(&session, "good day").await;
        for verb in ["fork", "resume", "archive", "unarchive"] {
            let answer = stage.api.post(&format!("/api/sessions/{session}/{verb}"), json!({})).await;
            assert!(answer.status == 200 || answer.code() == "codex_error", "{verb}, {odd}: {}", answer.body);
        }
        stage.api.get("/api/skills").await.expect(200);
        assert_same_child(&stage).await;
    }
}

#[tokio::test]
async fn params_nested_too_deep_are_left_out_and_the_stream_goes_on() {
    let deep = (0..120).fold(json!(1), |inner, _| json!([inner]));
    let stage = Stage::ready([Fault::Tell("warning".to_owned(), deep).at(Moment::Turn)]).await;
    let session = stage.session().await;
    let frames = stage.turn(&session, "good day").await;
    let told = of_type(&frames, "app_server.warning");
    assert_eq!((told.len(), &told[0]["payload"]["params"]), (1, &Value::Null));
    assert_eq!(told[0]["payload"]["paramsLeftOut"]["reason"], "too_deep");
    assert_same_child(&stage).await;
}

#[tokio::test]
async fn params_that_are_too_large_are_left_out_and_the_stream_goes_on() {
    const BYTES: usize = 3 * 1024 * 1024;
    let stage = Stage::ready([Fault::LongLine(BYTES).at(Moment::Turn)]).await;
    let session = stage.session().await;
    let frames = stage.turn(&session, "good day").await;
    let told = of_type(&frames, "app_server.warning");
    assert_eq!((told.len(), &told[0]["payload"]["params"]), (1, &Value::Null));
    let left_out = json!({"reason": "too_large", "bytes": BYTES + r#"{"message":""}"#.len()});
    assert_eq!(told[0]["payload"]["paramsLeftOut"], left_out);
    assert_same_child(&stage).await;
}
