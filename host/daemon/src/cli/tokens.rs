//! `tokens`: who may come in. By the API while the daemon runs; in the store itself while none does, so that a first token
//! can be made before a first start.

mod offline;

use clap::Subcommand;
use codex_manager_model::Role;
use jiff::{Span, Timestamp, Zoned};
use serde_json::json;

use super::Context;
use super::client::Answer;
use super::failure::{Exit, Failure};
use super::output::{Output, remark};
use super::plain::cell;
use super::words::word;
use crate::service::tokens::FILE_TOKEN_NAME;
use offline::Offline;

const HEADINGS: [&str; 6] = ["TOKEN", "ROLE", "NAME", "MADE", "ENDS", "REVOKED"];

/// Make, list and end bearer tokens
#[derive(Debug, Subcommand)]
pub(super) enum Tokens {
    /// Make a token and print its secret, which is shown this once
    #[command(after_help = "Example: codex-manager tokens create --role viewer --name ci --expires-in 30d")]
    Create {
        /// What its bearer may do
        #[arg(long, value_parser = word::<Role>())]
        role: Role,
        /// What to call it
        #[arg(long)]
        name: String,
        /// When it ends by itself: 12h, 30d, 1y [default: never]
        #[arg(long, value_name = "TIME")]
        expires_in: Option<Span>,
    },
    /// List tokens, the ended ones included
    List,
    /// End a token at once
    #[command(after_help = "Example: codex-manager tokens revoke $TOKEN")]
    Revoke {
        /// The token's id
        token: String,
    },
}

impl Tokens {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let answer = match self.ask(context).await {
            // Nobody was named and nobody is there: the store is free, or its lock says who has it.
            Err(failure) if failure.exit == Exit::Unreachable && !context.remote.is_named() => {
                self.here(context).await?
            }
            answer => answer?,
        };
        self.print(context.output, &answer)
    }

    async fn ask(&self, context: &Context) -> Result<Answer, Failure> {
        let client = context.client()?;
        match self {
            Self::Create { role, name, expires_in } => {
                let body = json!({ "role": role, "name": name, "expiresAt": end(*expires_in)? });
                client.post(&["tokens"], &body).await
            }
            Self::List => client.get(&["tokens"], &[]).await,
            Self::Revoke { token } => client.delete(&["tokens", token]).await,
        }
    }

    async fn here(&self, context: &Context) -> Result<Answer, Failure> {
        let paths = context.places.find()?;
        // To look is no reason to make a store.
        if matches!(self, Self::List) && Offline::is_nowhere(&paths)? {
            return Ok(Offline::nothing());
        }
        let offline = Offline::open(&paths).await?;
        let answer = match self {
            Self::Create { role, name, expires_in } => offline.create(name, *role, end(*expires_in)?).await,
            Self::List => offline.list().await,
            Self::Revoke { token } => offline.revoke(token).await,
        };
        offline.close().await;
        answer
    }

    fn print(&self, output: Output, answer: &Answer) -> Result<(), Failure> {
        if matches!(self, Self::Create { .. }) && output == Output::Text {
            let token = &answer.json["token"];
            let (id, role) = (cell(&token["tokenId"]), cell(&token["role"]));
            remark(&format!("{id} ({role}): its secret is shown this once"));
        }
        match self {
            Self::Create { .. } => output.answer(answer, |body| cell(&body["secret"])),
            Self::List => output.list(answer, HEADINGS, "there are no tokens", |token| {
                ["tokenId", "role", "name", "createdAt", "expiresAt", "revokedAt"].map(|member| cell(&token[member]))
            }),
            Self::Revoke { .. } => {
                output.answer(answer, |body| format!("{} ended", cell(&body["token"]["tokenId"])))?;
                if answer.json["token"]["name"] == FILE_TOKEN_NAME {
                    remark("the file `token` held it; a daemon that starts writes a new one there");
                }
                Ok(())
            }
        }
    }
}

/// When a token made now ends. A day, a month and a year are those of the calendar here.
fn end(expires_in: Option<Span>) -> Result<Option<Timestamp>, Failure> {
    let end = expires_in.map(|span| Zoned::now().checked_add(span)).transpose();
    Ok(end.map_err(|error| Failure::because(Exit::Usage, &error))?.map(|end| end.timestamp()))
}
