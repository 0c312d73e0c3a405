//! What the host could not do.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Why a component was not compiled, through no fault of its own. It may be otherwise the next time, so it is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum CompileFault {
    /// The system gave no process.
    #[error("its compiler could not be started: {0}")]
    NotStarted(#[source] io::Error),
    /// It was ended from outside, or ended by itself without a word.
    #[error("its compiler was ended from outside ({status}); the machine may have too little memory. {said}")]
    Ended {
        /// How.
        status: ExitStatus,
        /// What it said of it last.
        said: String,
    },
    /// It neither computed much nor came to an end.
    #[error("its compiler had not ended after {} s, and was", .0.as_secs())]
    Hung(Duration),
    /// It could not limit itself, or belongs to another engine.
    #[error("its compiler cannot work here: {0}")]
    Unfit(String),
    /// It answered what cannot be understood.
    #[error("its compiler cannot be understood: {0}")]
    Garbled(#[source] io::Error),
    /// It was told to stop.
    #[error("its compiler was stopped")]
    Stopped,
    /// It panicked outside of what it compiled.
    #[error("its compiler panicked")]
    Panicked,
    /// Its code cannot be kept.
    #[error("its code cannot be kept in {}: {source}", path.display())]
    Folder {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its code was there a moment ago.
    #[error("its code has gone from the folder in which it is kept")]
    Lost,
    /// What is known of its code cannot be read or written.
    #[error("what came of it cannot be recorded: {0}")]
    Ledger(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Its code is right and cannot be loaded.
    #[error("its code cannot be loaded: {0}")]
    NotLoaded(String),
}
