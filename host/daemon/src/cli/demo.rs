//! `demo`: the whole story on this machine, with the real Codex and a model that follows a script.

use std::path::PathBuf;

use clap::Args;

use super::Context;
use super::failure::{Exit, Failure};
use crate::demo::{self, DemoOptions};

/// Play the whole story with the real Codex and a scripted model, then stay up
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// End after the story instead of staying up
    #[arg(long)]
    once: bool,
    /// The codex program [default: the one on PATH, else one that is fetched]
    #[arg(long, value_name = "FILE", env = "CODEX_BIN", hide_env_values = true)]
    codex_bin: Option<PathBuf>,
}

impl Demo {
    /// On fresh folders of its own, in the data folder: nothing else of the user's is touched.
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let codex_bin = self.codex_bin.filter(|path| !path.as_os_str().is_empty());
        demo::run(DemoOptions { paths: context.places.find()?, once: self.once, codex_bin }).await.map_err(|error| {
            let failure = Failure::because(Exit::Failed, &error);
            match error.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })
    }
}
