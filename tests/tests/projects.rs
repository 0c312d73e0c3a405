//! Projects: names for sessions that belong together.

use codex_manager_tests::{Api, Socket};
use reqwest::Method;
use serde_json::{Value, json};

use crate::offline::{Offline, real_codex};
use crate::stage::{of_type, told};

/// Makes a project and gives its id.
async fn project(api: &Api, name: &str) -> String {
    let made = api.post("/api/projects", json!({ "name": name })).await;
    made.expect(200)["project"]["projectId"].as_str().unwrap().to_owned()
}

async fn assign(api: &Api, session: &str, project: Option<&str>) -> Value {
    let set = api.post(&format!("/api/sessions/{session}/project"), json!({ "projectId": project })).await;
    set.expect(200).clone()
}

async fn delete(api: &Api, project: &str) -> codex_manager_tests::Answer {
    api.send(api.request(Method::DELETE, &format!("/api/projects/{project}"))).await.unwrap()
}

async fn projects(api: &Api) -> Vec<Value> {
    api.get("/api/projects").await.expect(200)["data"].as_array().unwrap().clone()
}

async fn session_ids(api: &Api, query: &str) -> Vec<Value> {
    let listed = api.get(&format!("/api/sessions{query}")).await;
    let sessions = listed.expect(200)["data"].as_array().unwrap();
    sessions.iter().map(|session| session["sessionId"].clone()).collect()
}

#[tokio::test]
async fn case_21_a_project_makes_no_session_and_has_its_name_alone() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let made = api.post("/api/projects", json!({ "name": "  Garden ", "workingDirectory": "/usr" })).await;
    let made = made.expect(200);
    assert_eq!((&made["status"], &made["orchestrationSession"]), (&json!("ok"), &Value::Null));
    let (id, garden) = (made["project"]["projectId"].as_str().unwrap(), &made["project"]);
    assert_eq!((&garden["name"], &garden["workingDirectory"]), (&json!("Garden"), &json!("/usr")));
    assert_eq!(&projects(api).await[0], garden, "it is told the same when it is read");
    assert!(session_ids(api, "?includeSystemOwned=true").await.is_empty());

    for name in ["Garden", "garden", "\tGARDEN  "] {
        let again = api.post("/api/projects", json!({ "name": name })).await;
        assert_eq!(again.expect(409)["status"], "duplicate_name", "{name}");
        assert_eq!(again.body["projectId"], id, "{name}");
    }
    let shed = project(api, "shed").await;
    let taken = api.post(&format!("/api/projects/{shed}/rename"), json!({ "name": "GARDEN" })).await;
    assert_eq!(
        (taken.expect(409)["status"].as_str(), taken.body["projectId"].as_str()),
        (Some("duplicate_name"), Some(id))
    );
    let renamed = api.post(&format!("/api/projects/{id}/rename"), json!({ "name": "GARDEN" })).await;
    assert_eq!(renamed.expect(200)["project"]["name"], "GARDEN", "its own name is free to it");
    assert_eq!(renamed.body["project"]["workingDirectory"], "/usr", "what is left out stays");
    let moved =
        api.post(&format!("/api/projects/{id}/rename"), json!({ "name": "arbour", "workingDirectory": null })).await;
    assert_eq!(moved.expect(200)["project"]["workingDirectory"], Value::Null);

    let names: Vec<_> = projects(api).await.iter().map(|project| project["name"].clone()).collect();
    assert_eq!(names, ["arbour", "shed"]);
    let frames = told(api, "the last", |frame| {
        frame["type"] == "project_upserted" && frame["payload"]["project"]["name"] == "arbour"
    });
    assert_eq!(of_type(&frames.await, "project_upserted").len(), 4);
    for unknown in ["prj_nobody", "%20"] {
        let path = format!("/api/projects/{unknown}/rename");
        let refused = api.post(&path, json!({ "name": "anything" })).await;
        assert_eq!((refused.expect(404)["status"].as_str(), refused.code()), (Some("not_found"), "project_not_found"));
    }
    let offline = offline.restart().await;
    assert_eq!(projects(&offline.api).await.len(), 2);
}

