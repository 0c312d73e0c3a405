//! Running it as a service: what a service manager, a monitor and a person with a log want to know.

use std::fs::File;
use std::path::Path;

use codex_manager_tests::{Api, Fault, Home, Moment, Socket, soon, until};
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::UnixDatagram;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

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
    let read = r#"codex_manager_requests_total{method="GET",route="/api/sessions/{session_id}",status="200"}"#;
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
