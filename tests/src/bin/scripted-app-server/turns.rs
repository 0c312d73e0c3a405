//! Turns: what the stand-in says, and the answers that it waits for.

use std::io;

use codex_manager_tests::Moment;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::faults::{After, Scene};
use crate::server::{Server, now_ms};

/// A turn that is not over.
pub(crate) struct OpenTurn {
    pub(crate) id: String,
    started_at: u64,
    /// The items that are complete.
    items: Vec<Value>,
    /// The request that it waits for, and the item of the command that it is about.
    asked: Option<(Value, Value)>,
}

impl Server {
    /// Starts a turn and plays it as far as it goes by itself.
    pub(crate) fn turn_start(&mut self, id: &Value, thread: &str, params: &Value) -> io::Result<()> {
        if let Some(open) = self.open.get(thread) {
            let turn = turn(open, "inProgress");
            return self.answer(id, json!({"turn": turn}));
        }
        let text = params["input"][0]["text"].as_str().unwrap_or_default().to_owned();
        let turn_id = Uuid::now_v7().to_string();
        let open = OpenTurn { id: turn_id.clone(), started_at: now_ms() / 1000, items: Vec::new(), asked: None };
        let shown = turn(&open, "inProgress");
        self.open.insert(thread.to_owned(), open);
        self.threads.change(thread, |thread| thread["preview"] = text.as_str().into())?;
        self.answer(id, json!({"turn": shown}))?;
        self.status(thread, json!({"type": "active", "activeFlags": []}))?;
        self.notify("turn/started", json!({"threadId": thread, "turn": shown}))?;

        let said = json!([{"type": "text", "text": text, "text_elements": []}]);
        let client_id = &params["clientUserMessageId"];
        let message =
            json!({"type": "userMessage", "id": Uuid::now_v7().to_string(), "clientId": client_id, "content": said});
        self.item("item/started", thread, &message)?;
        self.complete_item(thread, message)?;
        match text.split_once(' ').unwrap_or((&text, "")) {
            ("::approve", command) => self.ask_approval(thread, command),
            ("::ask", request) => self.ask_anything(thread, request),
            ("::hold", _) => self.say(thread, "Holding. ", false),
            _ => self.say(thread, "Hello from the scripted app-server. ", true),
        }
    }

    /// Says something in two deltas; then ends the turn, or leaves it open.
    fn say(&mut self, thread: &str, text: &str, end: bool) -> io::Result<()> {
        let Some(turn) = self.open.get(thread).map(|open| open.id.clone()) else { return Ok(()) };
        let item = format!("msg-{}", Uuid::now_v7().simple());
        let message = |text: &str| json!({"type": "agentMessage", "id": item, "text": text, "phase": null});
        self.item("item/started", thread, &message(""))?;
        let delta = |text: &str| json!({"threadId": thread, "turnId": turn, "itemId": item, "delta": text});
        self.notify("item/agentMessage/delta", delta(text))?;
        let scene = Scene { request: None, turn: Some((thread.to_owned(), turn.clone(), item.clone())) };
        if let After::Skip = self.moment(&Moment::Turn, &scene)? {
            return Ok(());
        }
        self.notify("item/agentMessage/delta", delta("Done."))?;
        if end {
            self.complete_item(thread, message(&format!("{text}Done.")))?;
            self.end_turn(thread, "completed")?;
        }
        Ok(())
    }

    fn ask_approval(&mut self, thread: &str, command: &str) -> io::Result<()> {
        let Some(turn) = self.open.get(thread).map(|open| open.id.clone()) else { return Ok(()) };
        let item = json!({"type": "commandExecution", "id": format!("call-{}", Uuid::now_v7().simple()), "cwd": "/",
                          "command": command, "status": "inProgress", "aggregatedOutput": null, "exitCode": null});
        self.item("item/started", thread, &item)?;
        self.status(thread, json!({"type": "active", "activeFlags": ["waitingOnApproval"]}))?;
        let params = json!({"threadId": thread, "turnId": turn, "itemId": item["id"], "startedAtMs": now_ms(),
                            "command": command, "cwd": "/", "availableDecisions": ["accept", "cancel"]});
        let request = self.ask("item/commandExecution/requestApproval", params)?;
        if let Some(open) = self.open.get_mut(thread) {
            open.asked = Some((request, item));
        }
        let scene = Scene { request: None, turn: Some((thread.to_owned(), turn, String::new())) };
        self.moment(&Moment::Approval, &scene).map(drop)
    }

