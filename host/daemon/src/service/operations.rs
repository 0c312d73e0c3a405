//! Operations: asking what became of a request whose answer did not come in time.

use codex_manager_model::{Operation, OperationId, OperationState};
use codex_manager_store::Store;

use super::{Error, code};
use crate::outbox::Outbox;

/// The use cases of operations.
#[derive(Clone)]
pub(crate) struct Operations {
    store: Store,
    outbox: Outbox,
}

impl Operations {
    pub(crate) fn new(store: Store, outbox: Outbox) -> Self {
        Self { store, outbox }
    }

    /// The operation as it stands; one that is unknown is asked for first.
    ///
    /// # Errors
    /// `operation_not_found`.
    pub(crate) async fn get(&self, id: &OperationId) -> Result<Operation, Error> {
        let operation = self.read(id).await?;
        if operation.state != OperationState::Unknown {
            return Ok(operation);
        }
        self.outbox.resolve(&operation).await;
        self.read(id).await
    }

    async fn read(&self, id: &OperationId) -> Result<Operation, Error> {
        let wanted = id.clone();
        let found: Option<Operation> = self.store.read::<_, Error, _>(move |view| Ok(view.operation(&wanted)?)).await?;
        found.ok_or_else(|| Error::not_found(code::OPERATION_NOT_FOUND, "operationId", id.as_str()))
    }
}