#[tokio::test]
async fn case_22_a_project_with_sessions_stays_until_they_are_out() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    for way in ["move-all", "delete-all"] {
        let (id, session) = (project(api, way).await, offline.session("never", "read-only").await);
        assign(api, &session, Some(&id)).await;
        let refused = delete(api, &id).await;
        assert_eq!(
            (refused.expect(409)["status"].as_str(), &refused.body["sessionCount"]),
            (Some("project_not_empty"), &json!(1))
        );
        let out = api.post(&format!("/api/projects/{id}/chats/{way}"), json!({ "destination": "unassigned" })).await;
        out.expect(200);
        assert_eq!(
            delete(api, &id).await.expect(200),
            &json!({ "status": "ok", "projectId": id, "unassignedSessionCount": 0 })
        );
        assert_eq!(delete(api, &id).await.expect(404)["projectId"], id.as_str());
        assert!(projects(api).await.is_empty());
        let frames =
            told(api, "its end", |frame| frame["type"] == "project_deleted" && frame["payload"]["projectId"] == id);
        let frames = frames.await;
        assert_eq!(frames.last().unwrap()["payload"], json!({ "projectId": id, "sessionIds": [] }));
    }
    assert_eq!(session_ids(api, "").await.len(), 1, "the one that was moved out is there, the other is not");
}

#[tokio::test]
async fn case_23_where_a_session_is_and_was_is_told_to_everybody() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let (first, second) = (project(api, "first").await, project(api, "second").await);
    let (session, other) = (offline.session("never", "read-only").await, offline.session("never", "read-only").await);
    let mut elsewhere = Socket::open(api, &format!("?threadId={other}")).await;
    for (to, from) in
        [(Some(&first), None), (Some(&first), Some(&first)), (Some(&second), Some(&first)), (None, Some(&second))]
    {
        let set = assign(api, &session, to.map(String::as_str)).await;
        assert_eq!(set, json!({ "status": "ok", "sessionId": session, "projectId": to, "previousProjectId": from }));
        let shown = api.get(&format!("/api/sessions/{session}")).await;
        assert_eq!(shown.expect(200)["session"]["projectId"], json!(to));
    }
    let frames = elsewhere.until("the way out", |frame| {
        frame["type"] == "session_project_updated" && frame["payload"]["projectId"].is_null()
    });
    let frames = frames.await;
    let told = of_type(&frames, "session_project_updated");
    let to: Vec<_> = told.iter().map(|frame| frame["payload"]["projectId"].clone()).collect();
    assert_eq!(to, [json!(first), json!(second), Value::Null], "what changed nothing is not told");
    assert_eq!(told[0]["threadId"], session.as_str());

    let path = format!("/api/sessions/{session}/project");
    let unknown = api.post(&path, json!({ "projectId": "prj_nobody" })).await;
    assert_eq!(unknown.expect(404)["status"], "project_not_found");
    assert_eq!((&unknown.body["sessionId"], &unknown.body["projectId"]), (&json!(session), &json!("prj_nobody")));
    assert_eq!(
        api.post("/api/sessions/nobody/project", json!({ "projectId": first })).await.expect(404)["status"],
        "not_found"
    );
    assert_eq!(api.post(&path, json!({})).await.expect(400)["issues"][0]["path"], json!(["projectId"]));
}

#[tokio::test]
async fn case_24_the_sessions_of_a_project_are_deleted_for_good() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let (id, kept) = (project(api, "doomed").await, offline.session("never", "read-only").await);
    let sessions = [offline.session("never", "read-only").await, offline.session("never", "read-only").await];
    offline.ask(&sessions[0], "good day").await;
    for session in &sessions {
        assign(api, session, Some(&id)).await;
    }
    let deleted = api.post(&format!("/api/projects/{id}/chats/delete-all"), json!({})).await;
    let expected = json!({ "status": "ok", "projectId": id, "deletedSessionCount": 2, "skippedSessionCount": 0 });
    assert_eq!(deleted.expect(200), &expected);
    for session in &sessions {
        assert_eq!(api.get(&format!("/api/sessions/{session}")).await.expect(410)["status"], "deleted");
        let set = api.post(&format!("/api/sessions/{session}/project"), json!({ "projectId": id })).await;
        assert_eq!(set.expect(410)["code"], "session_deleted");
    }
    assert_eq!(session_ids(api, "").await, [json!(kept)]);
    let none = api.post(&format!("/api/projects/{id}/chats/delete-all"), json!({})).await;
    assert_eq!(none.expect(200)["deletedSessionCount"], 0);
    api.post("/api/projects/prj_nobody/chats/delete-all", json!({})).await.expect(404);
}

