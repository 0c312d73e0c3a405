//! The event stream: who is told what, in which frames, and from where it can be read again.

use std::time::Duration;

use codex_manager::{Daemon, Retention};
use codex_manager_model::{Session, SessionId, Worker};
use codex_manager_store::{Config, Error};
use codex_manager_tests::{Api, Events, Fault, Home, Moment, Socket, row, until};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::offline::{Offline, real_codex};
use crate::stage::{Stage, ends, of_type};

/// A frame that says that all before it has come, because it answers what was sent after that.
async fn until_pong(socket: &mut Socket) -> Vec<Value> {
    socket.send(json!({"type": "ping"})).await;
    let mut frames = socket.until("the pong", |frame| frame["type"] == "pong").await;
    frames.pop();
    frames
}

/// Writes a row into a session's transcript, which is told as an event of that session.
async fn note(api: &Api, session: &str, id: &str) -> Value {
    let entry = json!({"messageId": id, "turnId": "notes", "role": "system", "type": "note", "content": id,
                       "status": "complete"});
    api.post(&format!("/api/sessions/{session}/transcript/upsert"), entry).await.expect(200).clone()
}

fn is_note<'a>(id: &'a str) -> impl FnMut(&Value) -> bool + 'a {
    move |frame| frame["type"] == "transcript_updated" && frame["payload"]["messageId"] == id
}

/// The threads that frames are about, without those that say nothing of one.
fn threads(frames: &[Value]) -> Vec<&str> {
    let mut threads: Vec<_> = frames.iter().filter_map(|frame| frame["threadId"].as_str()).collect();
    threads.dedup();
    threads
}

#[tokio::test]
async fn case_26_ready_comes_first_ping_is_answered_and_junk_is_survived() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    for (query, thread) in [(String::new(), Value::Null), (format!("?threadId={session}"), json!(session))] {
        let mut socket = Socket::open(&stage.api, &query).await;
        let ready = socket.next().await.unwrap();
        assert_eq!((&ready["type"], &ready["threadId"]), (&json!("ready"), &thread));
        for junk in [json!({"type": "publish"}), json!("ping"), json!({"type": "subscribe"}), json!([])] {
            socket.send(junk).await;
            let answer = socket.until("an answer", |frame| frame["type"] == "error").await;
            assert_eq!(answer.last(), Some(&json!({"type": "error", "message": "invalid websocket command"})));
        }
        assert_eq!(until_pong(&mut socket).await, Vec::<Value>::new(), "the connection survives");
    }
}

#[tokio::test]
async fn case_27_a_filter_holds_is_switched_and_is_dropped() {
    let offline = Offline::start(&real_codex!()).await;
    let (one, two) = (offline.session("never", "read-only").await, offline.session("never", "read-only").await);
    let mut filtered = Socket::open(&offline.api, &format!("?threadId={one}")).await;
    let mut everything = Socket::open(&offline.api, "").await;
    let turns = [offline.api.say(&two, "to the second").await, offline.api.say(&one, "to the first").await];
    for turn in &turns {
        offline.until_end(turn).await;
    }
    let frames = filtered.until("its turn's end", |frame| ends(frame, &turns[1])).await;
    assert_eq!(threads(&frames), [&one]);
    assert!(!frames.iter().any(|frame| frame.to_string().contains(&turns[0])), "nothing of the other's turn");
    let mut left = 2;
    let over = |frame: &Value| {
        left -= usize::from(turns.iter().any(|turn| ends(frame, turn)));
        left == 0
    };
    let frames = everything.until("the end of both turns", over).await;
    assert!(threads(&frames).contains(&one.as_str()) && threads(&frames).contains(&two.as_str()));

    filtered.send(json!({"type": "subscribe", "threadId": two})).await;
    until_pong(&mut filtered).await;
    note(&offline.api, &one, "n1").await;
    note(&offline.api, &two, "n2").await;
    let frames = filtered.until("the second's note", is_note("n2")).await;
    assert_eq!(threads(&frames), [&two], "subscribing again replaces the first filter");
    filtered.send(json!({"type": "unsubscribe"})).await;
    until_pong(&mut filtered).await;
    note(&offline.api, &one, "n3").await;
    filtered.until("the first's note", is_note("n3")).await;
}

