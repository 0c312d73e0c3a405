//! `Idempotency-Key`: one request is done once, however often it is sent and whenever the daemon dies.

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use codex_manager_tests::{Answer, Api, Fault, Home, Moment, Process, Random, until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Stage, ends, launch, told};

/// Sends a request under a name.
async fn keyed(api: &Api, path: &str, key: &str, body: &Value) -> Answer {
    try_keyed(api, path, key, body).await.expect("the daemon answers")
}

/// The same where the daemon may be gone before it answers.
async fn try_keyed(api: &Api, path: &str, key: &str, body: &Value) -> Option<Answer> {
    let request = api.request(Method::POST, path).header("idempotency-key", key).json(body);
    api.send(request).await.ok()
}

/// How often the children of this home were sent this text.
fn times_sent(home: &Home) -> HashMap<String, u32> {
    let mut sent = HashMap::new();
    for message in home.received_of("turn/start") {
        let text = message["params"]["input"][0]["text"].as_str().unwrap_or_default();
        *sent.entry(text.to_owned()).or_default() += 1;
    }
    sent
}

/// Lets a child go on that waits for it.
fn open_gate(home: &Home) {
    std::fs::write(home.codex_home().join("go"), "").unwrap();
}

/// Whether some file below a folder has these bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return holds(&path, bytes);
        }
        std::fs::read(&path).is_ok_and(|text| text.windows(bytes.len()).any(|part| part == bytes))
    })
}

#[tokio::test]
async fn s15_the_same_request_gets_the_same_answer_and_is_done_once() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let path = format!("/api/sessions/{session}/messages");
    let body = json!({ "text": "once" });

    let first = keyed(&stage.api, &path, "k-1", &body).await;
    let again = keyed(&stage.api, &path, "k-1", &body).await;
    assert_eq!((first.status, again.status), (202, 202), "{}", first.body);
    assert_eq!(first.body, again.body);
    assert_eq!(again.headers.get("idempotency-replayed").map(|value| value.as_bytes()), Some(&b"true"[..]));
    assert!(!first.headers.contains_key("idempotency-replayed"));
    stage.until_end(first.body["turnId"].as_str().unwrap()).await;
    assert_eq!(times_sent(&stage.home)["once"], 1);

    let other = keyed(&stage.api, &path, "k-1", &json!({ "text": "another" })).await;
    assert_eq!((other.status, other.code()), (422, "key_reused"));
    let elsewhere = keyed(&stage.api, &format!("/api/sessions/{session}/interrupt"), "k-1", &body).await;
    assert_eq!((elsewhere.status, elsewhere.code()), (422, "key_reused"));
    assert!(!times_sent(&stage.home).contains_key("another"));

    // A refusal that stands is the answer too.
    let refused = keyed(&stage.api, &path, "k-2", &json!({ "text": " " })).await;
    let again = keyed(&stage.api, &path, "k-2", &json!({ "text": " " })).await;
    assert_eq!((refused.status, &refused.body), (400, &again.body));
}

#[tokio::test]
async fn a_name_is_one_visible_word_and_belongs_to_its_token() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let path = format!("/api/sessions/{session}/messages");
    for wrong in ["", "two words", &"x".repeat(256)] {
        let answer = keyed(&stage.api, &path, wrong, &json!({ "text": "a" })).await;
        assert_eq!((answer.status, answer.code()), (400, "invalid_request"), "{wrong:?}");
    }
    let two = stage.api.request(Method::POST, &path).header("idempotency-key", "a").header("idempotency-key", "b");
    let two = stage.api.send(two.json(&json!({ "text": "a" }))).await.unwrap();
    assert_eq!(two.expect(400)["message"], "there is more than one Idempotency-Key");
    let made = stage.api.post("/api/tokens", json!({ "name": "other", "role": "operator" })).await.expect(200).clone();
    let other = stage.api.with_bearer(made["secret"].as_str().unwrap());
    let mine = keyed(&stage.api, &path, "k", &json!({ "text": "mine" })).await;
    let theirs = keyed(&other, &path, "k", &json!({ "text": "theirs" })).await;
    assert_eq!((mine.status, theirs.status), (202, 202));
    assert_ne!(mine.body["turnId"], theirs.body["turnId"]);
}

