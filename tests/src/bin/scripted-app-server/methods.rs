//! The methods that the stand-in knows.

use std::io;

use serde_json::{Value, json};

use crate::polite;
use crate::server::Server;
use crate::threads::without_turns;

/// Codex's code for everything that is wrong with a request.
const INVALID_REQUEST: i64 = -32600;

impl Server {
    /// Does what a request or a notification asks for.
    pub(crate) fn method(&mut self, method: &str, params: &Value, id: Option<Value>) -> io::Result<()> {
        let Some(id) = id else {
            return Ok(());
        };
        if method != "initialize" && !self.initialized {
            return self.refuse(&id, INVALID_REQUEST, Some("Not initialized"));
        }
        let thread = params["threadId"].as_str().unwrap_or_default();
        match method {
            "initialize" => self.initialize(&id),
            "thread/start" => self.thread_start(&id, params),
            "thread/resume" => match self.threads.resume(thread) {
                Some(found) => self.answer(&id, settings(&found, params)),
                None => self.no_rollout(&id, thread),
            },
            "thread/read" => self.thread_read(&id, thread, params),
            "thread/list" => self.thread_list(&id, params),
            "thread/archive" => self.thread_move(&id, thread, true),
            "thread/unarchive" => self.thread_move(&id, thread, false),
            "thread/loaded/list" => {
                let data = json!(self.threads.loaded());
                self.answer(&id, json!({"data": data, "nextCursor": null}))
            }
            "thread/turns/list" => self.turns_list(&id, thread, params),
            "thread/items/list" => self.items_list(&id, thread),
            "thread/name/set" => self.name_set(&id, thread, &params["name"]),
            "thread/backgroundTerminals/clean" if !self.threads.is_loaded(thread) => {
                self.refuse(&id, INVALID_REQUEST, Some(&format!("thread not found: {thread}")))
            }
            "thread/backgroundTerminals/clean" => self.answer(&id, json!({})),
            "thread/delete" => self.thread_delete(&id, thread),
            "turn/start" if !self.threads.is_loaded(thread) => {
                self.refuse(&id, INVALID_REQUEST, Some(&format!("thread not found: {thread}")))
            }
            "turn/start" => self.turn_start(&id, thread, params),
            "turn/interrupt" => self.turn_interrupt(&id, thread, &params["turnId"]),
            _ => match polite::answer(method) {
                Some(result) => self.answer(&id, result),
                None => {
                    self.refuse(&id, INVALID_REQUEST, Some(&format!("Invalid request: unknown variant `{method}`")))
                }
            },
        }
    }

    fn initialize(&mut self, id: &Value) -> io::Result<()> {
        self.initialized = true;
        let version = self.version.as_ref().map(|version| format!("/{version}")).unwrap_or_default();
        let agent = format!("codex-manager{version} (scripted; x86_64) unknown");
        self.answer(id, json!({"userAgent": agent, "platformFamily": "unix", "platformOs": "linux"}))
    }

    fn thread_start(&mut self, id: &Value, params: &Value) -> io::Result<()> {
        let thread = self.threads.start(&params["cwd"])?;
        self.answer(id, settings(&thread, params))?;
        self.notify("thread/started", json!({"thread": thread}))
    }