#[tokio::test]
async fn case_28_what_is_for_everybody_reaches_who_asked_for_another_session() {
    let account = Fault::Tell("account/updated".to_owned(), json!({"authMode": null})).at(Moment::TurnEnd);
    let stage = Stage::ready([account]).await;
    let (asked_for, other) = (stage.session().await, stage.session().await);
    let mut socket = Socket::open(&stage.api, &format!("?threadId={asked_for}")).await;
    stage.turn(&other, "good day").await;
    let frames = socket.until("the account", |frame| frame["type"] == "account_updated").await;
    assert!(of_type(&frames, "app_server.account.updated").is_empty(), "its long name is for those who ask for all");

    let project = stage.api.post("/api/projects", json!({"name": "everybody's"})).await;
    let project = project.expect(200)["project"]["projectId"].clone();
    let frames = socket.until("the project", |frame| frame["type"] == "project_upserted").await;
    assert_eq!(frames.last().unwrap()["payload"]["project"]["projectId"], project);
    stage.api.post(&format!("/api/sessions/{other}/project"), json!({"projectId": project})).await.expect(200);
    socket.until("the session's project", |frame| frame["type"] == "session_project_updated").await;
    let delete = stage.api.request(Method::DELETE, &format!("/api/sessions/{other}"));
    stage.api.send(delete).await.unwrap().expect(200);
    let frames = socket.until("the end of the session", |frame| frame["type"] == "session_deleted").await;
    assert_eq!(frames.last().unwrap()["payload"]["sessionId"], json!(other));
}

