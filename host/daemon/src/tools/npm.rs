//! Fetching Codex's package with npm: pinned by digest, in a folder of its own, then put in place by one rename.
//!
//! npm is used rather than plain HTTP because it is what knows the user's registry, proxy and credentials.

use std::fs::{self, File, create_dir_all};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::{Progress, ToolError};

/// Names the package to npm.
const MANIFEST: &str = include_str!("package.json");
/// Pins the package and its parts by SHA-512, and names no registry: npm asks the one it is set up for.
const LOCK: &str = include_str!("package-lock.json");
/// How much lies on the disk once all is unpacked.
const UNPACKED_BYTES: u64 = 422_754_761;
/// How often the progress is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How long nothing may arrive. npm gives up by itself long before where there is no network at all.
const STALL_MAX: Duration = Duration::from_secs(180);
/// How much of what npm said is shown. What went wrong stands first; advice and stack traces follow.
const SAID_LINES_MAX: usize = 4;
/// How much of what npm says is read.
const SAID_BYTES_MAX: u64 = 64 * 1024;
/// What the folders of unfinished fetches begin with.
const STAGING: &str = ".fetch-";

/// The part of Codex's package that is for one kind of machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Package {
    name: &'static str,
    target: &'static str,
}

impl Package {
    pub(super) fn of_this_machine() -> Result<Self, ToolError> {
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Ok(Self { name: "codex-linux-x64", target: "x86_64-unknown-linux-musl" }),
            ("linux", "aarch64") => Ok(Self { name: "codex-linux-arm64", target: "aarch64-unknown-linux-musl" }),
            (system, architecture) => Err(ToolError::NoPackage { system, architecture }),
        }
    }

    /// The program itself, not npm's launcher of it, where `folder` is what [`fetch`] made.
    pub(super) fn program(self, folder: &Path) -> PathBuf {
        folder.join("node_modules/@openai").join(self.name).join("vendor").join(self.target).join("bin/codex")
    }
}

/// Makes `folder`, in the tools folder, hold the package; nothing is left when it fails. `lock` is the tools folder's.
pub(super) fn fetch(npm: &Path, folder: &Path, lock: &File, progress: &Progress) -> Result<(), ToolError> {
    let tools = folder.parent().expect("the caller names a folder inside the tools folder");
    sweep(tools);
    let staging = Staging::make(tools)?;
    let child = start(npm, &staging, lock)?;
    wait(child, &staging, progress)?;
    let program = Package::of_this_machine()?.program(&staging.package());
    if !program.is_file() {
        return Err(ToolError::Incomplete { path: program });
    }
    settle(&staging, folder)
}

/// A folder for one attempt. It goes when this goes; one that a kill left behind goes with the next attempt.
struct Staging(PathBuf);

impl Staging {
    fn make(tools: &Path) -> Result<Self, ToolError> {
        let staging = Self(tools.join(format!("{STAGING}{}", Uuid::now_v7().simple())));
        let failed = |source| ToolError::Io { doing: "write to", path: staging.0.clone(), source };
        create_dir_all(staging.package()).map_err(failed)?;
        fs::write(staging.package().join("package.json"), MANIFEST).map_err(failed)?;
        fs::write(staging.package().join("package-lock.json"), LOCK).map_err(failed)?;
        File::create(staging.said()).map_err(failed)?;
        Ok(staging)
    }

    fn package(&self) -> PathBuf {
        self.0.join("package")
    }

    fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// npm's own words go to a file, so that a talkative npm never waits for us to read.
    fn said(&self) -> PathBuf {
        self.0.join("said")
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "an unfinished fetch could not be removed");
        }
    }
}

/// Removes what earlier, killed attempts left. The lock is held, so nobody is at work in them.
fn sweep(tools: &Path) {
    let Ok(entries) = fs::read_dir(tools) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(STAGING) {
            drop(Staging(entry.path()));
        }
    }
}

