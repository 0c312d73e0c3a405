//! Drop folders: what lies there, read and judged. Nothing that lies there ever runs from there.
//!
//! A drop is a folder with `extension.toml` and the component that it names. A good one is a [`Candidate`]; a bad one is
//! a [`DropFault`], which says what is wrong and what to do next. A bad one never stops the others.

mod drops;
mod fault;
mod fit;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use codex_manager_model::limits::{EXTENSION_COMPONENT_BYTES_MAX, EXTENSION_DROPS_MAX, EXTENSION_MANIFEST_BYTES_MAX};

use crate::disk::read_bounded;
use crate::limits::amount;
use crate::{Anatomy, ApprovedCopy, Digest, ExtensionId, Grants, MANIFEST_FILE, Manifest, Vocabulary};

pub use drops::Drops;
pub use fault::DropFault;

/// How many entries of a root are looked at for folders; nobody knows how many lie there.
const ENTRIES_MAX: usize = 16 * EXTENSION_DROPS_MAX;

/// One folder of a drop folder; or such a folder itself, where something is wrong with that.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropped {
    /// Where it lies.
    pub folder: PathBuf,
    /// Who it says it is, as far as that could be read.
    pub id: Option<ExtensionId>,
    /// What it is, or what is wrong with it.
    pub found: Result<Candidate, DropFault>,
}

/// An extension that could be approved.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What it says.
    pub manifest: Manifest,
    /// What it would be given.
    pub grants: Grants,
    /// What an approval would be pinned to: both files.
    pub digest: Digest,
}

/// A candidate with its bytes: what an approval copies.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// What it is.
    pub candidate: Candidate,
    /// The manifest's file.
    pub manifest: Vec<u8>,
    /// The component's file.
    pub component: Vec<u8>,
}

/// Reads every drop below `roots`, in order; then, each under its root, what is to be said about the roots. A root may be a drop itself; otherwise each folder in it is one, unless its
/// name starts with a dot. A root that is not there is empty, and a folder that is found on two ways counts once.
pub fn scan(roots: &[PathBuf], vocabulary: &Vocabulary) -> Vec<Dropped> {
    let Places { folders, warnings } = Places::below(roots);
    let mut drops: Vec<_> = folders.into_iter().map(|folder| look(folder, vocabulary).0).chain(warnings).collect();
    fault_shared_ids(&mut drops);
    drops
}

/// Reads one drop with its bytes.
///
/// # Errors
///
/// What is wrong with it.
pub fn read(folder: &Path, vocabulary: &Vocabulary) -> Result<Offer, DropFault> {
    let manifest = read_manifest(folder)?;
    let parsed = parse(&manifest, vocabulary)?;
    let component = read_component(folder, &parsed.component)?;
    offer(manifest, parsed, component, vocabulary)
}

/// Reads one drop for whichever host: as [`Manifest::parse_for_any_host`] does, and what the component imports is taken as
/// it is too.
///
/// # Errors
///
/// What would be wrong with it anywhere.
pub fn read_for_any_host(folder: &Path) -> Result<Offer, DropFault> {
    let manifest = read_manifest(folder)?;
    let parsed = Manifest::parse_for_any_host(text(&manifest)?).map_err(DropFault::Manifest)?;
    let component = read_component(folder, &parsed.component)?;
    Anatomy::of(&component).map_err(DropFault::Component)?;
    Ok(Offer::new(manifest, parsed, component))
}

/// Reads the manifest of a drop alone, for whichever host.
///
/// # Errors
///
/// What would be wrong with it anywhere.
pub fn manifest_for_any_host(folder: &Path) -> Result<Manifest, DropFault> {
    Manifest::parse_for_any_host(text(&read_manifest(folder)?)?).map_err(DropFault::Manifest)
}

/// Reads the manifest of a drop alone.
///
/// # Errors
///
/// What is wrong with it.
pub fn manifest(folder: &Path, vocabulary: &Vocabulary) -> Result<Manifest, DropFault> {
    parse(&read_manifest(folder)?, vocabulary)
}

impl Offer {
    /// Judges two files, wherever they came from.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn of(manifest: Vec<u8>, component: Vec<u8>, vocabulary: &Vocabulary) -> Result<Self, DropFault> {
        let parsed = parse(&manifest, vocabulary)?;
        offer(manifest, parsed, component, vocabulary)
    }

    /// Judges an approved copy, by [`Manifest::parse_approved`].
    ///
    /// # Errors
    ///
    /// What this host no longer takes.
    pub fn of_approved(copy: ApprovedCopy, vocabulary: &Vocabulary) -> Result<Self, DropFault> {
        let parsed = Manifest::parse_approved(text(&copy.manifest)?, vocabulary).map_err(DropFault::Manifest)?;
        offer(copy.manifest, parsed, copy.component, vocabulary)
    }

    fn new(manifest: Vec<u8>, parsed: Manifest, component: Vec<u8>) -> Self {
        let digest = Digest::of_extension(&manifest, &component);
        let candidate = Candidate { grants: Grants::asked_by(&parsed), manifest: parsed, digest };
        Self { candidate, manifest, component }
    }
}

fn offer(manifest: Vec<u8>, parsed: Manifest, component: Vec<u8>, vocabulary: &Vocabulary) -> Result<Offer, DropFault> {
    let anatomy = Anatomy::of(&component).map_err(DropFault::Component)?;
    fit::check(&parsed, &anatomy, vocabulary)?;
    Ok(Offer::new(manifest, parsed, component))
}

