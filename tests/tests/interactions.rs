//! What the child asks: approvals, questions and calls of tools, each answered once, by somebody, or never.

use codex_manager_model::{SessionId, Worker};
use codex_manager_store::{Config, Error};
use codex_manager_tests::{Answer, Fault, Moment, Process, Socket, soon, until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::child_asks::{BIG_MESSAGE, is_full, replies};
use crate::offline::{Offline, real_codex};
use crate::stage::{Stage, of_type};

const APPROVAL: &str = r#"item/commandExecution/requestApproval {"command": "make all"}"#;
const INPUT: &str = r#"item/tool/requestUserInput {"isBlocking": true, "questions":
    [{"id": "q", "header": "Pick", "question": "Which colour?", "isSecret": true}]}"#;
const CALL: &str = r#"item/tool/call {"tool": "lookup", "arguments": {"n": 3}}"#;
const ELICITATION: &str = r#"mcpServer/elicitation/request {"serverName": "s", "mode": "form", "message": "Who?"}"#;
const PERMISSIONS: &str = r#"item/permissions/requestApproval {"permissions": {"network": {"enabled": true}}}"#;

/// The three kinds: what to ask, where it is listed and answered, what names it, its frames, and an answer.
const KINDS: [(&str, &str, &str, &str, [&str; 2]); 3] = [
    (APPROVAL, "approvals", "decision", "approvalId", ["approval", "approval_resolved"]),
    (INPUT, "tool-input", "decision", "requestId", ["tool_user_input_requested", "tool_user_input_resolved"]),
    (CALL, "tool-calls", "response", "requestId", ["tool_call_requested", "tool_call_resolved"]),
];

/// What all kinds can be answered with.
fn yes() -> Value {
    json!({"decision": "accept", "success": true})
}

impl Stage {
    /// Has the child ask something in a session, and gives it as it is listed there.
    async fn asked(&self, session: &str, noun: &str, request: &str) -> Value {
        self.api.say(session, &format!("::ask {}", request.replace('\n', " "))).await;
        self.waiting(session, noun).await
    }

    /// What waits in a session, once something does.
    async fn waiting(&self, session: &str, noun: &str) -> Value {
        let first = async || self.listed(&format!("/api/sessions/{session}/{noun}")).await.into_iter().next();
        until("what is asked", first).await
    }

    async fn listed(&self, path: &str) -> Vec<Value> {
        self.api.get(path).await.expect(200)["data"].as_array().unwrap().clone()
    }

    async fn answer_to(&self, noun: &str, id: &str, verb: &str, body: Value) -> Answer {
        soon("an answer", self.api.post(&format!("/api/{noun}/{id}/{verb}"), body)).await
    }

    /// All frames up to the one that tells the end of that interaction, which is the last.
    async fn until_over(&self, id: &str) -> Vec<Value> {
        let over = |frame: &Value| is_over(frame, id);
        self.until("the end of what was asked", over).await
    }
}

fn is_over(frame: &Value, id: &str) -> bool {
    let names = |member: &str| frame["payload"][member] == id;
    frame["type"].as_str().is_some_and(|kind| kind.ends_with("_resolved"))
        && (names("approvalId") || names("requestId"))
}

/// The entry of a transcript that stands for an interaction.
fn entry<'a>(transcript: &'a [Value], id: &str) -> &'a Value {
    let entry = transcript.iter().find(|entry| entry["messageId"].as_str().is_some_and(|name| name.ends_with(id)));
    entry.unwrap_or_else(|| panic!("no row for {id} in {transcript:?}"))
}

