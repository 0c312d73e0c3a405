//! Who had what done.

use codex_manager_model::limits::{AUDIT_KEPT_MAX, AUDIT_PRUNED_EVERY, AUDIT_REFUSED_KEPT_MAX};
use codex_manager_model::{Act, Actor};
use rusqlite::{Row, params};

use crate::column::{At, Json, Word, at, count, json, word};
use crate::{Error, Tx, View};

/// Whether a row tells of an act that its sender was not allowed, at all or at that time. Such cost their sender nothing.
const REFUSED: &str = "ifnull(status, 0) IN (401, 403, 429)";

impl View<'_> {
    /// Acts with their numbers, the newest first; those before the number, if one is given.
    pub fn acts(&self, before: Option<u64>, limit: u32) -> Result<Vec<(u64, Act)>, Error> {
        let before = before.and_then(|number| i64::try_from(number).ok()).unwrap_or(i64::MAX);
        self.all("SELECT * FROM audit WHERE number < ?1 ORDER BY number DESC LIMIT ?2", params![before, limit], act)
    }
}

impl Tx<'_> {
    /// Writes down one more act. From time to time the oldest go, when there are too many: those that were refused have
    /// a bound of their own, so that nobody who may do nothing can have them push out what was done.
    pub fn put_act(&self, act: &Act) -> Result<(), Error> {
        let number = self.one(
            "INSERT INTO audit (at, actor, role, method, route, targets, status, request_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING number",
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
            |row| count(row, "number"),
        )?;
        if number.is_some_and(|number| number % u64::from(AUDIT_PRUNED_EVERY) == 0) {
            self.prune_acts(&format!("NOT {REFUSED}"), AUDIT_KEPT_MAX)?;
            self.prune_acts(REFUSED, AUDIT_REFUSED_KEPT_MAX)?;
        }
        Ok(())
    }

    /// Of the acts that are `such`, keeps the newest.
    fn prune_acts(&self, such: &str, kept: u32) -> Result<(), Error> {
        let last = format!("SELECT number FROM audit WHERE {such} ORDER BY number DESC LIMIT 1 OFFSET ?1");
        self.execute(&format!("DELETE FROM audit WHERE {such} AND number <= ({last})"), [kept])?;
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
