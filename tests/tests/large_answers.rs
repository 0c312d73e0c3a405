//! Answers that are long: told whole and in pages, and at a cost that has a bound, whoever reads them and however slowly.

use codex_manager_tests::{Fault, Moment, soon};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::stage::Stage;
use crate::wire::{authority, request};

/// How many items the child tells of in one turn.
const ITEMS: u32 = 3000;
/// How much text one entry has, and how many entries make a long transcript.
const ENTRY_BYTES: usize = 256 * 1024;
const ENTRIES: usize = 60;
/// How many turns make a history that is not remembered, and how many characters are said in each.
const TURNS: usize = 4;
const SAID_CHARS: usize = 50_000;
/// How many clients ask for it and read nothing.
const CLIENTS: usize = 100;
/// How much more the daemon may hold for all of them.
const CLIENTS_KIB_MAX: u64 = 64 * 1024;
/// How large the buffer of such a client is.
const BUFFER_BYTES: u32 = 4096;

fn note(number: usize, content: &str) -> Value {
    json!({
        "messageId": format!("note-{number}"), "turnId": "t", "role": "system", "type": "house.note",
        "content": content, "status": "complete",
    })
}

async fn write(stage: &Stage, session: &str, note: Value) {
    stage.api.post(&format!("/api/sessions/{session}/transcript/upsert"), note).await.expect(200);
}

/// A session with a long transcript.
async fn long(stage: &Stage) -> String {
    let session = stage.session().await;
    let text = "x".repeat(ENTRY_BYTES);
    for number in 0..ENTRIES {
        write(stage, &session, note(number, &text)).await;
    }
    session
}

/// A client that has asked for the session, has seen that it is answered, and reads nothing more.
async fn ask(stage: &Stage, session: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(BUFFER_BYTES).unwrap();
    let mut connection = socket.connect(authority(&stage.api).parse().unwrap()).await.unwrap();
    let host = format!("host: {}", authority(&stage.api));
    let asked = request(&stage.api, &format!("GET /api/sessions/{session} HTTP/1.1"), &[&host]);
    connection.write_all(asked.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    soon("the beginning of an answer", connection.peek(&mut start)).await.unwrap();
    connection
}

/// The rest of an answer in chunks; `None` when it breaks off.
async fn rest(connection: &mut TcpStream) -> Option<Value> {
    let mut answer = Vec::new();
    // That it may be broken off is part of what is tried.
    let _ = soon("the rest of an answer", connection.read_to_end(&mut answer)).await;
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    assert!(String::from_utf8_lossy(&answer[..head]).contains("transfer-encoding: chunked"));
    let mut left = &answer[head + 4..];
    let mut body = Vec::new();
    loop {
        let end = left.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&left[..end]).ok()?, 16).ok()?;
        let chunk = left.get(end + 2..end + 2 + size)?;
        if size == 0 {
            return serde_json::from_slice(&body).ok();
        }
        body.extend_from_slice(chunk);
        left = left.get(end + 4 + size..)?;
    }
}

fn ids(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().filter_map(|row| row["messageId"].as_str()).collect()
}

#[tokio::test]
async fn a_transcript_is_told_whole_and_in_pages() {
    let stage = Stage::ready([Fault::Items(ITEMS).at(Moment::Turn)]).await;
    let session = stage.session().await;
    let turn = stage.api.say(&session, "go").await;
    stage.until_end(&turn).await;
    for number in 0..3 {
        write(&stage, &session, note(number, "Grüße")).await;
    }
    let path = format!("/api/sessions/{session}");
    let whole = stage.api.get(&path).await;
    let whole = whole.expect(200);
    let members: Vec<_> = whole.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["session", "thread", "transcript"], "as it ever was");
    assert_eq!(whole["thread"]["turns"].as_array().unwrap().len(), 1);
    let rows = ids(&whole["transcript"]);
    assert!(rows.len() > ITEMS as usize + 3, "{} rows", rows.len());
    assert_eq!(rows[rows.len() - 3..], ["note-0", "note-1", "note-2"]);

    let (mut pages, mut query) = (Vec::new(), "?limit=700".to_owned());
    loop {
        let page = stage.api.get(&format!("{path}{query}")).await;
        let page = page.expect(200).clone();
        assert_eq!((&page["session"], &page["thread"]["turns"]), (&whole["session"], &json!([])));
        let next = page["nextBefore"].clone();
        pages.push(page["transcript"].as_array().unwrap().clone());
        let Some(before) = next.as_str() else {
            assert_eq!(next, Value::Null);
            break;
        };
        assert_eq!(pages.last().unwrap().len(), 700);
        query = format!("?limit=700&before={before}");
    }
    let all: Vec<_> = pages.into_iter().rev().flatten().collect();
    assert_eq!(Value::from(all), whole["transcript"]);
    let page = stage.api.get(&format!("{path}?before=note-1")).await;
    assert_eq!(ids(&page.expect(200)["transcript"]).len(), 100);

    for wrong in ["limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "after=note-1"] {
        let refused = stage.api.get(&format!("{path}?{wrong}")).await;
        assert_eq!((refused.status, refused.code()), (400, "invalid_request"), "{wrong}");
    }
    let gone = stage.api.get(&format!("{path}?before=nobody")).await;
    assert_eq!((gone.status, gone.code()), (404, "row_not_found"));
    assert_eq!(stage.api.get("/api/sessions/nobody?limit=0").await.status, 404, "who may not come is told so first");
}