#[tokio::test]
async fn case_32_an_approval_for_the_session_is_shown_decided_once_and_remembered() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("untrusted", "danger-full-access").await;
    let turn = offline.api.say(&session, "::exec touch accepted").await;
    let approval = offline.api.until_asked(&session).await;
    let path = format!("/api/approvals/{approval}/decision");
    let decided = offline.api.post(&path, json!({"decision": "accept", "scope": "session"})).await;
    assert_eq!(*decided.expect(200), json!({"status": "ok", "approvalId": approval, "threadId": session}));
    assert_eq!(offline.api.approvals(&session).await, [] as [Value; 0]);
    let (frames, _) = offline.until_end(&turn).await;
    assert_eq!(of_type(&frames, "app_server.request.item.command_execution.request_approval").len(), 1);
    let shown = &of_type(&frames, "approval")[0]["payload"];
    assert_eq!(
        (&shown["approvalId"], &shown["status"], &shown["threadId"]),
        (&json!(approval), &json!("pending"), &json!(session))
    );
    let resolved = &of_type(&frames, "approval_resolved")[0]["payload"];
    let told = (&resolved["status"], &resolved["decision"], &resolved["scope"]);
    assert_eq!(told, (&json!("resolved"), &json!("accept"), &json!("session")));

    let again = offline.api.post(&path, json!({"decision": "decline"})).await;
    let again = again.expect(404);
    assert_eq!(
        (&again["status"], &again["code"], &again["approvalId"]),
        (&json!("not_found"), &json!("already_decided"), &json!(approval))
    );
    assert_eq!((&again["decision"], &again["decidedBy"]), (&json!("accept"), &resolved["actor"]));
    assert!(again["at"].is_string() && resolved["actor"].as_str().unwrap().starts_with("token:"), "{again}");

    let history = offline.api.get("/api/approvals?state=all").await.expect(200)["data"][0].clone();
    assert_eq!((&history["approvalId"], &history["status"]), (&json!(approval), &json!("resolved")));
    assert_eq!((&history["decidedBy"], &history["scope"]), (&resolved["actor"], &json!("session")));
    let row = entry(&offline.api.transcript(&session).await, &approval).clone();
    assert_eq!(
        (&row["type"], &row["status"], &row["role"]),
        (&json!("approval.resolved"), &json!("complete"), &json!("system"))
    );
    assert_eq!(row["messageId"], format!("approval-{approval}"));

    // It was for the session: nobody is asked for the same thing again.
    let turn = offline.api.say(&session, "::exec touch accepted").await;
    let (frames, _) = offline.until_end(&turn).await;
    assert_eq!(of_type(&frames, "approval").len(), 1);
}

#[tokio::test]
async fn case_33_each_decision_is_told_in_the_words_of_its_request() {
    let stage = Stage::ready([]).await;
    let legacy = r#"execCommandApproval {"command": ["make", "all"], "cwd": "/"}"#;
    let granted = json!({"network": {"enabled": true}});
    let mut expected = Vec::new();
    for (request, decision, result) in [
        (APPROVAL, json!({"decision": "accept"}), json!({"decision": "accept"})),
        (APPROVAL, json!({"decision": "accept", "scope": "session"}), json!({"decision": "acceptForSession"})),
        (APPROVAL, json!({"decision": "decline", "scope": "session"}), json!({"decision": "decline"})),
        (APPROVAL, json!({"decision": "cancel"}), json!({"decision": "cancel"})),
        (
            APPROVAL,
            json!({"decision": "accept", "execPolicyAmendment": ["make"]}),
            json!({"decision": {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["make"]}}}),
        ),
        (
            APPROVAL,
            json!({"decision": "decline", "networkPolicyAmendment": {"host": "a.test", "action": "deny"}}),
            json!({"decision": {"applyNetworkPolicyAmendment":
                   {"network_policy_amendment": {"host": "a.test", "action": "deny"}}}}),
        ),
        (APPROVAL, json!({"decision": "accept", "response": {"decision": "new"}}), json!({"decision": "new"})),
        ("item/fileChange/requestApproval", json!({"decision": "decline"}), json!({"decision": "decline"})),
        (legacy, json!({"decision": "accept"}), json!({"decision": "approved"})),
        (legacy, json!({"decision": "accept", "scope": "session"}), json!({"decision": "approved_for_session"})),
        (legacy, json!({"decision": "decline"}), json!({"decision": "denied"})),
        ("applyPatchApproval", json!({"decision": "cancel"}), json!({"decision": "abort"})),
        (
            PERMISSIONS,
            json!({"decision": "accept", "scope": "session"}),
            json!({"permissions": granted, "scope": "session"}),
        ),
        (PERMISSIONS, json!({"decision": "accept", "permissions": {}}), json!({"permissions": {}, "scope": "turn"})),
        (PERMISSIONS, json!({"decision": "cancel"}), json!({"permissions": {}, "scope": "turn"})),
    ] {
        let session = stage.session().await;
        let asked = stage.asked(&session, "approvals", request).await;
        let id = asked["approvalId"].as_str().unwrap();
        assert!(id.starts_with("apr_") && asked["itemId"] == "item-1" && asked["summary"].is_string(), "{asked}");
        stage.answer_to("approvals", id, "decision", decision).await.expect(200);
        expected.push(json!({"id": expected.len(), "result": result}));
    }
    let replied = async || Some(replies(&stage, 1)).filter(|replies| replies.len() == expected.len());
    assert_eq!(until("all replies", replied).await, expected);
}

