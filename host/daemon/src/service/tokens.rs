//! Bearer tokens: making, ending and recognising them.
//!
//! A secret is shown once, when it is made; the store has its SHA-256 only. All valid tokens are kept in memory, which
//! makes recognising one a matter of a hash, and ending one a matter of now. The token file, which lets the person at
//! this machine in, is written by [`Tokens::ensure_admin`].

mod file;
mod secret;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use codex_manager_model::limits::{TOKEN_NAME_CHARS_MAX, TOKENS_MAX};
use codex_manager_model::{Actor, Clock, NewEvent, Role, Token, TokenId};
use codex_manager_store::{Error as StoreError, Store, Tx};
use jiff::Timestamp;
use serde_json::json;
use subtle::ConstantTimeEq;
use tokio::sync::watch;

use super::{Error, code, names, to_its_end};
use crate::paths::DataFolder;
pub(crate) use secret::Secret;

/// The name of the token in the token file; no other may have it.
pub(crate) const FILE_TOKEN_NAME: &str = "token file";

/// The longest time for which nobody looks whether a token has expired.
const EXPIRY_CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// Somebody who showed a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bearer {
    /// The token.
    pub(crate) token: TokenId,
    /// What it allows.
    pub(crate) role: Role,
    /// When it ends, if it is none of ours: one that somebody else has signed, which cannot be revoked here.
    pub(crate) ends_at: Option<Timestamp>,
}

impl Bearer {
    /// The bearer as the one who causes an effect.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Token(self.token.clone())
    }
}

/// Why there is no token file that lets its reader in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenFileError {
    /// Its token cannot be recorded.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// The tokens of this daemon.
#[derive(Clone)]
pub(crate) struct Tokens(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Clock,
    /// The tokens that were not revoked, by the hash of their secret.
    valid: RwLock<HashMap<[u8; 32], Token>>,
    /// How many revocations there were. Live streams wait on it.
    revocations: watch::Sender<u64>,
}

impl Tokens {
    /// Loads the tokens that are still valid.
    pub(crate) async fn open(store: Store, clock: Clock) -> Result<Self, StoreError> {
        let tokens = store.read(|view| view.tokens()).await?;
        let now = clock.now();
        let valid = tokens.into_iter().filter(|token| token.is_valid(now)).map(|token| (token.hash, token)).collect();
        Ok(Self(Arc::new(Shared { store, clock, valid: RwLock::new(valid), revocations: watch::Sender::new(0) })))
    }

    /// Makes a token and its secret. The secret cannot be had again.
    pub(crate) async fn create(
        &self,
        name: &str,
        role: Role,
        expires_at: Option<Timestamp>,
        actor: Actor,
    ) -> Result<(Token, Secret), Error> {
        let name = &names::checked("name", name, TOKEN_NAME_CHARS_MAX)?;
        self.check_new(name, expires_at)?;
        let secret = secret::fresh();
        let token = self.token(name, role, expires_at, &secret);
        let (tokens, new) = (self.clone(), token.clone());
        to_its_end(async move { Ok(tokens.insert(new, Vec::new(), actor).await?) }).await?;
        Ok((token, secret))
    }

    /// Every token, the ended ones included.
    pub(crate) async fn list(&self) -> Result<Vec<Token>, Error> {
        Ok(self.0.store.read(|view| view.tokens()).await?)
    }

    /// Ends a token at once: it opens nothing any more, and its live streams close. Ending it again changes nothing.
    pub(crate) async fn revoke(&self, id: &TokenId, actor: Actor) -> Result<Token, Error> {
        let (tokens, id) = (self.clone(), id.clone());
        to_its_end(async move { tokens.revoke_now(id, actor).await }).await
    }

