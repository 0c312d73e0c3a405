//! The guard's source, copied so that it can be changed, and built as any author builds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use codex_manager_extension::MANIFEST_FILE;
use tokio::time::timeout;

use crate::demo::fault::{Fault, ensure};
use crate::demo::stage::Stage;
use crate::demo::tell::seen;

/// How long a build may take: the first one compiles everything that the guard is made of.
const BUILD_MAX: Duration = Duration::from_secs(600);
/// What of the source is copied besides `src`.
const FILES: [&str; 3] = [MANIFEST_FILE, "Cargo.toml", "Cargo.lock"];
/// How the guard names the SDK, seen from its place in the repository.
const SDK: &str = "\"../../sdk/rust\"";

/// A copy of the source.
pub(super) struct Source {
    folder: PathBuf,
    /// Where cargo works: beside the original, so that what the guard is made of is compiled once.
    target: PathBuf,
}

/// Where the source lies: below the folder that the demo is played in, else where this program was built.
pub(super) fn find() -> Option<PathBuf> {
    [PathBuf::from("extensions/guard"), built_from()].into_iter().find_map(|folder| {
        let folder = folder.canonicalize().ok()?;
        folder.join("Cargo.toml").is_file().then_some(folder)
    })
}

/// The folder in the repository that this program was built from.
pub(super) fn built_from() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../extensions/guard")
}

impl Source {
    /// Copies what lies in `origin`.
    pub(super) fn copy(origin: &Path, folder: &Path) -> Result<Self, Fault> {
        let source = Self { folder: folder.to_owned(), target: origin.join("target") };
        let copied = copy_folder(&origin.join("src"), &folder.join("src"))
            .and_then(|()| FILES.iter().try_for_each(|file| fs::copy(origin.join(file), folder.join(file)).map(drop)));
        copied.map_err(|error| Fault::because("the guard's source cannot be copied", error.into()))?;
        let sdk = origin.join("../../sdk/rust");
        source.change("Cargo.toml", SDK, &format!("{:?}", sdk.to_string_lossy()))?;
        Ok(source)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Has `now` stand where `was` stood.
    pub(super) fn change(&self, file: &str, was: &str, now: &str) -> Result<(), Fault> {
        let path = self.folder.join(file);
        let failed = |error: std::io::Error| Fault::because(format!("{file} cannot be changed"), error.into());
        let text = fs::read_to_string(&path).map_err(failed)?;
        ensure(text.contains(was), || format!("the guard's {file} has no {was:?}"))?;
        fs::write(&path, text.replace(was, now)).map_err(failed)
    }

    /// Builds it by `ext build`.
    pub(super) async fn build(&self, stage: &Stage) -> Result<(), Fault> {
        let mut command = stage.command("ext");
        command.arg("build").arg(&self.folder).env("CARGO_TARGET_DIR", &self.target).stdin(Stdio::null());
        let output = timeout(BUILD_MAX, command.kill_on_drop(true).output()).await;
        let output = output.map_err(|_| Fault::new(format!("ext build took over {} s", BUILD_MAX.as_secs())))?;
        let output = output.map_err(|error| Fault::because("ext build cannot be run", error.into()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure(output.status.success(), || format!("ext build failed: {said}"))?;
        let bytes = self.component().metadata().map_or(0, |component| component.len());
        ensure(bytes > 0, || "ext build left no component".to_owned())?;
        seen(format!("ext build: a component of {} KB, from source", bytes.div_ceil(1000)));
        Ok(())
    }

    /// What was built.
    pub(super) fn component(&self) -> PathBuf {
        self.folder.join("guard.wasm")
    }
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in from.read_dir()? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to)?
        } else {
            fs::copy(entry.path(), to).map(drop)?
        }
    }
    Ok(())
}
