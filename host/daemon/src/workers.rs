//! Sessions of workers, for whoever embeds the daemon and has work of its own to do.

use std::sync::Arc;

use codex_manager_model::{Actor, SessionId, Worker};
use tokio::sync::Mutex;

use crate::service::{Error, Sessions};

/// Makes and uses sessions of workers. People can read them; they are in no list unless asked for, and nobody but this
/// can use them. What Codex asks in one is refused at once: nobody is there to decide. Clones share the same daemon.
#[derive(Clone)]
pub struct Workers {
    sessions: Sessions,
    /// One worker has one session, however many ask for it.
    making: Arc<Mutex<()>>,
}

/// Why a worker did not get what it wanted.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct WorkerError(#[from] Error);

impl Workers {
    pub(crate) fn new(sessions: Sessions) -> Self {
        Self { sessions, making: Arc::default() }
    }

    /// The id of the session in which `agent` works for `owner`, a project's id or `session:` and the id of a session.
    /// It is made if there is none.
    ///
    /// # Errors
    /// When there is no such owner, or Codex does not start a thread now.
    pub async fn session(&self, owner: &str, agent: &str) -> Result<String, WorkerError> {
        let _making = self.making.lock().await;
        let worker = Worker { owner: owner.to_owned(), agent: agent.to_owned() };
        Ok(self.sessions.of_worker(worker, Actor::Host).await?.to_string())
    }

    /// Sends a message to the session of a worker; gives the id of the turn that it began.
    ///
    /// # Errors
    /// When it is no session of a worker, or Codex does not begin a turn now.
    pub async fn send(&self, session: &str, text: &str) -> Result<String, WorkerError> {
        Ok(self.sessions.send_to_worker(&SessionId::new(session), text, Actor::Host).await?.to_string())
    }
}
