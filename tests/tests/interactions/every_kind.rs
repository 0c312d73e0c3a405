//! What holds for every kind: its shape and frames, its refusals, one answer and no more, and its end without one.

use codex_manager_tests::{Fault, Moment, Process, soon, until};
use reqwest::Method;
use serde_json::{Value, json};

use super::{APPROVAL, KINDS, entry, yes};
use crate::child_asks::{BIG_MESSAGE, is_full, replies};
use crate::stage::{Stage, of_type};

#[tokio::test]
async fn each_kind_has_its_shape_its_frames_and_its_row() {
    let stage = Stage::ready([]).await;
    for (request, noun, verb, member, [asks, resolves]) in KINDS {
        let session = stage.session().await;
        let asked = stage.asked(&session, noun, request).await;
        let id = asked[member].as_str().unwrap();
        for member in ["method", "threadId", "turnId", "itemId", "summary", "details", "createdAt"] {
            assert!(!asked[member].is_null(), "{member}: {asked}");
        }
        assert_eq!((&asked["status"], &asked["threadId"]), (&json!("pending"), &json!(session)));
        assert_eq!(
            stage.listed(&format!("/api/{noun}")).await,
            std::slice::from_ref(&asked),
            "the inbox says the same"
        );
        assert_eq!(entry(&stage.api.transcript(&session).await, id)["status"], "streaming");
        stage.answer_to(noun, id, verb, yes()).await.expect(200);
        let frames = stage.until_over(id).await;
        assert_eq!(of_type(&frames, asks)[0]["payload"], asked, "the frame says the same");
        let over = frames.last().unwrap();
        assert_eq!((&over["type"], &over["payload"]["status"]), (&json!(resolves), &json!("resolved")));
        assert!(over["actor"].as_str().unwrap().starts_with("token:"), "{over}");
        let transcript = stage.api.transcript(&session).await;
        let row = entry(&transcript, id);
        assert!(row["type"].as_str().unwrap().ends_with(".resolved") && row["status"] == "complete", "{row}");
        assert_eq!(stage.listed(&format!("/api/{noun}")).await, [] as [Value; 0]);
    }
}

#[tokio::test]
async fn case_34_an_invalid_body_is_400_and_an_unknown_id_404() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    for (request, noun, verb, member, _) in KINDS {
        let unknown = stage.answer_to(noun, "nobody", verb, yes()).await;
        let unknown = unknown.expect(404);
        assert_eq!((&unknown["status"], &unknown[member]), (&json!("not_found"), &json!("nobody")));
        let session = stage.session().await;
        let asked = stage.asked(&session, noun, request).await;
        let id = asked[member].as_str().unwrap();
        for wrong in
            [json!({"decision": "maybe", "success": "yes"}), json!({"decision": "accept", "response": 7}), json!([])]
        {
            for id in [id, "nobody"] {
                let refused = stage.answer_to(noun, id, verb, wrong.clone()).await;
                assert_eq!((refused.status, refused.code()), (400, "invalid_request"), "{noun} {wrong}");
                assert!(refused.body["issues"][0]["path"].is_array(), "{refused:?}");
            }
        }
        let other = if noun == "approvals" { "tool-input" } else { "approvals" };
        stage.answer_to(other, id, "decision", yes()).await.expect(404);
        assert_eq!(stage.waiting(&session, noun).await, asked, "it still waits");
    }
    let asked = stage.asked(&session, "approvals", APPROVAL).await;
    let id = asked["approvalId"].as_str().unwrap();
    let large = "x".repeat(300_000);
    for wrong in [
        json!({"decision": "decline", "execPolicyAmendment": ["make"]}),
        json!({"decision": "accept", "networkPolicyAmendment": {"host": "a", "action": "deny"}}),
        json!({"decision": "accept", "permissions": {}}),
        json!({"decision": "accept", "execPolicyAmendment": ["make"], "response": {}}),
        json!({"decision": "accept", "response": {"large": large}}),
    ] {
        let refused = stage.answer_to("approvals", id, "decision", wrong).await;
        assert!(refused.expect(400)["issues"][0]["path"].is_array(), "{refused:?}");
    }
    for query in ["limit=0", "limit=201", "state=what", "cursor=nobody"] {
        stage.api.get(&format!("/api/approvals?{query}")).await.expect(400);
    }
    assert_eq!(stage.listed("/api/approvals").await.len(), 2);
    let first = stage.api.get("/api/approvals?limit=1").await;
    let cursor = first.expect(200)["nextCursor"].as_str().unwrap().to_owned();
    let second = stage.api.get(&format!("/api/approvals?limit=1&cursor={cursor}")).await;
    assert_eq!((&second.expect(200)["nextCursor"], &second.body["data"][0]), (&Value::Null, &asked));
}

#[tokio::test]
async fn case_35_of_answers_at_once_one_is_written() {
    let stage = Stage::ready([]).await;
    for (request, noun, verb, member, _) in KINDS {
        let session = stage.session().await;
        let asked = stage.asked(&session, noun, request).await;
        let path = format!("/api/{noun}/{}/{verb}", asked[member].as_str().unwrap());
        let before = replies(&stage, 1).len();
        let answers = (0..8).map(|_| {
            let (api, path) = (stage.api.clone(), path.clone());
            tokio::spawn(async move { api.post(&path, yes()).await })
        });
        let mut done = 0;
        for answer in answers.collect::<Vec<_>>() {
            let answer = answer.await.unwrap();
            match (answer.status, answer.code()) {
                (200, _) => done += 1,
                (409, "in_flight") => assert_eq!(answer.body["status"], "conflict"),
                (404, "already_decided") => {}
                _ => panic!("{answer:?}"),
            }
        }
        assert_eq!(done, 1);
        let replied = async || Some(replies(&stage, 1).len()).filter(|count| *count > before);
        assert_eq!(until("the reply", replied).await, before + 1);
    }
}

