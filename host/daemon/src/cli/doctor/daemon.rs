//! The daemon: whether one runs, what it says of itself, and what an earlier one left running.

use codex_manager_store::{Lock, LockError, LockHolder};
use serde_json::Value;

use super::super::Context;
use super::super::failure::{Exit, Failure};
use super::check::Check;
use crate::builder::marker;
use crate::paths::DataFolder;

/// Who works on a data folder.
pub(super) enum Holder {
    Nobody,
    /// Somebody, who may not have written down who yet.
    Daemon(Option<LockHolder>),
    /// The lock cannot be looked at.
    Unknown(String),
}

/// Looks at the lock without taking it.
pub(super) fn holder(data: &DataFolder) -> Holder {
    match Lock::look(data.lock()) {
        Ok(()) => Holder::Nobody,
        Err(LockError::Held { holder, .. }) => Holder::Daemon(holder),
        Err(error) => Holder::Unknown(Failure::because(Exit::Failed, &error).to_string()),
    }
}

/// Whether a daemon could be started, or which one is.
pub(super) fn lock(holder: &Holder) -> Check {
    const NAME: &str = "lock";
    match holder {
        Holder::Nobody => Check::ok(NAME, "no daemon works on the data folder"),
        Holder::Daemon(None) => Check::ok(NAME, "a daemon works on the data folder"),
        Holder::Daemon(Some(LockHolder { pid, address })) => {
            let place = address.as_ref().map_or_else(String::new, |address| format!(" at {address}"));
            Check::ok(NAME, format!("the daemon is process {pid}{place}"))
        }
        Holder::Unknown(why) => {
            Check::fail(NAME, why.clone(), "make the data folder usable for this user, or name another in --data-dir")
        }
    }
}

/// What a daemon that runs says of itself.
pub(super) async fn health(context: &Context) -> Check {
    const NAME: &str = "daemon";
    let answer = match context.client() {
        Ok(client) => client.get(&["health"], &[]).await,
        Err(failure) => Err(failure),
    };
    match answer {
        Ok(answer) => of_health(NAME, &answer.json),
        Err(failure) if failure.exit == Exit::Unreachable => {
            Check::warn(NAME, "no daemon answers", "start it with `codex-manager serve`")
        }
        Err(failure) => Check::fail(NAME, failure.to_string(), "look at what the daemon logs"),
    }
}

fn of_health(name: &'static str, health: &Value) -> Check {
    let said = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
    let codex = said(&health["codex"]["state"]);
    let storage = said(&health["storage"]["state"]);
    let message = format!("codex is {codex}, storage is {storage}");
    if storage != "ok" {
        return Check::fail(name, message, "make room on the disk that holds the data folder");
    }
    match (codex.as_str(), health["codex"]["reason"].as_str()) {
        ("ready" | "starting", _) => Check::ok(name, message),
        (_, Some(reason)) => {
            Check::fail(name, format!("{message}: {reason}"), "look at the child's log in the data folder")
        }
        _ => Check::warn(name, message, "look at the child's log in the data folder"),
    }
}

/// What survived the daemon that started it, which takes a child that was not contained.
pub(super) fn leftovers(holder: &Holder, data: &DataFolder) -> Check {
    const NAME: &str = "leftovers";
    if !matches!(holder, Holder::Nobody) {
        return Check::ok(NAME, "what runs belongs to the daemon that runs");
    }
    let left = codex_manager_app_server::leftovers(&marker(data.path()));
    if left.is_empty() {
        return Check::ok(NAME, "nothing was left running");
    }
    let told: Vec<String> = left.iter().map(|process| format!("{} ({})", process.pid, process.command)).collect();
    let pids: Vec<String> = left.iter().map(|process| process.pid.to_string()).collect();
    let next = format!("if nobody needs them: kill {}", pids.join(" "));
    Check::warn(NAME, format!("still running: {}", told.join(", ")), next)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::check::State;
    use super::*;

    #[test]
    fn the_lock_is_told_by_who_holds_it_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::new(folder.path());
        assert!(matches!(holder(&data), Holder::Nobody));
        assert!(!data.lock().exists());
        let me = LockHolder { pid: 7, address: Some("127.0.0.1:9".to_owned()) };
        let taken = codex_manager_store::Lock::take(data.lock(), &me).unwrap();
        assert_eq!(lock(&holder(&data)).message, "the daemon is process 7 at 127.0.0.1:9");
        std::fs::rename(data.lock(), folder.path().join("moved")).unwrap();
        assert_eq!(lock(&holder(&data)).message, "a daemon works on the data folder");
        drop(taken);
        assert!(matches!(holder(&data), Holder::Nobody));
    }

    #[test]
    fn health_is_judged_by_the_child_and_the_store() {
        for (codex, storage, reason, state) in [
            ("ready", "ok", None, State::Ok),
            ("starting", "ok", None, State::Ok),
            ("restarting", "ok", None, State::Warn),
            ("unusable", "ok", Some("too old"), State::Fail),
            ("ready", "full", None, State::Fail),
        ] {
            let health = json!({ "codex": { "state": codex, "reason": reason }, "storage": { "state": storage } });
            assert_eq!(of_health("x", &health).state, state, "{health}");
        }
    }
}
