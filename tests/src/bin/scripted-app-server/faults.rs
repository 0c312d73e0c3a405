//! The table of faults: one arm each, as `Fault` documents them.

use std::io::{self, Write};
use std::process;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use codex_manager_tests::{Fault, Moment};
use serde_json::{Value, json};

use crate::server::Server;

/// How long the two halves of a cut character lie apart: enough for the reader to see the first half alone.
const CUT: Duration = Duration::from_millis(30);
/// How often a file that is waited for is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A thread that nobody started.
const NOBODYS_THREAD: &str = "0fffffff-0000-7000-8000-000000000000";

/// Whether what was about to be done is still to be done.
pub(crate) enum After {
    GoOn,
    Skip,
}

/// What a fault is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scene {
    /// The request that is being answered.
    pub(crate) request: Option<Value>,
    /// The thread, the turn and the item that is being said.
    pub(crate) turn: Option<(String, String, String)>,
}

impl Server {
    /// Does what the script says about this moment.
    pub(crate) fn moment(&mut self, moment: &Moment, scene: &Scene) -> io::Result<After> {
        let mut after = After::GoOn;
        for fault in self.script.take(self.generation, moment) {
            if let After::Skip = self.commit(&fault, scene)? {
                after = After::Skip;
            }
        }
        Ok(after)
    }

    fn commit(&mut self, fault: &Fault, scene: &Scene) -> io::Result<After> {
        match fault {
            Fault::Version(_) => {}
            Fault::Exit(code) => process::exit(*code),
            Fault::Hang => return Ok(After::Skip),
            Fault::StopReading => loop {
                thread::park();
            },
            Fault::Slow(milliseconds) => thread::sleep(Duration::from_millis(*milliseconds)),
            Fault::WaitFor(name) => self.wait_for(name),
            Fault::Refuse(code, message) => {
                self.refuse(&scene.request.clone().unwrap_or_default(), *code, message.as_deref())?;
                return Ok(After::Skip);
            }
            Fault::Answer(result) => {
                self.answer(&scene.request.clone().unwrap_or_default(), result.clone())?;
                return Ok(After::Skip);
            }
            Fault::Mute => self.copies = 0,
            Fault::AnswerTwice => self.copies = 2,
            Fault::AnswerUnknown => self.write(&json!({"id": 987_654_321, "result": {}}))?,
            Fault::HalfLine => {
                self.write_bytes(br#"{"method":"thread/name/upd"#)?;
                process::exit(1);
            }
            Fault::LongLine(bytes) => self.notify("warning", json!({"message": "x".repeat(*bytes)}))?,
            Fault::InvalidUtf8 => {
                self.write_bytes(b"{\"method\":\"warning\",\"params\":{\"message\":\"\xff\xfe\"}}\n")?
            }
            Fault::SplitUtf8 => self.split_utf8(scene)?,
            Fault::Garbage => {
                self.write_bytes(b"not json\n[]\n{}\nnull\n\n{\"id\":1.5}\n{\"method\":7}\n\"text\"\n")?
            }
            Fault::Stderr(bytes) => io::stderr().write_all("noise\n".repeat(bytes / 6).as_bytes())?,
            Fault::Deltas(count) => self.deltas(*count, scene)?,
            Fault::Items(count) => self.items(*count, scene)?,
            Fault::Paced(count, apart) => self.paced(*count, Duration::from_micros(*apart), scene)?,
            Fault::Tell(method, params) => self.notify(method, params.clone())?,
            Fault::Ask(method, params) => drop(self.ask(method, params.clone())?),
            Fault::TextIds => self.text_ids = true,
            Fault::UnknownRequest => drop(self.ask("house/unheardOf", json!({"threadId": thread(scene)}))?),
            Fault::MalformedApproval => drop(self.ask("item/commandExecution/requestApproval", json!({"command": 7}))?),
            Fault::RepeatRequest => self.write(&self.last_request.clone().unwrap_or_default())?,
            Fault::UnknownThread => self.unknown_thread()?,
            Fault::LateItem => self.late_item(scene)?,
            Fault::CompleteTwice => self.complete_twice(scene)?,
        }
        Ok(After::GoOn)
    }

    fn split_utf8(&mut self, scene: &Scene) -> io::Result<()> {
        let line = format!("{}\n", json!({"method": "item/agentMessage/delta", "params": delta(scene, "Grüße 🎉")}));
        let cut = line.find('🎉').map_or(0, |at| at + 2);
        self.write_bytes(&line.as_bytes()[..cut])?;
        thread::sleep(CUT);
        self.write_bytes(&line.as_bytes()[cut..])
    }

    fn deltas(&mut self, count: u32, scene: &Scene) -> io::Result<()> {
        (0..count).try_for_each(|n| self.notify("item/agentMessage/delta", delta(scene, &format!("delta {n} "))))
    }

    fn items(&mut self, count: u32, scene: &Scene) -> io::Result<()> {
        let (thread, turn, _) = scene.turn.clone().unwrap_or_default();
        (0..count).try_for_each(|n| {
            let item = json!({"type": "reasoning", "id": format!("thought-{n}"), "summary": [], "content": []});
            let params = json!({"threadId": thread, "turnId": turn, "item": item});
            self.notify("item/started", params.clone())?;
            self.notify("item/completed", params)
        })
    }

    fn wait_for(&self, name: &str) {
        while !self.home.join(name).exists() {
            thread::sleep(LOOK_EVERY);
        }
    }

    fn paced(&mut self, count: u32, apart: Duration, scene: &Scene) -> io::Result<()> {
        let (thread, turn, _) = scene.turn.clone().unwrap_or_default();
        let start = Instant::now();
        (0..count).try_for_each(|n| {
            thread::sleep((start + apart * n).saturating_duration_since(Instant::now()));
            let item = json!({"type": "reasoning", "id": format!("paced-{n}"), "summary": [], "content": []});
            let written = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
            let params = json!({"threadId": thread, "turnId": turn, "item": item, "writtenAtMicros": written});
            self.notify("item/completed", params)
        })
    }

    fn unknown_thread(&mut self) -> io::Result<()> {
        let turn = json!({"id": "turn-of-nobody", "items": [], "status": "completed"});
        self.notify("turn/started", json!({"threadId": NOBODYS_THREAD, "turn": turn}))?;
        self.notify("turn/completed", json!({"threadId": NOBODYS_THREAD, "turn": turn}))
    }

    fn late_item(&mut self, scene: &Scene) -> io::Result<()> {
        let (thread, turn, _) = scene.turn.clone().unwrap_or_default();
        let item = json!({"type": "commandExecution", "id": "late", "command": "sleep 300", "status": "completed",
                          "aggregatedOutput": "late output", "exitCode": 0});
        self.notify("item/completed", json!({"threadId": thread, "turnId": turn, "item": item}))
    }

    fn complete_twice(&mut self, scene: &Scene) -> io::Result<()> {
        let (thread, turn, _) = scene.turn.clone().unwrap_or_default();
        let turn = json!({"id": turn, "items": [], "itemsView": "notLoaded", "status": "completed", "error": null});
        self.notify("turn/completed", json!({"threadId": thread, "turn": turn}))
    }
}

fn thread(scene: &Scene) -> Option<&str> {
    scene.turn.as_ref().map(|(thread, ..)| thread.as_str())
}

fn delta(scene: &Scene, text: &str) -> Value {
    let (thread, turn, item) = scene.turn.clone().unwrap_or_default();
    json!({"threadId": thread, "turnId": turn, "itemId": item, "delta": text})
}