#[tokio::test]
async fn answers_to_questions_and_calls_are_told_in_the_words_of_their_requests() {
    let stage = Stage::ready([]).await;
    let blue = json!({"q": {"answers": ["blue"]}});
    let text = json!([{"type": "inputText", "text": "sunny"}]);
    let picture = json!([{"type": "inputImage", "imageUrl": "data:,"}]);
    let mut expected = Vec::new();
    for (request, noun, verb, answer, result) in [
        (INPUT, "tool-input", "decision", json!({"decision": "accept", "answers": blue}), json!({"answers": blue})),
        (INPUT, "tool-input", "decision", json!({"decision": "decline"}), json!({"answers": {}})),
        (INPUT, "tool-input", "decision", json!({"decision": "cancel", "answers": blue}), json!({"answers": {}})),
        (
            ELICITATION,
            "tool-input",
            "decision",
            json!({"decision": "accept", "content": {"name": "me"}}),
            json!({"action": "accept", "content": {"name": "me"}}),
        ),
        (ELICITATION, "tool-input", "decision", json!({"decision": "decline"}), json!({"action": "decline"})),
        (ELICITATION, "tool-input", "decision", json!({"decision": "cancel"}), json!({"action": "cancel"})),
        (
            ELICITATION,
            "tool-input",
            "decision",
            json!({"decision": "cancel", "response": {"action": "x", "_meta": 1}}),
            json!({"action": "x", "_meta": 1}),
        ),
        (CALL, "tool-calls", "response", json!({"text": "sunny"}), json!({"success": true, "contentItems": text})),
        (
            CALL,
            "tool-calls",
            "response",
            json!({"success": false, "contentItems": picture, "text": "unused"}),
            json!({"success": false, "contentItems": picture}),
        ),
        (CALL, "tool-calls", "response", json!({}), json!({"success": true, "contentItems": []})),
        (CALL, "tool-calls", "response", json!({"response": {"any": [1]}}), json!({"any": [1]})),
    ] {
        let session = stage.session().await;
        let asked = stage.asked(&session, noun, request).await;
        let id = asked["requestId"].as_str().unwrap();
        let done = stage.answer_to(noun, id, verb, answer).await;
        assert_eq!(*done.expect(200), json!({"status": "ok", "requestId": id, "threadId": session}));
        expected.push(json!({"id": expected.len(), "result": result}));
    }
    let replied = async || Some(replies(&stage, 1)).filter(|replies| replies.len() == expected.len());
    assert_eq!(until("all replies", replied).await, expected);
    let calls = stage.listed("/api/tool-calls?state=resolved&limit=2").await;
    let told: Vec<_> = calls.iter().map(|call| (&call["tool"], &call["success"])).collect();
    assert_eq!(told, [(&json!("lookup"), &json!(false)), (&json!("lookup"), &json!(true))], "the newest first");
    // What a person answered may be a secret.
    let inputs = stage.api.get("/api/tool-input?state=all").await;
    assert!(!inputs.expect(200).to_string().contains("blue"), "{}", inputs.body);
}

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
async fn what_a_question_and_a_call_ask_is_read_for_the_client() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let input = stage.asked(&session, "tool-input", INPUT).await;
    let question = json!({"id": "q", "header": "Pick", "question": "Which colour?", "options": null, "isOther": false,
                          "isSecret": true});
    assert_eq!((&input["questions"], &input["summary"]), (&json!([question]), &json!("Which colour?")));
    let session = stage.session().await;
    let call = stage.asked(&session, "tool-calls", CALL).await;
    let read = (&call["tool"], &call["arguments"], &call["callId"]);
    assert_eq!(read, (&json!("lookup"), &json!({"n": 3}), &json!("item-1")));
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

#[tokio::test]
async fn what_is_asked_of_a_deleted_session_is_refused_in_its_name() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    stage.turn(&session, "good day").await;
    let delete = stage.api.request(Method::DELETE, &format!("/api/sessions/{session}"));
    stage.api.send(delete).await.unwrap().expect(200);
    let home = stage.end().await;
    let params = json!({"threadId": session, "turnId": "t", "itemId": "i", "command": "make all"});
    home.script([Fault::Ask("item/commandExecution/requestApproval".to_owned(), params).on("initialized")]);
    let stage = Stage::start_on(home).await;
    let refused = until("the refusal", async || replies(&stage, 2).pop()).await;
    let error = json!({"code": -32600, "message": format!("thread {session} is deleted")});
    assert_eq!((&refused["id"], &refused["error"]), (&json!(0), &error));
    assert_eq!(stage.listed("/api/approvals?state=all").await, [] as [Value; 0]);
}

