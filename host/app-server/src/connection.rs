//! Calls and replies over the pipes of one life.

use std::sync::Arc;

use codex_manager_model::{Generation, limits};
use serde::de::Error as _;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::message::Outcome;
use crate::outbound::{Claim, Outbound};
use crate::pending::Pending;
use crate::silence::Silence;
use crate::{CallError, ReplyError};

/// The caller's end of one life. It outlives the child harmlessly: its queue is closed by then.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    generation: Generation,
    pending: Arc<Pending>,
    silence: Arc<Silence>,
    queue: mpsc::Sender<Outbound>,
}

impl Connection {
    /// A connection whose calls have ids from `first_id`, and the queue that its writer is to empty.
    pub(crate) fn new(generation: Generation, first_id: i64, silence: Silence) -> (Self, mpsc::Receiver<Outbound>) {
        let (queue, lines) = mpsc::channel(limits::CHILD_WRITES_MAX);
        let (pending, silence) = (Arc::new(Pending::new(first_id)), Arc::new(silence));
        (Self { generation, pending, silence, queue }, lines)
    }

    pub(crate) fn generation(&self) -> &Generation {
        &self.generation
    }

    pub(crate) fn pending(&self) -> &Pending {
        &self.pending
    }

    pub(crate) fn silence(&self) -> &Silence {
        &self.silence
    }

    /// Queues a message that nobody waits for.
    pub(crate) async fn post(&self, message: &Value) {
        // If the child is gone, whoever started it notices in another way.
        let _ = self.queue.send(Outbound::new(message, Claim::default(), None)).await;
    }

    /// Calls once. Dropping the future takes the call back if it was not begun.
    pub(crate) async fn call(&self, method: &str, params: &Value, deadline: Instant) -> Result<Value, CallError> {
        let Some((id, answer)) = self.pending.open() else { return Err(CallError::NotWritten) };
        let claim = Claim::default();
        let _cleanup = Cleanup { claim: &claim, pending: Some((&self.pending, id)) };
        let line = Outbound::new(&request(id, method, params), claim.clone(), None);
        let asked = Instant::now();
        let exchange = async {
            self.queue.send(line).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout_at(deadline, exchange).await {
            Ok(Some(outcome)) => result_of(method, outcome),
            Ok(None) if claim.take_back() => Err(CallError::NotWritten),
            Ok(None) => Err(CallError::Gone { method: method.to_owned() }),
            Err(_) if claim.take_back() => Err(CallError::NotWritten),
            Err(_) => {
                self.silence.timed_out(asked);
                Err(CallError::TimedOut { method: method.to_owned() })
            }
        }
    }

    /// Writes a reply and waits until it is in the pipe. Dropping the future takes it back if it was not begun.
    pub(crate) async fn reply(&self, message: &Value) -> Result<(), ReplyError> {
        let claim = Claim::default();
        let _cleanup = Cleanup { claim: &claim, pending: None };
        let (written, heard) = oneshot::channel();
        let line = Outbound::new(message, claim.clone(), Some(written));
        self.queue.send(line).await.map_err(|_| ReplyError::NotWritten)?;
        heard.await.map_err(|_| ReplyError::NotWritten)
    }
}

/// Takes the line back and forgets the call when the caller goes away, however that happens.
struct Cleanup<'a> {
    claim: &'a Claim,
    pending: Option<(&'a Pending, i64)>,
}

impl Drop for Cleanup<'_> {
    fn drop(&mut self) {
        self.claim.take_back();
        if let Some((pending, id)) = self.pending {
            pending.forget(id);
        }
    }
}

/// A request as it goes to the child. Codex wants `params` wherever a method has any, and none where it has none.
pub(crate) fn request(id: i64, method: &str, params: &Value) -> Value {
    match params {
        Value::Null => json!({ "id": id, "method": method }),
        _ => json!({ "id": id, "method": method, "params": params }),
    }
}

fn result_of(method: &str, outcome: Outcome) -> Result<Value, CallError> {
    let method = method.to_owned();
    match outcome {
        Outcome::Result(result) => Ok(result),
        Outcome::Error { code, message, data } => Err(CallError::Rejected { method, code, message, data }),
        Outcome::Neither => {
            let source = serde_json::Error::custom("it has neither a result nor an error");
            Err(CallError::Malformed { method, source })
        }
    }
}
