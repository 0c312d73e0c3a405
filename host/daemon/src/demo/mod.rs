//! The demo: the whole story of the daemon, played against the real Codex and told as it happens.
//!
//! It runs a daemon as a process of its own, on fresh folders, so that it can be killed as a user's daemon can, and knows
//! it only through the REST API and the event stream. Nothing is told that was not seen; what should have been seen and
//! was not ends the story with an error that names the step.
//!
//! It is no test of corner cases, and it decides nothing that the daemon would not do for anybody.

mod answer;
mod api;
mod approval;
mod child;
mod crash;
mod fault;
mod folders;
mod follow;
mod frame;
mod guard;
mod interrupt;
mod patience;
mod process;
mod secret;
mod stage;
mod starting;
mod staying;
mod tell;
mod void;

use std::path::PathBuf;

use tokio::task::spawn_blocking;

use crate::paths::Paths;
use crate::tools::{Codex, Progress};

pub(crate) use fault::DemoError;
use fault::Fault;
use interrupt::Interrupt;
use stage::Stage;

/// What the user said about the demo.
#[derive(Debug)]
pub(crate) struct DemoOptions {
    /// Where things lie. The demo's own folders are made in the data folder, and nothing else in it is touched.
    pub(crate) paths: Paths,
    /// End after the story, instead of leaving the daemon to be looked at.
    pub(crate) once: bool,
    /// The codex program to run; `None` looks for one, and fetches it where there is none.
    pub(crate) codex_bin: Option<PathBuf>,
}

/// Plays the story, and keeps the daemon up afterwards until it is interrupted, unless it is to be played once.
/// Whatever happens, nothing that it started is left running; its folders go too, unless a step failed.
///
/// # Errors
/// When Codex is not to be had, a step did not happen or cannot be played here, or it was interrupted before the end of
/// the story.
pub(crate) async fn run(options: DemoOptions) -> Result<(), DemoError> {
    let mut interrupt = Interrupt::listen().map_err(DemoError::prepare)?;
    let mut stage = tokio::select! {
        stage = prepare(&options.paths, options.codex_bin) => stage?,
        () = interrupt.happened() => return Err(DemoError::Interrupted),
    };
    let mut told = tokio::select! {
        told = story(&mut stage) => told,
        () = interrupt.happened() => Err(DemoError::Interrupted),
    };
    if matches!(told, Ok(()) | Err(DemoError::Skipped { .. })) && !options.once {
        told = staying::tell(&stage).map_err(DemoError::prepare);
        interrupt.happened().await;
    }
    if matches!(told, Err(DemoError::Step { .. })) {
        stage.keep_folders();
        tell::kept(&stage);
    }
    stage.clear().await;
    told
}

/// The story. Each step stands on the ones before it.
async fn story(stage: &mut Stage) -> Result<(), DemoError> {
    tell::opening(stage);
    let step = tell::step('a', "the daemon listens before Codex is ready");
    step.ended(starting::play(stage).await)?;
    let step = tell::step('b', "a message is answered, and the answer streams");
    step.ended(answer::play(stage).await)?;
    let step = tell::step('c', "Codex asks before it runs a command");
    step.ended(approval::play(stage).await)?;
    let step = tell::step('d', "a turn goes for the daemon's token");
    step.ended(secret::play(stage).await)?;
    let step = tell::step('e', "the daemon is killed in the middle of an answer");
    step.ended(crash::play(stage).await)?;
    let step = tell::step('f', "Codex itself is killed");
    step.ended(child::play(stage).await)?;
    step.ended(void::play(stage).await)?;
    let step = tell::step('g', "an extension guards what is dear");
    let skipped = step.ended(guard::play(stage).await)?;
    tell::ending(stage, skipped.is_some());
    skipped.map_or(Ok(()), |why| Err(step.skipped(why)))
}

/// Gets Codex, makes the folders and starts the model.
async fn prepare(paths: &Paths, codex_bin: Option<PathBuf>) -> Result<Stage, DemoError> {
    let codex = Codex::new(codex_bin, &paths.tools);
    let found = spawn_blocking(move || codex.find_or_fetch(&Progress::on_stderr())).await;
    let found =
        found.map_err(|error| DemoError::prepare(Fault::because("the search for codex broke off", error.into())))?;
    Stage::set(paths, found.map_err(DemoError::Codex)?.path).await.map_err(DemoError::prepare)
}
