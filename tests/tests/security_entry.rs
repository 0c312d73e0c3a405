//! Who comes in, and by which way: tokens, names, origins, sockets.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use codex_manager::{Daemon, StartError};
use codex_manager_model::limits::STREAM_BEAT_INTERVAL;
use codex_manager_tests::{Api, Events, Home, Socket, soon, until};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::process::Command;

use crate::stage::{Stage, launch};
use crate::wire::{authority, exchange, request, send};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn s01_the_token_is_long_new_and_for_its_owner_alone() {
    let homes = [Home::new(env!("CARGO_TARGET_TMPDIR")), Home::new(env!("CARGO_TARGET_TMPDIR"))];
    let mut tokens = Vec::new();
    for home in &homes {
        fs::set_permissions(home.data(), fs::Permissions::from_mode(0o755)).unwrap();
        let _daemon = launch().start(home).await;
        assert_eq!((mode(&home.data()), mode(&home.data().join("token"))), (0o700, 0o600));
        tokens.push(fs::read_to_string(home.data().join("token")).unwrap().trim().to_owned());
    }
    assert_ne!(tokens[0], tokens[1]);
    assert!(tokens.iter().all(|token| token.len() >= 64 && token.starts_with("cmgr_")));
}

#[tokio::test]
async fn s01_health_is_open_and_says_nothing_of_what_is_the_users() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let health = stage.api.with_bearer("wrong").get("/api/health").await.expect(200).to_string();
    assert!(!health.contains(&session) && !health.contains(stage.api.bearer()), "{health}");
    assert!(!health.contains(&stage.home.project().display().to_string()), "{health}");
}

#[tokio::test]
async fn s02_a_request_must_name_this_daemon_once_and_as_it_is_called() {
    let stage = Stage::start([]).await;
    let api = &stage.api;
    let port = authority(api).rsplit(':').next().unwrap();
    let ours = format!("host: 127.0.0.1:{port}");
    let api_path = "GET /api/sessions HTTP/1.1";
    for host in ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"] {
        let reply = send(api, request(api, "GET /api HTTP/1.1", &[&format!("host: {host}:{port}")])).await;
        assert_eq!(reply.status, 200, "{host}: {}", reply.body);
    }
    for (line, headers) in [
        (api_path, vec![]),
        ("GET /api/sessions HTTP/1.0", vec![]),
        (api_path, vec![ours.as_str(), ours.as_str()]),
        (api_path, vec![ours.as_str(), "host: evil.example"]),
        (api_path, vec!["host: evil.example", ours.as_str()]),
        (api_path, vec!["host:"]),
        (api_path, vec!["host: evil.example"]),
        ("GET http://evil.example/api/sessions HTTP/1.1", vec![ours.as_str()]),
        (&format!("GET http://user@127.0.0.1:{port}/api/sessions HTTP/1.1"), vec![ours.as_str()]),
        (&format!("GET https://127.0.0.1:{port}/api/sessions HTTP/1.1"), vec![ours.as_str()]),
        (&format!("GET http://127.0.0.1:{port}/api/sessions HTTP/1.1"), vec!["host: evil.example"]),
        (&format!("GET http://127.0.0.1:{port}/api/sessions HTTP/1.1"), vec![]),
        (api_path, vec![&format!("host: user:pass@127.0.0.1:{port}")]),
        (api_path, vec![&format!("host: localhost.:{port}")]),
        (api_path, vec![&format!("host: 127.0.0.1.evil.example:{port}")]),
        (api_path, vec![&format!("host: [::ffff:127.0.0.1]:{port}")]),
        (api_path, vec![&format!("host: 0.0.0.0:{port}")]),
        (api_path, vec![&format!("host: 127.1:{port}")]),
        (api_path, vec!["x-forwarded-host: 127.0.0.1", "host: evil.example"]),
    ] {
        send(api, request(api, line, &headers)).await.assert_problem(421);
    }
    let upgrade = ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"];
    let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    for host in ["evil.example", "127.0.0.1", "localhost.evil.example"] {
        let host = format!("host: {host}");
        let headers = [&upgrade[..], &[key, &host]].concat();
        send(api, request(api, "GET /api/stream HTTP/1.1", &headers)).await.assert_problem(421);
    }
}

