//! What is done to a session in one request: each verb is a `POST` below the session, with a body, and words for what
//! came of it.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::failure::Failure;
use crate::cli::plain::cell;

/// One request, one thing done.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Act {
    /// Interrupt the turn that is running
    #[command(after_help = "Example: codex-manager sessions interrupt $SESSION")]
    Interrupt {
        /// The session's id
        session: String,
        /// Only if this turn is the one
        #[arg(long)]
        turn: Option<String>,
    },
    /// Have Codex review changes, in a turn of its own
    #[command(after_help = "Example: codex-manager sessions review $SESSION --base main")]
    Review {
        /// The session's id
        session: String,
        #[command(flatten)]
        target: Target,
    },
    /// Have Codex replace what was said so far with a summary, in a turn of its own
    #[command(after_help = "Example: codex-manager sessions compact $SESSION")]
    Compact {
        /// The session's id
        session: String,
    },
    /// Take the last turns back; what they changed on the disk stays changed
    #[command(after_help = "Example: codex-manager sessions rollback $SESSION --turns 2")]
    Rollback {
        /// The session's id
        session: String,
        /// How many
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        turns: u32,
    },
    /// Make a session that begins with what was said in this one, and print its id
    #[command(after_help = "Example: codex-manager sessions fork $SESSION")]
    Fork {
        /// The session's id
        session: String,
    },
    /// Give a session a title
    #[command(after_help = "Example: codex-manager sessions rename $SESSION \"Tidy the tests\"")]
    Rename {
        /// The session's id
        session: String,
        /// The title
        title: String,
    },
    /// Put a session away
    #[command(after_help = "Example: codex-manager sessions archive $SESSION")]
    Archive {
        /// The session's id
        session: String,
    },
    /// Get back a session that was put away
    #[command(after_help = "Example: codex-manager sessions unarchive $SESSION")]
    Unarchive {
        /// The session's id
        session: String,
    },
    /// Have Codex load a session now, and not when it is needed
    #[command(after_help = "Example: codex-manager sessions resume $SESSION")]
    Resume {
        /// The session's id
        session: String,
    },
    /// End the commands that a session left running in the background
    #[command(after_help = "Example: codex-manager sessions clean-terminals $SESSION")]
    CleanTerminals {
        /// The session's id
        session: String,
    },
}

/// What is reviewed.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(in crate::cli) struct Target {
    /// What differs from this branch [default: what is not committed]
    #[arg(long, value_name = "BRANCH")]
    base: Option<String>,
    /// What this commit changed
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,
    /// What these words say
    #[arg(long, value_name = "TEXT")]
    instructions: Option<String>,
}

impl Act {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let (session, path, body) = self.request();
        let path: Vec<_> = ["sessions", session].iter().chain(path).copied().collect();
        let answer = context.client()?.post(&path, &body).await?;
        context.output.answer(&answer, |body| self.words(body))
    }

    /// Which session it is about, where below it the request goes, and what it says.
    fn request(&self) -> (&str, &'static [&'static str], Value) {
        let nothing = || json!({});
        match self {
            Self::Interrupt { session, turn } => {
                (session, &["interrupt"], turn.as_ref().map_or_else(nothing, |turn| json!({ "turnId": turn })))
            }
            Self::Review { session, target } => (session, &["review"], target.body()),
            Self::Compact { session } => (session, &["compact"], nothing()),
            Self::Rollback { session, turns } => (session, &["rollback"], json!({ "numTurns": turns })),
            Self::Fork { session } => (session, &["fork"], nothing()),
            Self::Rename { session, title } => (session, &["rename"], json!({ "title": title })),
            Self::Archive { session } => (session, &["archive"], nothing()),
            Self::Unarchive { session } => (session, &["unarchive"], nothing()),
            Self::Resume { session } => (session, &["resume"], nothing()),
            Self::CleanTerminals { session } => (session, &["background-terminals", "clean"], nothing()),
        }
    }

    /// What came of it: what a script goes on with, where there is such a thing.
    fn words(&self, body: &Value) -> String {
        let id = || cell(&body["sessionId"]);
        match self {
            Self::Interrupt { .. } => cell(&body["turnId"]),
            Self::Fork { .. } => cell(&body["session"]["sessionId"]),
            Self::Rename { .. } => cell(&body["session"]["title"]),
            Self::Unarchive { session } => format!("{} is back", cell(&session.as_str().into())),
            Self::Resume { session } => format!("{} is loaded", cell(&session.as_str().into())),
            Self::Archive { .. } => format!("{} archived", id()),
            Self::Rollback { .. } => format!("turns taken back: {}", cell(&body["numTurns"])),
            Self::Review { .. } => format!("{} is under review", id()),
            Self::Compact { .. } => format!("{} is being summed up", id()),
            Self::CleanTerminals { .. } => format!("nothing of {} runs in the background", id()),
        }
    }
}

impl Target {
    fn body(&self) -> Value {
        match self {
            Self { base: Some(branch), .. } => json!({ "targetType": "baseBranch", "branch": branch }),
            Self { commit: Some(sha), .. } => json!({ "targetType": "commit", "sha": sha }),
            Self { instructions: Some(words), .. } => json!({ "targetType": "custom", "instructions": words }),
            _ => json!({ "targetType": "uncommittedChanges" }),
        }
    }
}
