//! Running it as a service: what a service manager, a monitor and a person with a log want to know.

use std::fs::{self, File};
use std::path::Path;

use codex_manager_tests::{Api, Fault, Home, Moment, Socket, soon, until};
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::{TcpStream, UnixDatagram};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::configuration::{run, text};
use crate::offline::{Offline, real_codex};
use crate::stage::{Stage, launch};

/// The file in `CODEX_HOME` that the child waits for.
const GO: &str = "go";

/// The status and the text of an answer to somebody without a token.
async fn open(api: &Api, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("{}{path}", api.base())).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn metrics(api: &Api) -> String {
    let answer = api.request(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    answer.text().await.unwrap()
}

/// The value of the figure whose line begins so.
fn figure(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in:\n{metrics}")).parse().unwrap()
}

#[tokio::test]
async fn it_lives_before_it_is_ready() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    home.script([Fault::WaitFor(GO.to_owned()).at(Moment::Start)]);
    let stage = Stage::start_on(home).await;
    assert_eq!(open(&stage.api, "/healthz").await, (200, "ok".to_owned()));
    assert_eq!(open(&stage.api, "/readyz").await, (503, "codex".to_owned()));
    assert_eq!(open(&stage.api, "/api/health").await.0, 200);
    File::create(stage.home.codex_home().join(GO)).unwrap();
    stage.api.until_codex_is("ready").await;
    assert_eq!(open(&stage.api, "/readyz").await, (200, "ready".to_owned()));
}

#[tokio::test]
async fn a_child_that_hangs_is_told_long_before_it_is_given_up() {
    let stage = Stage::ready([Fault::WaitFor(GO.to_owned()).on("turn/start").once()]).await;
    let session = stage.session().await;
    let (api, path) = (stage.api.clone(), format!("/api/sessions/{session}/messages"));
    let waiting = tokio::spawn(async move { api.post(&path, json!({"text": "good day"})).await });
    stage.api.until_codex_is("hanging").await;
    assert_eq!(open(&stage.api, "/readyz").await, (503, "codex".to_owned()));
    File::create(stage.home.codex_home().join(GO)).unwrap();
    stage.api.until_codex_is("ready").await;
    waiting.await.unwrap().expect(202);
    assert_eq!(open(&stage.api, "/readyz").await.0, 200);
    assert_eq!(stage.home.starts(), 1, "it was not given up");
}

#[tokio::test]
async fn codex_is_asked_once_however_long_it_takes_and_whoever_leaves() {
    let stage = Stage::start([Fault::WaitFor(GO.to_owned()).on("config/read").once()]).await;
    let api = stage.api.clone();
    let probes = tokio::spawn(async move { while open(&api, "/readyz").await.0 != 200 {} });
    until("Codex to be asked", async || stage.home.received_of("config/read").pop()).await;
    probes.abort();
    File::create(stage.home.codex_home().join(GO)).unwrap();
    let said = async || stage.api.get("/api/health").await.expect(200)["codex"]["configuration"].clone();
    until("its word", async || (said().await == "ok").then_some(())).await;
    assert_eq!(stage.home.received_of("config/read").len(), 1);
}

#[tokio::test]
async fn a_provider_that_needs_no_login_is_no_lack_of_one() {
    let offline = Offline::start(&real_codex!()).await;
    let likely = async || offline.api.get("/api/health").await.expect(200)["auth"]["likelyUnauthenticated"].clone();
    until("Codex to say that it needs none", async || (likely().await == false).then_some(())).await;
    fs::write(offline.home.codex_home().join("config.toml"), "").unwrap();
    until("Codex to say that it needs one", async || (likely().await == true).then_some(())).await;
}

#[tokio::test]
async fn a_configuration_that_codex_refuses_is_named_until_it_is_mended() {
    let offline = Offline::start(&real_codex!()).await;
    let (api, home) = (&offline.api, &offline.home);
    assert_eq!(open(api, "/readyz").await, (200, "ready".to_owned()));
    let file = home.codex_home().join("config.toml");
    let good = fs::read(&file).unwrap();
    let codex_home = home.codex_home().display().to_string();
    for (broken, words) in [("model = = 1\n", "config.toml:1: "), ("model = 5\n", "invalid type: integer `5`")] {
        fs::write(&file, broken).unwrap();
        until("readiness to tell", async || (open(api, "/readyz").await == refused()).then_some(())).await;
        let health = api.get("/api/health").await.expect(200).clone();
        assert_eq!(health["codex"]["configuration"], "refused", "{health}");
        assert!(!health.to_string().contains(&codex_home), "health is open to anybody: {health}");
        let doctor = text(&run(home, &["doctor", "--codex-home", &codex_home], &[]).await);
        assert!(doctor.contains("FAIL  codex config") && doctor.contains(words), "{doctor}");
        assert!(broken != "model = = 1\n" || !doctor.contains(" login\n"), "the login is not to blame: {doctor}");
        let made = api.post("/api/sessions", json!({"cwd": home.project()})).await;
        assert_eq!((made.status, made.code()), (500, "codex_error"), "{made:?}");
        assert!(made.body["detail"].as_str().unwrap().contains("failed to load configuration"), "{made:?}");
    }
    fs::write(&file, good).unwrap();
    until("readiness", async || (open(api, "/readyz").await.0 == 200).then_some(())).await;
    let session = offline.session("never", "read-only").await;
    assert!(offline.ask(&session, "good day").await.contains("good day"));
}