#[tokio::test]
async fn s03_a_page_of_another_origin_opens_no_stream() {
    let stage = Stage::start([]).await;
    let port = authority(&stage.api).rsplit(':').next().unwrap();
    for origin in [
        "https://evil.example",
        "null",
        "file://",
        &format!("http://localhost:{port}.evil.example"),
        "http://localhost",
    ] {
        let mut request = Socket::request(&stage.api, "");
        request.headers_mut().insert("origin", origin.parse().unwrap());
        assert_eq!(Socket::try_open(request).await, 403, "{origin}");
    }
    let mut ours = Socket::request(&stage.api, "");
    ours.headers_mut().insert("origin", format!("http://localhost:{port}").parse().unwrap());
    assert_eq!(Socket::try_open(ours).await, 101);
}

#[tokio::test]
async fn s07_a_token_that_is_revoked_opens_nothing_and_its_streams_end_at_once() {
    let stage = Stage::start([]).await;
    let made = stage.api.post("/api/tokens", json!({"name": "short-lived", "role": "viewer"})).await;
    let (id, secret) = (made.expect(200)["token"]["tokenId"].clone(), made.body["secret"].as_str().unwrap().to_owned());
    let api = stage.api.with_bearer(&secret);
    let (mut socket, mut events) = (Socket::open(&api, "").await, Events::open(&api, "", None).await);
    events.next().await.unwrap();
    socket.next().await.unwrap();

    let revoked = std::time::Instant::now();
    let path = format!("/api/tokens/{}", id.as_str().unwrap());
    stage.api.send(stage.api.request(Method::DELETE, &path)).await.unwrap().expect(200);
    soon("the end of the websocket", async { while socket.next().await.is_some() {} }).await;
    soon("the end of the events", async { while events.next().await.is_some() {} }).await;
    // They are told, also on a busy machine: whatever looks by itself does so at intervals that are longer.
    assert!(revoked.elapsed() < STREAM_BEAT_INTERVAL, "{:?}", revoked.elapsed());
    assert_eq!(api.get("/api").await.status, 401);
    assert_eq!(Socket::try_open(Socket::request(&api, "")).await, 401);
}

#[tokio::test]
async fn s07_a_token_is_not_valid_again_after_a_restart() {
    let stage = Stage::start([]).await;
    let made = stage.api.post("/api/tokens", json!({"name": "gone", "role": "admin"})).await.body;
    let secret = made["secret"].as_str().unwrap().to_owned();
    let path = format!("/api/tokens/{}", made["token"]["tokenId"].as_str().unwrap());
    stage.api.send(stage.api.request(Method::DELETE, &path)).await.unwrap().expect(200);
    let stage = Stage::start_on(stage.end().await).await;
    assert_eq!(stage.api.with_bearer(&secret).get("/api").await.status, 401);
    assert_eq!(stage.api.get("/api").await.status, 200);
}

fn builder(home: &Home) -> codex_manager::Builder {
    Daemon::builder()
        .data_folder(home.data())
        .codex_home(home.codex_home())
        .workspace(home.project())
        .codex(env!("CARGO_BIN_EXE_scripted-app-server"))
        .listen(([127, 0, 0, 1], 0).into())
        .allow_uncontained(true)
}

fn token(home: &Home) -> String {
    fs::read_to_string(home.data().join("token")).unwrap().trim().to_owned()
}

