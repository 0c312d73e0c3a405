//! Requests that their senders gave a name: each is done once, and answered the same whenever it is asked again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use codex_manager_model::{Clock, RequestKey, SessionId};
use codex_manager_store::{KeptAnswer, KeyedRequest, Store, Tx};

use super::sessions::admit;
use super::{Error, code};

/// The requests that have names.
#[derive(Clone)]
pub(crate) struct Requests(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Clock,
    /// Those that are being done now, here. Of all others it is known that nobody is at them.
    under_way: Arc<Mutex<HashSet<RequestKey>>>,
}

/// Where a request stands that somebody sends.
pub(crate) enum Begun {
    /// It is to be done: for the first time, or on from where it was left.
    Do(Claim),
    /// It was done, and this was the answer.
    Answered(KeptAnswer),
}

/// The right to do a request, until it is dropped.
pub(crate) struct Claim {
    key: RequestKey,
    under_way: Arc<Mutex<HashSet<RequestKey>>>,
}

impl Requests {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self(Arc::new(Shared { store, clock, under_way: Arc::default() }))
    }

    /// Begins a request, or says what it was answered.
    ///
    /// # Errors
    /// `key_in_use`, `key_reused`, `answer_not_kept`; `session_deleted` when what it answered is gone for good.
    pub(crate) async fn begin(
        &self,
        key: RequestKey,
        fingerprint: [u8; 32],
        session: Option<SessionId>,
    ) -> Result<Begun, Error> {
        let claim = self.claim(key)?;
        let (key, now) = (claim.key.clone(), self.0.clock.now());
        let asked = KeyedRequest { fingerprint, session, answer: None };
        let known = self.0.store.write(move |tx| known(tx, &key, asked, now)).await?;
        match known.and_then(|known| known.answer) {
            None => Ok(Begun::Do(claim)),
            Some(KeptAnswer { body: None, .. }) => Err(not_kept()),
            Some(answer) => Ok(Begun::Answered(answer)),
        }
    }

    /// Keeps the answer of a request that was done. `session` is what the answer speaks of.
    ///
    /// # Errors
    /// When the store fails; the request can be asked again then.
    pub(crate) async fn answered(
        &self,
        claim: Claim,
        answer: KeptAnswer,
        session: Option<SessionId>,
    ) -> Result<(), Error> {
        let key = claim.key.clone();
        self.0
            .store
            .write(move |tx| tx.answer_request(&key, &answer, session.as_ref()).map(drop).map_err(Error::from))
            .await
    }

    /// Forgets a request that was not done, if nothing was recorded for it.
    ///
    /// # Errors
    /// When the store fails; the request can be asked again then.
    pub(crate) async fn undone(&self, claim: Claim) -> Result<(), Error> {
        let key = claim.key.clone();
        let forget = move |tx: &Tx<'_>| {
            if !tx.has_request_steps(&key)? {
                tx.forget_request(&key)?;
            }
            Ok(())
        };
        self.0.store.write(forget).await
    }

    fn claim(&self, key: RequestKey) -> Result<Claim, Error> {
        if lock(&self.0.under_way).insert(key.clone()) {
            return Ok(Claim { key, under_way: Arc::clone(&self.0.under_way) });
        }
        Err(Error::new(code::KEY_IN_USE, format!("the request `{}` is under way", key.name)))
    }
}

impl Claim {
    /// The name of the request.
    pub(crate) fn key(&self) -> &RequestKey {
        &self.key
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.key);
    }
}

/// What is known of a request; nothing when it is new, and then it is known from here on.
fn known(
    tx: &Tx<'_>,
    key: &RequestKey,
    asked: KeyedRequest,
    now: jiff::Timestamp,
) -> Result<Option<KeyedRequest>, Error> {
    let Some(known) = tx.request_key(key)? else {
        tx.begin_request(key, &asked, now)?;
        return Ok(None);
    };
    if known.fingerprint != asked.fingerprint {
        return Err(Error::new(code::KEY_REUSED, format!("`{}` was the name of another request", key.name)));
    }
    if let Some(session) = &known.session {
        admit::not_deleted_in(tx, session)?;
    }
    Ok(Some(known))
}

fn not_kept() -> Error {
    Error::new(code::ANSWER_NOT_KEPT, "the request was done, and its answer is not kept")
}

fn lock(keys: &Mutex<HashSet<RequestKey>>) -> MutexGuard<'_, HashSet<RequestKey>> {
    // Keys come and go as a whole.
    keys.lock().unwrap_or_else(PoisonError::into_inner)
}
