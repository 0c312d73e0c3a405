//! Sessions of workers: there for their queue alone, and for people only to be read.

use codex_manager::{Daemon, ShutdownHandle, Workers};
use codex_manager_scripted_model::{ScriptedModel, codex_config};
use codex_manager_tests::{Api, Home, Socket, soon};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::offline::real_codex;
use crate::stage::{ends, of_type};

/// A daemon in this very program, whose workers can be had, with the real Codex as its child.
struct Inside {
    api: Api,
    workers: Workers,
    stop: ShutdownHandle,
    run: JoinHandle<()>,
    _model: ScriptedModel,
    _home: Home,
}

impl Inside {
    async fn start(codex: &std::path::Path) -> Self {
        let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
        let model = ScriptedModel::start().await.unwrap();
        std::fs::write(home.codex_home().join("config.toml"), codex_config(&model.base_url(), "read-only")).unwrap();
        let builder =
            Daemon::builder().data_folder(home.data()).codex_home(home.codex_home()).workspace(home.project());
        let builder = builder.codex(codex).listen(([127, 0, 0, 1], 0).into()).allow_uncontained(true);
        let daemon = builder.build().await.unwrap();
        let token = std::fs::read_to_string(home.data().join("token")).unwrap();
        let api = Api::new(&format!("http://{}", daemon.address().unwrap()), token.trim());
        let (workers, stop) = (daemon.workers(), daemon.shutdown_handle());
        let run = tokio::spawn(async move { daemon.run().await.unwrap() });
        api.until_codex_is("ready").await;
        Self { api, workers, stop, run, _model: model, _home: home }
    }

    async fn project(&self, name: &str) -> String {
        let made = self.api.post("/api/projects", json!({ "name": name })).await;
        made.expect(200)["project"]["projectId"].as_str().unwrap().to_owned()
    }

    async fn agents(&self, owner: &str) -> Value {
        self.api.get(&format!("/api/projects/{owner}/agent-sessions")).await.expect(200)["data"].clone()
    }

    async fn listed(&self, query: &str) -> Vec<Value> {
        let listed = self.api.get(&format!("/api/sessions{query}")).await;
        let sessions = listed.expect(200)["data"].as_array().unwrap();
        sessions.iter().map(|session| session["sessionId"].clone()).collect()
    }

    async fn end(self) {
        self.stop.shutdown();
        soon("the daemon's end", self.run).await.unwrap();
    }
}

#[tokio::test]
async fn case_25_the_sessions_of_workers_are_told_by_owner_and_agent() {
    let inside = Inside::start(&real_codex!()).await;
    let (owner, user) = (inside.project("Garden").await, inside.api.session(json!({})).await);
    assert_eq!(inside.agents(&owner).await, json!([]));
    let reviewer = inside.workers.session(&owner, "reviewer").await.unwrap();
    let (again, gardener) =
        tokio::join!(inside.workers.session(&owner, "reviewer"), inside.workers.session(&owner, "gardener"));
    assert_eq!(again.unwrap(), reviewer, "one worker has one session");
    let own = inside.workers.session(&format!("session:{user}"), "namer").await.unwrap();
    let expected = json!([
        { "agent": "gardener", "sessionId": gardener.unwrap(), "systemOwned": true },
        { "agent": "reviewer", "sessionId": reviewer, "systemOwned": true },
    ]);
    assert_eq!(inside.agents(&owner).await, expected);
    let of_session = inside.agents(&format!("session:{user}")).await;
    assert_eq!(of_session, json!([{ "agent": "namer", "sessionId": own, "systemOwned": true }]));
    for unknown in ["prj_nobody", "session:nobody"] {
        let refused = inside.api.get(&format!("/api/projects/{unknown}/agent-sessions")).await;
        assert_eq!(
            (refused.expect(404)["status"].as_str(), &refused.body["projectId"]),
            (Some("not_found"), &json!(unknown))
        );
        assert!(inside.workers.session(unknown, "reviewer").await.is_err());
    }
    assert_eq!(inside.listed("").await, [json!(user)]);
    assert_eq!(inside.listed("?includeSystemOwned=true").await.len(), 4);
    inside.end().await;
}