#[tokio::test]
async fn case_37_nobody_is_asked_on_behalf_of_a_worker() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    stage.turn(&session, "good day").await;
    let home = stage.end().await;
    make_worker(&home.data(), &session).await;
    let mut expected = vec![
        json!({"decision": "decline"}),
        json!({"answers": {}}),
        json!({"action": "cancel"}),
        json!({"permissions": {}, "scope": "turn"}),
    ];
    let asks = [APPROVAL, INPUT, ELICITATION, PERMISSIONS, CALL, "house/unheardOf {}"].map(|request| {
        let (method, params) = request.split_once(' ').unwrap();
        let mut params: Value = serde_json::from_str(params).unwrap();
        params["threadId"] = json!(session);
        params["turnId"] = json!("t");
        Fault::Ask(method.to_owned(), params).on("initialized")
    });
    home.script(asks);
    let stage = Stage::start_on(home).await;
    let replied = async || Some(replies(&stage, 2)).filter(|replies| replies.len() == 6);
    let mut replied = until("all replies", replied).await;
    replied.sort_by_key(|reply| reply["id"].as_u64());
    let call = &replied[4]["result"];
    assert_eq!((&call["success"], &call["contentItems"][0]["type"]), (&json!(false), &json!("inputText")));
    assert_eq!(replied[5]["error"]["code"], -32600);
    assert_eq!(
        replied.iter().take(4).map(|reply| reply["result"].clone()).collect::<Vec<_>>(),
        std::mem::take(&mut expected)
    );
    for (_, noun, ..) in KINDS {
        assert_eq!(stage.listed(&format!("/api/{noun}?state=all")).await, [] as [Value; 0]);
        stage.api.get(&format!("/api/sessions/{session}/{noun}")).await.expect(403);
    }
    let transcript = stage.api.transcript(&session).await;
    let rows = transcript.iter().filter(|entry| entry["type"] == "agent.worker.lifecycle");
    assert_eq!(rows.count(), 6, "{transcript:?}");
    // Whoever asks for everything is told of other sessions only.
    let mut socket = Socket::open(&stage.api, "?after=0").await;
    let own = stage.session().await;
    stage.api.say(&own, "::approve make all").await;
    let frames = socket.until("the own request", |frame| frame["type"] == "approval").await;
    let of_worker = |frame: &&Value| frame["payload"]["method"] == "item/tool/call";
    assert_eq!(frames.iter().find(of_worker), None);
}

/// Makes a session that of a worker: there is no queue yet that would.
async fn make_worker(data: &std::path::Path, session: &str) {
    let store = Config { folder: data.to_owned(), size_bytes_max: None }.open().unwrap();
    let id = SessionId::new(session);
    let made: Result<(), Error> = store
        .write(move |tx| {
            let mut session = tx.session(&id)?.unwrap();
            session.worker = Some(Worker { owner: "prj_1".to_owned(), agent: "reviewer".to_owned() });
            tx.put_session(&session)
        })
        .await;
    made.unwrap();
    store.close().await;
}

#[tokio::test]
async fn case_38_what_nobody_here_can_answer_is_refused_and_shown() {
    let stage = Stage::ready([]).await;
    for (index, (request, code)) in [
        ("house/unheardOf {}", -32601),
        ("attestation/generate {}", -32601),
        ("currentTime/read {}", -32601),
        (r#"account/chatgptAuthTokens/refresh {"reason": "unauthorized"}"#, -32601),
        ("item/tool/call {}", -32602),
        ("item/tool/requestUserInput {}", -32602),
        ("item/permissions/requestApproval {}", -32602),
    ]
    .into_iter()
    .enumerate()
    {
        let session = stage.session().await;
        let turn = stage.api.say(&session, &format!("::ask {request}")).await;
        let frames = stage.until_end(&turn).await;
        let refused = replies(&stage, 1).pop().unwrap();
        assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(index), &json!(code)), "{request}");
        let method = request.split_once(' ').unwrap().0;
        let shown = of_type(&frames, "server_request").last().unwrap()["payload"].clone();
        assert_eq!((&shown["id"], &shown["method"]), (&json!(index.to_string()), &json!(method)));
        if code == -32601 {
            let message = format!("client does not support server-initiated method: {method}");
            assert_eq!(refused["error"]["message"], message);
        }
    }
    for (_, noun, ..) in KINDS {
        assert_eq!(stage.listed(&format!("/api/{noun}?state=all")).await, [] as [Value; 0]);
    }
}