#[tokio::test]
async fn case_35_an_answer_that_is_being_written_is_in_flight_and_one_that_never_was_has_expired() {
    for (request, noun, verb, member, _) in KINDS {
        let stage = Stage::ready([Fault::StopReading.at(Moment::Approval).in_generation(1)]).await;
        let (session, other) = (stage.session().await, stage.session().await);
        let asked = stage.asked(&session, noun, request).await;
        let id = asked[member].as_str().unwrap().to_owned();
        let path = format!("/api/{noun}/{id}/{verb}");
        let child = Process::find(u32::try_from(stage.api.codex().await["pid"].as_u64().unwrap()).unwrap()).unwrap();

        // The pipe is full, so that an answer can be recorded and cannot be written.
        let (api, filling) = (stage.api.clone(), format!("/api/sessions/{other}/messages"));
        let filler = tokio::spawn(async move { api.post(&filling, json!({"text": "x".repeat(BIG_MESSAGE)})).await });
        until("a full pipe", async || is_full(&child).then_some(())).await;
        let (api, first) = (stage.api.clone(), path.clone());
        let first = tokio::spawn(async move { api.post(&first, yes()).await });
        let listed = format!("/api/sessions/{session}/{noun}");
        until("a recorded answer", async || stage.listed(&listed).await.is_empty().then_some(())).await;
        let second = stage.api.post(&path, yes()).await;
        let second = second.expect(409);
        assert_eq!(
            (&second["status"], &second["code"], &second[member]),
            (&json!("conflict"), &json!("in_flight"), &json!(id))
        );
        assert_eq!(stage.listed(&format!("/api/{noun}?state=in_flight")).await.len(), 1);
        child.kill();

        let first = soon("the first answer's end", first).await.unwrap();
        let first = first.expect(409);
        assert_eq!(
            (&first["status"], &first["code"], &first["threadId"]),
            (&json!("reconciled"), &json!("expired"), &json!(session))
        );
        let over = stage.until_over(&id).await;
        assert_eq!(over.last().unwrap()["payload"]["status"], "expired");
        let late = stage.api.post(&path, yes()).await;
        let late = late.expect(404);
        assert_eq!((&late["code"], &late[member]), (&json!("expired"), &json!(id)));
        assert!(late["decidedBy"].as_str().unwrap().starts_with("token:") && late["at"].is_string(), "{late}");
        stage.api.until_restarted(1).await;
        assert_eq!(replies(&stage, 2), [] as [Value; 0]);
        soon("the filler's answer", filler).await.unwrap();
    }
}

/// How something that waits ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Turn,
    Session,
    Child,
    Elsewhere,
}

#[tokio::test]
async fn case_36_what_nobody_can_answer_any_more_expires() {
    for end in [End::Turn, End::Session, End::Child, End::Elsewhere] {
        // Somebody else has answered all three, as the child says when it is asked for its models.
        let elsewhere = [0, 1, 2]
            .map(|id| Fault::Tell("serverRequest/resolved".to_owned(), json!({"requestId": id})).on("model/list"));
        let stage = Stage::ready(if end == End::Elsewhere { elsewhere.to_vec() } else { vec![] }).await;
        let mut waiting = Vec::new();
        for (request, noun, verb, member, frames) in KINDS {
            let session = stage.session().await;
            let asked = stage.asked(&session, noun, request).await;
            waiting.push((session, asked[member].as_str().unwrap().to_owned(), noun, verb, frames[1]));
        }
        let child = Process::find(u32::try_from(stage.api.codex().await["pid"].as_u64().unwrap()).unwrap()).unwrap();
        for (session, id, noun, verb, resolves) in &waiting {
            match end {
                End::Turn => drop(stage.api.post(&format!("/api/sessions/{session}/interrupt"), json!({})).await),
                End::Session => {
                    let delete = stage.api.request(Method::DELETE, &format!("/api/sessions/{session}"));
                    stage.api.send(delete).await.unwrap().expect(200);
                }
                End::Child => child.kill(),
                End::Elsewhere => drop(stage.api.get("/api/models").await),
            }
            let frames = stage.until_over(id).await;
            let over = frames.last().unwrap();
            assert_eq!((&over["type"], &over["payload"]["status"]), (&json!(resolves), &json!("expired")), "{end:?}");
            let success = (*noun == "tool-calls").then_some(&json!(false));
            assert_eq!(over["payload"].get("success"), success, "{end:?}");
            let late = stage.answer_to(noun, id, verb, yes()).await;
            assert_eq!((late.status, late.code()), (404, "expired"), "{end:?}");
            assert!(late.body["at"].is_string() && late.body["decidedBy"].is_null(), "{late:?}");
            assert_eq!(stage.listed(&format!("/api/{noun}?state=expired")).await.len(), 1, "{end:?}");
            if end != End::Session {
                stage.api.until_codex_is("ready").await;
                let row = entry(&stage.api.transcript(session).await, id).clone();
                assert!(row["type"].as_str().unwrap().ends_with(".resolved") && row["status"] == "canceled", "{row}");
            }
        }
        assert!(replies(&stage, 1).iter().all(|reply| reply.get("error").is_none() && reply["result"].is_null()));
    }
}
