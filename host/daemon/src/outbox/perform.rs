//! Having something done and waiting for it: recorded first, then sent, answered when the child has.
//!
//! Done for a request that has a name, an operation is recorded under that name in the same transaction. When the
//! request is done again, the operation is found there and waited for, and nothing is recorded a second time.

use codex_manager_model::{Operation, OperationId, OperationState, SessionId, limits};
use codex_manager_store::Tx;
use serde_json::Value;

use super::{Outbox, not_known, outcome};
use crate::secret::Secret;
use crate::service::keyed::{Keyed, Step};
use crate::service::sessions::admit::not_deleted_in;
use crate::service::{Error, Kind, code};

/// What a step is called whose operation is an answer to the child; a request gives one at most.
const REPLY: &str = "reply";

impl Outbox {
    /// Records `operation` together with what `decide` changes, has it sent, and waits until it is settled.
    ///
    /// # Errors
    /// What `decide` says; nothing was recorded then. [`Kind::Timeout`] with the `operationId` when the child did not
    /// answer in time or nobody knows whether it acted. The child's own refusal, in meanings.
    pub(crate) async fn perform<F>(&self, operation: Operation, decide: F) -> Result<Operation, Error>
    where
        F: FnOnce(&Tx<'_>) -> Result<(), Error> + Send + 'static,
    {
        let kind = kind(&operation.method, operation.session.as_ref());
        let id = operation.id.clone();
        let record = move |tx: &Tx<'_>| {
            if let Some(session) = &operation.session {
                not_deleted_in(tx, session)?;
            }
            decide(tx)?;
            tx.record_operation(&operation).map_err(Error::from)
        };
        self.perform_step(Keyed::present().step(&kind), id, record).await
    }

    /// The operation of this method that the present request had done when it was done before, if it had: what
    /// [`Outbox::perform`] would answer. To be asked by whoever looks at what an operation changes before making one; by
    /// now it may have changed that.
    ///
    /// # Errors
    /// As [`Outbox::perform`], of that operation.
    pub(crate) async fn earlier(&self, method: &str, session: &SessionId) -> Result<Option<Operation>, Error> {
        let Some(step) = Keyed::present().step_ahead(&kind(method, Some(session))) else { return Ok(None) };
        let found = self.0.storage.store().read::<_, Error, _>(move |view| Ok(step.operation(view)?)).await?;
        match found {
            Some(id) => self.await_earlier(&id).await.map(Some),
            None => Ok(None),
        }
    }

    /// The same for a call whose `params` hold a secret: they are never written down, and the operation's own show them
    /// without it. What the child says is scrubbed of them.
    ///
    /// # Errors
    /// As [`Outbox::perform`].
    pub(crate) async fn perform_secret(
        &self,
        mut operation: Operation,
        params: Secret<Value>,
    ) -> Result<Operation, Error> {
        self.0.sealed.hold(&mut operation, params);
        self.perform(operation, |_| Ok(())).await
    }

    /// Has an answer to the child say this, and its row not: it may be a secret of whoever gave it.
    pub(crate) fn seal(&self, reply: &mut Operation, result: Secret<Value>) {
        self.0.sealed.hold(reply, result);
    }

    /// The same for an answer to the child, of this id, that `record` itself records.
    ///
    /// # Errors
    /// As [`Outbox::perform`].
    pub(crate) async fn perform_recorded<F>(&self, id: OperationId, record: F) -> Result<Operation, Error>
    where
        F: FnOnce(&Tx<'_>) -> Result<(), Error> + Send + 'static,
    {
        self.perform_step(Keyed::present().step(REPLY), id, record).await
    }

    async fn perform_step<F>(&self, step: Option<Step>, id: OperationId, record: F) -> Result<Operation, Error>
    where
        F: FnOnce(&Tx<'_>) -> Result<(), Error> + Send + 'static,
    {
        let mut waiter = self.0.waiters.wait_for(&id);
        let recorded = self.record(step, id.clone(), record).await?;
        if recorded != id {
            drop(waiter);
            return self.await_earlier(&recorded).await;
        }
        match tokio::time::timeout(limits::OPERATION_WAIT_MAX, waiter.settled()).await {
            Ok(operation) => outcome(operation),
            Err(_) => Err(not_known(code::OPERATION_PENDING, &id, "the child has not answered yet")),
        }
    }

    /// Which operation is recorded now: this one, or the one that was when the step was taken before.
    ///
    /// In a task of its own: a client that hangs up in between must not leave behind what is recorded and never sent.
    async fn record<F>(&self, step: Option<Step>, id: OperationId, record: F) -> Result<OperationId, Error>
    where
        F: FnOnce(&Tx<'_>) -> Result<(), Error> + Send + 'static,
    {
        let (outbox, own) = (self.clone(), id.clone());
        let once = move |tx: &Tx<'_>| {
            if let Some(earlier) = step.as_ref().map(|step| step.operation(tx)).transpose()?.flatten() {
                return Ok(earlier);
            }
            record(tx)?;
            if let Some(step) = step {
                step.take(tx, &id)?;
            }
            Ok(id)
        };
        let recording = tokio::spawn(async move {
            let recorded = outbox.0.storage.store().write(once).await;
            tracing::trace!(target: "codex_manager::arrow", at = "operation_recorded");
            if recorded.as_ref().ok() != Some(&own) {
                outbox.0.sealed.forget(&own);
            }
            outbox.wake();
            recorded
        });
        recording.await.unwrap_or_else(|failed| Err(Error::internal(failed)))
    }

    /// Waits for an operation that was recorded when its request was first done.
    async fn await_earlier(&self, id: &OperationId) -> Result<Operation, Error> {
        let mut waiter = self.0.waiters.wait_for(id);
        let mut operation = self.look_up(id).await?;
        if operation.state == OperationState::Unknown {
            self.resolve(&operation).await;
            operation = self.look_up(id).await?;
        }
        if !operation.state.is_settled() && operation.state != OperationState::Unknown {
            let settled = tokio::time::timeout(limits::OPERATION_WAIT_MAX, waiter.settled()).await;
            operation = settled.unwrap_or(operation);
        }
        if operation.state.is_settled() {
            return outcome(operation);
        }
        let why = "nobody knows yet whether the child acted on this request";
        Err(not_known(code::OUTCOME_UNKNOWN, id, why).of_kind(Kind::Conflict))
    }

    async fn look_up(&self, id: &OperationId) -> Result<Operation, Error> {
        let wanted = id.clone();
        let found = self.0.storage.store().read::<_, Error, _>(move |view| Ok(view.operation(&wanted)?)).await?;
        found.ok_or_else(|| Error::not_found(code::OPERATION_NOT_FOUND, "operationId", id.as_str()))
    }
}

/// What a step is called whose operation is a call.
fn kind(method: &str, session: Option<&SessionId>) -> String {
    format!("{method} {}", session.map_or("", SessionId::as_str))
}
