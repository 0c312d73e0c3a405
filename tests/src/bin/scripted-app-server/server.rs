//! Lines in, lines out. What a line means is in `methods`; what goes wrong is in `faults`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use codex_manager_tests::{Moment, Script};
use serde_json::{Value, json};

use crate::faults::{After, Scene};
use crate::threads::Threads;
use crate::turns::OpenTurn;

/// One life of the stand-in.
pub(crate) struct Server {
    pub(crate) script: Script,
    pub(crate) generation: u64,
    pub(crate) version: Option<String>,
    pub(crate) threads: Threads,
    /// The turn that each thread is in.
    pub(crate) open: HashMap<String, OpenTurn>,
    /// Whether the handshake is done.
    pub(crate) initialized: bool,
    /// How often the next answer is written.
    pub(crate) copies: u32,
    /// Whether its own requests have text for ids.
    pub(crate) text_ids: bool,
    /// The last request of its own.
    pub(crate) last_request: Option<Value>,
    next_request: u64,
    received: File,
    /// `CODEX_HOME`.
    pub(crate) home: PathBuf,
}

impl Server {
    /// Prepares the `generation`-th life in `home`.
    pub(crate) fn new(home: PathBuf, generation: u64) -> io::Result<Self> {
        let script = Script::read(&home)?;
        Ok(Self {
            version: crate::version(&script, generation),
            script,
            generation,
            received: File::create(home.join(format!("received-{generation}.jsonl")))?,
            threads: Threads::read(home.clone())?,
            open: HashMap::new(),
            initialized: false,
            copies: 1,
            text_ids: false,
            last_request: None,
            next_request: 0,
            home,
        })
    }

    /// Serves until stdin ends.
    pub(crate) fn run(mut self) -> io::Result<()> {
        self.moment(&Moment::Start, &Scene::default())?;
        for line in io::stdin().lock().split(b'\n') {
            let line = line?;
            self.received.write_all(&[&line[..], b"\n"].concat())?;
            if let Ok(message) = serde_json::from_slice::<Value>(&line) {
                self.take(&message)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, message: &Value) -> io::Result<()> {
        let Some(method) = message["method"].as_str() else {
            return self.reply(message);
        };
        let scene = Scene { request: message.get("id").cloned(), ..Scene::default() };
        if let After::GoOn = self.moment(&Moment::Method(method.to_owned()), &scene)? {
            self.method(method, &message["params"], scene.request)?;
        }
        Ok(())
    }

    fn reply(&mut self, message: &Value) -> io::Result<()> {
        match self.moment(&Moment::Reply, &Scene::default())? {
            After::GoOn => self.decided(&message["id"], &message["result"]["decision"]),
            After::Skip => Ok(()),
        }
    }

    /// Answers a request.
    pub(crate) fn answer(&mut self, id: &Value, result: Value) -> io::Result<()> {
        let answer = json!({"id": id, "result": result});
        for _ in 0..std::mem::replace(&mut self.copies, 1) {
            self.write(&answer)?;
        }
        Ok(())
    }

    /// Refuses a request.
    pub(crate) fn refuse(&mut self, id: &Value, code: i64, message: Option<&str>) -> io::Result<()> {
        let mut error = json!({"code": code});
        if let Some(message) = message {
            error["message"] = message.into();
        }
        self.write(&json!({"id": id, "error": error}))
    }

    /// Tells something.
    pub(crate) fn notify(&mut self, method: &str, params: Value) -> io::Result<()> {
        self.write(&json!({"method": method, "params": params, "emittedAtMs": now_ms()}))
    }

    /// Asks something, under an id that starts at 0 in each life.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> io::Result<Value> {
        let id = if self.text_ids { json!(format!("ask-{}", self.next_request)) } else { json!(self.next_request) };
        self.next_request += 1;
        let request = json!({"method": method, "id": id, "params": params});
        self.write(&request)?;
        self.last_request = Some(request);
        Ok(id)
    }

    /// Writes one message.
    pub(crate) fn write(&mut self, message: &Value) -> io::Result<()> {
        self.write_bytes(format!("{message}\n").as_bytes())
    }

    /// Writes bytes as they are.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
