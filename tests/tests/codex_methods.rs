//! What clients have Codex do beside sessions: who may, what is recorded, and what is kept secret.

mod secrets;
mod table;

use codex_manager_tests::{Answer, Fault, Home, Rule, until};
use serde_json::{Value, json};

use crate::offline::{Offline, real_codex};
use crate::stage::{Stage, launch};

/// The methods that capabilities tell of.
const TOLD: usize = 29;

/// Requests, and the call that Codex gets for each: verb, path, body, method, params.
const PASSED_ON: &str = include_str!("codex_methods/passed_on.json");

fn passed_on() -> Vec<(String, String, Value, String, Value)> {
    serde_json::from_str(PASSED_ON).unwrap()
}

async fn ask(stage: &Stage, verb: &str, path: &str, body: &Value) -> Answer {
    if verb == "GET" { stage.api.get(path).await } else { stage.api.post(path, body.clone()).await }
}

#[tokio::test]
async fn each_operation_is_one_call_and_its_answer_that_of_codex() {
    let said = json!({"data": [{"name": "x"}], "nextCursor": "n", "unheardOf": [1]});
    let rules: Vec<Rule> = passed_on().iter().map(|row| Fault::Answer(said.clone()).on(&row.3)).collect();
    let stage = Stage::ready(rules).await;
    until_health_knows(&stage).await;
    for (verb, path, body, method, params) in passed_on() {
        let before = stage.home.received_of(&method).len();
        let answer = ask(&stage, &verb, &path, &body).await.expect(200).clone();
        let received = stage.home.received_of(&method);
        assert_eq!(received.len(), before + 1, "{path}");
        assert_eq!(received[before].get("params").unwrap_or(&Value::Null), &params, "{path}");
        let expected = match path.split('?').next().unwrap_or(&path) {
            "/api/collaboration/modes" | "/api/skills" => json!({"data": said["data"], "nextCursor": "n"}),
            "/api/skills/remote" => json!({"status": "ok", "result": said}),
            _ if verb == "POST" && path != "/api/codex/call" => json!({"status": "ok", "result": said}),
            _ => said.clone(),
        };
        assert_eq!(answer, expected, "{path}");
    }
}

/// What health asks by itself, it has asked.
async fn until_health_knows(stage: &Stage) {
    until("health to know of the login", async || stage.home.received_of("account/read").pop()).await;
}

