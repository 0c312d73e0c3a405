//! What can be wrong with a drop, and what to do about it.

use std::fmt::Display;
use std::path::PathBuf;

use semver::Version;

use crate::{AnatomyError, ExtensionId, Interface, ManifestError};

/// How many of several folders or files are named.
const NAMED_MAX: usize = 3;

/// What is wrong with a drop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DropFault {
    /// There is no manifest.
    #[error("there is no extension.toml")]
    NoManifest,
    /// A file is there and cannot be read, or is too long.
    #[error("{file} cannot be read: {why}")]
    Unreadable {
        /// Which.
        file: String,
        /// What the system said.
        why: String,
    },
    /// The manifest is not text.
    #[error("extension.toml is not UTF-8 text")]
    NotText,
    /// The manifest is not TOML, or says what cannot be.
    #[error("extension.toml: {0}")]
    Manifest(ManifestError),
    /// The component is not there.
    #[error("there is no {name}")]
    NoComponent {
        /// Its name.
        name: String,
    },
    /// The component's file is none.
    #[error("{0}")]
    Component(AnatomyError),
    /// It needs capabilities that the manifest does not ask for.
    #[error("it uses {} without asking for it in extension.toml", .capabilities.join(", "))]
    Undeclared {
        /// Their names.
        capabilities: Vec<String>,
    },
    /// It needs what this host has not.
    #[error("it needs what this host does not have: {}", .imports.join(", "))]
    Unknown {
        /// What, as the component writes it.
        imports: Vec<String>,
    },
    /// It was built against another major version of a package.
    #[error("it was built against {asked}, and this host has {has}")]
    WrongMajor {
        /// What it was built against.
        asked: Interface,
        /// The host's version of the package.
        has: Version,
    },
    /// It has no handler at all.
    #[error("the component exports no handler")]
    NoHandler,
    /// The manifest names handlers that the component has not.
    #[error("extension.toml names handlers that the component does not export: {}", .handlers.join(", "))]
    HandlerMissing {
        /// Their names.
        handlers: Vec<String>,
    },
    /// The component has handlers of which the manifest says nothing, and so they would never be called.
    #[error("the component exports handlers that extension.toml does not name: {}", .handlers.join(", "))]
    HandlerUnnamed {
        /// Their names.
        handlers: Vec<String>,
    },
    /// The drop folder holds more than this host looks at.
    #[error("only the first {drops_max} folders were looked at")]
    TooMany {
        /// How many were.
        drops_max: usize,
    },
    /// Components lie in the drop folder itself.
    #[error("in the drop folder itself, where nothing is looked at but folders, lies: {}", listed(.files.iter()))]
    Astray {
        /// Their names.
        files: Vec<String>,
    },
    /// Another folder says that it is the same extension.
    #[error("{id} lies in more than one folder; also in {}", listed(.others.iter().map(|folder| folder.display())))]
    SharedId {
        /// The id.
        id: ExtensionId,
        /// The other folders.
        others: Vec<PathBuf>,
    },
}

impl DropFault {
    /// What to do about it, as a sentence to its author or to whoever dropped it.
    pub fn next_step(&self) -> String {
        match self {
            Self::NoManifest => "add an extension.toml, or move the folder elsewhere".to_owned(),
            Self::Unreadable { file, .. } => format!("make {file} a plain, readable file of a usual size"),
            Self::NotText => "save extension.toml as UTF-8".to_owned(),
            Self::Manifest(ManifestError::Syntax(problem)) => format!("mend line {} of extension.toml", problem.line),
            Self::Manifest(ManifestError::Newer(_)) => {
                "run it on a newer host, or take the version of it that was made for this one".to_owned()
            }
            Self::Manifest(ManifestError::Refused(_)) => "correct these lines of extension.toml".to_owned(),
            Self::NoComponent { name } => format!("build the extension, so that {name} lies beside extension.toml"),
            Self::Component(AnatomyError::Module) => "build it for wasm32-wasip2, which makes components".to_owned(),
            Self::Component(AnatomyError::Truncated) => "copy the file again; it is not whole".to_owned(),
            Self::Component(AnatomyError::TooMuch { max, .. }) => format!("build it with {max} at most"),
            Self::Component(AnatomyError::NoHandle { .. }) => "export the function handle of that interface".to_owned(),
            Self::Component(_) => "build the component again".to_owned(),
            Self::Undeclared { capabilities } => {
                let sections: Vec<_> = capabilities.iter().map(|name| format!("[capabilities.{name}]")).collect();
                format!("add {} with a reason to extension.toml, or do not use it", sections.join(" and "))
            }
            Self::Unknown { imports } if imports.iter().any(|import| import.starts_with("wasi:")) => {
                "build it without these (componentize-js: disableFeatures, componentize-py: --stub-wasi), or run it on a \
                 host that has them"
                    .to_owned()
            }
            Self::Unknown { .. } => "build it without these, or run it on a host that has them".to_owned(),
            Self::WrongMajor { asked, has } => format!("build it against version {} of {}", has.major, asked.package),
            Self::NoHandler => "export a handler, and name it in extension.toml".to_owned(),
            Self::HandlerMissing { handlers } => {
                format!("export {}, or take it out of extension.toml", handlers.join(" and "))
            }
            Self::HandlerUnnamed { handlers } => {
                let sections: Vec<_> = handlers.iter().map(|name| format!("[handlers.{name}]")).collect();
                format!("add {} to extension.toml", sections.join(" and "))
            }
            Self::TooMany { .. } => "move what is no extension elsewhere".to_owned(),
            Self::Astray { .. } => "put each into a folder of its own, beside its extension.toml".to_owned(),
            Self::SharedId { .. } => "keep one of the folders".to_owned(),
        }
    }
}

/// Some of them, and how many more there are: anybody may have laid them there.
fn listed(names: impl ExactSizeIterator<Item = impl Display>) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    let named = names.take(NAMED_MAX).map(|name| name.to_string()).collect::<Vec<_>>().join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}