#[tokio::test]
async fn s15_while_a_request_is_under_way_its_twin_is_refused() {
    let gate = Fault::WaitFor("go".to_owned());
    let stage = Stage::ready([gate.on("turn/start")]).await;
    let session = stage.session().await;
    let path = format!("/api/sessions/{session}/messages");
    let body = json!({ "text": "slow" });
    let first = tokio::spawn({
        let (api, path, body) = (stage.api.clone(), path.clone(), body.clone());
        async move { keyed(&api, &path, "k", &body).await }
    });
    until("the child has the message", async || times_sent(&stage.home).contains_key("slow").then_some(())).await;
    let twin = keyed(&stage.api, &path, "k", &body).await;
    assert_eq!((twin.status, twin.code()), (409, "key_in_use"));
    open_gate(&stage.home);
    let first = first.await.unwrap();
    let again = keyed(&stage.api, &path, "k", &body).await;
    assert_eq!((first.status, again.status, &first.body), (202, 202, &again.body));
    assert_eq!(times_sent(&stage.home)["slow"], 1);
}

#[tokio::test]
async fn s15_what_nobody_knows_is_never_done_again_under_its_name() {
    let stage = Stage::ready([Fault::Exit(1).on("thread/compact/start").in_generation(1)]).await;
    let session = stage.session().await;
    let path = format!("/api/sessions/{session}/compact");
    let first = keyed(&stage.api, &path, "k", &json!({})).await;
    assert_eq!((first.status, first.code()), (504, "outcome_unknown"), "{}", first.body);
    stage.api.until_restarted(1).await;
    for _ in 0..3 {
        let again = keyed(&stage.api, &path, "k", &json!({})).await;
        assert_eq!((again.status, again.code()), (409, "outcome_unknown"), "{}", again.body);
        assert_eq!(again.body["operationId"], first.body["operationId"]);
    }
    assert_eq!(stage.home.received_of("thread/compact/start").len(), 1);
    // Under another name it is another request.
    keyed(&stage.api, &path, "k-2", &json!({})).await.expect(200);
}

#[tokio::test]
async fn without_a_child_nothing_is_kept_of_a_request() {
    let stage = Stage::start([Fault::WaitFor("go".to_owned()).at(Moment::Start)]).await;
    let early = keyed(&stage.api, "/api/sessions", "k", &json!({})).await;
    assert_eq!(early.status, 503, "{}", early.body);
    open_gate(&stage.home);
    stage.api.until_codex_is("ready").await;
    let made = keyed(&stage.api, "/api/sessions", "k", &json!({})).await.expect(200).clone();
    let again = keyed(&stage.api, "/api/sessions", "k", &json!({})).await.expect(200).clone();
    assert_eq!(made, again);
    assert_eq!(stage.home.received_of("thread/start").len(), 1);
}

#[tokio::test]
async fn the_secret_of_a_new_token_is_told_once() {
    let stage = Stage::ready([]).await;
    let body = json!({ "name": "ci", "role": "viewer" });
    let made = keyed(&stage.api, "/api/tokens", "k", &body).await.expect(200).clone();
    let again = keyed(&stage.api, "/api/tokens", "k", &body).await;
    assert_eq!((again.status, again.code()), (409, "answer_not_kept"));
    let listed = stage.api.get("/api/tokens").await.expect(200).clone();
    let named = listed["data"].as_array().unwrap().iter().filter(|token| token["name"] == "ci").count();
    assert_eq!(named, 1);
    let home = stage.end().await;
    let secret = made["secret"].as_str().unwrap();
    assert!(!holds(&home.data(), secret.as_bytes()), "the secret lies in the data folder");
}

/// A daemon that dies when it has done a request and before it has kept the answer is sent it again in its next life, when
/// `meanwhile` has been done.
async fn asked_again_after_its_death(
    home: &Home,
    prepare: impl AsyncFnOnce(&Api) -> (String, Value),
    meanwhile: impl AsyncFnOnce(&Api, &str),
) -> Answer {
    let daemon = launch().dying_at("request_done").start(home).await;
    let (api, family) = (daemon.api(), daemon.descendants());
    api.until_codex_is("ready").await;
    let (path, body) = prepare(&api).await;
    assert!(try_keyed(&api, &path, "k", &body).await.is_none(), "it dies before it answers");
    assert_eq!(daemon.end().await.signal(), Some(9));
    Process::all_gone(&family).await;

    let daemon = launch().start(home).await;
    daemon.api().until_codex_is("ready").await;
    meanwhile(&daemon.api(), &path).await;
    let answer = keyed(&daemon.api(), &path, "k", &body).await;
    let again = keyed(&daemon.api(), &path, "k", &body).await;
    assert_eq!((again.status, &again.body), (answer.status, &answer.body), "that answer is kept");
    daemon.stop().await;
    answer
}