#[tokio::test]
async fn a_long_history_of_the_child_is_told_as_it_is() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let said: Vec<_> = (0..TURNS).map(|turn| format!("{turn} {}", "ü".repeat(SAID_CHARS))).collect();
    for text in &said {
        let turn = stage.api.say(&session, text).await;
        stage.until_end(&turn).await;
    }
    let path = format!("/api/sessions/{session}");
    let whole = stage.api.get(&path).await;
    let (turns, rows) = (&whole.expect(200)["thread"]["turns"], &whole.body["transcript"]);
    assert_eq!(turns.as_array().unwrap().len(), TURNS);
    for (turn, text) in turns.as_array().unwrap().iter().zip(&said) {
        assert!(turn.to_string().contains(text), "{}", turn["id"]);
        let row = rows.as_array().unwrap().iter().find(|row| row["turnId"] == turn["id"] && row["role"] == "user");
        assert_eq!(row.unwrap()["content"], *text);
    }
    let rows = rows.as_array().unwrap();
    let page = stage.api.get(&format!("{path}?limit=5")).await;
    assert_eq!(page.expect(200)["transcript"].as_array().unwrap(), &rows[rows.len() - 5..]);
    assert_eq!(page.body["nextBefore"], rows[rows.len() - 5]["messageId"]);
}

#[tokio::test]
async fn a_history_without_an_end_is_refused_and_no_part_of_it_passes_for_all() {
    let more = json!({ "data": [], "nextCursor": "more" });
    let stage = Stage::ready([Fault::Answer(more).on("thread/turns/list")]).await;
    let session = stage.session().await;
    let refused = stage.api.get(&format!("/api/sessions/{session}")).await;
    assert_eq!((refused.status, refused.code()), (500, "codex_error"));
}

#[tokio::test]
async fn clients_that_ask_for_much_and_read_nothing_cost_little() {
    let stage = Stage::ready([]).await;
    let session = long(&stage).await;
    let before = stage.resident_kib();
    let (mut clients, mut most) = (Vec::new(), before);
    for _ in 0..CLIENTS {
        clients.push(ask(&stage, &session).await);
        most = most.max(stage.resident_kib());
    }
    assert!(most < before + CLIENTS_KIB_MAX, "{before} KiB before, {most} KiB then");

    let read = stage.api.transcript(&session).await;
    assert_eq!((read.len(), read[ENTRIES - 1]["content"].as_str().unwrap().len()), (ENTRIES, ENTRY_BYTES));
    most = most.max(stage.resident_kib());
    assert!(most < before + CLIENTS_KIB_MAX, "{before} KiB before, {most} KiB then");
    let told = rest(&mut clients[CLIENTS - 1]).await.expect("who reads on in time is told all");
    assert_eq!(ids(&told["transcript"]).len(), ENTRIES);
}

#[tokio::test]
async fn what_comes_to_be_while_a_transcript_is_told_is_no_part_of_it() {
    let stage = Stage::ready([]).await;
    let session = long(&stage).await;
    let mut slow = ask(&stage, &session).await;
    write(&stage, &session, note(ENTRIES, "new")).await;
    let told = rest(&mut slow).await.expect("a whole answer");
    assert_eq!(ids(&told["transcript"]).len(), ENTRIES);
    assert_eq!(stage.api.transcript(&session).await.len(), ENTRIES + 1);
}

#[tokio::test]
async fn a_session_that_is_deleted_is_not_told_on() {
    let stage = Stage::ready([]).await;
    let session = long(&stage).await;
    let mut slow = ask(&stage, &session).await;
    let delete = stage.api.request(Method::DELETE, &format!("/api/sessions/{session}"));
    stage.api.send(delete).await.unwrap().expect(200);
    assert_eq!(rest(&mut slow).await, None, "the answer breaks off");
    stage.assert_works().await;
}
