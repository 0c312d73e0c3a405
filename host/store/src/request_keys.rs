//! Requests that their senders gave a name, so that each is done once: what was asked under it, what was recorded while
//! it was being done, and what was answered.

use codex_manager_model::limits::PRUNE_REQUEST_KEYS_MAX;
use codex_manager_model::{OperationId, RequestKey, SessionId};
use jiff::Timestamp;
use rusqlite::{Row, params};
use serde_json::Value;

use crate::column::{At, Json, maybe_id};
use crate::{Error, Tx, View};

/// What is known of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// What was asked, in 32 bytes.
    pub fingerprint: [u8; 32],
    /// The session that it speaks of, where it does.
    pub session: Option<SessionId>,
    /// What was answered, once something was.
    pub answer: Option<KeptAnswer>,
}

/// An answer that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Its status.
    pub status: u16,
    /// What kind of body it has.
    pub media: String,
    /// The body. `None` when it is not kept, or not any more.
    pub body: Option<Vec<u8>>,
}

/// What was recorded in one step of doing a request.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestStep {
    /// An operation of the outbox.
    Operation(OperationId),
    /// Something of our own, as it was told.
    Made(Value),
}

impl View<'_> {
    /// The request of that name.
    pub fn request_key(&self, key: &RequestKey) -> Result<Option<KeyedRequest>, Error> {
        self.one("SELECT * FROM request_keys WHERE owner = ?1 AND key = ?2", [&key.owner, &key.name], request)
    }

    /// What was recorded under a step's name.
    pub fn request_step(&self, key: &RequestKey, name: &str) -> Result<Option<RequestStep>, Error> {
        self.one(
            "SELECT * FROM request_steps WHERE owner = ?1 AND key = ?2 AND name = ?3",
            [key.owner.as_str(), &key.name, name],
            step,
        )
    }

    /// Whether anything was recorded while the request was being done.
    pub fn has_request_steps(&self, key: &RequestKey) -> Result<bool, Error> {
        let found = self.one(
            "SELECT 1 FROM request_steps WHERE owner = ?1 AND key = ?2 LIMIT 1",
            [&key.owner, &key.name],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }
}

impl Tx<'_> {
    /// Writes down that a request is being done. `false` if its name was used before.
    pub fn begin_request(&self, key: &RequestKey, request: &KeyedRequest, at: Timestamp) -> Result<bool, Error> {
        self.change(
            "INSERT OR IGNORE INTO request_keys (owner, key, fingerprint, session, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![key.owner, key.name, request.fingerprint, request.session.as_ref().map(SessionId::as_str), At(at)],
        )
    }

    /// Writes down what was recorded in one step.
    ///
    /// # Errors
    ///
    /// When the request is unknown, or has had a step of this name.
    pub fn put_request_step(&self, key: &RequestKey, name: &str, step: &RequestStep) -> Result<(), Error> {
        let (operation, made) = match step {
            RequestStep::Operation(id) => (Some(id.as_str()), None),
            RequestStep::Made(value) => (None, Some(Json(value))),
        };
        self.execute(
            "INSERT INTO request_steps VALUES (?1, ?2, ?3, ?4, ?5)",
            params![key.owner, key.name, name, operation, made],
        )?;
        Ok(())
    }

    /// Keeps what was answered, and the session that the answer speaks of. `false` if the request is unknown.
    pub fn answer_request(
        &self,
        key: &RequestKey,
        answer: &KeptAnswer,
        session: Option<&SessionId>,
    ) -> Result<bool, Error> {
        self.change(
            "UPDATE request_keys SET status = ?3, media = ?4, body = ?5, session = coalesce(session, ?6)
             WHERE owner = ?1 AND key = ?2",
            params![key.owner, key.name, answer.status, answer.media, answer.body, session.map(SessionId::as_str)],
        )
    }

    /// Forgets a request that came to nothing.
    pub fn forget_request(&self, key: &RequestKey) -> Result<bool, Error> {
        self.change("DELETE FROM request_keys WHERE owner = ?1 AND key = ?2", [&key.owner, &key.name])
    }

    /// Removes requests that were begun before `begun_before`, a bounded number a call; how many.
    pub fn prune_request_keys(&self, begun_before: Timestamp) -> Result<u64, Error> {
        let removed = self.execute(
            "DELETE FROM request_keys WHERE rowid IN (SELECT rowid FROM request_keys WHERE at < ?1 LIMIT ?2)",
            params![At(begun_before), PRUNE_REQUEST_KEYS_MAX],
        )?;
        Ok(removed as u64)
    }
}

fn request(row: &Row<'_>) -> rusqlite::Result<KeyedRequest> {
    let status: Option<u16> = row.get("status")?;
    let answer = |status| -> rusqlite::Result<KeptAnswer> {
        Ok(KeptAnswer { status, media: row.get("media")?, body: row.get("body")? })
    };
    Ok(KeyedRequest {
        fingerprint: row.get("fingerprint")?,
        session: maybe_id(row, "session", SessionId::new)?,
        answer: status.map(answer).transpose()?,
    })
}

fn step(row: &Row<'_>) -> rusqlite::Result<RequestStep> {
    Ok(match maybe_id(row, "operation", OperationId::new)? {
        Some(operation) => RequestStep::Operation(operation),
        None => {
            let Json(made) = row.get("made")?;
            RequestStep::Made(made)
        }
    })
}