fn refused() -> (u16, String) {
    (503, "codex-configuration".to_owned())
}

#[tokio::test]
async fn metrics_count_by_route_and_never_by_id() {
    let stage = Stage::ready([]).await;
    assert_eq!(open(&stage.api, "/metrics").await.0, 401);
    let session = stage.session().await;
    stage.turn(&session, "good day").await;
    stage.api.get(&format!("/api/sessions/{session}")).await.expect(200);
    stage.api.get("/api/no/such/route").await.expect(404);
    let _reader = Socket::open(&stage.api, "?after=0").await;
    let text = until("the reader to be counted", async || {
        let text = metrics(&stage.api).await;
        (figure(&text, "codex_manager_stream_readers") >= 1.0).then_some(text)
    })
    .await;
    let read = r#"codex_manager_requests_total{method="GET",route="/api/sessions/{sessionId}",status="200"}"#;
    assert!(figure(&text, read) >= 1.0);
    assert!(figure(&text, r#"codex_manager_requests_total{method="GET",route="none",status="404"}"#) >= 1.0);
    let timed = r#"codex_manager_request_duration_seconds_count{method="POST",route="/api/sessions"}"#;
    assert_eq!(figure(&text, timed), 1.0);
    assert_eq!(figure(&text, r#"codex_manager_codex_state{state="ready"}"#), 1.0);
    assert!(figure(&text, r#"codex_manager_outbox_operations{state="answered"}"#) >= 2.0);
    assert!(figure(&text, "codex_manager_log_head") > 0.0 && figure(&text, "codex_manager_log_bytes") > 0.0);
    assert!(figure(&text, "codex_manager_store_commits_total") > 0.0);
    assert!(figure(&text, "codex_manager_process_resident_memory_bytes") > 1e6);
    assert!(figure(&text, "codex_manager_process_open_fds") > 3.0);
    assert!(text.ends_with("# EOF\n") && !text.contains(&session), "{text}");
    assert!(text.lines().all(|line| line.starts_with('#') || line.starts_with("codex_manager_")), "{text}");
}

/// What the service manager is told, datagram by datagram, up to the one that holds `last`.
async fn told(manager: &UnixDatagram, last: &str) -> Vec<String> {
    let mut all = Vec::new();
    soon(last, async {
        let mut datagram = [0; 4096];
        while !all.last().is_some_and(|text: &String| text.contains(last)) {
            let length = manager.recv(&mut datagram).await.unwrap();
            all.push(String::from_utf8_lossy(&datagram[..length]).into_owned());
        }
    })
    .await;
    all
}

#[tokio::test]
async fn a_service_manager_hears_that_it_answers_and_that_it_stops() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let socket = home.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    let manage = launch().variable("NOTIFY_SOCKET", socket.to_str().unwrap()).variable("WATCHDOG_USEC", "200000");
    let starting = tokio::spawn({
        let data = home.data();
        async move {
            let heard = told(&manager, "READY=1").await;
            // Whoever is told so may ask at once, however long the start takes to be told elsewhere.
            (manager, heard, ask_at_once(&data).await)
        }
    });
    let daemon = manage.start(&home).await;
    let (manager, heard, status) = starting.await.unwrap();
    assert_eq!((heard.len(), status), (1, 200), "{heard:?}");
    told(&manager, "WATCHDOG=1").await;
    let stopping = tokio::spawn(async move { told(&manager, "STOPPING=1").await });
    assert!(daemon.stop().await.success());
    stopping.await.unwrap();
}

/// The status of one request to the daemon on this data folder, without any patience.
async fn ask_at_once(data: &Path) -> u16 {
    let address = std::fs::read_to_string(data.join("address")).unwrap();
    reqwest::get(format!("http://{}/api/health", address.trim())).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn what_was_recorded_before_a_stop_is_done_by_the_next_start() {
    let stage = Stage::ready([Fault::Hang.on("turn/start").once().in_generation(1)]).await;
    let session = stage.session().await;
    let (mut socket, _) = connect_async(Socket::request(&stage.api, "")).await.unwrap();
    let path = format!("/api/sessions/{session}/messages");
    let send = |text: &'static str| {
        let (api, path) = (stage.api.clone(), path.clone());
        tokio::spawn(async move { api.send(api.request(Method::POST, &path).json(&json!({"text": text}))).await })
    };
    let first = send("the first");
    until("the first message", async || stage.home.received_of("turn/start").pop()).await;
    let second = send("the second");
    let recorded = async || {
        let figures = metrics(&stage.api).await;
        figures.contains("codex_manager_outbox_operations{state=\"recorded\"} 1").then_some(())
    };
    until("the second one, recorded", recorded).await;

    let home = stage.end().await;
    let code = soon("the end of the stream", async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(Some(frame)) = message {
                return Some(u16::from(frame.code));
            }
        }
        None
    });
    assert_eq!(code.await, Some(1001));
    for answer in [first.await.unwrap(), second.await.unwrap()].into_iter().flatten() {
        assert!(matches!(answer.status, 503 | 504), "{answer:?}");
    }
    assert_eq!(home.received_of("turn/start").len(), 1);

    let stage = Stage::start_on(home).await;
    let texts = until("the second message", async || {
        let texts: Vec<Value> = stage
            .home
            .received_of("turn/start")
            .iter()
            .map(|sent| sent["params"]["input"][0]["text"].clone())
            .collect();
        (texts.len() > 1).then_some(texts)
    });
    assert_eq!(texts.await, ["the first", "the second"]);
}

#[tokio::test]
async fn a_request_under_way_at_a_stop_is_finished() {
    let stage = Stage::ready([Fault::WaitFor(GO.to_owned()).on("turn/start").once()]).await;
    let session = stage.session().await;
    let (api, path) = (stage.api.clone(), format!("/api/sessions/{session}/messages"));
    let under_way = tokio::spawn({
        let api = api.clone();
        async move { api.post(&path, json!({"text": "good day"})).await }
    });
    until("Codex to be asked", async || stage.home.received_of("turn/start").pop()).await;
    let go = stage.home.codex_home().join(GO);
    let stopping = tokio::spawn(stage.end());
    let address = api.base().trim_start_matches("http://").to_owned();
    until("nobody to be let in", async || TcpStream::connect(&address).await.err()).await;
    File::create(go).unwrap();
    under_way.await.unwrap().expect(202);
    stopping.await.unwrap();
}

#[tokio::test]
async fn the_log_tells_the_start_what_codex_comes_to_and_the_end() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    home.script([Fault::Exit(3).on("turn/start").once().in_generation(1)]);
    let stage = Stage::start_on(home).await;
    stage.api.until_codex_is("ready").await;
    let session = stage.session().await;
    stage.api.post(&format!("/api/sessions/{session}/messages"), json!({"text": "good day"})).await;
    stage.api.until_restarted(1).await;
    let (address, bearer) = (stage.api.base().to_owned(), stage.api.bearer().to_owned());
    let home = stage.end().await;

    let log = fs::read_to_string(home.log()).unwrap();
    assert!(!log.contains(&bearer), "the token is in the log");
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of = |message: &str| -> Vec<Value> {
        let lines = lines.iter().filter(|line| line["fields"]["message"] == message && line["level"] == "INFO");
        lines.map(|line| line["fields"].clone()).collect()
    };
    let begun = of("the daemon listens");
    assert_eq!((begun.len(), &begun[0]["address"]), (1, &json!(address)), "{log}");
    assert_eq!(begun[0]["data_folder"], json!(home.data()), "{log}");
    assert!(begun[0]["version"].is_string(), "{log}");
    let states = of("codex");
    let ready: Vec<_> = states.iter().filter(|fields| fields["state"] == "ready").collect();
    assert!(ready.len() == 2 && ready.iter().all(|fields| fields["version"].is_string()), "{log}");
    assert!(states.iter().any(|fields| fields["state"] == "restarting"), "{log}");
    let ended = of("the daemon has stopped");
    assert_eq!((ended.len(), &ended[0]["reason"]), (1, &json!("SIGTERM")), "{log}");
    assert!(ended[0]["took_ms"].is_u64() && ended[0]["ran_s"].is_u64(), "{log}");
}

#[tokio::test]
async fn each_request_is_a_line_in_the_log_that_names_it() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let daemon = launch().variable("LOG_LEVEL", "debug").variable("LOG_FORMAT", "json").start(&home).await;
    let api = daemon.api();
    let request = api.request(Method::GET, "/api/sessions?limit=3").header("x-request-id", "mine-1");
    assert_eq!(api.send(request).await.unwrap().headers["x-request-id"], "mine-1");
    let line = until("the request's line", async || {
        let log = std::fs::read_to_string(home.log()).unwrap();
        assert!(!log.contains(api.bearer()), "the token is in the log");
        log.lines().find(|line| line.contains("mine-1")).map(str::to_owned)
    })
    .await;
    let line: Value = serde_json::from_str(&line).unwrap();
    let fields = &line["fields"];
    assert_eq!(
        (&line["level"], &fields["route"], &fields["status"], &fields["method"]),
        (&json!("DEBUG"), &json!("/api/sessions"), &json!(200), &json!("GET")),
        "{line}"
    );
}