/// Makes the session of a worker, like another, in the store of a daemon that does not run.
async fn make_worker(home: &Home, id: &str, like: &str) {
    let store = Config { folder: home.data(), size_bytes_max: None }.open().unwrap();
    let (id, like) = (SessionId::new(id), SessionId::new(like));
    let made = store.write(move |tx| {
        let like = tx.session(&like)?.expect("it was made");
        let worker = Some(Worker { owner: "session:somebody".to_owned(), agent: "reviewer".to_owned() });
        tx.put_session(&Session { id, worker, ..like })?;
        Ok::<_, Error>(())
    });
    made.await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn case_29_a_workers_thread_is_told_to_those_who_name_it() {
    const WORKER: &str = "0abcdef0-0000-7000-8000-000000000000";
    let tell = |method: &str, params: Value| Fault::Tell(method.to_owned(), params).at(Moment::TurnEnd);
    let item = json!({"threadId": WORKER, "turnId": "t", "item": {"id": "i", "type": "reasoning"}});
    let delta = json!({"threadId": WORKER, "turnId": "t", "itemId": "i", "delta": "secret thought"});
    let stage = Stage::ready([tell("item/agentMessage/delta", delta), tell("item/started", item)]).await;
    let like = stage.session().await;
    let home = stage.end().await;
    make_worker(&home, WORKER, &like).await;

    let stage = Stage::start_on(home).await;
    stage.api.until_codex_is("ready").await;
    let user = stage.session().await;
    let mut sockets = Vec::new();
    for query in [String::new(), format!("?threadId={user}"), format!("?threadId={WORKER}")] {
        sockets.push(Socket::open(&stage.api, &query).await);
    }
    stage.turn(&user, "good day").await;
    note(&stage.api, &user, "last").await;
    for socket in &mut sockets[..2] {
        let frames = socket.until("the last note", is_note("last")).await;
        assert!(!frames.iter().any(|frame| frame.to_string().contains(WORKER)), "nothing of the worker's thread");
    }
    let started = |frame: &Value| frame["payload"]["method"] == "item/started";
    let frames = sockets[2].until("the worker's item", started).await;
    assert_eq!(threads(&frames), [WORKER]);
    assert!(frames.iter().skip(1).all(|frame| frame["type"] == "notification"), "{frames:?}");
    let methods: Vec<_> = frames.iter().skip(1).map(|frame| &frame["payload"]["method"]).collect();
    assert_eq!(methods, ["item/agentMessage/delta", "item/started"]);

    let frames = pages(&stage.api, "").await;
    assert!(!frames.iter().any(|frame| frame.to_string().contains(WORKER)), "nor is it in the pages of all");
    let frames = pages(&stage.api, &format!("threadId={WORKER}")).await;
    assert!(frames.iter().any(|frame| frame["payload"]["method"] == "item/started"), "{frames:?}");
}

#[tokio::test]
async fn case_30_signals_have_their_names_and_members() {
    let table = [
        ("thread/tokenUsage/updated", "app_server.thread.token_usage.updated"),
        ("mcpServer/oauthLogin/completed", "app_server.mcp_server.oauth_login.completed"),
        ("codex/event/agent_message", "app_server.codex.event.agent_message"),
        ("item/MCPToolCall/HTTPError", "app_server.item.mcp_tool_call.http_error"),
        ("thing//done now", "app_server.thing.unknown.done_now"),
    ];
    let rules = table.map(|(method, _)| Fault::Tell(method.to_owned(), json!({"a": 1})).at(Moment::TurnEnd));
    let stage = Stage::ready(rules).await;
    let session = stage.session().await;
    let mut socket = Socket::open(&stage.api, "").await;
    let turn = stage.api.say(&session, "::approve ls").await;
    let approval = stage.api.until_asked(&session).await;
    stage.api.decide(&approval, "accept").await.expect(200);
    let frames = socket.until("the last of them", |frame| frame["type"] == table[4].1).await;
    for (method, kind) in table {
        let told = of_type(&frames, kind);
        assert_eq!(told.len(), 1, "{kind}");
        let signal = &told[0]["payload"];
        let members = ["source", "signalType", "eventType", "method", "params"].map(|member| signal[member].clone());
        let expected = [json!("app_server"), json!("notification"), json!(kind), json!(method), json!({"a": 1})];
        assert_eq!(members, expected);
        assert_eq!(signal["context"], json!({"threadId": null, "turnId": null}));
        assert_eq!((&signal["session"], signal.get("requestId")), (&Value::Null, None));
        assert!(signal["receivedAt"].as_str().unwrap().parse::<Timestamp>().is_ok());
    }
    let asked = of_type(&frames, "app_server.request.item.command_execution.request_approval");
    let signal = &asked[0]["payload"];
    assert_eq!((&signal["signalType"], signal["requestId"].is_string()), (&json!("request"), true));
    assert_eq!(signal["context"], json!({"threadId": session, "turnId": turn}));
    assert_eq!((&signal["session"]["id"], signal["session"].get("title").is_some()), (&json!(session), true));
    assert_eq!(signal["session"]["projectId"], Value::Null);
}

#[tokio::test]
async fn case_31_a_row_of_a_transcript_is_told_with_what_it_became() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let mut socket = Socket::open(&stage.api, &format!("?threadId={session}")).await;
    let written = note(&stage.api, &session, "m1").await;
    let frames = socket.until("the row", is_note("m1")).await;
    let told = frames.last().unwrap();
    assert_eq!(told["payload"]["entry"], written["entry"]);
    let about = ["threadId", "turnId", "messageId", "type"].map(|member| told["payload"][member].clone());
    assert_eq!(about, [json!(session), json!("notes"), json!("m1"), json!("note")]);
}

