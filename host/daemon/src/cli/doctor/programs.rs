//! The programs: Codex, what contains it, and the SQLite that is linked in.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use codex_manager_app_server::{Containment, VERSION_MIN, Version};
use rustix::process::geteuid;
use tokio::process::Command;
use tokio::time::timeout;

use super::check::Check;
use super::replaceable;
use crate::tools::{self, Codex, Tool, ToolError};

/// How long a program may take to say its version.
const VERSION_WAIT_MAX: Duration = Duration::from_secs(10);

/// The SQLite that is linked in. One that is too old would not have opened the store.
pub(super) fn sqlite() -> Check {
    Check::ok("sqlite", codex_manager_store::sqlite_version())
}

/// Where Codex lies, if it is there already.
pub(super) fn path(given: Option<PathBuf>, tools: &Path) -> Option<PathBuf> {
    find(given, tools).ok().flatten().map(|tool| tool.path)
}

/// A name of nothing names no program.
fn find(given: Option<PathBuf>, tools: &Path) -> Result<Option<Tool>, ToolError> {
    Codex::new(given.filter(|path| !path.as_os_str().is_empty()), tools).find()
}

/// Codex, and whether it would be contained.
pub(super) async fn codex(given: Option<PathBuf>, tools: &Path, bwrap: Option<PathBuf>) -> Vec<Check> {
    const NAME: &str = "codex";
    match find(given, tools) {
        Ok(Some(tool)) => {
            let contained = Containment { bwrap, ..Containment::default() }.probe(&tool.path).await;
            let mut checks = vec![version(NAME, &tool).await, containment(&contained)];
            let programs = [Some(tool.path.as_path()), contained.as_deref().ok()];
            checks.extend(replaceable::check(programs.into_iter().flatten(), geteuid()));
            checks
        }
        Ok(None) => {
            let message = format!("not found; `serve` would fetch version {}", tools::VERSION);
            vec![Check::warn(NAME, message, "put codex on PATH, name it in CODEX_BIN, or let it be fetched with npm")]
        }
        Err(error) => vec![Check::fail(NAME, error.to_string(), error.hint())],
    }
}

async fn version(name: &'static str, tool: &Tool) -> Check {
    let path = tool.path.display();
    let next = format!("install codex {VERSION_MIN} or newer, or name another in CODEX_BIN");
    match ask_version(&tool.path).await {
        Ok(version) if version >= VERSION_MIN => Check::ok(name, format!("{version} at {path}")),
        Ok(version) => Check::fail(name, format!("{version} at {path} is too old"), next),
        Err(why) => Check::fail(name, format!("{path} {why}"), next),
    }
}

async fn ask_version(program: &Path) -> Result<Version, String> {
    let asked = Command::new(program).arg("--version").stdin(Stdio::null()).kill_on_drop(true).output();
    let output = match timeout(VERSION_WAIT_MAX, asked).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("cannot be run: {error}")),
        Err(_) => return Err(format!("says nothing for {} seconds", VERSION_WAIT_MAX.as_secs())),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let version = said.split_whitespace().last().and_then(Version::parse);
    version.ok_or_else(|| format!("does not tell its version ({})", output.status))
}

fn containment(contained: &Result<PathBuf, String>) -> Check {
    const NAME: &str = "containment";
    match contained {
        Ok(bwrap) => Check::ok(NAME, format!("codex is kept away from the daemon's secrets by {}", bwrap.display())),
        Err(why) => Check::warn(NAME, why, "allow unprivileged user namespaces, or install bubblewrap"),
    }
}