/// Every file that npm would write elsewhere (cache, logs, a note of its own update check) is kept in the staging folder.
/// The lock is npm's too, as its empty input: should we be killed, the next one waits until npm is out of the folder.
fn start(npm: &Path, staging: &Staging, lock: &File) -> Result<Child, ToolError> {
    let failed = |source| ToolError::Io { doing: "run", path: npm.to_owned(), source };
    let said = File::options().append(true).open(staging.said()).map_err(failed)?;
    Command::new(npm)
        .args(["ci", "--ignore-scripts", "--include=optional", "--no-audit", "--no-fund", "--no-update-notifier"])
        .args(["--loglevel=error", "--no-progress", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"])
        .arg("--fetch-timeout=1800000")
        .arg("--cache")
        .arg(staging.cache())
        .arg("--logs-dir")
        .arg(staging.cache().join("_logs"))
        .current_dir(staging.package())
        .stdin(lock.try_clone().map_err(failed)?)
        .stdout(said.try_clone().map_err(failed)?)
        .stderr(said)
        .spawn()
        .map_err(failed)
}

/// Shows what arrives until npm ends. A disk has no event for "more bytes", so this looks at intervals.
fn wait(mut child: Child, staging: &Staging, progress: &Progress) -> Result<(), ToolError> {
    let mut meter = progress.bytes(UNPACKED_BYTES);
    let (mut bytes, mut arrived_at) = (0, Instant::now());
    loop {
        let ended =
            child.try_wait().map_err(|source| ToolError::Io { doing: "wait for", path: "npm".into(), source })?;
        if let Some(status) = ended {
            meter.finish(status.success());
            return if status.success() {
                Ok(())
            } else {
                Err(ToolError::Failed { status: status.to_string(), said: said(staging) })
            };
        }
        let now = bytes_in(&staging.package());
        if now != bytes {
            (bytes, arrived_at) = (now, Instant::now());
        }
        if arrived_at.elapsed() > STALL_MAX {
            meter.finish(false);
            return Err(stop(child));
        }
        meter.at(bytes);
        thread::sleep(LOOK_INTERVAL);
    }
}

fn stop(mut child: Child) -> ToolError {
    // It may have ended in between, which is as well.
    let _ = child.kill();
    let _ = child.wait();
    ToolError::Stalled { seconds: STALL_MAX.as_secs() }
}

/// The rename is what makes it be there; all bytes are on the disk before.
fn settle(staging: &Staging, folder: &Path) -> Result<(), ToolError> {
    let failed = |source| ToolError::Io { doing: "put the package into", path: folder.to_owned(), source };
    let handle = File::open(staging.package()).map_err(failed)?;
    rustix::fs::syncfs(&handle).map_err(|error| failed(error.into()))?;
    if folder.exists() {
        // Somebody took files out of it; it would not have been looked for otherwise.
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    fs::rename(staging.package(), folder).map_err(failed)
}

fn said(staging: &Staging) -> String {
    let mut text = Vec::new();
    // What cannot be read is not shown: npm's status already says that it failed.
    let _ = File::open(staging.said()).map(|file| file.take(SAID_BYTES_MAX).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.take(SAID_LINES_MAX).collect::<Vec<_>>().join("\n")
}

/// Files come and go while npm works; what is gone counts nothing.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => bytes_in(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::VERSION;
    use super::*;

    #[test]
    fn every_part_is_pinned_by_digest_and_no_registry_is_named() {
        let lock: Value = serde_json::from_str(LOCK).unwrap();
        let parts = lock["packages"].as_object().unwrap();
        assert_eq!(parts.len(), 8, "the package, its six systems, and the root");
        for (name, part) in parts.iter().filter(|(name, _)| !name.is_empty()) {
            assert!(part["integrity"].as_str().unwrap().starts_with("sha512-"), "{name}");
            assert!(part["version"].as_str().unwrap().starts_with(VERSION), "{name}");
        }
        assert!(!LOCK.contains("resolved") && !LOCK.contains("://"));
    }

    #[test]
    fn the_manifest_asks_for_what_the_lock_pins() {
        let manifest: Value = serde_json::from_str(MANIFEST).unwrap();
        let lock: Value = serde_json::from_str(LOCK).unwrap();
        assert_eq!(manifest["dependencies"], lock["packages"][""]["dependencies"]);
        assert_eq!(manifest["dependencies"]["@openai/codex"], VERSION);
    }
}