/// All frames of the log that a query finds, page by page, each row once and in order.
async fn pages(api: &Api, query: &str) -> Vec<Value> {
    let (mut frames, mut after) = (Vec::new(), "0".to_owned());
    loop {
        let page = api.get(&format!("/api/events?after={after}&limit=7&{query}")).await.expect(200).clone();
        frames.extend(page["data"].as_array().unwrap().iter().cloned());
        page["next"].as_str().unwrap().clone_into(&mut after);
        if page["more"] == false {
            let rows: Vec<_> = frames.iter().filter_map(row).collect();
            assert!(rows.is_sorted(), "{rows:?}");
            return frames;
        }
    }
}

#[tokio::test]
async fn pages_have_the_frames_of_the_stream() {
    let stage = Stage::ready([]).await;
    let (one, two) = (stage.session().await, stage.session().await);
    stage.turn(&one, "good day").await;
    stage.turn(&two, "good day").await;
    note(&stage.api, &one, "last").await;
    let told = Socket::open(&stage.api, "?after=0").await.until("the last note", is_note("last")).await;
    let durable: Vec<_> = told.iter().filter(|frame| row(frame).is_some()).cloned().collect();
    assert!(pages(&stage.api, "").await == durable, "the same frames in the same order");
    let is_ours = |kind: &Value| kind == "app_server_state" || kind == "token_created";
    let of_one = durable.iter().filter(|frame| frame["threadId"] == json!(one) || is_ours(&frame["type"]));
    assert!(
        pages(&stage.api, &format!("threadId={one}")).await.iter().eq(of_one),
        "its own, and what is for everybody"
    );
    let both = pages(&stage.api, &format!("threadId={one},{two}&types=app_server.turn,transcript_")).await;
    let types: Vec<_> = both.iter().filter_map(|frame| frame["type"].as_str()).collect();
    let turn = ["app_server.turn.started", "app_server.turn.completed"];
    assert_eq!(types, [turn[0], turn[1], turn[0], turn[1], "transcript_updated"]);

    let first = stage.api.get("/api/events?limit=1").await.expect(200).clone();
    assert_eq!((&first["oldest"], &first["data"][0]["seq"], &first["more"]), (&json!(1), &json!(1), &json!(true)));
    let end = stage.api.get(&format!("/api/events?after={}", first["head"])).await.expect(200).clone();
    let next = format!("{}.{}", end["epoch"].as_str().unwrap(), end["head"]);
    assert_eq!((&end["data"], &end["more"], &end["next"]), (&json!([]), &json!(false), &json!(next)));
    for query in ["limit=0", "limit=201", "limit=x", "after=x", "after=-1"] {
        let refused = stage.api.get(&format!("/api/events?{query}")).await;
        assert_eq!((refused.status, refused.code()), (400, "invalid_request"), "{query}");
    }
}

#[tokio::test]
async fn several_sessions_and_types_in_one_subscription() {
    let stage = Stage::ready([]).await;
    let (one, two, three) = (stage.session().await, stage.session().await, stage.session().await);
    let mut socket = Socket::open(&stage.api, &format!("?threadId={one}&threadId={two}&types=transcript_")).await;
    let ready = socket.next().await.unwrap();
    assert_eq!((&ready["threadId"], &ready["threadIds"]), (&Value::Null, &json!([one, two])));
    assert_eq!(ready["types"], json!(["transcript_"]));
    stage.turn(&one, "good day").await;
    for (session, id) in [(&three, "a"), (&one, "b"), (&two, "c")] {
        note(&stage.api, session, id).await;
    }
    let frames = socket.until("the last note", is_note("c")).await;
    assert_eq!(threads(&frames), [&one, &two], "and of no type but the one that was asked for: {frames:?}");
    assert_eq!(frames.len(), 2, "{frames:?}");

    socket.send(json!({"type": "subscribe", "threadIds": [two, three], "types": ["app_server.turn."]})).await;
    until_pong(&mut socket).await;
    note(&stage.api, &three, "d").await;
    let turn = stage.api.say(&three, "good day").await;
    let frames = socket.until("the turn's end", |frame| ends(frame, &turn)).await;
    assert!(frames.iter().all(|frame| frame["type"].as_str().unwrap().starts_with("app_server.turn.")), "{frames:?}");
    let many = format!("?threadId={}", vec!["t"; 300].join(","));
    assert_eq!(Socket::try_open(Socket::request(&stage.api, &many)).await, 400);
}