#[tokio::test]
async fn all_sessions_of_a_project_are_put_away_or_none() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let id = project(api, "attic").await;
    let [away, used, fresh] = [(); 3].map(|()| offline.session("never", "read-only"));
    let (away, used, fresh) = (away.await, used.await, fresh.await);
    for session in [&away, &used] {
        offline.ask(session, "good day").await;
    }
    api.post(&format!("/api/sessions/{away}/archive"), json!({})).await.expect(200);
    for session in [&away, &used, &fresh] {
        assign(api, session, Some(&id)).await;
    }
    let path = format!("/api/projects/{id}/chats/move-all");
    let refused = api.post(&path, json!({ "destination": "archive" })).await;
    assert_eq!(refused.expect(409)["status"], "not_materialized_sessions");
    assert_eq!(refused.body["sessionIds"], json!([fresh]));
    assert_eq!(session_ids(api, "?archived=true").await, [json!(away)], "nothing was moved");

    assign(api, &fresh, None).await;
    let moved = api.post(&path, json!({ "destination": "archive" })).await;
    let expected = json!({
        "status": "ok", "projectId": id, "destination": "archive", "movedSessionCount": 2, "archivedSessionCount": 1,
        "alreadyArchivedSessionCount": 1,
    });
    assert_eq!(moved.expect(200), &expected);
    assert_eq!(session_ids(api, "?archived=true").await.len(), 2);
    assert_eq!(session_ids(api, "").await, [json!(fresh)]);
    assert_eq!(api.post(&path, json!({ "destination": "archive" })).await.expect(200)["movedSessionCount"], 0);
    delete(api, &id).await.expect(200);
    assert_eq!(api.post(&path, json!({ "destination": "archive" })).await.expect(404)["status"], "not_found");
}

#[tokio::test]
async fn case_63_what_is_no_project_is_refused() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let id = project(api, "whole").await;
    let (rename, moving) = (format!("/api/projects/{id}/rename"), format!("/api/projects/{id}/chats/move-all"));
    for (path, body, member) in [
        ("/api/projects", json!({}), "name"),
        ("/api/projects", json!({ "name": "  " }), "name"),
        ("/api/projects", json!({ "name": "x".repeat(121) }), "name"),
        ("/api/projects", json!({ "name": "a\u{7}b" }), "name"),
        ("/api/projects", json!({ "name": "a\u{202e}b" }), "name"),
        ("/api/projects", json!({ "name": "x", "workingDirectory": 7 }), "workingDirectory"),
        ("/api/projects", json!({ "name": "x", "workingDirectory": "garden" }), "workingDirectory"),
        (&rename, json!({ "name": "x", "workingDirectory": "/nowhere" }), "workingDirectory"),
        ("/api/projects", json!({ "name": "x", "workingDirectory": "/".repeat(2001) }), "workingDirectory"),
        (&rename, json!({}), "name"),
        (&moving, json!({}), "destination"),
        (&moving, json!({ "destination": "elsewhere" }), "destination"),
    ] {
        let refused = api.post(path, body.clone()).await;
        assert_eq!((refused.expect(400)["code"].as_str()), Some("invalid_request"), "{body}");
        assert_eq!(refused.body["issues"][0]["path"], json!([member]), "{body}");
    }
    let refused = api.post(&rename, json!({ "name": "a\u{202e}b" })).await;
    assert_eq!(refused.expect(400)["issues"][0]["message"], "must not have the character U+202E, which does not show");
    assert_eq!(projects(api).await.len(), 1);
}