    /// The threads that are away, or those that are not; a cursor is the number of those before.
    fn thread_list(&mut self, id: &Value, params: &Value) -> io::Result<()> {
        let archived = params["archived"] == true;
        let listed: Vec<_> = self.threads.list().into_iter().filter(|t| (t["archived"] == true) == archived).collect();
        let number = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_u64());
        let start = usize::try_from(number(&params["cursor"]).unwrap_or(0)).unwrap_or(usize::MAX);
        let limit = usize::try_from(number(&params["limit"]).unwrap_or(25)).unwrap_or(usize::MAX);
        let end = start.saturating_add(limit);
        let next = (end < listed.len()).then(|| end.to_string());
        let page: Vec<_> = listed.into_iter().skip(start).take(limit).collect();
        self.answer(id, json!({"data": page, "nextCursor": next, "backwardsCursor": null}))
    }

    fn thread_move(&mut self, id: &Value, thread: &str, archived: bool) -> io::Result<()> {
        let Some(mut found) = self.threads.get(thread).cloned() else {
            return self.no_rollout(id, thread);
        };
        found["archived"] = archived.into();
        self.threads.change(thread, |thread| *thread = found.clone())?;
        self.answer(id, json!({"thread": without_turns(&found)}))?;
        let method = if archived { "thread/archived" } else { "thread/unarchived" };
        self.notify(method, json!({"threadId": thread}))
    }

    fn thread_read(&mut self, id: &Value, thread: &str, params: &Value) -> io::Result<()> {
        let Some(found) = self.threads.get(thread) else {
            return self.no_rollout(id, thread);
        };
        let found = if params["includeTurns"] == true { found.clone() } else { without_turns(found) };
        self.answer(id, json!({"thread": found}))
    }

    /// Newest first, unless asked otherwise; all on one page.
    fn turns_list(&mut self, id: &Value, thread: &str, params: &Value) -> io::Result<()> {
        let Some(found) = self.threads.get(thread) else {
            return self.no_rollout(id, thread);
        };
        let mut turns = found["turns"].as_array().cloned().unwrap_or_default();
        if let Some(open) = self.open.get(thread) {
            turns
                .iter_mut()
                .filter(|turn| turn["id"] == open.id.as_str())
                .for_each(|turn| turn["status"] = "inProgress".into());
        }
        if params["sortDirection"] != "asc" {
            turns.reverse();
        }
        self.answer(id, json!({"data": turns, "nextCursor": null, "backwardsCursor": null}))
    }

    fn items_list(&mut self, id: &Value, thread: &str) -> io::Result<()> {
        let Some(found) = self.threads.get(thread) else {
            return self.no_rollout(id, thread);
        };
        let turns = found["turns"].as_array().into_iter().flatten();
        let entries = turns.flat_map(|turn| {
            let items = turn["items"].as_array().into_iter().flatten();
            items.map(|item| json!({"turnId": turn["id"], "item": item}))
        });
        let entries = entries.collect::<Vec<_>>();
        self.answer(id, json!({"data": entries, "nextCursor": null, "backwardsCursor": null}))
    }

    fn name_set(&mut self, id: &Value, thread: &str, name: &Value) -> io::Result<()> {
        self.threads.change(thread, |thread| thread["name"] = name.clone())?;
        self.answer(id, json!({}))?;
        self.notify("thread/name/updated", json!({"threadId": thread, "threadName": name}))
    }

    fn thread_delete(&mut self, id: &Value, thread: &str) -> io::Result<()> {
        if !self.threads.delete(thread)? {
            return self.no_rollout(id, thread);
        }
        self.open.remove(thread);
        self.answer(id, json!({}))?;
        self.notify("thread/deleted", json!({"threadId": thread}))
    }

    fn no_rollout(&mut self, id: &Value, thread: &str) -> io::Result<()> {
        self.refuse(id, INVALID_REQUEST, Some(&format!("no rollout found for thread id {thread}")))
    }

    fn turn_interrupt(&mut self, id: &Value, thread: &str, turn: &Value) -> io::Result<()> {
        match self.open.get(thread) {
            None => self.refuse(id, INVALID_REQUEST, Some("no active turn to interrupt")),
            Some(open) if *turn != open.id.as_str() => {
                let message = format!("expected active turn id {turn} but found {}", open.id);
                self.refuse(id, INVALID_REQUEST, Some(&message))
            }
            Some(_) => {
                self.answer(id, json!({}))?;
                self.end_turn(thread, "interrupted")
            }
        }
    }
}

/// What starting or resuming a thread answers.
fn settings(thread: &Value, params: &Value) -> Value {
    json!({
        "thread": thread, "model": thread["model"], "modelProvider": thread["modelProvider"], "cwd": thread["cwd"],
        "approvalPolicy": params["approvalPolicy"], "approvalsReviewer": "user", "sandbox": {"type": "readOnly"},
        "reasoningEffort": null,
    })
}
