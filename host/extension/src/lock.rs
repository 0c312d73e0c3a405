//! `extensions.lock`: what was approved, by whom and when, pinned to a digest; and beside it the approved copies.
//!
//! ```text
//! <folder>/extensions.lock                     who may do what; the only thing that says that something may run
//! <folder>/approved/<digest>/extension.toml    exactly the bytes that were approved, and nothing else ever runs
//! <folder>/approved/<digest>/component.wasm
//! ```
//!
//! The copy is durable before the lock names it, and the lock is replaced in one step: whenever the power goes, the lock
//! is the old one or the new one, and what it names is whole. The folder belongs to the host alone, and one process at
//! a time writes it.

mod approved;
mod record;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codex_manager_model::Actor;
use codex_manager_model::limits::{
    EXTENSION_COMPONENT_BYTES_MAX, EXTENSION_LOCK_BYTES_MAX, EXTENSION_MANIFEST_BYTES_MAX,
};
use jiff::Timestamp;

use crate::disk::{Disk, SystemDisk};
use crate::{Digest, ExtensionId, MANIFEST_FILE, Offer, Vocabulary};

pub(crate) use approved::is_required_by_default;
pub use approved::{Approved, ApprovedVersion, Standing};
use record::Record;

const LOCK_FILE: &str = "extensions.lock";
const COPIES: &str = "approved";
const COMPONENT_FILE: &str = "component.wasm";

/// What was approved.
pub struct Lock {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
    record: Record,
}

/// The approved bytes, as they were read back and found unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedCopy {
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The component.
    pub component: Vec<u8>,
}

/// The approved copies below a lock. Reading them needs no lock: what lies there under a digest is checked against it.
#[derive(Clone)]
pub struct Copies {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
}

