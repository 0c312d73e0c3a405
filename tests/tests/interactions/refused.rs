//! What nobody is asked: requests of workers, of deleted sessions, and those that have no answer here.

use codex_manager_model::{SessionId, Worker};
use codex_manager_store::{Config, Error};
use codex_manager_tests::{Fault, Socket, until};
use reqwest::Method;
use serde_json::{Value, json};

use super::{APPROVAL, CALL, ELICITATION, INPUT, KINDS, PERMISSIONS};
use crate::child_asks::replies;
use crate::stage::{Stage, of_type};

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
