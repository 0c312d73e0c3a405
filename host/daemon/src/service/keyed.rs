//! A request that its sender gave a name: what is recorded while it is being done is recorded under that name, in the
//! same transaction. Done again, after a crash or for a sender who asks once more, it finds what is there and goes on
//! from it. So nothing under one name is done twice.
//!
//! It travels with the task that does the request. For what the child does the outbox knows of it; a use case that looks
//! at what the child changes before it asks for that, asks the outbox for what it did [earlier](crate::outbox::Outbox::earlier)
//! first. A use case that changes something of our own does so [once](Keyed::once).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use codex_manager_model::{OperationId, RequestKey};
use codex_manager_store::{Error as StoreError, RequestStep, Tx, View};
use serde::Serialize;
use serde::de::DeserializeOwned;

tokio::task_local! {
    static PRESENT: Keyed;
}

/// The request that is being done by this task. Of a request without a name nothing is recorded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keyed(Option<Arc<Named>>);

#[derive(Debug)]
struct Named {
    key: RequestKey,
    /// How often each kind of step was taken so far, so that the second of a kind is not taken for the first.
    taken: Mutex<HashMap<String, u32>>,
}

/// A step of a request that has a name.
#[derive(Debug)]
pub(crate) struct Step {
    key: RequestKey,
    name: String,
}

impl Keyed {
    /// Does `work` as the request of that name.
    pub(crate) async fn run<T>(key: RequestKey, work: impl Future<Output = T>) -> T {
        PRESENT.scope(Self(Some(Arc::new(Named { key, taken: Mutex::default() }))), work).await
    }

    /// The request of the present task. To be asked before work moves to another one.
    pub(crate) fn present() -> Self {
        PRESENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// Does `work` in another task as the same request.
    pub(crate) async fn along<T>(self, work: impl Future<Output = T>) -> T {
        PRESENT.scope(self, work).await
    }

    /// The next step of this kind. The same request takes the same steps in the same order when it is done again; steps
    /// whose order may differ must be told apart by `kind`.
    pub(crate) fn step(&self, kind: &str) -> Option<Step> {
        let named = self.0.as_ref()?;
        let mut taken = named.taken();
        let count = taken.entry(kind.to_owned()).and_modify(|count| *count += 1).or_insert(1);
        Some(named.step(kind, *count))
    }

    /// The same step, for whoever asks whether it was taken before and does not take it yet.
    pub(crate) fn step_ahead(&self, kind: &str) -> Option<Step> {
        let named = self.0.as_ref()?;
        let count = named.taken().get(kind).copied().unwrap_or_default() + 1;
        Some(named.step(kind, count))
    }

    /// Makes something of our own, or answers what was made when this step was taken before.
    ///
    /// # Errors
    /// What `make` says, and then nothing is written down; or the store's.
    pub(crate) fn once<T, E>(&self, tx: &Tx<'_>, kind: &str, make: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
        E: From<StoreError>,
    {
        let Some(step) = self.step(kind) else { return make(tx) };
        if let Some(RequestStep::Made(made)) = tx.request_step(&step.key, &step.name)?
            && let Ok(made) = serde_json::from_value(made)
        {
            return Ok(made);
        }
        let made = make(tx)?;
        let written = serde_json::to_value(&made).unwrap_or_default();
        tx.put_request_step(&step.key, &step.name, &RequestStep::Made(written))?;
        Ok(made)
    }
}

impl Named {
    fn taken(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        // Counts are whole whenever the lock is free.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, kind: &str, count: u32) -> Step {
        Step { key: self.key.clone(), name: format!("{kind} {count}") }
    }
}

impl Step {
    /// The operation that was recorded when this step was taken before.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn operation(&self, view: &View<'_>) -> Result<Option<OperationId>, StoreError> {
        Ok(match view.request_step(&self.key, &self.name)? {
            Some(RequestStep::Operation(id)) => Some(id),
            _ => None,
        })
    }

    /// Writes down the operation that is recorded with it.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn take(&self, tx: &Tx<'_>, operation: &OperationId) -> Result<(), StoreError> {
        tx.put_request_step(&self.key, &self.name, &RequestStep::Operation(operation.clone()))
    }
}