#[tokio::test]
async fn s06_a_unix_socket_alone_serves_this_user_and_leaves_no_port() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    // The system takes short paths only.
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let path = folder.path().join("run/api.sock");
    let daemon = builder(&home).tcp(false).unix_socket(Some(path.clone())).build().await.unwrap();
    assert_eq!((daemon.address(), daemon.unix_socket()), (None, Some(path.as_path())));
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let told = fs::read_to_string(home.data().join("address")).unwrap();
    assert_eq!(told.trim(), format!("unix:{}", path.display()));
    let stop = daemon.shutdown_handle();
    let run = tokio::spawn(daemon.run());

    for (headers, status) in [
        (format!("host: localhost\r\nauthorization: Bearer {}", token(&home)), 200),
        ("host: localhost".to_owned(), 401),
        (format!("host: evil.example\r\nauthorization: Bearer {}", token(&home)), 421),
    ] {
        let mut connection = UnixStream::connect(&path).await.unwrap();
        let text = format!("GET /api HTTP/1.1\r\n{headers}\r\nconnection: close\r\n\r\n");
        assert_eq!(exchange(&mut connection, text).await.status, status);
    }
    stop.shutdown();
    soon("the daemon's end", run).await.unwrap().unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn s06_the_command_line_comes_in_by_the_socket_too() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let path = folder.path().join("run/api.sock");
    let daemon = launch().option("--unix-socket", &path).start(&home).await;
    daemon.api().post("/api/tokens", json!({"name": "made", "role": "viewer"})).await.expect(200);
    let audit = Command::new(env!("CARGO_BIN_EXE_daemon-under-test"))
        .args(["--base-url", &format!("unix:{}", path.display()), "audit", "list", "--json"])
        .arg("--data-dir")
        .arg(home.data())
        .output();
    let audit = soon("the audit", audit).await.unwrap();
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stderr));
    let page: Value = serde_json::from_slice(&audit.stdout).unwrap();
    assert_eq!((&page["data"][0]["route"], &page["data"][0]["status"]), (&json!("/api/tokens"), &json!(200)));
}

#[tokio::test]
async fn s06_what_a_daemon_is_told_in_words_is_refused_in_words() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    for arguments in [
        &["--listen", "0.0.0.0:0"][..],
        &["--listen", "0.0.0.0:0", "--allow-beyond-loopback"],
        &["--listen", "0.0.0.0:0", "--behind-proxy", "https://codex.example"],
        &["--listen", "[::]:0", "--allow-beyond-loopback"],
    ] {
        let mut launch = launch().option("--listen", arguments[1]);
        for argument in &arguments[2..] {
            launch = launch.argument(argument);
        }
        let refusal = launch.try_start(&home).await.unwrap_err();
        assert!(!refusal.status.success() && refusal.log.contains("--behind-proxy"), "{arguments:?}: {}", refusal.log);
    }
}

#[tokio::test]
async fn s06_nothing_beyond_loopback_is_bound_unless_it_is_said_twice() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let everywhere = || builder(&home).listen(([0, 0, 0, 0], 0).into());
    let proxy = || Some("https://codex.example".to_owned());
    for refused in [everywhere(), everywhere().beyond_loopback(true), everywhere().behind_proxy(proxy())] {
        let error = refused.build().await.err().expect("it is refused");
        assert!(
            matches!(error, StartError::NotLoopback { .. }) && error.to_string().contains("--behind-proxy"),
            "{error}"
        );
    }
    for wrong in ["http://codex.example", "https://codex.example/path", "https://*", "codex.example"] {
        let refused = everywhere().beyond_loopback(true).behind_proxy(Some(wrong.to_owned())).build().await;
        assert!(matches!(refused, Err(StartError::Proxy { .. })), "{wrong}");
    }
    assert!(matches!(builder(&home).tcp(false).build().await, Err(StartError::Nowhere)));
    assert!(!home.data().join("store.sqlite3").exists(), "nothing was begun");

    let daemon = everywhere().beyond_loopback(true).behind_proxy(proxy()).build().await.unwrap();
    let port = daemon.address().unwrap().port();
    let api = Api::new(&format!("http://127.0.0.1:{port}"), &token(&home));
    let stop = daemon.shutdown_handle();
    let run = tokio::spawn(daemon.run());
    for (headers, status) in [
        (&["host: codex.example"][..], 200),
        (&["host: codex.example", "origin: https://codex.example"], 200),
        (&["host: codex.example", "origin: http://codex.example"], 403),
        (&["host: codex.example.evil.example"], 421),
        (&[&format!("host: 0.0.0.0:{port}")], 421),
    ] {
        assert_eq!(send(&api, request(&api, "GET /api HTTP/1.1", headers)).await.status, status, "{headers:?}");
    }
    stop.shutdown();
    soon("the daemon's end", run).await.unwrap().unwrap();
}

