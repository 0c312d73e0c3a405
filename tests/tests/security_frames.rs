//! Frames that no websocket client should send. Each ends its own connection, and nothing else.

use std::time::Duration;

use codex_manager_tests::soon;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::stage::Stage;
use crate::wire::{authority, connect, request};

/// A frame as clients send it, with a mask of zeros: what is masked is sent as it is.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// A websocket that is open, as bytes.
async fn open(stage: &Stage) -> TcpStream {
    let host = format!("host: {}", authority(&stage.api));
    let upgrade = ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"];
    let headers = [&upgrade[..], &["sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", &host]].concat();
    let request = request(&stage.api, "GET /api/stream HTTP/1.1", &headers).replace("connection: close\r\n", "");
    let mut connection = connect(&stage.api).await;
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    soon("an answer", connection.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    connection
}

/// Whether what is sent ends the connection; what came before that.
async fn ends(connection: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    let _ = connection.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = soon("the end of the connection", connection.read_to_end(&mut answer)).await;
    answer
}

/// The code of the close frame that the server sent last, after its first frame.
fn farewell(said: &[u8]) -> Option<u16> {
    let close = said.windows(2).rposition(|frame| frame[0] == 0x88 && (2..126).contains(&frame[1]))?;
    let code = said.get(close + 2..close + 4)?;
    Some(u16::from_be_bytes([code[0], code[1]]))
}

#[tokio::test]
async fn s13_frames_that_break_the_rules_end_their_connection_alone() {
    let stage = Stage::ready([]).await;
    let mut bystander = open(&stage).await;
    let ping = br#"{"type":"ping"}"#;
    let unmasked = [&[0x81, ping.len() as u8], &ping[..]].concat();
    let huge = [&[0x81, 0x80 | 127][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    let long_ping = frame(0x89, &[b'x'; 126]);
    for (what, code, bytes) in [
        ("text that is no UTF-8", 1007, frame(0x81, b"\xff\xfe\xfd")),
        ("a reserved bit", 1002, frame(0xc1, ping)),
        ("another reserved bit", 1002, frame(0x91, ping)),
        ("a reserved kind", 1002, frame(0x83, ping)),
        ("a reserved kind of control", 1002, frame(0x8b, b"")),
        ("no mask", 1002, unmasked),
        ("more than a frame may have", 1009, frame(0x81, &vec![b'x'; 65 * 1024])),
        ("a length that nobody has", 1009, huge),
        ("a control frame that is long", 1002, long_ping),
        ("a control frame in pieces", 1002, frame(0x09, b"x")),
        ("a piece of nothing", 1002, frame(0x80, ping)),
        ("a new message amid another", 1002, [frame(0x01, b"{"), frame(0x81, ping)].concat()),
        ("pieces of too much", 1009, {
            let piece = frame(0x00, &[b'x'; 32 * 1024]);
            [frame(0x01, &[b'x'; 32 * 1024]), piece.clone(), piece].concat()
        }),
    ] {
        let mut connection = open(&stage).await;
        let said = ends(&mut connection, &bytes).await;
        assert_eq!(farewell(&said), Some(code), "{what}");
    }
    bystander.write_all(&frame(0x81, ping)).await.unwrap();
    until_said(&mut bystander, "\"pong\"").await;
    stage.assert_works().await;
}

#[tokio::test]
async fn s13_a_message_in_pieces_is_a_message() {
    let stage = Stage::start([]).await;
    let mut connection = open(&stage).await;
    let (first, last) = (frame(0x01, br#"{"type":"#), frame(0x80, br#""ping"}"#));
    let between = frame(0x89, b"are you there");
    connection.write_all(&[first, between, last].concat()).await.unwrap();
    let said = until_said(&mut connection, "\"pong\"").await;
    assert!(said.contains("are you there"), "a ping amid the pieces is answered: {said}");
}

#[tokio::test]
async fn s13_nobody_gets_an_upgrade_before_they_have_shown_a_token() {
    let stage = Stage::start([]).await;
    let text = format!(
        "GET /api/stream HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: bearer, {}\r\n\r\n",
        authority(&stage.api),
        stage.api.bearer(),
    );
    let mut connection = connect(&stage.api).await;
    connection.write_all(text.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    soon("an answer", connection.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 401");
}

/// Reads until `words` have been said; gives all that was.
async fn until_said(connection: &mut TcpStream, words: &str) -> String {
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains(words) {
        let read = soon("more to be said", connection.read_buf(&mut said)).await.unwrap();
        assert!(read > 0, "it ended after {}", String::from_utf8_lossy(&said));
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// For how long a connection takes nothing that is not read any more.
const TAKES_NOTHING: Duration = Duration::from_secs(1);
/// How much more the daemon may hold for clients that ping and do not read.
const PINGS_KIB_MAX: u64 = 32 * 1024;
/// How much each of them sends, if it is taken.
const PINGS_BYTES: usize = 64 * 1024 * 1024;

#[tokio::test]
async fn s13_who_pings_and_does_not_read_is_not_read_either() {
    let stage = Stage::ready([]).await;
    let before = stage.resident_kib();
    let pings = frame(0x89, &[b'x'; 125]).repeat(1000);
    let (mut flooding, mut most) = (Vec::new(), before);
    for _ in 0..3 {
        flooding.push(open(&stage).await);
    }
    for connection in &mut flooding {
        let mut left = PINGS_BYTES;
        // Once it takes nothing more, what it has taken already is answered, and this goes on.
        while left > 0
            && let Ok(Ok(())) = timeout(TAKES_NOTHING, connection.write_all(&pings)).await
        {
            left = left.saturating_sub(pings.len());
            most = most.max(stage.resident_kib());
        }
        assert!(left > 0, "all pings were read, and no answer was");
    }
    most = most.max(stage.resident_kib());
    assert!(most < before + PINGS_KIB_MAX, "{before} KiB before, {most} KiB then");

    let mut reading = open(&stage).await;
    for n in 0..100 {
        let asked = format!("are you there {n}");
        reading.write_all(&frame(0x89, asked.as_bytes())).await.unwrap();
        until_said(&mut reading, &asked).await;
    }
    stage.assert_works().await;
}
