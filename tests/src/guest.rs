//! Guests: from the source of an extension to its component, whatever it is written in.
//!
//! A folder with `Cargo.toml` is Rust, built as `codex-manager ext build` does it; `guest.wat` is the text of a core
//! module; `guest.py` and `guest.js` are made into components by the tools of their languages. What those tools are and
//! how they are pinned lies beside the source. Programs that are missing are a reason to skip; source that does not build
//! is a mistake.

mod javascript;
mod kept;
mod python;
mod rust;
mod text;
mod tool;

pub use kept::kept;
pub(crate) use tool::{program, run};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use codex_manager::paths::{Given, Paths};

/// What was built, by the folder of its source.
type Built = BTreeMap<PathBuf, Arc<OnceLock<Result<PathBuf, String>>>>;

/// The component of the guest in `folder`, built once a run, however many tests ask for it. `scratch` is
/// `env!("CARGO_TARGET_TMPDIR")`.
///
/// # Errors
/// Why it cannot be built here, for [`skip!`](crate::skip).
///
/// # Panics
/// When its source is at fault.
pub fn guest(folder: &Path, scratch: &str) -> Result<PathBuf, String> {
    static BUILT: Mutex<Built> = Mutex::new(Built::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let place = Arc::clone(built.entry(folder.to_owned()).or_default());
    drop(built);
    place.get_or_init(|| build(folder, Path::new(scratch))).clone()
}

fn build(folder: &Path, scratch: &Path) -> Result<PathBuf, String> {
    let name = folder.file_name().expect("a guest's folder has a name");
    let component = scratch.join("guests").join(name).with_extension("wasm");
    std::fs::create_dir_all(scratch.join("guests")).expect("the scratch folder can be written");
    let has = |file: &str| folder.join(file).exists();
    if has("Cargo.toml") {
        rust::build(folder, &component)?;
    } else if has("guest.wat") {
        text::build(folder, &component);
    } else if has("guest.py") {
        return python::build(folder);
    } else if has("guest.js") {
        return javascript::build(folder);
    } else {
        panic!("{} has no source that is known here", folder.display());
    }
    Ok(component)
}

/// Where tools are kept, and what is expensive to make with them: the same folder as the daemon's.
fn tools() -> Result<PathBuf, String> {
    Ok(Paths::find(Given::default()).map_err(|error| error.to_string())?.tools)
}

/// The packages that guests are built against.
fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit")
}