#[tokio::test]
async fn a_cursor_that_cannot_be_served_is_told_from_where_it_can() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    stage.turn(&session, "good day").await;
    let page = stage.api.get("/api/events?limit=1").await.expect(200).clone();
    for cursor in [format!("{}", page["head"].as_u64().unwrap() + 1000), "another.1".to_owned()] {
        for path in ["/api/events", "/api/stream"] {
            let refused = stage.api.get(&format!("{path}?after={cursor}")).await;
            assert_eq!((refused.status, refused.code()), (410, "cursor_expired"), "{path} {cursor}");
            assert_eq!((&refused.body["oldest"], &refused.body["epoch"]), (&json!(1), &page["epoch"]), "{path}");
        }
        let upgrade = Socket::request(&stage.api, &format!("?after={cursor}"));
        assert_eq!(Socket::try_open(upgrade).await, 410, "{cursor}");
    }
}

#[tokio::test]
async fn what_retention_took_is_told_with_the_oldest_that_is_left() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    stage.turn(&session, "good day").await;
    let home = stage.end().await;
    let token = std::fs::read_to_string(home.data().join("token")).unwrap();
    let daemon = Daemon::builder()
        .data_folder(home.data())
        .codex_home(home.codex_home())
        .workspace(home.project())
        .codex(env!("CARGO_BIN_EXE_scripted-app-server"))
        .listen(([127, 0, 0, 1], 0).into())
        .allow_uncontained(true)
        .retention(Retention { age_max: Duration::MAX, bytes_max: 2000, held_bytes_max: 2000 })
        .build()
        .await
        .unwrap();
    let api = Api::new(&format!("http://{}", daemon.address().unwrap()), token.trim());
    let (stop, run) = (daemon.shutdown_handle(), tokio::spawn(daemon.run()));
    let gone = async || {
        let refused = api.get("/api/events?after=0").await;
        (refused.status == 410).then_some(refused)
    };
    let refused = until("the beginning of the log to be gone", gone).await;
    let oldest = refused.body["oldest"].as_u64().unwrap();
    assert_eq!((refused.code(), oldest > 1), ("cursor_expired", true), "{}", refused.body);
    assert_eq!(api.get("/api/stream?after=0").await.expect(410)["oldest"], oldest);
    assert_eq!(Socket::try_open(Socket::request(&api, "?after=0")).await, 410);
    let page = api.get("/api/events").await.expect(200).clone();
    assert_eq!((&page["oldest"], &page["data"][0]["seq"]), (&json!(oldest), &json!(oldest)));
    let mut socket = Socket::open(&api, &format!("?after={}", oldest - 1)).await;
    let frames = socket.until("the oldest", |frame| row(frame).is_some()).await;
    assert_eq!(frames.last().and_then(row), Some(oldest));
    stop.shutdown();
    run.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_child_is_told_of_as_it_comes_and_goes() {
    let stage = Stage::ready([Fault::Exit(3).at(Moment::Turn).in_generation(1).once()]).await;
    let session = stage.session().await;
    stage.api.say(&session, "good day").await;
    stage.api.until_restarted(1).await;
    let mut ready = 0;
    let again = |frame: &Value| {
        ready += usize::from(frame["type"] == "app_server_state" && frame["payload"]["state"] == "ready");
        ready == 2
    };
    let frames = stage.until("the second child", again).await;
    let told: Vec<_> = of_type(&frames, "app_server_state").into_iter().map(|frame| &frame["payload"]).collect();
    let states: Vec<_> = told.iter().filter_map(|told| told["state"].as_str()).collect();
    assert_eq!(states, ["ready", "exited", "restarting", "ready"]);
    assert_eq!((&told[1]["generation"], &told[1]["exit"]["code"]), (&told[0]["generation"], &json!(3)));
    assert_eq!((&told[2]["attempt"], &told[2]["lastExit"]), (&json!(1), &told[1]["exit"]));
    assert!(told[2]["retryAt"].as_str().unwrap().parse::<Timestamp>().is_ok());
    assert!(told[3]["generation"] != told[0]["generation"] && told[3]["pid"].is_u64(), "{told:?}");
}