    async fn revoke_now(&self, id: TokenId, actor: Actor) -> Result<Token, Error> {
        let now = self.0.clock.now();
        let revoke = move |tx: &Tx<'_>| {
            if tx.revoke_token(&id, now)? {
                tx.append_event(ended(&id, &actor, now))?;
            }
            Ok::<_, StoreError>((tx.tokens()?.into_iter().find(|token| token.id == id), id))
        };
        let (token, id) = self.0.store.write(revoke).await?;
        let token = token.ok_or_else(|| Error::not_found(code::TOKEN_NOT_FOUND, "tokenId", id.as_str()))?;
        self.write().remove(&token.hash);
        self.0.revocations.send_modify(|count| *count += 1);
        Ok(token)
    }

    /// Who shows this secret, if it is a valid one.
    pub(crate) fn authenticate(&self, secret: &str) -> Option<Bearer> {
        let hash = secret::hash(secret);
        let now = self.0.clock.now();
        let valid = self.read();
        let token = valid.get(&hash)?;
        // The map compares hashes as it likes, which tells nothing about a secret; equality is established here.
        let same = bool::from(token.hash.ct_eq(&hash));
        (same && token.is_valid(now)).then(|| Bearer { token: token.id.clone(), role: token.role, ends_at: None })
    }

    /// Resolves when the bearer's token opens nothing any more.
    pub(crate) async fn ended(&self, bearer: &Bearer) {
        let mut revocations = self.0.revocations.subscribe();
        loop {
            revocations.mark_unchanged();
            let Some(left) = self.time_left(bearer) else { return };
            tokio::select! {
                // The sender lives in `self`.
                _ = revocations.changed() => {}
                () = tokio::time::sleep(left.min(EXPIRY_CHECK_INTERVAL)) => {}
            }
        }
    }

    /// Sees to it that the file `token` of the data folder holds a valid token of an administrator. A file that is
    /// missing, or that holds something else, is written anew, and the token it held is ended.
    pub(crate) async fn ensure_admin(&self, data_folder: &DataFolder) -> Result<(), TokenFileError> {
        let found = file::read(data_folder).await?;
        let known = found.as_deref().and_then(|secret| self.authenticate(secret));
        if known.is_some_and(|bearer| bearer.role == Role::Admin) {
            return Ok(());
        }
        let secret = secret::fresh();
        let token = self.token(FILE_TOKEN_NAME, Role::Admin, None, &secret);
        let old: Vec<Token> = self.read().values().filter(|token| token.name == FILE_TOKEN_NAME).cloned().collect();
        // The hash first: a file whose token is not known yet would be a locked door.
        self.insert(token, old, Actor::Host).await?;
        Ok(file::write(data_folder, secret).await?)
    }

    fn check_new(&self, name: &str, expires_at: Option<Timestamp>) -> Result<(), Error> {
        let invalid = |message: &str| Err(Error::new(code::INVALID_REQUEST, message));
        if name == FILE_TOKEN_NAME {
            return invalid("this name is reserved for the token in the data folder");
        }
        let now = self.0.clock.now();
        if expires_at.is_some_and(|end| end <= now) {
            return invalid("a token must end in the future");
        }
        if self.read().values().filter(|token| token.is_valid(now)).count() >= TOKENS_MAX {
            return Err(Error::new(code::TOO_MANY_TOKENS, format!("there are {TOKENS_MAX} valid tokens"))
                .hint("revoke one that is no longer needed"));
        }
        Ok(())
    }

    fn token(&self, name: &str, role: Role, expires_at: Option<Timestamp>, secret: &Secret) -> Token {
        Token {
            id: TokenId::fresh(),
            name: name.to_owned(),
            role,
            hash: secret::hash(secret.expose()),
            created_at: self.0.clock.now(),
            expires_at,
            revoked_at: None,
        }
    }

    /// Records `token` in the place of `old`, and knows it from then on.
    async fn insert(&self, token: Token, old: Vec<Token>, actor: Actor) -> Result<(), StoreError> {
        let now = token.created_at;
        let (new, gone) = (token.clone(), old.clone());
        let record = move |tx: &Tx<'_>| {
            for token in &gone {
                tx.revoke_token(&token.id, now)?;
                tx.append_event(ended(&token.id, &actor, now))?;
            }
            tx.put_token(&new)?;
            tx.append_event(made(&new, &actor))?;
            Ok::<_, StoreError>(())
        };
        self.0.store.write(record).await?;
        let mut valid = self.write();
        valid.retain(|_, known| old.iter().all(|gone| gone.id != known.id) && known.is_valid(now));
        valid.insert(token.hash, token);
        drop(valid);
        self.0.revocations.send_modify(|count| *count += 1);
        Ok(())
    }

    /// How long the token is good for: `None` when it is over, a very long time when it never ends by itself.
    fn time_left(&self, bearer: &Bearer) -> Option<Duration> {
        let now = self.0.clock.now();
        if let Some(end) = bearer.ends_at {
            return (now < end).then(|| end.duration_since(now).unsigned_abs());
        }
        let valid = self.read();
        let token = valid.values().find(|token| token.id == bearer.token && token.is_valid(now))?;
        let left = token.expires_at.map(|end| end.duration_since(now));
        Some(left.map_or(Duration::MAX, |left| left.unsigned_abs()))
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<[u8; 32], Token>> {
        self.0.valid.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<[u8; 32], Token>> {
        self.0.valid.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn made(token: &Token, actor: &Actor) -> NewEvent {
    let about = json!({ "tokenId": token.id, "name": token.name, "role": token.role, "actor": actor });
    NewEvent::new("token_created", None, about, token.created_at)
}

fn ended(id: &TokenId, actor: &Actor, at: Timestamp) -> NewEvent {
    NewEvent::new("token_revoked", None, json!({ "tokenId": id, "actor": actor }), at)
}

#[cfg(test)]
mod tests;
