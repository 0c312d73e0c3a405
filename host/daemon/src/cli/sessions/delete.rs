//! `sessions delete`: for good, and so not without a yes.

use clap::Args;

use super::list::title;
use crate::cli::Context;
use crate::cli::confirm::{Yes, ask};
use crate::cli::failure::Failure;
use crate::cli::plain::{cell, plain};

#[derive(Debug, Args)]
pub(in crate::cli) struct Delete {
    /// The session's id
    session: String,
    #[command(flatten)]
    yes: Yes,
}

impl Delete {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let path = ["sessions", &self.session];
        let must_ask = self.yes.is_missing()?;
        let client = context.client()?;
        if must_ask {
            // An id says little to a person.
            let session = client.get(&path, &[]).await?.json;
            let question = format!("Delete {}, {:?}, for good?", self.session, title(&session["session"]));
            ask(&plain(&question), "nothing was deleted")?;
        }
        let answer = client.delete(&path).await?;
        context.output.answer(&answer, |body| format!("{} deleted", cell(&body["sessionId"])))
    }
}
