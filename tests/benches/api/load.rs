//! A client that asks the same thing again and again over connections that stay open, and costs little itself.

use std::io;
use std::time::{Duration, Instant};

use codex_manager_tests::Api;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::{JoinSet, spawn_blocking};

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is asked, and of whom.
#[derive(Clone)]
pub(crate) struct Load {
    address: String,
    request: Vec<u8>,
}

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Load {
    /// `GET path` of a server.
    pub(crate) fn get(api: &Api, path: &str) -> Self {
        let address = api.base().trim_start_matches("http://").to_owned();
        let bearer =
            if api.bearer().is_empty() { String::new() } else { format!("authorization: Bearer {}\r\n", api.bearer()) };
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{bearer}accept: */*\r\n\r\n").into_bytes();
        Self { address, request }
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, request: self.request.clone(), buffer: Vec::with_capacity(64 * 1024) })
    }

    /// Asks over so many connections at once until the time is over; gives how often it was answered. All of it runs on
    /// one thread of its own, so that it takes no more than one processor, and the server has the others.
    ///
    /// # Panics
    /// When one is not answered.
    pub(crate) async fn for_a_while(&self, connections: usize, time: Duration) -> u64 {
        let load = self.clone();
        let alone = move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
            runtime.block_on(load.ask_all(connections, Instant::now() + time))
        };
        spawn_blocking(alone).await.expect("every request is answered")
    }

    async fn ask_all(&self, connections: usize, end: Instant) -> u64 {
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            let mut connection = self.connect().await.expect("the server takes connections");
            tasks.spawn(async move {
                let mut answers = 0;
                while Instant::now() < end {
                    connection.ask().await.expect("the server answers");
                    answers += 1;
                }
                answers
            });
        }
        tasks.join_all().await.into_iter().sum()
    }
}

impl Connection {
    /// Asks once, and reads the whole answer; gives how long its body is, in bytes.
    pub(crate) async fn ask(&mut self) -> io::Result<usize> {
        self.stream.write_all(&self.request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some((head, body)) = measure(&self.buffer)? {
                while self.buffer.len() < head + body {
                    self.stream.read_buf(&mut self.buffer).await?;
                }
                return Ok(body);
            }
        }
    }
}

/// How long the head of an answer is and how long its body, once the head is there.
fn measure(answer: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    if !head.starts_with("http/1.1 200") {
        return Err(wrong(head.lines().next().unwrap_or_default().to_owned()));
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    match length.filter(|length| *length < ANSWER_BYTES_MAX) {
        Some(length) => Ok(Some((end + 4, length))),
        None => Err(wrong("an answer does not say how long it is".to_owned())),
    }
}