#[tokio::test]
async fn a_worker_s_session_can_be_read_and_not_used() {
    let inside = Inside::start(&real_codex!()).await;
    let (api, owner) = (&inside.api, inside.project("Garden").await);
    let mut everybody = Socket::open(api, "").await;
    let session = inside.workers.session(&owner, "reviewer").await.unwrap();
    let mut socket = Socket::open(api, &format!("?after=0&threadId={session}")).await;
    let turn = inside.workers.send(&session, "good day").await.unwrap();
    let done = |frame: &Value| frame["type"] == "notification" && frame["payload"]["method"] == "turn/completed";
    let frames = socket.until("the turn's end", done).await;
    let raw = of_type(&frames, "notification");
    assert!(raw.iter().any(|frame| frame["payload"]["method"] == "thread/started"), "from its very beginning: {raw:?}");
    let signals = frames.iter().filter(|frame| frame["type"].as_str().unwrap().starts_with("app_server."));
    assert_eq!(signals.filter(|frame| frame["threadId"] == *session).count(), 0, "and nothing but raw");
    let shown = api.get(&format!("/api/sessions/{session}")).await;
    assert_eq!(shown.expect(200)["thread"]["threadSource"], "codex-manager-worker", "that is how it is known at once");
    let rows = api.transcript(&session).await;
    assert!(rows.iter().any(|row| row["turnId"] == turn.as_str() && row["role"] == "assistant"), "{rows:?}");

    let at = |rest: &str| format!("/api/sessions/{session}/{rest}");
    for rest in ["session-controls", "settings", "approvals"] {
        assert_eq!(api.get(&at(rest)).await.expect(403)["code"], "system_session", "{rest}");
    }
    for rest in [
        "messages",
        "interrupt",
        "rename",
        "project",
        "archive",
        "unarchive",
        "fork",
        "compact",
        "session-controls",
        "approval-policy",
        "settings",
        "suggested-request",
        "suggested-request/jobs",
        "suggested-request/upsert",
    ] {
        let refused = api.post(&at(rest), json!({})).await;
        assert_eq!(
            (refused.expect(403)["code"].as_str(), &refused.body["sessionId"]),
            (Some("system_session"), &json!(session))
        );
    }
    for path in [format!("/api/sessions/{session}"), at("settings/k")] {
        let refused = api.send(api.request(Method::DELETE, &path)).await.unwrap();
        assert_eq!(refused.expect(403)["code"], "system_session");
    }

    let user = api.session(json!({})).await;
    let turn = api.say(&user, "good day").await;
    let frames = everybody.until("a person's turn", |frame| ends(frame, &turn)).await;
    let leaked: Vec<_> = frames.iter().filter(|frame| frame.to_string().contains(&session)).collect();
    assert!(leaked.is_empty(), "nobody else is told: {leaked:?}");
    inside.end().await;
}

#[tokio::test]
async fn the_sessions_of_workers_go_with_what_they_work_for() {
    let inside = Inside::start(&real_codex!()).await;
    let (api, owner) = (&inside.api, inside.project("Garden").await);
    let gone = async |session: &str| {
        api.get(&format!("/api/sessions/{session}")).await.expect(410)["code"] == "session_deleted"
    };
    let first = inside.workers.session(&owner, "reviewer").await.unwrap();
    let rename = format!("/api/projects/{owner}/rename");
    api.post(&rename, json!({ "name": "Yard" })).await.expect(200);
    assert_eq!(inside.agents(&owner).await[0]["sessionId"], first.as_str(), "another name changes nothing for them");
    let folder = inside._home.project();
    api.post(&rename, json!({ "name": "Yard", "workingDirectory": folder })).await.expect(200);
    assert!(gone(&first).await);
    assert_eq!(inside.agents(&owner).await, json!([]));

    let second = inside.workers.session(&owner, "reviewer").await.unwrap();
    let shown = api.get(&format!("/api/sessions/{second}")).await;
    assert_eq!(shown.expect(200)["session"]["cwd"], json!(folder), "it starts in the project's folder");
    api.send(api.request(Method::DELETE, &format!("/api/projects/{owner}"))).await.unwrap().expect(200);
    assert!(gone(&second).await);

    let (other, user) = (inside.project("Other").await, api.session(json!({})).await);
    let third = inside.workers.session(&format!("session:{user}"), "namer").await.unwrap();
    api.post(&format!("/api/sessions/{user}/project"), json!({ "projectId": other })).await.expect(200);
    assert!(gone(&third).await, "a session that is in a project has the project's workers");
    inside.end().await;
}
