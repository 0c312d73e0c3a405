//! The handle through which the child is called and answered.

use std::sync::Arc;
use std::time::Duration;

use codex_manager_model::Generation;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::DropGuard;

use crate::protocol::Request;
use crate::shared::Shared;
use crate::{Backoff, CallError, ChildState, Jitter, Phase, Reply, ReplyError, Timeouts};

/// JSON-RPC's code for "overloaded, try again later". The child has not acted on what it refuses with it.
const OVERLOADED: i64 = -32001;

/// A supervised app-server. Clones are handles to the same one; when the last is dropped, the child is stopped.
#[derive(Debug, Clone)]
pub struct AppServer {
    shared: Arc<Shared>,
    timeouts: Timeouts,
    overload: Backoff,
    jitter: Jitter,
    _stops_when_dropped: Arc<DropGuard>,
}

impl AppServer {
    pub(crate) fn new(shared: Arc<Shared>, timeouts: Timeouts, jitter: Jitter) -> Self {
        let guard = Arc::new(shared.stopping.clone().drop_guard());
        let overload = Backoff { first: Duration::from_millis(100), max: Duration::from_secs(5), ..Backoff::default() };
        Self { shared, timeouts, overload, jitter, _stops_when_dropped: guard }
    }

    /// Calls `method` and waits for its result, for as long as [`Timeouts::call`] says.
    ///
    /// It is written once. Only when the child refuses it as overloaded is it written again, within the same time.
    /// If the future is dropped before the call was written, the call is never written.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, CallError> {
        self.call_within(method, params, self.timeouts.call).await
    }

    /// As [`call`](Self::call), with a timeout of its own.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call_within(&self, method: &str, params: Value, timeout: Duration) -> Result<Value, CallError> {
        let deadline = Instant::now() + timeout;
        let mut attempt = 0;
        loop {
            let result = self.call_once(method, &params, deadline).await;
            let Err(CallError::Rejected { code: OVERLOADED, .. }) = &result else { return result };
            attempt += 1;
            let again = Instant::now() + self.overload.delay(attempt, &self.jitter);
            if again >= deadline {
                return result;
            }
            tokio::time::sleep_until(again).await;
        }
    }

    /// A typed [`call`](Self::call).
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn request<R: Request>(&self, params: R) -> Result<R::Answer, CallError> {
        self.request_within(params, self.timeouts.call).await
    }

    /// As [`request`](Self::request), with a timeout of its own.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn request_within<R: Request>(&self, params: R, timeout: Duration) -> Result<R::Answer, CallError> {
        let encoded = serde_json::to_value(&params).expect("parameters are made of text keys and plain values");
        let result = self.call_within(R::METHOD, encoded, timeout).await?;
        serde_json::from_value(result).map_err(|source| CallError::Malformed { method: R::METHOD.to_owned(), source })
    }

    /// Answers the request `request_id` of the life `to`. `Ok` means that every byte is in the pipe of *that* child.
    ///
    /// # Errors
    /// [`ReplyError::NotWritten`] if that child is gone, whoever runs now.
    pub async fn reply(&self, to: &Generation, request_id: &Value, answer: Reply) -> Result<(), ReplyError> {
        let connection = self.shared.connection().filter(|connection| connection.generation() == to);
        match connection {
            Some(connection) => connection.reply(&answer.message(request_id)).await,
            None => Err(ReplyError::NotWritten),
        }
    }

    /// What is known of the child, now and as it changes.
    pub fn state(&self) -> watch::Receiver<ChildState> {
        self.shared.state.subscribe()
    }

    /// Ends the child and the supervision, and waits until nothing of it is left (contained: its descendants included):
    /// its input is closed, then SIGTERM, then SIGKILL. Calling it again waits as well.
    pub async fn stop(&self) {
        self.shared.stopping.cancel();
        // The sender lives in `shared`, which this handle holds.
        let _ = self.state().wait_for(|state| state.phase == Phase::Stopped).await;
    }

    async fn call_once(&self, method: &str, params: &Value, deadline: Instant) -> Result<Value, CallError> {
        match self.shared.connection() {
            Some(connection) => connection.call(method, params, deadline).await,
            None => Err(CallError::NotRunning { phase: self.shared.state.borrow().phase.clone() }),
        }
    }
}