/// Why the lock was not read or not changed.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The lock is there and cannot be understood. Nothing runs until a person has looked at it.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The lock's file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An approved copy is not what was approved.
    #[error("the approved copy {digest} has changed or is gone; approve the extension again")]
    Copy {
        /// What was approved.
        digest: Digest,
    },
    /// What lies in the folder is no longer what was shown.
    #[error("the extension changed while it was being approved: {shown} was shown, and {found} is there now")]
    Changed {
        /// What the approval was for.
        shown: Digest,
        /// What is there.
        found: Digest,
    },
    /// Nothing of that name was approved.
    #[error("{0} is not approved")]
    Unapproved(ExtensionId),
    /// The disk refused.
    #[error("{} cannot be used", path.display())]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Lock {
    /// Reads the lock in this folder, making the folder if it is missing.
    ///
    /// # Errors
    ///
    /// [`LockError::Damaged`] rather than an empty lock, if there is one that cannot be read.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, LockError> {
        Self::open_on(Arc::new(SystemDisk), folder.into())
    }

    /// Brings a lock of an older version up to date: what was approved under it and may decline is required.
    ///
    /// # Errors
    ///
    /// When the lock cannot be written.
    pub fn upgrade(&mut self, vocabulary: &Vocabulary) -> Result<(), LockError> {
        let mut next = self.record.clone();
        if next.upgrade(vocabulary) { self.commit(next) } else { Ok(()) }
    }

    /// What was approved for this extension.
    pub fn approved(&self, id: &ExtensionId) -> Option<&Approved> {
        self.record.extensions.iter().find(|approved| approved.id == *id)
    }

    /// Everything that was approved, in the order of the ids.
    pub fn all(&self) -> &[Approved] {
        &self.record.extensions
    }

    /// The extensions without whose word nobody but a person accepts anything. They need not be approved, or even there.
    pub fn required(&self) -> &BTreeSet<ExtensionId> {
        &self.record.required
    }

    /// Approves what was `shown`: copies it, and it runs in place of whatever of that id was approved before. What was
    /// enabled until now is its [predecessor](Approved::predecessor), and runs until it is [ready](Self::succeed).
    /// `required` says whether its word is needed before anybody but a person accepts.
    ///
    /// # Errors
    ///
    /// [`LockError::Changed`] if the offer is another by now. Whatever the error, nothing half approved is left.
    pub fn approve(
        &mut self,
        offer: &Offer,
        shown: Digest,
        by: Actor,
        at: Timestamp,
        required: bool,
    ) -> Result<&Approved, LockError> {
        // Hashed here and now: what is compared is what is copied.
        let found = Digest::of_extension(&offer.manifest, &offer.component);
        if found != shown || found != offer.candidate.digest {
            return Err(LockError::Changed { shown, found });
        }
        self.keep_copy(offer)?;
        let id = offer.candidate.manifest.id.clone();
        let approved = Approved::new(&offer.candidate, self.approved(&id), by, at);
        let mut next = self.record.clone();
        next.put(approved);
        next.require(&id, required);
        self.commit(next)?;
        self.approved(&id).ok_or(LockError::Unapproved(id))
    }

    /// Whether the word of what is offered is needed, where its approver does not say: as it was before, and yes for what
    /// may decline from now on.
    pub fn is_required_by_default(&self, offer: &Offer, vocabulary: &Vocabulary) -> bool {
        let (id, grants) = (&offer.candidate.manifest.id, &offer.candidate.grants);
        is_required_by_default(grants, self.approved(id), self.required().contains(id), vocabulary)
    }

    /// Says that this version, the approved one, is ready: it runs from now on, and its predecessor does not. Whether that
    /// was new; it is not if other code was approved meanwhile.
    ///
    /// # Errors
    ///
    /// When the lock cannot be written.
    pub fn succeed(&mut self, id: &ExtensionId, ready: Digest) -> Result<bool, LockError> {
        self.change_if(id, |approved| approved.digest == ready && approved.predecessor.take().is_some())
    }

    /// Takes the predecessor of the approved version out, if it is this one: it does not run any more, whether or not the
    /// approved one is ready. Whether it was.
    ///
    /// # Errors
    ///
    /// When the lock cannot be written.
    pub fn retire(&mut self, id: &ExtensionId, predecessor: Digest) -> Result<bool, LockError> {
        self.change_if(id, |approved| approved.predecessor.take_if(|version| version.digest == predecessor).is_some())
    }

    /// Enables, disables or quarantines the approved version.
    ///
    /// # Errors
    ///
    /// [`LockError::Unapproved`] if there is none.
    pub fn stand(&mut self, id: &ExtensionId, standing: Standing) -> Result<(), LockError> {
        let mut next = self.record.clone();
        let approved = next.extensions.iter_mut().find(|approved| approved.id == *id);
        let approved = approved.ok_or_else(|| LockError::Unapproved(id.clone()))?;
        approved.standing = standing;
        // What was switched off does not come back in the place of what is enabled later.
        if approved.standing != Standing::Enabled {
            approved.predecessor = None;
        }
        self.commit(next)
    }

    /// Says whether this extension's word is needed before anybody but a person accepts.
    ///
    /// # Errors
    ///
    /// When the lock cannot be written.
    pub fn require(&mut self, id: &ExtensionId, required: bool) -> Result<(), LockError> {
        let mut next = self.record.clone();
        next.require(id, required);
        self.commit(next)
    }

    /// Takes an approval back, and with it that its word is needed. The copy stays until it is [swept](Self::sweep).
    ///
    /// # Errors
    ///
    /// [`LockError::Unapproved`] if there is none.
    pub fn revoke(&mut self, id: &ExtensionId) -> Result<(), LockError> {
        let mut next = self.record.clone();
        next.extensions.retain(|approved| approved.id != *id);
        if next.extensions.len() == self.record.extensions.len() {
            return Err(LockError::Unapproved(id.clone()));
        }
        next.require(id, false);
        self.commit(next)
    }

    /// Reads an approved copy. These bytes, and no file, are what is compiled.
    ///
    /// # Errors
    ///
    /// [`LockError::Copy`] if they are not what the digest says. If they could not be read just now, [`LockError::Io`]:
    /// that speaks against the disk and not against the extension.
    pub fn copy(&self, digest: Digest) -> Result<ApprovedCopy, LockError> {
        self.copies().read(digest)
    }

    /// The approved copies, to be read without the lock.
    pub fn copies(&self) -> Copies {
        Copies { folder: self.folder.join(COPIES), disk: Arc::clone(&self.disk) }
    }

    /// Removes every copy that neither the lock nor `in_use` names, and what a crash left half written.
    ///
    /// # Errors
    ///
    /// When the disk refuses; what is left is swept the next time.
    pub fn sweep(&self, in_use: &BTreeSet<Digest>) -> Result<(), LockError> {
        let copies = self.folder.join(COPIES);
        let predecessor = |approved: &Approved| approved.predecessor.as_ref().map(|version| version.digest);
        let versions = |approved: &Approved| std::iter::once(approved.digest).chain(predecessor(approved));
        let approved = self.record.extensions.iter().flat_map(versions);
        let kept: BTreeSet<_> = approved.chain(in_use.iter().copied()).map(|digest| digest.hex()).collect();
        for name in self.disk.list(&copies).map_err(failed(&copies))? {
            if !kept.contains(&name) {
                let path = copies.join(name);
                self.disk.remove_folder(&path).map_err(failed(&path))?;
            }
        }
        Ok(())
    }

    fn open_on(disk: Arc<dyn Disk>, folder: PathBuf) -> Result<Self, LockError> {
        let copies = folder.join(COPIES);
        disk.make_folder(&folder).map_err(failed(&folder))?;
        disk.make_folder(&copies).map_err(failed(&copies))?;
        // Both are made here, so both names have to last.
        let parent = folder.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        for path in [parent, &folder] {
            disk.sync(path).map_err(failed(path))?;
        }
        let record = read_record(disk.as_ref(), &folder.join(LOCK_FILE))?;
        Ok(Self { folder, disk, record })
    }

    /// Changes what was approved of this id, if there is something to change; whether there was.
    fn change_if(&mut self, id: &ExtensionId, change: impl FnOnce(&mut Approved) -> bool) -> Result<bool, LockError> {
        let mut next = self.record.clone();
        let changed = next.extensions.iter_mut().find(|approved| approved.id == *id).is_some_and(change);
        if changed {
            self.commit(next)?;
        }
        Ok(changed)
    }

    /// Makes the copy durable. Until the lock names it, it is nothing.
    fn keep_copy(&self, offer: &Offer) -> Result<(), LockError> {
        let digest = offer.candidate.digest;
        if self.copy(digest).is_ok() {
            return Ok(());
        }
        let (copies, folder) = (self.folder.join(COPIES), self.copy_folder(digest));
        let fresh = folder.with_extension("new");
        let disk = self.disk.as_ref();
        let written = || {
            disk.remove_folder(&fresh)?;
            disk.make_folder(&fresh)?;
            for (name, bytes) in [(MANIFEST_FILE, &offer.manifest), (COMPONENT_FILE, &offer.component)] {
                disk.write(&fresh.join(name), bytes)?;
                disk.sync(&fresh.join(name))?;
            }
            disk.sync(&fresh)?;
            // What is there under this name, if anything, cannot be read or is not what the name says.
            disk.remove_folder(&folder)?;
            disk.rename(&fresh, &folder)?;
            disk.sync(&copies)
        };
        written().map_err(failed(&folder))
    }

    /// Puts the next lock in place of this one, in one step.
    fn commit(&mut self, next: Record) -> Result<(), LockError> {
        let path = self.folder.join(LOCK_FILE);
        let fresh = path.with_extension("lock.new");
        let disk = self.disk.as_ref();
        let written = || {
            disk.write(&fresh, next.to_text().as_bytes())?;
            disk.sync(&fresh)?;
            disk.rename(&fresh, &path)?;
            disk.sync(&self.folder)
        };
        if let Err(source) = written() {
            // It may have got as far as the rename: what the disk says now is what a restart would find.
            self.record = read_record(disk, &path)?;
            return Err(LockError::Io { path, source });
        }
        self.record = next;
        Ok(())
    }

    fn copy_folder(&self, digest: Digest) -> PathBuf {
        self.folder.join(COPIES).join(digest.hex())
    }
}

