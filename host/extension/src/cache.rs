//! Compiled code, kept between runs.
//!
//! The engine's own cache finds code by the digest of the component and of everything that the compiler depends on. What
//! it does not do is notice that an entry was damaged, and a damaged entry is damaged machine code. So each entry has a
//! *seal*, the digest of its file: an entry whose seal is missing or differs is removed when the folder is opened, and
//! the component is compiled again. What cannot even be read goes the same way. Seals guard against broken disks and not
//! against whoever can write to the folder.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use wasmtime::{Cache, CacheConfig};

use crate::Digest;

/// Entries are written once and never again, so that a seal stays true.
const NEVER: u64 = u64::MAX;
/// The folder of the engine's cache. Nothing else may lie in it: the engine removes what it does not know.
const CODE: &str = "code";
/// The folder in it that holds entries.
const ENTRIES: &str = "code/modules";
/// The folder of seals, named like the entries.
const SEALS: &str = "seals";
/// The folder of notes: by component, in which entries its code is.
const NOTES: &str = "notes";

/// A folder of compiled code.
pub(crate) struct CompiledCode {
    folder: PathBuf,
    cache: Cache,
    sealing: Mutex<()>,
}

/// Why compiled code cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The folder cannot be read or written.
    #[error("{} cannot be used", path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The engine refuses it.
    #[error("the engine does not take the folder")]
    Refused(#[source] wasmtime::Error),
}

impl CompiledCode {
    /// Opens the folder, makes it if it is not there, and removes what is damaged.
    pub(crate) fn open(folder: PathBuf) -> Result<Self, CacheError> {
        let failed = |source| CacheError::Folder { path: folder.clone(), source };
        for part in [SEALS, NOTES, CODE] {
            fs::create_dir_all(folder.join(part)).map_err(failed)?;
        }
        let folder = folder.canonicalize().map_err(failed)?;
        for entry in entries(&folder).map_err(failed)? {
            let (seal, digest) = (seal_of(&folder, &entry), digest_of(&entry));
            if digest.as_ref().is_ok_and(|digest| fs::read_to_string(&seal).is_ok_and(|sealed| sealed == *digest)) {
                continue;
            }
            match (remove(&entry), digest) {
                (Ok(()), _) => tracing::warn!(entry = %entry.display(), "compiled code is damaged and was removed"),
                // The engine does not get to read it either.
                (Err(error), Err(_)) => tracing::warn!(%error, entry = %entry.display(), "not compiled code"),
                // The engine would run it.
                (Err(error), Ok(_)) => return Err(failed(error)),
            }
            // It would not fit the next code of that name either.
            let _ = fs::remove_file(&seal);
        }
        for note in files(&folder.join(NOTES)).map_err(failed)?.iter().filter(|note| !is_true(&folder, note)) {
            let _ = fs::remove_file(note);
        }
        let mut config = CacheConfig::new();
        config.with_directory(folder.join(CODE)).with_optimized_compression_usage_counter_threshold(NEVER);
        let cache = Cache::new(config).map_err(CacheError::Refused)?;
        Ok(Self { folder, cache, sealing: Mutex::new(()) })
    }

    /// The engine's own cache in this folder.
    pub(crate) fn cache(&self) -> Cache {
        self.cache.clone()
    }

    /// How often something was found since the folder was opened.
    pub(crate) fn hits(&self) -> usize {
        self.cache.cache_hits()
    }

    /// Whether a component's code is here, as this engine would have compiled it. The engine does not tell before it
    /// begins to compile; so this is what was noted when it did. Where the note is wrong, it compiles.
    pub(crate) fn holds(&self, engine: &wasmtime::Engine, component: &Digest) -> bool {
        is_true(&self.folder, &self.note(engine, component))
    }

    /// Compiles a component, seals its code and notes where it lies. Two must not do so with the same component at once:
    /// they would write the same entry.
    pub(crate) fn keep<T>(&self, engine: &wasmtime::Engine, component: &Digest, compile: impl FnOnce() -> T) -> T {
        let names = || entries(&self.folder).unwrap_or_default();
        let before = names();
        let compiled = compile();
        self.seal();
        // Others that were compiled meanwhile may be among them: then it is not found once one of those is gone.
        let new: Vec<_> = names().into_iter().filter(|entry| !before.contains(entry)).collect();
        let paths: Vec<_> = new.iter().filter_map(|entry| entry.strip_prefix(&self.folder).ok()?.to_str()).collect();
        if !paths.is_empty()
            && let Err(error) = fs::write(self.note(engine, component), paths.join("\n"))
        {
            tracing::warn!(%error, "it could not be noted where compiled code lies");
        }
        compiled
    }

    fn note(&self, engine: &wasmtime::Engine, component: &Digest) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.folder.join(NOTES).join(format!("{}-{:016x}", component.hex(), hasher.finish()))
    }

    /// Seals what was compiled. An entry that cannot be sealed is compiled again the next time; no more than that.
    fn seal(&self) {
        let _alone = self.sealing.lock().unwrap_or_else(PoisonError::into_inner);
        let sealed = entries(&self.folder).and_then(|entries| {
            for entry in entries {
                let seal = seal_of(&self.folder, &entry);
                if !seal.exists()
                    && let Ok(digest) = digest_of(&entry)
                {
                    fs::write(seal, digest)?;
                }
            }
            Ok(())
        });
        if let Err(error) = sealed {
            tracing::warn!(%error, "compiled code could not be sealed and will be compiled again");
        }
    }
}

/// Whether everything that a note names is there.
fn is_true(folder: &Path, note: &Path) -> bool {
    fs::read_to_string(note)
        .is_ok_and(|note| !note.is_empty() && note.lines().all(|entry| folder.join(entry).is_file()))
}

fn seal_of(folder: &Path, entry: &Path) -> PathBuf {
    folder.join(SEALS).join(entry.file_name().expect("an entry was listed by its name"))
}

fn digest_of(entry: &Path) -> io::Result<String> {
    Ok(Digest::of(&fs::read(entry)?).to_string())
}

fn remove(entry: &Path) -> io::Result<()> {
    match fs::symlink_metadata(entry)?.is_dir() {
        true => fs::remove_dir_all(entry),
        false => fs::remove_file(entry),
    }
}

/// Every entry of every version of the engine. What has an extension is none: the engine's notes about entries, and files
/// that it is still writing. A version that does not show its entries stands for them.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for version in files(&folder.join(ENTRIES))? {
        match files(&version) {
            Ok(files) => found.extend(files.into_iter().filter(|file| file.extension().is_none())),
            Err(_) => found.push(version),
        }
    }
    Ok(found)
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(listed) => listed.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
