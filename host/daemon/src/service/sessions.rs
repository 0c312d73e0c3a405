//! Sessions: one verb a file.
//!
//! Whoever acts on one has been [admitted](admit) before: the verbs take the [`Session`](codex_manager_model::Session)
//! that comes of it. What acts is admitted once more in the transaction that records it, for a session may be deleted in
//! between.

pub(crate) mod admit;
pub(crate) mod adopt;
mod archive;
mod call;
mod create;
mod fork;
mod interrupt;
mod list;
pub(crate) mod overrides;
mod read;
mod rename;
mod resume;
mod rollback;
mod send;
mod steer;
pub(crate) mod told;
mod tools;
mod worker;

use std::path::PathBuf;

use codex_manager_app_server::{AppServer, Contained};
use codex_manager_model::{Actor, Clock, Controls, Operation, SessionId};
use codex_manager_store::Store;
use serde_json::Value;

use super::answers::Answers;
use super::child::Child;
use super::health::NOT_CONTAINED;
use super::history::History;
use super::{Error, code, cwd};
use crate::outbox::Outbox;

pub(crate) use archive::{ArchivedSession, UnarchivedSession};
pub(crate) use call::{Review, SessionCalled};
pub(crate) use create::{CreateSession, CreatedSession};
pub(crate) use fork::ForkedSession;
pub(crate) use interrupt::{Interrupt, TurnInterrupted};
pub(crate) use list::{ListSessions, SessionPage};
pub(crate) use read::{ReadSession, SessionRead};
pub(crate) use rename::{ChangedSession, Rename};
pub(crate) use resume::{Resume, ResumedSession};
pub(crate) use rollback::{Rollback, RolledBack};
pub(crate) use send::{Effort, MessageAccepted, SendMessage};
pub(crate) use steer::{Steer, TurnSteered};

/// How sessions are made when their creator says nothing.
#[derive(Debug, Clone)]
pub(crate) struct Defaults {
    /// The controls, until somebody has changed the defaults.
    pub(crate) controls: Controls,
    /// The folder that commands start in.
    pub(crate) cwd: String,
    /// Where no session may start.
    pub(crate) data_folder: PathBuf,
    /// The operator has said that sessions may run although nothing keeps them out of the data folder.
    pub(crate) allow_uncontained: bool,
}

/// The use cases of sessions.
#[derive(Clone)]
pub(crate) struct Sessions {
    store: Store,
    outbox: Outbox,
    child: Child,
    history: History,
    clock: Clock,
    defaults: Defaults,
}

impl Sessions {
    pub(crate) fn new(
        store: Store,
        outbox: Outbox,
        child: AppServer,
        clock: Clock,
        defaults: Defaults,
        answers: Answers,
    ) -> Self {
        let history = History::new(store.clone(), child.clone(), answers);
        Self { store, outbox, child: Child::new(child, clock.clone()), history, clock, defaults }
    }

    /// Has the child do something in a session, and answers what it says.
    async fn call(&self, method: &str, id: &SessionId, body: Value, actor: Actor) -> Result<Value, Error> {
        self.perform(self.outbox.call(method, Some(id.clone()), body, actor)).await
    }

    /// The same with an operation that is made already.
    async fn perform(&self, operation: Operation) -> Result<Value, Error> {
        self.require_ready()?;
        let session = operation.session.clone();
        let id = session.clone();
        let admitted = self.outbox.perform(operation, move |tx| match &id {
            Some(id) => admit::usable_in(tx, id).map(drop),
            None => Ok(()),
        });
        match (admitted.await, session) {
            (Ok(operation), _) => Ok(operation.outcome.unwrap_or_default()),
            (Err(error), Some(id)) => Err(self.in_our_words(error, &id).await),
            (Err(error), None) => Err(error),
        }
    }

    /// Codex has the same word for a thread that was never written down and for one that is gone; we know which it is. Of
    /// one that is away it says how its own command line gets it back, past us.
    async fn in_our_words(&self, mut error: Error, id: &SessionId) -> Error {
        let away = error.code.word == code::INVALID_STATE.word && error.message.contains("archived");
        if !away && error.code.word != code::NOT_MATERIALIZED.word {
            return error;
        }
        match self.readable(id).await {
            Ok(session) if away && session.archived => {
                error.message = format!("session {id} is archived");
                let verb = format!("`codex-manager sessions unarchive {id}`, or POST /api/sessions/{id}/unarchive");
                error.hint(format!("get it back first: {verb}"))
            }
            Ok(session) if !away && session.materialized => {
                Error::new(code::THREAD_MISSING, format!("Codex no longer has the thread of session {id}"))
                    .with("sessionId", id.as_str())
            }
            _ => error,
        }
    }

    /// That sessions may start in a folder, which `member` of what somebody asks names.
    ///
    /// # Errors
    /// Invalid when they may not.
    pub(crate) fn require_folder(&self, member: &str, folder: &str) -> Result<(), Error> {
        cwd::check(member, folder, &self.defaults.data_folder)
    }

    fn require_ready(&self) -> Result<(), Error> {
        self.child.require_ready()
    }

    /// Not contained, every sandbox mode can read the data folder: that takes the operator's word.
    fn require_contained(&self) -> Result<(), Error> {
        match self.child.state().contained {
            Contained::No { .. } if !self.defaults.allow_uncontained => {
                Err(Error::new(code::NOT_CONTAINED, format!("the app-server is not contained: {NOT_CONTAINED}"))
                    .hint("install bubblewrap and allow user namespaces, or start with --allow-uncontained"))
            }
            _ => Ok(()),
        }
    }
}

/// The session of a thread that the child has started.
fn started(thread: &Value) -> Result<SessionId, Error> {
    let id = thread["id"].as_str().filter(|id| !id.is_empty()).map(SessionId::new);
    id.ok_or_else(|| unnamed("thread"))
}

fn unnamed(what: &str) -> Error {
    Error::new(code::CODEX_ERROR, format!("the app-server started a {what} and did not say which"))
}
