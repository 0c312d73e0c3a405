//! Why there is no usable tool, and what the user can do about it.

use std::io;
use std::path::PathBuf;

/// Why there is no usable tool.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The path that the user named does not exist.
    #[error("there is no {}", path.display())]
    Missing {
        /// As it was named.
        path: PathBuf,
    },
    /// The path that the user named is a folder, or lacks the right to be run.
    #[error("{} cannot be run: it is not an executable file", path.display())]
    NotExecutable {
        /// As it was named.
        path: PathBuf,
    },
    /// Codex is missing and there is no package of it for this machine.
    #[error("there is no package of codex for {system} on {architecture}")]
    NoPackage {
        /// The operating system, as Rust calls it.
        system: &'static str,
        /// The processor, as Rust calls it.
        architecture: &'static str,
    },
    /// Codex is missing, and so is what would fetch it.
    #[error("codex is missing, and there is no npm on PATH to fetch it with")]
    NoNpm,
    /// npm ran and failed: no network, no such package, a digest that does not match.
    #[error("npm could not fetch codex ({status}){}", indented(said))]
    Failed {
        /// How npm ended.
        status: String,
        /// The end of what it said.
        said: String,
    },
    /// Nothing arrived for so long that waiting is pointless.
    #[error("npm fetched nothing for {seconds} seconds and was stopped")]
    Stalled {
        /// How long nothing arrived.
        seconds: u64,
    },
    /// npm was content, and yet the program is not where the package has it.
    #[error("the fetched package has no program at {}", path.display())]
    Incomplete {
        /// Where it should be.
        path: PathBuf,
    },
    /// The tools folder, or npm itself, could not be used.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl ToolError {
    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } | Self::NotExecutable { .. } => {
                "name the codex program itself in --codex-bin or CODEX_BIN, or leave both out to have it found or fetched"
            }
            Self::NoPackage { .. } => "build codex for this machine and name it in CODEX_BIN",
            Self::NoNpm => "install Node with npm, or put codex on PATH, or name it in CODEX_BIN",
            Self::Failed { .. } | Self::Stalled { .. } => {
                "check that npm reaches its registry and try again, or put codex on PATH, or name it in CODEX_BIN"
            }
            Self::Incomplete { .. } => "put codex on PATH, or name it in CODEX_BIN",
            Self::Io { .. } => "name a folder that you can write to in CODEX_MANAGER_TOOLS_DIR",
        }
    }

    /// Whether the tool is merely not here and cannot be had now, as opposed to something being wrong with what is here.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::NoPackage { .. } | Self::NoNpm | Self::Failed { .. } | Self::Stalled { .. })
    }
}

/// What npm said, below the sentence and set off from it.
fn indented(said: &str) -> String {
    said.lines().map(|line| format!("\n  {line}")).collect()
}
