//! What went wrong: inside a step as a sentence, outside with the step's name.

use std::error::Error;

use crate::tools::ToolError;

/// Why the story was not told to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// There is no Codex, and none could be fetched.
    #[error("the demo needs codex")]
    Codex(#[source] ToolError),
    /// The demo could not begin.
    #[error("the demo cannot begin")]
    Prepare(#[source] Fault),
    /// A step did not happen as it should.
    #[error("step {letter} did not happen ({title})")]
    Step {
        /// The step.
        letter: char,
        /// What it shows.
        title: &'static str,
        /// What was not seen.
        #[source]
        fault: Fault,
    },
    /// A step cannot be played on this machine.
    #[error("step {letter} was skipped ({title}): {why}")]
    Skipped {
        /// The step.
        letter: char,
        /// What it shows.
        title: &'static str,
        /// What is missing here.
        why: String,
    },
    /// Somebody pressed Ctrl-C.
    #[error("interrupted before the end of the story")]
    Interrupted,
}

impl DemoError {
    pub(super) fn prepare(fault: Fault) -> Self {
        Self::Prepare(fault)
    }

    /// The next step.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Codex(error) => Some(error.hint()),
            Self::Prepare(_) | Self::Step { .. } | Self::Skipped { .. } | Self::Interrupted => None,
        }
    }
}

/// Something that should have been seen and was not.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Fault {
    what: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), source: None }
    }

    pub(super) fn because(what: impl Into<String>, source: Box<dyn Error + Send + Sync>) -> Self {
        Self { what: what.into(), source: Some(source) }
    }
}

/// A fault that says what was seen instead, unless `seen`.
pub(super) fn ensure(seen: bool, what: impl FnOnce() -> String) -> Result<(), Fault> {
    if seen { Ok(()) } else { Err(Fault::new(what())) }
}