/// What is to be looked at. Nothing of it is read.
#[derive(Default)]
struct Places {
    /// The folders of all drops, each once.
    folders: Vec<PathBuf>,
    /// What is to be said about the roots themselves: no drop takes its place, whatever way leads to it.
    warnings: Vec<Dropped>,
}

impl Places {
    fn below(roots: &[PathBuf]) -> Self {
        let mut places = Self::default();
        let mut roots_seen = BTreeSet::new();
        for root in roots.iter().filter(|root| roots_seen.insert(canonical(root))) {
            places.add(root);
        }
        let mut seen = BTreeSet::new();
        places.folders.retain(|folder| seen.insert(canonical(folder)));
        places
    }

    fn add(&mut self, root: &Path) {
        if root.join(MANIFEST_FILE).exists() {
            return self.folders.push(root.to_owned());
        }
        match Entries::of(root) {
            Ok(entries) => {
                self.folders.extend(entries.folders);
                let too_many = (!entries.is_all).then_some(DropFault::TooMany { drops_max: EXTENSION_DROPS_MAX });
                let files = entries.components;
                let astray = (!files.is_empty()).then_some(DropFault::Astray { files });
                self.warnings.extend(too_many.into_iter().chain(astray).map(|fault| warning(root, fault)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.warnings.push(warning(root, unreadable("the folder", &error))),
        }
    }
}

/// What lies in a root.
struct Entries {
    /// Its folders, the first by their names.
    folders: Vec<PathBuf>,
    /// Files that look like components: nobody would look at one that lies in no folder of its own.
    components: Vec<String>,
    /// Whether everything was looked at.
    is_all: bool,
}

impl Entries {
    fn of(root: &Path) -> io::Result<Self> {
        let (mut folders, mut components) = (Vec::new(), Vec::new());
        let mut entries = fs::read_dir(root)?;
        for entry in entries.by_ref().take(ENTRIES_MAX) {
            let entry = entry?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // A link that leads nowhere was meant to be a folder.
            if entry.path().metadata().is_ok_and(|what| !what.is_dir()) {
                if name.as_encoded_bytes().ends_with(b".wasm") {
                    components.push(name.to_string_lossy().into_owned());
                }
                continue;
            }
            folders.push(entry.path());
        }
        folders.sort();
        components.sort();
        let is_all = folders.len() <= EXTENSION_DROPS_MAX && entries.next().is_none();
        folders.truncate(EXTENSION_DROPS_MAX);
        Ok(Self { folders, components, is_all })
    }
}

fn canonical(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

fn warning(root: &Path, fault: DropFault) -> Dropped {
    Dropped { folder: root.to_owned(), id: None, found: Err(fault) }
}

/// Reads and judges one drop; with the name of its component, if the manifest could be read.
fn look(folder: PathBuf, vocabulary: &Vocabulary) -> (Dropped, Option<String>) {
    let found = read(&folder, vocabulary).map(|offer| offer.candidate);
    let named = match &found {
        Ok(candidate) => Some(candidate.manifest.clone()),
        Err(_) => manifest(&folder, vocabulary).ok(),
    };
    let (id, component) = named.map(|manifest| (manifest.id, manifest.component)).unzip();
    let id = id.or_else(|| Manifest::claimed_id(str::from_utf8(&read_manifest(&folder).ok()?).ok()?));
    (Dropped { folder, id, found }, component)
}

/// Two folders that say they are the same extension are both refused: which one was meant is not ours to guess.
fn fault_shared_ids(drops: &mut [Dropped]) {
    let mut folders: BTreeMap<ExtensionId, Vec<PathBuf>> = BTreeMap::new();
    for dropped in drops.iter() {
        if let Some(id) = &dropped.id {
            folders.entry(id.clone()).or_default().push(dropped.folder.clone());
        }
    }
    for dropped in drops {
        let Some((id, folders)) = dropped.id.as_ref().and_then(|id| folders.get_key_value(id)) else { continue };
        if folders.len() > 1 && dropped.found.is_ok() {
            let others = folders.iter().filter(|folder| **folder != dropped.folder).cloned().collect();
            dropped.found = Err(DropFault::SharedId { id: id.clone(), others });
        }
    }
}

fn read_manifest(folder: &Path) -> Result<Vec<u8>, DropFault> {
    read_file(&folder.join(MANIFEST_FILE), EXTENSION_MANIFEST_BYTES_MAX).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => DropFault::NoManifest,
        _ => unreadable(MANIFEST_FILE, &error),
    })
}

fn parse(bytes: &[u8], vocabulary: &Vocabulary) -> Result<Manifest, DropFault> {
    Manifest::parse(text(bytes)?, vocabulary).map_err(DropFault::Manifest)
}

fn text(bytes: &[u8]) -> Result<&str, DropFault> {
    str::from_utf8(bytes).map_err(|_| DropFault::NotText)
}

fn read_component(folder: &Path, name: &str) -> Result<Vec<u8>, DropFault> {
    read_file(&folder.join(name), EXTENSION_COMPONENT_BYTES_MAX).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => DropFault::NoComponent { name: name.to_owned() },
        _ => unreadable(name, &error),
    })
}

/// Reads a file; of one that says that it is too long, nothing.
fn read_file(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > bytes_max as u64 {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {}", amount(bytes_max))));
    }
    read_bounded(path, bytes_max)
}

fn unreadable(file: &str, error: &io::Error) -> DropFault {
    DropFault::Unreadable { file: file.to_owned(), why: error.to_string() }
}

#[cfg(test)]
mod tests;
