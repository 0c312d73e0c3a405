//! Tokens while no daemon runs: the same use cases on the store itself, under the lock that a daemon would take.

use codex_manager_model::{Actor, Clock, Role, TokenId};
use codex_manager_store::{Config, Lock, LockHolder, Store};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::client::Answer;
use super::super::failure::{Exit, Failure};
use super::super::serve::not_started;
use crate::StartError;
use crate::claim::Claim;
use crate::http::tokens::Shown;
use crate::paths::Paths;
use crate::service::{Error, Kind, Tokens};

/// The tokens of a data folder on which no daemon runs, nor can run until this is gone.
pub(super) struct Offline {
    tokens: Tokens,
    store: Store,
    _lock: Lock,
}

impl Offline {
    /// Whether there is no store yet, in a folder that could hold one.
    pub(super) fn is_nowhere(paths: &Paths) -> Result<bool, Failure> {
        Claim::on(paths).check().map_err(|error| not_started(&error))?;
        Ok(!config(paths).file().exists())
    }

    /// The list of a store that is not there.
    pub(super) fn nothing() -> Answer {
        answer(json!({ "data": [] }))
    }

    pub(super) async fn open(paths: &Paths) -> Result<Self, Failure> {
        let holder = LockHolder { pid: std::process::id(), address: None };
        let lock = Claim::on(paths).take_data(&holder).map_err(|error| not_started(&error))?;
        let config = config(paths);
        let path = config.file();
        let store = config.open().map_err(|error| not_started(&StartError::Store(error)))?;
        let tokens = Tokens::open(store.clone(), Clock::system()).await;
        let tokens = tokens.map_err(|source| not_started(&StartError::of_store(&path, source)))?;
        Ok(Self { tokens, store, _lock: lock })
    }

    pub(super) async fn create(&self, name: &str, role: Role, end: Option<Timestamp>) -> Result<Answer, Failure> {
        let (token, secret) =
            self.tokens.create(name, role, end, Actor::User).await.map_err(|error| refused(&error))?;
        Ok(answer(json!({ "status": "ok", "token": Shown::from(token), "secret": secret.expose() })))
    }

    pub(super) async fn list(&self) -> Result<Answer, Failure> {
        let tokens = self.tokens.list().await.map_err(|error| refused(&error))?;
        Ok(answer(json!({ "data": tokens.into_iter().map(Shown::from).collect::<Vec<_>>() })))
    }

    pub(super) async fn revoke(&self, id: &str) -> Result<Answer, Failure> {
        let token = self.tokens.revoke(&TokenId::new(id), Actor::User).await.map_err(|error| refused(&error))?;
        Ok(answer(json!({ "status": "ok", "token": Shown::from(token) })))
    }

    /// Brings everything to the disk before the lock goes.
    pub(super) async fn close(self) {
        drop(self.tokens);
        self.store.close().await;
    }
}

fn config(paths: &Paths) -> Config {
    Config { folder: paths.data.path().to_owned(), size_bytes_max: None }
}

fn answer(json: Value) -> Answer {
    Answer { text: json.to_string(), json }
}

fn refused(error: &Error) -> Failure {
    let exit = match error.kind {
        Kind::Invalid => Exit::Usage,
        Kind::NotFound => Exit::NotFound,
        Kind::Conflict => Exit::Conflict,
        _ => Exit::Failed,
    };
    let failure = Failure::because(exit, error);
    match &error.hint {
        Some(hint) => failure.hint(hint.clone()),
        None => failure,
    }
}