    /// Asks whatever the text says, a method and params in JSON. Where it is asked stands in the params anyway.
    fn ask_anything(&mut self, thread: &str, request: &str) -> io::Result<()> {
        let Some(turn) = self.open.get(thread).map(|open| open.id.clone()) else { return Ok(()) };
        let (method, params) = request.split_once(' ').unwrap_or((request, "{}"));
        let mut params: Value = serde_json::from_str(params).map_err(io::Error::other)?;
        let where_asked = if method.contains('/') {
            json!({"threadId": thread, "turnId": turn, "itemId": "item-1"})
        } else {
            json!({"conversationId": thread, "callId": "item-1"})
        };
        for (member, value) in where_asked.as_object().into_iter().flatten() {
            if params.get(member).is_none() {
                params[member] = value.clone();
            }
        }
        let request = self.ask(method, params)?;
        if let Some(open) = self.open.get_mut(thread) {
            open.asked = Some((request, Value::Null));
        }
        let scene = Scene { request: None, turn: Some((thread.to_owned(), turn, String::new())) };
        self.moment(&Moment::Approval, &scene).map(drop)
    }

    /// The host has answered a request: nothing is run, but what would have happened is told.
    pub(crate) fn decided(&mut self, request: &Value, decision: &Value) -> io::Result<()> {
        let waiting = self.open.iter_mut().find_map(|(thread, open)| {
            let asked = open.asked.take_if(|(id, _)| id == request)?;
            Some((thread.clone(), asked.1))
        });
        let Some((thread, mut item)) = waiting else { return Ok(()) };
        self.notify("serverRequest/resolved", json!({"threadId": thread, "requestId": request}))?;
        if item.is_null() {
            return self.say(&thread, "It was answered. ", true);
        }
        let accepted = matches!(decision.as_str(), Some("accept" | "acceptForSession"));
        item["status"] = if accepted { "completed" } else { "declined" }.into();
        if accepted {
            item["aggregatedOutput"] = "ran\n".into();
            item["exitCode"] = 0.into();
        }
        self.complete_item(&thread, item)?;
        if decision == "cancel" {
            return self.end_turn(&thread, "interrupted");
        }
        self.say(&thread, if accepted { "It ran. " } else { "It was rejected. " }, true)
    }

    /// Tells that a turn is over and keeps it.
    pub(crate) fn end_turn(&mut self, thread: &str, status: &str) -> io::Result<()> {
        let Some(open) = self.open.remove(thread) else { return Ok(()) };
        let mut shown = turn(&open, status);
        shown["completedAt"] = (now_ms() / 1000).into();
        let mut kept = shown.clone();
        kept["items"] = open.items.into();
        kept["itemsView"] = "full".into();
        self.threads.put_turn(thread, &kept)?;
        self.status(thread, json!({"type": "idle"}))?;
        self.notify("turn/completed", json!({"threadId": thread, "turn": shown}))?;
        let scene = Scene { request: None, turn: Some((thread.to_owned(), open.id, String::new())) };
        self.moment(&Moment::TurnEnd, &scene).map(drop)
    }

    /// Tells that an item is complete, and keeps it: a life that ends now leaves an interrupted turn with it.
    fn complete_item(&mut self, thread: &str, item: Value) -> io::Result<()> {
        self.item("item/completed", thread, &item)?;
        let Some(open) = self.open.get_mut(thread) else { return Ok(()) };
        open.items.push(item);
        let mut kept = turn(open, "interrupted");
        kept["items"] = open.items.clone().into();
        self.threads.put_turn(thread, &kept)
    }

    fn item(&mut self, method: &str, thread: &str, item: &Value) -> io::Result<()> {
        let turn = self.open.get(thread).map(|open| open.id.clone());
        self.notify(method, json!({"threadId": thread, "turnId": turn, "item": item}))
    }

    fn status(&mut self, thread: &str, status: Value) -> io::Result<()> {
        self.notify("thread/status/changed", json!({"threadId": thread, "status": status}))
    }
}

/// The turn as notifications show it: without its items.
fn turn(open: &OpenTurn, status: &str) -> Value {
    json!({"id": open.id, "rootTurnId": open.id, "items": [], "itemsView": "notLoaded", "status": status,
           "error": null, "startedAt": open.started_at, "completedAt": null, "durationMs": null})
}