#[tokio::test]
async fn a_codex_that_does_not_have_it_is_501_and_one_that_refuses_is_told_apart() {
    let table = [
        (-32601, "Method not found", 501, "method_not_supported"),
        (-32602, "nope", 400, "invalid_params"),
        (-32600, "Invalid request: missing field `x`", 400, "invalid_params"),
        (-32600, "Invalid request: unknown variant `x`, expected one of `a`, `b`", 400, "invalid_params"),
        (-32600, "the turn is in progress", 409, "invalid_state"),
        (-32600, "codex account authentication required to read rate limits", 401, "auth_required"),
        (-32000, "the server timed out", 504, "codex_timeout"),
        (-32000, "boom", 500, "codex_error"),
    ];
    let rules: Vec<Rule> = table
        .iter()
        .flat_map(|(code, message, ..)| {
            let refuse = || Fault::Refuse(*code, Some((*message).to_owned()));
            [refuse().on("account/rateLimits/read").once(), refuse().on("account/logout").once()]
        })
        .collect();
    // One rule a call, in this order: the stand-in takes all that are due at once, so each has a life of its own.
    for (index, (_, message, status, code)) in table.iter().enumerate() {
        let stage = Stage::ready(rules[2 * index..2 * index + 2].to_vec()).await;
        for answer in
            [stage.api.get("/api/account/rate-limits").await, stage.api.post("/api/account/logout", json!({})).await]
        {
            assert_eq!((answer.status, answer.code()), (*status, *code), "{message}: {}", answer.body);
            assert!(answer.body["details"]["method"].is_string(), "{message}: {}", answer.body);
        }
    }
    let absent =
        |method: &str| Fault::Refuse(-32600, Some(format!("Invalid request: unknown variant `{method}`"))).on(method);
    let rules: Vec<Rule> = passed_on().iter().map(|row| absent(&row.3)).collect();
    let stage = Stage::ready(rules).await;
    for (verb, path, body, method, _) in passed_on() {
        let answer = ask(&stage, &verb, &path, &body).await;
        answer.expect(501);
        assert_eq!(
            (answer.code(), &answer.body["details"]["method"]),
            ("method_not_supported", &json!(method)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn without_a_child_nothing_is_recorded_and_everything_is_503() {
    let stage = Stage::start([Fault::Version(Some("0.1.0".into())).at(codex_manager_tests::Moment::Start)]).await;
    stage.api.until_codex_is("unusable").await;
    for (verb, path, body, ..) in passed_on() {
        let answer = ask(&stage, &verb, &path, &body).await;
        answer.expect(503);
        assert!(answer.headers.contains_key("retry-after"), "{path}");
        assert!(answer.body.get("operationId").is_none(), "{path}");
    }
    let told = stage.api.get("/api/capabilities").await.expect(200).clone();
    assert_eq!(told["runtime"], json!({"initialized": false, "capabilitiesLastUpdatedAt": null}));
    assert!(
        told["methods"]
            .as_object()
            .unwrap()
            .iter()
            .all(|(name, status)| { status == "unknown" || name.contains("tool/") })
    );
}

#[tokio::test]
async fn case_63_what_is_wrong_is_400_and_names_its_place_and_codex_hears_nothing() {
    let edit = json!({"keyPath": ["a"], "mergeStrategy": "replace", "value": 1});
    let table = [
        ("/api/config/batch", json!({"edits": []}), "edits"),
        ("/api/config/batch", json!({}), "edits"),
        ("/api/config/batch", json!({"edits": [{"keyPath": ["a"], "mergeStrategy": "mix", "value": 1}]}), "edits"),
        ("/api/config/value", json!({"keyPath": [], "mergeStrategy": "replace", "value": 1}), "keyPath"),
        ("/api/config/value", json!({"keyPath": ["a"], "mergeStrategy": "replace"}), "value"),
        ("/api/config/value", json!({"keyPath": ["a"], "mergeStrategy": "mix", "value": 1}), "mergeStrategy"),
        ("/api/config/batch", json!({"edits": [edit], "expectedVersion": true}), "expectedVersion"),
        ("/api/skills/config", json!({"enabled": true}), "path"),
        ("/api/skills/config", json!({"path": "", "enabled": true}), "path"),
        ("/api/skills/config", json!({"path": "/s"}), "enabled"),
        ("/api/skills/remote", json!({"isPreload": true}), "hazelnutId"),
        ("/api/account/login/cancel", json!({}), "loginId"),
        ("/api/account/login/cancel", json!({"loginId": " "}), "loginId"),
        ("/api/account/login/start", json!({}), "type"),
        ("/api/account/login/start", json!({"type": "apiKey"}), "apiKey"),
        ("/api/account/login/start", json!({"type": "chatgptAuthTokens", "accessToken": "a"}), "chatgptAccountId"),
        ("/api/mcp/servers/x/oauth/login", json!({"timeoutSecs": 0}), "timeoutSecs"),
        ("/api/commands/exec", json!({"command": []}), "command"),
        ("/api/commands/exec", json!({"command": ["a", ""]}), "command"),
        ("/api/commands/exec", json!({"command": ["a"], "timeoutMs": 0}), "timeoutMs"),
        ("/api/commands/exec", json!({"command": ["a"], "timeoutMs": 100_001}), "timeoutMs"),
        ("/api/commands/exec", json!({"command": ["a"], "cwd": "/no/such/folder"}), "cwd"),
        ("/api/feedback", json!({"classification": "bug"}), "includeLogs"),
        ("/api/codex/call", json!({"params": {}}), "method"),
    ];
    let stage = Stage::ready([]).await;
    // Once a child is ready it is asked for its threads, those that are put away too, and for health's sake what it needs;
    // nothing else is asked by itself.
    until("the daemon knows the threads", async || (stage.home.received_of("thread/list").len() == 2).then_some(()))
        .await;
    until_health_knows(&stage).await;
    let before = stage.home.received(1).len();
    for (path, body, member) in table {
        let answer = stage.api.post(path, body.clone()).await;
        answer.expect(400);
        assert_eq!(answer.code(), "invalid_request", "{path} {body}");
        let issue = &answer.body["issues"][0];
        assert_eq!(issue["path"][0], member, "{path} {body}: {issue}");
    }
    for (path, member) in [
        ("/api/models?limit=0", "limit"),
        ("/api/models?limit=201", "limit"),
        ("/api/mcp/servers?limit=x", "limit"),
        ("/api/features/experimental?limit=-1", "limit"),
        ("/api/collaboration/modes?limit=", "limit"),
        ("/api/apps?forceRefetch=1", "forceRefetch"),
        ("/api/skills?forceReload=yes", "forceReload"),
        ("/api/config?includeLayers=TRUE", "includeLayers"),
        ("/api/capabilities?refresh=maybe", "refresh"),
    ] {
        let answer = stage.api.get(path).await;
        answer.expect(400);
        assert_eq!((answer.code(), &answer.body["issues"][0]["path"]), ("invalid_request", &json!([member])), "{path}");
    }
    assert_eq!(stage.home.received(1).len(), before, "Codex was asked for nothing");
    let session = stage.session().await;
    let path = format!("/api/sessions/{session}/messages");
    stage.api.post(&path, json!({"text": "x", "effort": "enormous"})).await.expect(400);
}

#[tokio::test]
async fn case_64_capabilities_are_told_and_refreshed_and_nothing_is_called_that_acts() {
    let offline = Offline::start(&real_codex!()).await;
    let told = offline.api.get("/api/capabilities").await.expect(200).clone();
    assert_eq!((&told["status"], &told["runtime"]["initialized"]), (&json!("ok"), &json!(true)));
    let (methods, details) = (told["methods"].as_object().unwrap(), told["details"].as_object().unwrap());
    assert_eq!((methods.len(), details.len()), (TOLD, TOLD));
    let disabled: Vec<&str> =
        methods.iter().filter(|(_, status)| *status != "available").map(|(name, _)| name.as_str()).collect();
    assert_eq!(disabled, ["skills/remote/read", "skills/remote/write", "tool/requestUserInput"]);
    assert_eq!(details["thread/rollback"], json!({"status": "available", "reason": "through thread/revert"}));
    let features = told["features"].as_object().unwrap();
    assert_eq!(features.len(), 23);
    assert!(features.values().all(|on| on == true), "{features:?}");
    let again = offline.api.get("/api/capabilities").await.expect(200).clone();
    assert_eq!(again["runtime"], told["runtime"], "what is known is told");
    let fresh = offline.api.get("/api/capabilities?refresh=true").await.expect(200).clone();
    assert_ne!(fresh["runtime"], told["runtime"]);
    assert_eq!(fresh["methods"], told["methods"]);
}

#[tokio::test]
async fn case_64_many_who_ask_at_once_cost_one_question_and_what_was_refused_is_remembered() {
    let absent = || Fault::Refuse(-32601, Some("Method not found".to_owned()));
    let slow = Fault::Slow(200).on("codexManager/whatIsThere");
    let rules = [slow, absent().on("config/read"), absent().on("account/logout")];
    let stage = Stage::ready(rules).await;
    assert!(stage.home.received_of("codexManager/whatIsThere").is_empty(), "the start asks nothing");
    let asking = (0..8).map(|_| stage.api.get("/api/capabilities?refresh=true"));
    for answer in futures_util::future::join_all(asking).await {
        // This stand-in does not list its methods: what only tells was asked, what acts is unknown.
        let told = answer.expect(200);
        assert_eq!(told["methods"]["config/read"], "disabled");
        assert_eq!(told["methods"]["configRequirements/read"], "available");
        assert_eq!(told["methods"]["account/logout"], "unknown");
    }
    assert!(stage.home.received_of("codexManager/whatIsThere").len() <= 2);
    let acts = ["account/logout", "config/mcpServer/reload", "thread/fork", "command/exec", "account/login/start"];
    assert!(acts.iter().all(|method| stage.home.received_of(method).is_empty()));
    stage.api.post("/api/account/logout", json!({})).await.expect(501);
    let told = stage.api.get("/api/capabilities").await.expect(200).clone();
    assert_eq!(told["methods"]["account/logout"], "disabled", "this child has said so itself");
    assert_eq!(told["features"]["accountLifecycle"], false);
}

#[tokio::test]
async fn what_the_real_codex_answers_offline() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let page = api.get("/api/models?limit=1").await.expect(200).clone();
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    let next = format!("/api/models?limit=1&cursor={}", page["nextCursor"].as_str().unwrap());
    assert_ne!(api.get(&next).await.expect(200)["data"], page["data"]);
    assert_eq!(api.get("/api/models?cursor=zzz").await.expect(400)["code"], "invalid_params");
    for path in
        ["/api/features/experimental", "/api/collaboration/modes", "/api/skills", "/api/apps", "/api/mcp/servers"]
    {
        let listed = api.get(path).await.expect(200).clone();
        assert!(listed["data"].is_array() && listed.get("nextCursor").is_some(), "{path}: {listed}");
    }
    assert!(api.get("/api/account").await.expect(200).get("requiresOpenaiAuth").is_some());
    assert_eq!(api.get("/api/account/rate-limits").await.expect(401)["code"], "auth_required");
    assert_eq!(api.get("/api/config?includeLayers=true").await.expect(200)["config"]["model"], "gpt-5.5");
    assert!(api.get("/api/config/requirements").await.expect(200).get("requirements").is_some());
    assert_eq!(api.get("/api/skills/remote").await.expect(501)["code"], "method_not_supported");
    let remote = json!({"hazelnutId": "x", "isPreload": true});
    assert_eq!(api.post("/api/skills/remote", remote).await.expect(501)["code"], "method_not_supported");
    assert_eq!(api.post("/api/mcp/reload", json!({})).await.expect(200)["status"], "ok");
    let login = api.post("/api/mcp/servers/nope/oauth/login", json!({})).await;
    assert_eq!((login.status, login.code(), &login.body["serverName"]), (404, "mcp_server_not_found", &json!("nope")));
    let skill = offline.home.path().join("SKILL.md");
    let turned = api.post("/api/skills/config", json!({"path": skill, "enabled": false})).await;
    assert_eq!(turned.expect(200)["result"]["effectiveEnabled"], false);
    let relative = api.post("/api/skills/config", json!({"path": "x", "enabled": false})).await;
    assert_eq!((relative.status, &relative.body["details"]["path"]), (400, &json!("x")));
    for id in ["x", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(api.post("/api/account/login/cancel", json!({"loginId": id})).await.expect(404)["loginId"], id);
    }
    let ran = api.post("/api/commands/exec", json!({"command": ["sh", "-c", "echo hi; exit 3"]})).await;
    assert_eq!(ran.expect(200)["result"], json!({"exitCode": 3, "stdout": "hi\n", "stderr": ""}));
    let feedback = json!({"classification": "bug", "includeLogs": false});
    assert_eq!(api.post("/api/feedback", feedback).await.expect(409)["code"], "invalid_state");
    assert!(api.post("/api/codex/call", json!({"method": "hooks/list", "params": {}})).await.expect(200).is_object());
}

#[tokio::test]
async fn a_codex_home_without_a_login_is_given_the_users_own() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let own = home.path().join(".codex");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("auth.json"), "{\"canary\":4711}").unwrap();
    let of_home = launch().variable("HOME", &home.path().display().to_string());
    of_home.start(&home).await.stop().await;
    assert!(!home.codex_home().join("auth.json").exists(), "the harness says no");
    let daemon = of_home.variable("CODEX_MANAGER_BRING_LOGIN", "true").start(&home).await;
    let auth = daemon.api().get("/api/health").await.expect(200)["auth"].clone();
    assert_eq!(auth["codexHomeAuthFile"], true);
    assert_eq!(std::fs::read_to_string(home.codex_home().join("auth.json")).unwrap().trim(), "{\"canary\":4711}");
    let log = std::fs::read_to_string(home.log()).unwrap();
    assert_eq!(log.matches("gave Codex the login of this user").count(), 1, "{log}");
    assert!(!log.contains("4711"), "{log}");
}

#[tokio::test]
async fn codex_configuration_is_written_and_read() {
    let offline = Offline::start(&real_codex!()).await;
    let write = |path: Value, value: Value| json!({"keyPath": path, "mergeStrategy": "replace", "value": value});
    let api = &offline.api;
    let written = api.post("/api/config/value", write(json!(["model_reasoning_effort"]), json!("high"))).await;
    let version = written.expect(200)["result"]["version"].clone();
    let edits = [write(json!("tui.\"a.b\""), json!(1)), write(json!("model_verbosity"), json!("low"))];
    api.post("/api/config/batch", json!({"edits": edits, "expectedVersion": version})).await.expect(200);
    let mut late = write(json!("model"), json!("other"));
    late["expectedVersion"] = version;
    assert_eq!(api.post("/api/config/value", late).await.expect(409)["code"], "invalid_state");
    let wrong = api.post("/api/config/value", write(json!("approval_policy"), json!("zzz-no-policy"))).await;
    assert_eq!((wrong.status, wrong.code()), (400, "invalid_params"), "{}", wrong.body);
    let config = api.get("/api/config").await.expect(200)["config"].clone();
    assert_eq!((&config["model_reasoning_effort"], &config["model"]), (&json!("high"), &json!("gpt-5.5")));
}

#[tokio::test]
async fn whatever_is_written_to_codex_configuration_the_daemon_runs_the_same() {
    let rules = ["config/value/write", "config/batchWrite"].map(|method| Fault::Answer(json!({})).on(method));
    let stage = Stage::ready(rules).await;
    let line = |pid: &Value| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    let first = line(&stage.api.codex().await["pid"]);
    let evil =
        ["codex_bin", "codex.bin", "program", "cli_path", "notify", "mcp_servers.x.command", "args", "env", "a\0b"];
    for (index, path) in evil.iter().enumerate() {
        let edit = json!({"keyPath": path, "mergeStrategy": "replace", "value": ["/bin/false", "--evil"],
                          "codexBin": "/bin/false", "arguments": ["x"], "filePath": "/etc/passwd"});
        stage.api.post("/api/config/value", edit.clone()).await.expect(200);
        stage.api.post("/api/config/batch", json!({"edits": [edit], "program": "/bin/false"})).await.expect(200);
        if index + 1 < evil.len() {
            continue;
        }
        let pid = stage.api.codex().await["pid"].as_i64().unwrap();
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
    let again = stage.api.until_restarted(1).await;
    assert_eq!(String::from_utf8_lossy(&line(&again["pid"])), String::from_utf8_lossy(&first));
    let operator = table::bearer(&stage.api, "operator").await;
    let edit = json!({"keyPath": "model", "mergeStrategy": "replace", "value": 1});
    let refused = stage.api.with_bearer(&operator).post("/api/config/value", edit).await;
    assert_eq!((refused.status, refused.code()), (403, "insufficient_role"));
}