#[tokio::test]
async fn a_rule_for_commands_is_written_by_codex_and_holds() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("untrusted", "danger-full-access").await;
    let turn = offline.api.say(&session, "::exec touch accepted").await;
    let approval = offline.api.until_asked(&session).await;
    let body = json!({"decision": "accept", "execPolicyAmendment": ["touch", "accepted"]});
    offline.api.post(&format!("/api/approvals/{approval}/decision"), body).await.expect(200);
    offline.until_end(&turn).await;
    let again = offline.api.say(&session, "::exec touch accepted").await;
    let (frames, _) = offline.until_end(&again).await;
    assert_eq!(of_type(&frames, "approval").len(), 1, "nobody is asked again");
    let response = &of_type(&frames, "approval_resolved")[0]["payload"]["response"];
    assert_eq!(response["decision"]["acceptWithExecpolicyAmendment"]["execpolicy_amendment"][1], "accepted");
}

#[tokio::test]
async fn a_question_of_codex_is_answered_or_not() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("never", "read-only").await;
    for (answer, told) in [
        (json!({"decision": "accept", "answers": {"colour": {"answers": ["blue"]}}}), Some("blue")),
        (json!({"decision": "decline"}), None),
    ] {
        let turn = offline.api.say(&session, "::ask Which colour?").await;
        let path = format!("/api/sessions/{session}/tool-input");
        let first = async || offline.api.get(&path).await.expect(200)["data"].get(0).cloned();
        let asked = until("a question", first).await;
        assert_eq!(
            (&asked["questions"][0]["question"], &asked["questions"][0]["options"][1]["label"]),
            (&json!("Which colour?"), &json!("blue"))
        );
        let id = asked["requestId"].as_str().unwrap();
        assert!(id.starts_with("inp_"), "{id}");
        offline.api.post(&format!("/api/tool-input/{id}/decision"), answer).await.expect(200);
        let (_, said) = offline.until_end(&turn).await;
        assert!(said.starts_with("tool said: ") && told.is_none_or(|told| said.contains(told)), "{said}");
        assert!(!said.contains("invalid"), "what was sent is what Codex takes: {said}");
    }
}

#[tokio::test]
async fn a_tool_of_the_client_is_called_and_answered() {
    let offline = Offline::start(&real_codex!()).await;
    let tool = json!({"type": "function", "name": "lookup", "description": "Looks things up.",
                      "inputSchema": {"type": "object", "properties": {"query": {"type": "string"}}}});
    let session = offline.api.session(json!({"cwd": offline.home.project(), "dynamicTools": [tool]})).await;
    for (answer, told) in [
        (json!({"text": "sunny, 21 degrees"}), "sunny, 21 degrees"),
        (json!({"success": false, "contentItems": [{"type": "inputText", "text": "no such place"}]}), "no such place"),
    ] {
        let turn = offline.api.say(&session, r#"::tool lookup {"query": "weather"}"#).await;
        let path = format!("/api/sessions/{session}/tool-calls");
        let first = async || offline.api.get(&path).await.expect(200)["data"].get(0).cloned();
        let call = until("a call", first).await;
        assert_eq!((&call["tool"], &call["arguments"]), (&json!("lookup"), &json!({"query": "weather"})));
        let id = call["requestId"].as_str().unwrap();
        assert!(id.starts_with("call_"), "{id}");
        offline.api.post(&format!("/api/tool-calls/{id}/response"), answer).await.expect(200);
        let (frames, said) = offline.until_end(&turn).await;
        assert!(said.contains(told), "{said}");
        assert!(!of_type(&frames, "tool_call_requested").is_empty());
    }
    // The session waits for nothing, and a call that nobody answers ends with its turn.
    let turn = offline.api.say(&session, "::tool lookup {}").await;
    let path = format!("/api/sessions/{session}/tool-calls");
    let first = async || offline.api.get(&path).await.expect(200)["data"].get(0).cloned();
    let call = until("a call", first).await;
    offline.api.post(&format!("/api/sessions/{session}/interrupt"), json!({})).await.expect(200);
    let (frames, _) = offline.until_end(&turn).await;
    let id = call["requestId"].as_str().unwrap();
    let over = frames.iter().find(|frame| is_over(frame, id)).cloned();
    let late = offline.api.post(&format!("/api/tool-calls/{id}/response"), json!({})).await;
    assert_eq!((late.status, late.code()), (404, "expired"), "{over:?}");
}
