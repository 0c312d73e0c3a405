//! The daemon is killed under load, a hundred times, and held to what it acknowledged. The ledger of that is kept here,
//! outside of it.
//!
//! Killing a process shows that nothing acknowledged is lost *by us*. It does not show that the disk keeps it, for the
//! system's cache survives the kill; that is what `synchronous=FULL` and answering after the commit are for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codex_manager_tests::{Api, Home, Process, Random, Socket, row};
use serde_json::{Value, json};

use crate::stage::{ends, launch};

const CYCLES: u32 = 100;
/// On a machine that is so busy that most lives are over before there is any load, there are more of them; this many.
const CYCLES_MAX: u32 = 1000;
const CLIENTS: u32 = 6;
/// A daemon lives between so many and so many milliseconds under load.
const LIFE: Range<u64> = 100..1000;

/// What the daemon acknowledged.
#[derive(Default)]
struct Ledger {
    sessions: BTreeSet<String>,
    /// Accepted turns, with the text of their messages.
    turns: BTreeMap<String, String>,
    /// Decisions that were answered with success.
    decisions: BTreeMap<String, &'static str>,
    /// The rows that the reader saw: the first frame of each.
    rows: BTreeMap<u64, Value>,
}

impl Ledger {
    /// Whether there was load.
    fn is_enough(&self) -> bool {
        self.turns.len() > CYCLES as usize / 2 && !self.decisions.is_empty()
    }
}

type Shared = Arc<Mutex<Ledger>>;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost_or_done_twice() {
    let (mut random, seed) = Random::fresh();
    println!("seed {seed}");
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let ledger = Shared::default();
    for cycle in 0..CYCLES_MAX {
        if cycle >= CYCLES && ledger.lock().unwrap().is_enough() {
            break;
        }
        let daemon = launch().start(&home).await;
        let api = daemon.api();
        let mut load: Vec<_> = (0..CLIENTS)
            .map(|client| tokio::spawn(work(api.clone(), ledger.clone(), format!("{cycle}-{client}"))))
            .collect();
        load.push(tokio::spawn(read(api, ledger.clone())));
        // Not a wait for something: this is how long the daemon is let live.
        tokio::time::sleep(Duration::from_millis(random.within(LIFE))).await;
        let family = daemon.descendants();
        daemon.kill().await;
        for client in load {
            client.await.unwrap();
        }
        Process::all_gone(&family).await;
    }
    let ledger = Arc::into_inner(ledger).unwrap().into_inner().unwrap();
    println!("{} turns and {} decisions were acknowledged", ledger.turns.len(), ledger.decisions.len());
    assert!(ledger.is_enough(), "there was no load");
    check(&home, &ledger).await;
}

/// Makes a session, talks in it, and decides what it asks, until the daemon is gone.
async fn work(api: Api, ledger: Shared, name: String) {
    let Some(session) = make_session(&api).await else { return };
    ledger.lock().unwrap().sessions.insert(session.clone());
    for n in 0.. {
        let text = if n % 3 == 2 { format!("::approve {name}-{n}") } else { format!("{name}-{n}") };
        let request = api.request(reqwest::Method::POST, &format!("/api/sessions/{session}/messages"));
        let Ok(answer) = api.send(request.json(&json!({"text": text}))).await else { return };
        if answer.status == 202 {
            ledger.lock().unwrap().turns.insert(answer.body["turnId"].as_str().unwrap().to_owned(), text);
        }
        if n % 3 == 2 && decide(&api, &ledger, &session).await.is_none() {
            return;
        }
    }
}