#[tokio::test]
async fn s15_what_was_interrupted_before_a_crash_is_not_looked_for_after_it() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let mut held = String::new();
    let interrupt = async |api: &Api| {
        let session = api.session(json!({})).await;
        held = api.say(&session, "::hold").await;
        (format!("/api/sessions/{session}/interrupt"), json!({}))
    };
    let again = asked_again_after_its_death(&home, interrupt, async |_, _| {});
    let again = again.await;
    assert_eq!((&again.expect(200)["turnId"], home.received_of("turn/interrupt").len()), (&json!(held), 1));
}

#[tokio::test]
async fn s15_what_was_taken_back_before_a_crash_is_not_taken_back_after_it() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    // It takes nothing out of its own list: a second look would find the turns again.
    home.script([Fault::Answer(json!({ "thread": {} })).on("thread/revert")]);
    let take_back = async |api: &Api| {
        let session = api.session(json!({})).await;
        let turn = api.say(&session, "good day").await;
        told(api, "the turn's end", |frame| ends(frame, &turn)).await;
        (format!("/api/sessions/{session}/rollback"), json!({}))
    };
    let again = asked_again_after_its_death(&home, take_back, async |_, _| {}).await;
    assert_eq!((&again.expect(200)["numTurns"], home.received_of("thread/revert").len()), (&json!(1), 1));
    let looked = home.received_of("thread/turns/list");
    assert_eq!(looked.iter().filter(|asked| asked["params"]["itemsView"] == "notLoaded").count(), 1);
}

#[tokio::test]
async fn s15_what_was_said_before_a_crash_is_not_said_over_what_came_after_it() {
    for (path, mine, theirs, member) in [
        ("rename", json!({ "title": "mine" }), json!({ "title": "theirs" }), "/session/title"),
        (
            "settings",
            json!({ "scope": "session", "key": "k", "value": "mine" }),
            json!({ "scope": "session", "key": "k", "value": "theirs" }),
            "/settings/k",
        ),
        (
            "approval-policy",
            json!({ "approvalPolicy": "never" }),
            json!({ "approvalPolicy": "untrusted" }),
            "/approvalPolicy",
        ),
    ] {
        let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
        let mut session = String::new();
        let say_mine = async |api: &Api| {
            session = api.session(json!({})).await;
            (format!("/api/sessions/{session}/{path}"), mine)
        };
        let say_theirs = async |api: &Api, path: &str| {
            let said = api.post(path, theirs.clone()).await;
            assert!(said.expect(200).pointer(member).is_some(), "{}", said.body);
        };
        asked_again_after_its_death(&home, say_mine, say_theirs).await.expect(200);
        let daemon = launch().start(&home).await;
        let standing = daemon.api().get(&format!("/api/sessions/{session}/session-controls")).await.expect(200).clone();
        let listed = daemon.api().get("/api/sessions").await.expect(200).clone();
        let now = [
            &listed["data"][0]["title"],
            &standing["controls"]["settings"]["k"],
            &standing["controls"]["approvalPolicy"],
        ];
        assert!(
            now.iter().any(|value| ["theirs", "untrusted"].iter().any(|theirs| *value == theirs)),
            "{path}: {now:?}"
        );
        daemon.stop().await;
    }
}

/// The sessions of a project, all of which have had a turn; the last of them is put away.
async fn project_of(api: &Api, sessions: usize) -> String {
    let made = api.post("/api/projects", json!({ "name": "Garden" })).await;
    let project = made.expect(200)["project"]["projectId"].as_str().unwrap().to_owned();
    for number in 1..=sessions {
        let session = api.session(json!({})).await;
        let turn = api.say(&session, "good day").await;
        told(api, "the turn's end", |frame| ends(frame, &turn)).await;
        let into = json!({ "projectId": project });
        api.post(&format!("/api/sessions/{session}/project"), into).await.expect(200);
        if number == sessions {
            api.post(&format!("/api/sessions/{session}/archive"), json!({})).await.expect(200);
        }
    }
    project
}

#[tokio::test]
async fn s15_what_became_of_a_project_s_sessions_is_told_of_both_lives_together() {
    for (way, body, counts) in [
        ("delete-all", json!({}), json!({ "deletedSessionCount": 3, "skippedSessionCount": 0 })),
        (
            "move-all",
            json!({ "destination": "archive" }),
            json!({ "movedSessionCount": 3, "archivedSessionCount": 2, "alreadyArchivedSessionCount": 1 }),
        ),
    ] {
        let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
        let ask = async |api: &Api| (format!("/api/projects/{}/chats/{way}", project_of(api, 3).await), body);
        let again = asked_again_after_its_death(&home, ask, async |_, _| {}).await;
        for (member, count) in counts.as_object().unwrap() {
            assert_eq!(&again.expect(200)[member], count, "{way}: {}", again.body);
        }
        assert_eq!(home.received_of("thread/archive").len(), if way == "move-all" { 3 } else { 1 });
    }
}

