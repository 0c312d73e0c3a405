//! Why an approved version cannot be called, and whose fault that is.

use codex_manager_extension::{CompileFault, ComponentError, LinkError, LockError, ManifestError};

use crate::extensions::shelf::Unfit;

/// Why an approved version cannot be called.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unready {
    /// Its bytes cannot be had.
    #[error(transparent)]
    Copy(#[from] LockError),
    /// It asks for what this host no longer has.
    #[error("its manifest no longer fits this host: {0}")]
    Manifest(#[from] ManifestError),
    /// Its code does not compile.
    #[error("its component cannot run: {0}")]
    Component(#[from] ComponentError),
    /// Its code does not fit what it was granted.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// There is nothing in it to call.
    #[error("its component has no handler of events")]
    NoHandler,
}

impl Unready {
    /// Whether the host could not do its work, so that the same version is worth another try.
    pub(super) const fn is_host(&self) -> bool {
        match self {
            Self::Copy(error) => matches!(error, LockError::Io { .. }),
            Self::Component(error) => error.is_host(),
            _ => false,
        }
    }

    pub(super) fn unfit(&self) -> Unfit {
        let next_step = match self {
            Self::Copy(LockError::Copy { .. }) => "approve it again by its digest",
            _ if self.is_host() => "nothing: it is tried again; the daemon's log says more",
            Self::Component(_) => {
                "build it smaller and approve that; disabled and enabled again, it is tried once more"
            }
            _ => "build it for this host and approve that, or disable it",
        };
        Unfit { fault: self.to_string(), next_step }
    }
}

impl From<CompileFault> for Unready {
    fn from(fault: CompileFault) -> Self {
        Self::Component(fault.into())
    }
}
