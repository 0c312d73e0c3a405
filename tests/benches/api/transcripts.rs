//! What a long transcript costs those who do not ask for it: how soon `/healthz` is answered beside readers of one, and
//! what clients that ask for it and read nothing cost in memory.

use std::time::{Duration, Instant};

use codex_manager_tests::{Api, Fault, Home, Moment, Socket, resident_kib};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

use crate::SCRATCH;
use crate::figures::{percentile, shown};
use crate::load::Load;
use crate::server::Ours;

/// How many items a session has, so that its transcript comes to 16 MiB.
const ITEMS: u32 = 55_000;
const READERS: usize = 6;
/// How long they read, and how far apart health is asked for meanwhile.
const FOR: Duration = Duration::from_secs(10);
const APART: Duration = Duration::from_millis(5);
/// How long nearly all answers about health may take at most, in milliseconds.
const HEALTH_MS_MAX: u32 = 10;
/// How many clients read nothing, and how much memory all of them may cost, in MB.
const CLIENTS: usize = 100;
const CLIENTS_MB_MAX: u64 = 64;
/// How large the buffer of such a client is, and of one that reads.
const BUFFER_BYTES: u32 = 4096;
const READ_BYTES: u32 = 256 * 1024;
/// How many pages of a transcript are read.
const PAGES: usize = 20;

/// Measures a daemon as a process.
pub(crate) async fn measure() {
    let home = Home::new(SCRATCH);
    home.script([Fault::Items(ITEMS).at(Moment::Turn)]);
    let ours = Ours::start_on(home).await;
    let server = ours.server();
    let (api, pid) = (&server.api, server.pid.expect("it was started here"));
    let session = api.session(json!({})).await;
    let turn = api.say(&session, "go").await;
    let over =
        |frame: &Value| frame["type"] == "app_server.turn.completed" && frame["payload"]["context"]["turnId"] == turn;
    Socket::open(api, "?after=0").await.until("the end of the turn", over).await;

    let before = resident_kib(pid).unwrap_or(0);
    let start = Instant::now();
    let bytes = read(api, &session).await;
    println!("transcript {:.1} MiB, read by one in {:.2} s", bytes as f64 / 1_048_576.0, start.elapsed().as_secs_f64());
    pages(api, &session).await;
    println!("  memory: {} before, {} more after that", mb(before), mb(more(pid, before)));
    for readers in [0, READERS] {
        beside_readers(api, &session, readers, pid, before).await;
    }

    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(ask(api, &session, BUFFER_BYTES).await);
    }
    let most = more(pid, before);
    println!("  {CLIENTS} that read nothing: {} more (at most {CLIENTS_MB_MAX} MB)", mb(most));
    drop(clients);
    ours.stop().await;
}

/// Asks for health beside so many readers.
async fn beside_readers(api: &Api, session: &str, readers: usize, pid: u32, before: u64) {
    let load = Load::get(api, "/healthz");
    let end = Instant::now() + FOR;
    let mut reading = JoinSet::new();
    for _ in 0..readers {
        let (api, session) = (api.clone(), session.to_owned());
        reading.spawn(async move {
            let mut bytes = 0;
            while Instant::now() < end {
                bytes += read(&api, &session).await;
            }
            bytes
        });
    }
    // On a thread of its own: what is measured is the server, and not how busy this client is with reading.
    let here = tokio::runtime::Handle::current();
    let asking = spawn_blocking(move || {
        here.block_on(async move {
            let mut connection = load.connect().await.expect("the server takes connections");
            let mut took = Vec::new();
            while Instant::now() < end {
                let start = Instant::now();
                connection.ask().await.expect("the server answers");
                took.push(start.elapsed());
                sleep(APART).await;
            }
            took
        })
    });
    let mut most = 0;
    while Instant::now() < end {
        most = most.max(more(pid, before));
        sleep(Duration::from_millis(50)).await;
    }
    let mut took = asking.await.expect("health is answered");
    let bytes: usize = reading.join_all().await.into_iter().sum();
    let rate = bytes as f64 / 1_048_576.0 / FOR.as_secs_f64();
    println!(
        "  /healthz beside {readers} readers ({rate:.0} MiB/s, at most {} more), asked {} times:",
        mb(most),
        took.len()
    );
    let [half, nearly, all] = [50, 99, 100].map(|percent| shown(percentile(&mut took, percent)));
    println!("    p50 {half}, p99 {nearly} (at most {HEALTH_MS_MAX} ms), worst {all}");
}

/// Reads some pages, from the end.
async fn pages(api: &Api, session: &str) {
    let (mut query, mut took) = ("?limit=200".to_owned(), Vec::new());
    for _ in 0..PAGES {
        let start = Instant::now();
        let page = api.get(&format!("/api/sessions/{session}{query}")).await;
        took.push(start.elapsed());
        let Some(before) = page.expect(200)["nextBefore"].as_str() else { break };
        query = format!("?limit=200&before={before}");
    }
    println!(
        "  a page of 200 rows: p50 {}, worst {}",
        shown(percentile(&mut took, 50)),
        shown(percentile(&mut took, 100))
    );
}

/// Reads it over a connection of its own; gives how much it was.
async fn read(api: &Api, session: &str) -> usize {
    let mut connection = ask(api, session, READ_BYTES).await;
    let (mut bytes, mut buffer) = (0, vec![0; READ_BYTES as usize]);
    loop {
        match connection.read(&mut buffer).await.expect("the answer comes to its end") {
            0 => return bytes,
            more => bytes += more,
        }
    }
}

/// A client that has asked for it, and has seen that it is answered.
async fn ask(api: &Api, session: &str, buffer: u32) -> TcpStream {
    let authority = api.base().trim_start_matches("http://");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(buffer).expect("a buffer");
    let mut connection = socket.connect(authority.parse().expect("an address")).await.expect("the server is there");
    let head = format!(
        "GET /api/sessions/{session} HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        api.bearer()
    );
    connection.write_all(head.as_bytes()).await.expect("the server reads");
    connection.peek(&mut [0; 12]).await.expect("the server answers");
    connection
}

/// How much more a process holds than before, in KiB.
fn more(pid: u32, before: u64) -> u64 {
    resident_kib(pid).unwrap_or(0).saturating_sub(before)
}

fn mb(kib: u64) -> String {
    format!("{:.1} MB", kib as f64 / 1000.0 * 1.024)
}
