//! The main job, with the real Codex: a message is answered, a command waits for a decision.

use codex_manager_tests::{Events, Socket, row, until};
use serde_json::{Value, json};

use crate::offline::{Offline, real_codex};
use crate::stage::{ends, of_type};

#[tokio::test]
async fn a_message_is_answered_and_the_answer_streams() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("never", "read-only").await;
    let mut socket = Socket::open(&offline.api, &format!("?threadId={session}")).await;
    let turn = offline.api.say(&session, "good day").await;
    let frames = socket.until("the turn's end", |frame| ends(frame, &turn)).await;

    assert_eq!((&frames[0]["type"], &frames[0]["threadId"]), (&json!("ready"), &json!(session)));
    let deltas = of_type(&frames, "app_server.item.agent_message.delta");
    let text: String = deltas.iter().filter_map(|frame| frame["payload"]["params"]["delta"].as_str()).collect();
    assert_eq!(text, "Hello from the scripted model. You said: good day");
    let seqs: Vec<u64> = frames.iter().filter_map(row).collect();
    assert!(seqs.len() > 5 && seqs.is_sorted(), "{seqs:?}");
    assert!(!of_type(&frames, "notification").is_empty(), "the child's own words are shown too");

    let shown = offline.api.get(&format!("/api/sessions/{session}")).await;
    let transcript = shown.expect(200)["transcript"].clone();
    let said: Vec<_> = transcript.as_array().unwrap().iter().map(|entry| (&entry["role"], &entry["content"])).collect();
    assert!(said.contains(&(&json!("user"), &json!("good day"))), "{transcript}");
    assert!(said.contains(&(&json!("assistant"), &json!(text))), "{transcript}");
    let listed = offline.api.get("/api/sessions").await;
    assert_eq!(listed.expect(200)["data"][0]["sessionId"], session);
}

#[tokio::test]
async fn both_streams_resume_after_any_row_and_tell_the_same() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("never", "read-only").await;
    let first = offline.api.say(&session, "one").await;
    offline.until_end(&first).await;
    let second = offline.api.say(&session, "two").await;
    let (frames, _) = offline.until_end(&second).await;
    let durable =
        |frames: &[Value]| -> Vec<Value> { frames.iter().filter(|frame| row(frame).is_some()).cloned().collect() };
    let all = durable(&frames);
    let middle = all[all.len() / 2]["seq"].as_u64().unwrap();
    let rest: Vec<Value> = all.iter().filter(|frame| row(frame) > Some(middle)).cloned().collect();

    let mut socket = Socket::open(&offline.api, &format!("?after={middle}")).await;
    assert_eq!(durable(&socket.until("the turn's end", |frame| ends(frame, &second)).await), rest);
    let mut events = Events::open(&offline.api, &format!("?after={middle}"), None).await;
    let events = events.until("the turn's end", |frame| ends(frame, &second)).await;
    let told: Vec<Value> = events.iter().map(|event| event.data.clone()).collect();
    assert_eq!(durable(&told), rest);

    let id = events.iter().rev().find_map(|event| event.id.clone()).unwrap();
    let mut resumed = Events::open(&offline.api, "", Some(&id)).await;
    let third = offline.api.say(&session, "three").await;
    let resumed = resumed.until("the turn's end", |frame| ends(frame, &third)).await;
    let mut seqs = resumed.iter().filter_map(|event| row(&event.data));
    assert!(seqs.all(|seq| seq >= all.last().unwrap()["seq"].as_u64().unwrap()));
}

#[tokio::test]
async fn a_command_waits_for_its_decision() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("untrusted", "danger-full-access").await;
    let turn = offline.api.say(&session, "::exec touch accepted && echo did it").await;
    let approval = offline.api.until_asked(&session).await;
    let all = offline.api.get("/api/approvals").await;
    assert!(all.expect(200).to_string().contains(&approval), "{}", all.body);
    assert!(!offline.home.project().join("accepted").exists());
    offline.api.decide(&approval, "accept").await.expect(200);
    let (frames, answer) = offline.until_end(&turn).await;
    assert!(answer.contains("did it"), "{answer}");
    assert!(offline.home.project().join("accepted").exists());
    let asked = of_type(&frames, "approval");
    assert_eq!(asked[0]["payload"]["approvalId"], approval);
    assert!(asked[0]["payload"]["summary"].as_str().unwrap().contains("touch accepted"));
    assert_eq!(of_type(&frames, "approval_resolved")[0]["payload"]["decision"], "accept");

    let turn = offline.api.say(&session, "::exec touch declined").await;
    let approval = offline.api.until_asked(&session).await;
    offline.api.decide(&approval, "decline").await.expect(200);
    let (_, answer) = offline.until_end(&turn).await;
    assert!(answer.contains("rejected by user"), "{answer}");
    assert!(!offline.home.project().join("declined").exists());
}

#[tokio::test]
async fn a_file_change_is_shown_before_it_is_decided() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("untrusted", "workspace-write").await;
    let turn = offline.api.say(&session, "::patch note.txt buy milk").await;
    let approval = offline.api.until_asked(&session).await;
    let file = offline.home.project().join("note.txt");
    let waiting = offline.api.approvals(&session).await.remove(0);
    let change = waiting["details"]["changes"][0].clone();
    assert_eq!((change["path"].as_str(), &change["diff"]), (file.to_str(), &json!("buy milk\n")), "{waiting}");
    assert!(!file.exists());
    offline.api.decide(&approval, "accept").await.expect(200);
    let (frames, _) = offline.until_end(&turn).await;
    assert_eq!(of_type(&frames, "approval")[0]["payload"]["details"], waiting["details"], "the event says the same");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "buy milk\n");
}

#[tokio::test]
async fn an_interrupted_answer_does_not_vanish() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("never", "read-only").await;
    let mut socket = Socket::open(&offline.api, "").await;
    let turn = offline.api.say(&session, "::hold 4").await;
    socket.until("the last word", |frame| frame["payload"]["params"]["delta"] == "word 4 ").await;
    let interrupted = offline.api.post(&format!("/api/sessions/{session}/interrupt"), json!({})).await;
    assert_eq!(interrupted.expect(200)["turnId"], turn);
    offline.until_end(&turn).await;
    let kept = until("the interrupted answer", async || {
        let entries = offline.api.transcript(&session).await;
        entries.into_iter().find(|entry| entry["turnId"] == turn && entry["role"] == "assistant")
    });
    let kept = kept.await;
    assert_eq!((&kept["content"], &kept["status"]), (&json!("word 1 word 2 word 3 word 4 "), &json!("canceled")));
    assert!(offline.ask(&session, "go on").await.contains("go on"));
}