#[tokio::test]
async fn every_frame_is_as_the_catalogue_says() {
    let rules = [Fault::Exit(3).at(Moment::TurnEnd).in_generation(1).once(), Fault::UnknownRequest.at(Moment::Turn)];
    let stage = Stage::ready(rules).await;
    let catalogue = stage.api.get("/api/asyncapi.json").await.expect(200).clone();
    let mut socket = Socket::open(&stage.api, "").await;
    let session = stage.session().await;
    let approval = async || stage.api.until_asked(&session).await;
    stage.api.say(&session, "::approve ls").await;
    stage.api.decide(&approval().await, "decline").await.expect(200);
    stage.api.until_restarted(1).await;
    stage.api.post("/api/tokens", json!({"role": "viewer", "name": "a reader"})).await;
    stage.api.post(&format!("/api/sessions/{session}/rename"), json!({"title": "Named"})).await;
    stage.turn(&session, "good day").await;
    note(&stage.api, &session, "last").await;
    let frames = socket.until("the last note", is_note("last")).await;
    let mut events = Events::open(&stage.api, "?after=0", None).await;
    let resumed = events.until("the last note", is_note("last")).await;
    for frame in frames.iter().chain(resumed.iter().map(|event| &event.data)) {
        assert_described(&catalogue, frame);
    }
    let kinds = ["approval", "approval_resolved", "app_server_state", "transcript_updated", "server_request", "ready"];
    for kind in kinds {
        assert!(!of_type(&frames, kind).is_empty(), "the story has a {kind}");
    }
}

/// Holds a frame against its entry in the document of the stream.
fn assert_described(catalogue: &Value, frame: &Value) {
    let messages = &catalogue["components"]["messages"];
    let kind = frame["type"].as_str().unwrap();
    let other = if kind.starts_with("app_server.request.") { "app_server.request.other" } else { "app_server.other" };
    let message = messages.get(kind).or_else(|| messages.get(other).filter(|_| kind.starts_with("app_server.")));
    let message = message.unwrap_or_else(|| panic!("{kind} is not in the catalogue"));
    assert_fits(catalogue, &message["payload"], frame, kind);
    let is_ephemeral = frame.get("ephemeral").is_some();
    match message["x-keeping"].as_str().unwrap() {
        // The raw view of a notification is kept as that is.
        _ if kind == "notification" => {}
        "row" => assert!(row(frame).is_some() && !is_ephemeral, "{frame}"),
        "none" => assert!(row(frame).is_none(), "{frame}"),
        _ => assert!(is_ephemeral && row(frame).is_none(), "{frame}"),
    }
}

/// Holds a value against as much of JSON Schema as the catalogue speaks.
fn assert_fits(catalogue: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(place) = schema["$ref"].as_str() {
        let named = catalogue.pointer(place.trim_start_matches('#')).unwrap_or_else(|| panic!("{at}: {place}"));
        return assert_fits(catalogue, named, value, at);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        assert_fits(catalogue, part, value, at);
    }
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    match &schema["type"] {
        Value::String(one) => assert!(is == one || (one == "integer" && is == "number"), "{at} is {is}, not {one}"),
        Value::Array(some) => assert!(some.contains(&json!(is)) || some.contains(&json!("integer")), "{at} is {is}"),
        _ => {}
    }
    for member in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(value.get(member).is_some(), "{at} has no {member}: {value}");
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(found) = value.get(name) {
            assert_fits(catalogue, member, found, &format!("{at}.{name}"));
        }
    }
}
