//! The shelf: what was dropped below the roots, and what of it was approved.
//!
//! Every method reads or writes the disk: call it where blocking is allowed. Drops are read outside the lock's mutex,
//! so a folder on a slow disk holds up nobody who asks what runs. What an approval means is decided by the lock itself.

mod lineup;
mod overview;
mod progress;

use std::collections::BTreeSet;
use std::mem::discriminant;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use codex_manager_extension::folder::{self, Drops};
use codex_manager_extension::{
    Approved, ApprovedCopy, Copies, Digest, DropFault, Dropped, ExtensionId, Listed, Lock, LockError, Offer, Review,
    Standing, State, Vocabulary, list,
};
use codex_manager_model::Actor;
use jiff::Timestamp;
use tokio::sync::watch;

pub(crate) use lineup::Lineup;
pub(crate) use overview::Overview;
use progress::Board;
pub(crate) use progress::{Progress, Unfit};

/// What was dropped and what was approved. Clones share what is behind them.
#[derive(Clone)]
pub(crate) struct Shelf(Arc<Shared>);

struct Shared {
    roots: Vec<PathBuf>,
    vocabulary: Arc<Vocabulary>,
    /// Held by the one scan at a time.
    drops: Mutex<Drops>,
    lock: Mutex<Lock>,
    /// The copies that the lock names; read without it, so that nobody waits for the disk who asks what runs.
    copies: Copies,
    /// How often the lock was changed. Whoever runs extensions waits on it.
    changes: watch::Sender<u64>,
    /// Up to which of these changes what runs has followed.
    followed: watch::Sender<u64>,
    board: Board,
}