impl Copies {
    /// Reads an approved copy. These bytes, and no file, are what is compiled.
    ///
    /// # Errors
    ///
    /// As [`Lock::copy`].
    pub fn read(&self, digest: Digest) -> Result<ApprovedCopy, LockError> {
        let folder = self.folder.join(digest.hex());
        let read = |name, bytes_max| {
            let path = folder.join(name);
            self.disk.read(&path, bytes_max).map_err(|source| match is_of_another_make(&source) {
                true => LockError::Copy { digest },
                false => LockError::Io { path, source },
            })
        };
        let manifest = read(MANIFEST_FILE, EXTENSION_MANIFEST_BYTES_MAX)?;
        let component = read(COMPONENT_FILE, EXTENSION_COMPONENT_BYTES_MAX)?;
        if Digest::of_extension(&manifest, &component) != digest {
            return Err(LockError::Copy { digest });
        }
        Ok(ApprovedCopy { manifest, component })
    }
}

fn read_record(disk: &dyn Disk, path: &Path) -> Result<Record, LockError> {
    match disk.read(path, EXTENSION_LOCK_BYTES_MAX) {
        Ok(bytes) => Record::parse(&bytes).map_err(|why| LockError::Damaged { path: path.to_owned(), why }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Record::default()),
        Err(source) => Err(LockError::Io { path: path.to_owned(), source }),
    }
}

/// Whether what was to be read is not there, or is no file that we have ever written.
fn is_of_another_make(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, InvalidInput, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidInput | FileTooLarge)
}

fn failed(path: &Path) -> impl Fn(io::Error) -> LockError {
    move |source| LockError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod crash;
#[cfg(test)]
mod tests;