/// Asks until the child is ready; `None` when the daemon is gone.
async fn make_session(api: &Api) -> Option<String> {
    loop {
        let answer = api.send(api.request(reqwest::Method::POST, "/api/sessions").json(&json!({}))).await.ok()?;
        if answer.status == 200 {
            return answer.body["session"]["sessionId"].as_str().map(str::to_owned);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Decides about what the session waits for, once it does; `None` when the daemon is gone.
async fn decide(api: &Api, ledger: &Shared, session: &str) -> Option<()> {
    let id = loop {
        let path = format!("/api/sessions/{session}/approvals");
        let answer = api.send(api.request(reqwest::Method::GET, &path)).await.ok()?;
        if let Some(id) = answer.body["data"][0]["approvalId"].as_str() {
            break id.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let request = api.request(reqwest::Method::POST, &format!("/api/approvals/{id}/decision"));
    let answer = api.send(request.json(&json!({"decision": "decline"}))).await.ok()?;
    if answer.status == 200 {
        ledger.lock().unwrap().decisions.insert(id, "decline");
    }
    Some(())
}

/// Reads on where the last life's reader was cut off.
async fn read(api: Api, ledger: Shared) {
    let after = ledger.lock().unwrap().rows.last_key_value().map_or(0, |(seq, _)| *seq);
    let Some(mut socket) = Socket::open_if_there(&api, &format!("?after={after}")).await else { return };
    let mut last = after;
    while let Some(frame) = socket.next().await {
        if let Some(seq) = row(&frame).filter(|seq| *seq != last) {
            last = seq;
            let twice = ledger.lock().unwrap().rows.insert(seq, frame);
            assert_eq!(twice, None, "row {seq} came twice");
        }
    }
}

async fn check(home: &Home, ledger: &Ledger) {
    let daemon = launch().start(home).await;
    let api = daemon.api();
    api.until_codex_is("ready").await;
    let session = api.session(json!({})).await;
    let last = api.say(&session, "the last word").await;
    let frames = Socket::open(&api, "?after=0").await.until("the last turn's end", |frame| ends(frame, &last)).await;

    let mut rows = BTreeMap::new();
    for frame in &frames {
        if let Some(seq) = row(frame) {
            rows.entry(seq).or_insert(frame);
        }
    }
    assert!(rows.keys().copied().eq(1..=rows.len() as u64), "the log is not dense");
    assert!(ledger.rows.keys().copied().eq(1..=ledger.rows.len() as u64), "the reader missed a row");
    for (seq, seen) in &ledger.rows {
        assert_eq!(rows[seq], seen, "row {seq} is not what was sent");
    }

    for session in &ledger.sessions {
        api.get(&format!("/api/sessions/{session}")).await.expect(200);
    }
    let over = turns_that_are_over(&frames);
    let missing: Vec<_> = ledger.turns.iter().filter(|(turn, _)| !over.contains(turn.as_str())).collect();
    assert!(missing.is_empty(), "accepted, and nobody knows how they ended: {missing:?}");

    let mut sent: HashMap<String, u32> = HashMap::new();
    for message in home.received_of("turn/start") {
        let text = message["params"]["input"][0]["text"].as_str().unwrap_or_default();
        *sent.entry(text.to_owned()).or_default() += 1;
    }
    let twice: Vec<_> = sent.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "sent more than once: {twice:?}");
    let never: Vec<_> = ledger.turns.values().filter(|text| !sent.contains_key(*text)).collect();
    assert!(never.is_empty(), "accepted and never sent: {never:?}");

    let mut told = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame["type"] == "approval_resolved") {
        let payload = &frame["payload"];
        let earlier = told.insert(payload["approvalId"].as_str().unwrap(), payload);
        assert_eq!(earlier, None, "an approval was settled twice: {payload}");
    }
    for (approval, decision) in &ledger.decisions {
        let resolved = told[approval.as_str()];
        assert_eq!((&resolved["status"], &resolved["decision"]), (&json!("resolved"), &json!(decision)), "{approval}");
    }
}

fn turns_that_are_over(frames: &[Value]) -> BTreeSet<&str> {
    let turn = |frame: &'_ Value| match frame["type"].as_str() {
        Some("app_server.turn.completed") => Some("/payload/context/turnId"),
        Some("turn_interrupted") => Some("/payload/turnId"),
        _ => None,
    };
    frames.iter().filter_map(|frame| frame.pointer(turn(frame)?)?.as_str()).collect()
}