/// Killed whenever, a client that asks until it has its answer gets one turn for each message.
#[tokio::test(flavor = "multi_thread")]
async fn s15_killed_between_any_two_steps_the_daemon_does_nothing_twice() {
    const LIVES: u32 = 30;
    // Where a life is over before anything was answered, there are more of them.
    const LIVES_MAX: u32 = 300;
    const CLIENTS: u32 = 6;
    let (mut random, seed) = Random::fresh();
    println!("seed {seed}");
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    // Sent, and not yet answered: what a client goes on asking in the daemon's next life.
    let mut open: Vec<Option<Message>> = vec![None; CLIENTS as usize];
    let mut answered = HashMap::new();
    for life in 0..LIVES_MAX {
        if life >= LIVES && answered.len() > LIVES as usize / 2 {
            break;
        }
        let daemon = launch().start(&home).await;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (api, left) = (daemon.api(), open[client as usize].take());
                tokio::spawn(talk(api, format!("{life}-{client}"), left))
            })
            .collect();
        // Not a wait for something: this is how long the daemon is let live.
        tokio::time::sleep(Duration::from_millis(random.within(50..500))).await;
        let family = daemon.descendants();
        daemon.kill().await;
        for (client, talking) in clients.into_iter().enumerate() {
            let (told, left) = talking.await.unwrap();
            answered.extend(told);
            open[client] = left;
        }
        Process::all_gone(&family).await;
    }
    let daemon = launch().start(&home).await;
    daemon.api().until_codex_is("ready").await;
    for message in open.into_iter().flatten() {
        let turn = message.ask_until_known(&daemon.api()).await.expect("the daemon lives");
        answered.insert(message.text, turn);
    }
    assert!(answered.len() > LIVES as usize / 2, "there was no load: {}", answered.len());
    let sent = times_sent(&home);
    let twice: Vec<_> = sent.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "sent more than once: {twice:?}");
    let never: Vec<_> = answered.iter().filter(|(text, turn)| turn.is_some() && !sent.contains_key(*text)).collect();
    assert!(never.is_empty(), "answered and never sent: {never:?}");
}

/// A message that a client wants sent once.
#[derive(Clone)]
struct Message {
    session: String,
    text: String,
}

type Told = HashMap<String, Option<String>>;

/// Says one thing after another, each under its own name, until the daemon is gone. Gives what was answered, and what
/// was not.
async fn talk(api: Api, name: String, left: Option<Message>) -> (Told, Option<Message>) {
    let mut told = Told::new();
    let mut next = left;
    let mut session = None;
    for n in 0.. {
        let message = match next.take() {
            Some(message) => message,
            None => {
                if session.is_none() {
                    session = make_session(&api, &name).await;
                }
                let Some(session) = session.clone() else { return (told, None) };
                Message { session, text: format!("{name}-{n}") }
            }
        };
        match message.ask_until_known(&api).await {
            Some(turn) => told.insert(message.text, turn),
            None => return (told, Some(message)),
        };
    }
    (told, None)
}

async fn make_session(api: &Api, name: &str) -> Option<String> {
    loop {
        let answer = try_keyed(api, "/api/sessions", &format!("session-{name}"), &json!({})).await?;
        if answer.status == 200 {
            return answer.body["session"]["sessionId"].as_str().map(str::to_owned);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Message {
    /// Asks under the same name until the answer stands: the turn, or that there is none. `None` when the daemon is gone.
    async fn ask_until_known(&self, api: &Api) -> Option<Option<String>> {
        let path = format!("/api/sessions/{}/messages", self.session);
        loop {
            let answer = try_keyed(api, &path, &self.text, &json!({ "text": self.text })).await?;
            match answer.status {
                202 => return Some(answer.body["turnId"].as_str().map(str::to_owned)),
                409 | 503 | 504 => tokio::time::sleep(Duration::from_millis(5)).await,
                // The child that it was sent to died before it took it.
                500 if answer.code() == "codex_error" => return Some(None),
                _ => panic!("{}: {}", answer.status, answer.body),
            }
        }
    }
}
