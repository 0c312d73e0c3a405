//! Who had what done.

use codex_manager_model::limits::AUDIT_KEPT_MAX;
use codex_manager_model::{Act, Actor};
use rusqlite::{Row, params};

use crate::column::{At, Json, Word, at, count, json, word};
use crate::{Error, Tx, View};

impl View<'_> {
    /// Acts with their numbers, the newest first; those before the number, if one is given.
    pub fn acts(&self, before: Option<u64>, limit: u32) -> Result<Vec<(u64, Act)>, Error> {
        let before = before.and_then(|number| i64::try_from(number).ok()).unwrap_or(i64::MAX);
        self.all("SELECT * FROM audit WHERE number < ?1 ORDER BY number DESC LIMIT ?2", params![before, limit], act)
    }
}

impl Tx<'_> {
    /// Writes down one more act. When there are too many, the oldest goes.
    pub fn put_act(&self, act: &Act) -> Result<(), Error> {
        self.execute(
            "INSERT INTO audit (at, actor, role, method, route, targets, status, request_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                At(act.at),
                act.actor.to_string(),
                Word(act.role),
                act.method,
                act.route,
                Json(&act.targets),
                act.status,
                act.request_id,
            ],
        )?;
        let gone = "DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - ?1";
        self.execute(gone, [AUDIT_KEPT_MAX])?;
        Ok(())
    }
}

fn act(row: &Row<'_>) -> rusqlite::Result<(u64, Act)> {
    let act = Act {
        at: at(row, "at")?,
        actor: Actor::from(row.get::<_, String>("actor")?),
        role: word(row, "role")?,
        method: row.get("method")?,
        route: row.get("route")?,
        targets: json(row, "targets")?,
        status: row.get("status")?,
        request_id: row.get("request_id")?,
    };
    Ok((count(row, "number")?, act))
}