/// Why something was not approved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApproveError {
    /// Nothing of that id lies below the roots.
    #[error("{0} was not dropped")]
    NotDropped(ExtensionId),
    /// What lies there cannot be approved.
    #[error("{id} cannot be approved: {fault}")]
    Faulty {
        /// Which.
        id: ExtensionId,
        /// What is wrong with it.
        fault: Box<DropFault>,
    },
    /// It is another than was shown, or the lock was not written.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl Shelf {
    /// Opens the lock in `folder`, making it if it is missing. Nothing below `roots` is looked at yet.
    ///
    /// # Errors
    ///
    /// When the lock is damaged, or the disk refuses to show it.
    pub(crate) fn open(folder: &Path, roots: Vec<PathBuf>, vocabulary: Arc<Vocabulary>) -> Result<Self, LockError> {
        let mut lock = Lock::open(folder)?;
        lock.upgrade(&vocabulary)?;
        // Nothing runs yet, so only what the lock names is in use. What else lies there costs room and no more.
        if let Err(error) = lock.sweep(&BTreeSet::new()) {
            tracing::warn!(%error, "not every copy that nobody approves any more was removed");
        }
        Ok(Self(Arc::new(Shared {
            drops: Mutex::new(Drops::new(roots.clone(), Arc::clone(&vocabulary))),
            roots,
            vocabulary,
            copies: lock.copies(),
            lock: Mutex::new(lock),
            changes: watch::Sender::new(0),
            followed: watch::Sender::new(0),
            board: Board::default(),
        })))
    }

    /// What was approved and how it stands now.
    pub(crate) fn lineup(&self) -> Lineup {
        let lock = self.lock();
        // Changed under the lock, so it is the number of just this.
        let changes = *self.0.changes.borrow();
        Lineup { changes, approved: lock.all().to_vec(), required: lock.required().clone() }
    }

    /// What was approved under this id.
    pub(crate) fn approved(&self, id: &ExtensionId) -> Option<Approved> {
        self.lock().approved(id).cloned()
    }

    /// Whether the word of this extension is needed before anybody but a person accepts.
    pub(crate) fn is_required(&self, id: &ExtensionId) -> bool {
        self.lock().required().contains(id)
    }

    /// The approved bytes. These, and nothing that was dropped, are what is compiled.
    ///
    /// # Errors
    ///
    /// [`LockError::Copy`] if they are not what the digest says.
    pub(crate) fn copy(&self, digest: Digest) -> Result<ApprovedCopy, LockError> {
        self.0.copies.read(digest)
    }

    /// What was approved, in the words in which it was asked for; `None` if its copy is not what it was, or says what this
    /// host does not understand any more.
    pub(crate) fn granted(&self, approved: &Approved) -> Option<Review> {
        let offer = Offer::of_approved(self.copy(approved.digest).ok()?, &self.0.vocabulary).ok()?;
        Some(Review::of(&offer.candidate, Some(approved), &self.0.vocabulary))
    }

    /// The folders that extensions are dropped into, each with whether it is there.
    pub(crate) fn roots(&self) -> Vec<(PathBuf, bool)> {
        self.0.roots.iter().map(|root| (root.clone(), root.is_dir())).collect()
    }

    /// Looks at every drop and joins it with what was approved.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let drops = self.scan();
        let lineup = self.lineup();
        let mut listed = list(&drops, &lineup.approved, &lineup.required, &self.0.vocabulary);
        let missing = self.overview_of(&lineup).missing;
        for listed in &mut listed {
            self.0.board.tell(listed);
            listed.missing = listed.id.as_ref().is_some_and(|id| missing.contains(id));
        }
        listed
    }

    /// Looks at every drop, and gives those that cannot be used.
    pub(crate) fn faulty(&self) -> Vec<Dropped> {
        self.scan().into_iter().filter(|dropped| dropped.found.is_err()).collect()
    }

    /// Approves the drop of this id, if it still is the one that was `shown`; its copy runs once it is ready. Whether its
    /// word is `required` is as its approver says, else as it was, and yes for what may decline from now on.
    ///
    /// # Errors
    ///
    /// [`LockError::Changed`] if it is another by now. Whatever the error, what ran before runs on.
    pub(crate) fn approve(
        &self,
        id: &ExtensionId,
        shown: Digest,
        by: Actor,
        at: Timestamp,
        required: Option<bool>,
    ) -> Result<Approved, ApproveError> {
        let faulty = |fault| ApproveError::Faulty { id: id.clone(), fault: Box::new(fault) };
        let dropped = self.scan().into_iter().find(|dropped| dropped.id.as_ref() == Some(id));
        let dropped = dropped.ok_or_else(|| ApproveError::NotDropped(id.clone()))?;
        dropped.found.map_err(faulty)?;
        // Read anew with its bytes: a whole scan's would not fit into memory.
        let offer = folder::read(&dropped.folder, &self.0.vocabulary).map_err(faulty)?;
        let mut lock = self.lock();
        let required = required.unwrap_or_else(|| lock.is_required_by_default(&offer, &self.0.vocabulary));
        let approved = lock.approve(&offer, shown, by, at, required).cloned();
        self.tell_of(&approved);
        Ok(approved?)
    }

    /// Says whether the word of this extension is needed before anybody but a person accepts; and whether it stood
    /// otherwise before. If not, nothing changes.
    ///
    /// # Errors
    ///
    /// When the lock cannot be written.
    pub(crate) fn require(&self, id: &ExtensionId, required: bool) -> Result<bool, LockError> {
        let mut lock = self.lock();
        if lock.required().contains(id) == required {
            return Ok(false);
        }
        let changed = lock.require(id, required);
        self.tell_of(&changed);
        changed.map(|()| true)
    }

    /// Lets an approved version that is ready take the place of its predecessor; whether it did, and had one.
    ///
    /// # Errors
    ///
    /// When the lock cannot be written.
    pub(crate) fn succeed(&self, id: &ExtensionId, ready: Digest) -> Result<bool, LockError> {
        let mut lock = self.lock();
        let succeeded = lock.succeed(id, ready);
        if matches!(succeeded, Ok(true)) {
            self.tell_of(&succeeded);
        }
        succeeded
    }

    /// Takes back what was approved under this id, and gives what it was. The copy stays until the next start: calls
    /// under way end on it.
    ///
    /// # Errors
    ///
    /// [`LockError::Unapproved`] if nothing was.
    pub(crate) fn revoke(&self, id: &ExtensionId) -> Result<Approved, LockError> {
        let mut lock = self.lock();
        let revoked = lock.approved(id).cloned().ok_or_else(|| LockError::Unapproved(id.clone()))?;
        let gone = lock.revoke(id);
        self.tell_of(&gone);
        gone.map(|()| revoked)
    }

    /// Enables or disables what was approved under this id; and whether it stood otherwise before. If not, nothing changes.
    ///
    /// # Errors
    ///
    /// [`LockError::Unapproved`] if nothing was.
    pub(crate) fn stand(&self, id: &ExtensionId, standing: Standing) -> Result<(Approved, bool), LockError> {
        let other = discriminant(&standing);
        self.stand_if(id, standing, |before| discriminant(&before.standing) != other)
    }

    /// Puts what was approved under this id into quarantine, if it still is this code; whether it was. What a person has
    /// switched off meanwhile stays switched off by that person. May be tried again with the same words.
    ///
    /// # Errors
    ///
    /// [`LockError::Unapproved`] if nothing was.
    pub(crate) fn quarantine(
        &self,
        id: &ExtensionId,
        code: Digest,
        reason: String,
        at: Timestamp,
    ) -> Result<bool, LockError> {
        // A predecessor that failed is not called any more; what was approved in its place has not failed.
        if self.retire(id, code)? {
            return Ok(true);
        }
        let quarantined = Standing::Quarantined { reason, at };
        // What failed after the lock was replaced is there, and not known to last.
        let runs = |standing: &Standing| *standing == Standing::Enabled || *standing == quarantined;
        let changes = |before: &Approved| before.digest == code && runs(&before.standing);
        Ok(self.stand_if(id, quarantined.clone(), changes)?.1)
    }

    fn retire(&self, id: &ExtensionId, predecessor: Digest) -> Result<bool, LockError> {
        let mut lock = self.lock();
        let retired = lock.retire(id, predecessor);
        if !matches!(retired, Ok(false)) {
            self.tell_of(&retired);
        }
        retired
    }

    /// Looked at and changed in one step: two who do this at once do not pass each other.
    fn stand_if(
        &self,
        id: &ExtensionId,
        standing: Standing,
        changes: impl Fn(&Approved) -> bool,
    ) -> Result<(Approved, bool), LockError> {
        let mut lock = self.lock();
        let held = |lock: &Lock| lock.approved(id).cloned().ok_or_else(|| LockError::Unapproved(id.clone()));
        let before = held(&lock)?;
        if !changes(&before) {
            return Ok((before, false));
        }
        let stood = lock.stand(id, standing);
        self.tell_of(&stood);
        stood?;
        Ok((held(&lock)?, true))
    }

    /// Grows after each change of the lock.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// What runs is as it was after so many changes.
    pub(crate) fn follow(&self, changes: u64) {
        self.0.followed.send_replace(changes);
    }

    /// Waits until what runs is as it stands now, or as it came to stand after. This one does not block.
    pub(crate) async fn followed(&self) {
        let changes = *self.0.changes.borrow();
        // Never an error: the sender is here.
        drop(self.0.followed.subscribe().wait_for(|followed| *followed >= changes).await);
    }

    /// Notes how far an approved version has come, or that it may not run any more; gives what was noted before. This one
    /// does not block.
    pub(crate) fn note(&self, digest: Digest, progress: Option<Progress>) -> Option<Progress> {
        self.0.board.note(digest, progress)
    }

    /// How far what was approved has come.
    pub(crate) fn state(&self, approved: &Approved) -> State {
        self.0.board.state(approved)
    }

    /// A scan that panicked has left verdicts, each of them whole.
    fn scan(&self) -> Vec<Dropped> {
        self.0.drops.lock().unwrap_or_else(PoisonError::into_inner).scan()
    }

    /// Told under the lock, so that the number belongs to what it says. Where the disk has failed, nobody knows whether
    /// it is changed.
    fn tell_of<T>(&self, change: &Result<T, LockError>) {
        if matches!(change, Ok(_) | Err(LockError::Io { .. })) {
            self.0.changes.send_modify(|changes| *changes += 1);
        }
    }

    /// The lock replaces its record as a whole: who panicked while holding it has left the old one or the new one.
    fn lock(&self) -> MutexGuard<'_, Lock> {
        self.0.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