#[tokio::test]
async fn s11_what_was_done_is_known_after_a_kill() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let daemon = launch().start(&home).await;
    let api = daemon.api();
    let made = api.post("/api/tokens", json!({"name": "canary-of-the-body", "role": "viewer"})).await;
    let id = made.expect(200)["token"]["tokenId"].as_str().unwrap().to_owned();
    let viewer = api.with_bearer(made.body["secret"].as_str().unwrap());
    let denied = viewer.send(viewer.request(Method::DELETE, &format!("/api/tokens/{id}"))).await.unwrap();
    denied.expect(403);
    // The answers are here, so both are on the disk.
    daemon.kill().await;

    let daemon = launch().start(&home).await;
    let page = daemon.api().get("/api/audit").await.expect(200).clone();
    let acts = page["data"].as_array().unwrap();
    let told = |act: &Value| json!([act["method"], act["route"], act["role"], act["status"], act["requestId"]]);
    let id_of = |answer: &codex_manager_tests::Answer| answer.headers["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(told(&acts[1]), json!(["POST", "/api/tokens", "admin", 200, id_of(&made)]));
    assert_eq!(told(&acts[0]), json!(["DELETE", "/api/tokens/{tokenId}", "viewer", 403, id_of(&denied)]));
    assert_eq!((&acts[0]["targets"]["tokenId"], &acts[0]["actor"]), (&json!(id), &json!(format!("token:{id}"))));
    assert!(!page.to_string().contains("canary-of-the-body"), "{page}");
    assert_eq!(daemon.api().with_bearer(viewer.bearer()).get("/api/audit").await.status, 403);
}

#[tokio::test]
async fn s10_no_secret_lies_anywhere_but_in_its_file() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    const SHARED: &str = "canary-of-a-secret-that-two-programs-share";
    let daemon =
        launch().variable("AGENT_EXTENSION_RBAC_JWT_SECRET", SHARED).variable("RUST_LOG", "trace").start(&home).await;
    let api = daemon.api();
    api.until_codex_is("ready").await;
    let made = api.post("/api/tokens", json!({"name": "made", "role": "admin"})).await.expect(200).clone();
    let secret = made["secret"].as_str().unwrap().to_owned();
    let other = api.with_bearer(&secret);
    other.session(json!({"cwd": home.project()})).await;
    other.get(&format!("/api/sessions?limit={secret}")).await;
    api.with_bearer("cmgr_canary-of-a-wrong-guess").get("/api").await;
    let mut stream = Socket::open(&api, "?after=0").await;
    let frames =
        stream.until("the token", |frame| frame["type"] == "token_created" && frame.to_string().contains("made")).await;
    let events = json!(frames).to_string();
    let family: String = daemon.descendants().iter().map(|process| environment(process.pid)).collect();
    let processes = daemon.descendants().len();
    daemon.stop().await;

    let secrets = [secret.as_str(), SHARED, api.bearer(), "cmgr_canary-of-a-wrong-guess"];
    assert!(processes > 0, "the child was looked at");
    let kept = fs::read(home.data().join("token")).unwrap();
    assert!(find(&kept, api.bearer().as_bytes()), "what is searched for is found where it lies");
    for secret in secrets {
        assert!(!events.contains(secret) && !family.contains(secret), "{secret} was told to others");
        for file in files(home.path()) {
            let allowed = file == home.data().join("token");
            let found = find(&fs::read(&file).unwrap_or_default(), secret.as_bytes());
            assert!(allowed || !found, "{secret} lies in {}", file.display());
        }
    }
}

fn environment(pid: u32) -> String {
    let read =
        |name| String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default()).into_owned();
    read("environ") + &read("cmdline")
}

fn find(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files(&entry.path())),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

#[tokio::test]
async fn s20_a_data_folder_that_others_may_write_or_that_is_a_link_is_refused() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    fs::set_permissions(home.data(), fs::Permissions::from_mode(0o770)).unwrap();
    let refusal = launch().try_start(&home).await.unwrap_err();
    assert!(!refusal.status.success() && refusal.log.contains("chmod go-w"), "{}", refusal.log);
    fs::set_permissions(home.data(), fs::Permissions::from_mode(0o700)).unwrap();

    let link = home.path().join("link");
    std::os::unix::fs::symlink(home.data(), &link).unwrap();
    let refusal = launch().option("--data-dir", &link).try_start(&home).await.unwrap_err();
    assert!(!refusal.status.success() && refusal.log.contains("is a link"), "{}", refusal.log);
    assert_eq!(fs::read_dir(home.data()).unwrap().count(), 0);
    let daemon = launch().start(&home).await;
    until("health", async || (daemon.api().get("/api/health").await.status == 200).then_some(())).await;
}
