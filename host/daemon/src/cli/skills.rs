//! `skills`: which there are, and which are on.

use clap::Subcommand;
use serde_json::{Value, json};

use super::Context;
use super::failure::Failure;
use super::plain::{cell, pretty, table};

/// See skills and turn them on or off
#[derive(Debug, Subcommand)]
pub(super) enum Skills {
    /// List them
    List {
        /// For this folder
        #[arg(long)]
        cwd: Option<String>,
        /// Read them from the disk again
        #[arg(long)]
        force_reload: bool,
    },
    /// Turn one on or off
    #[command(subcommand)]
    Config(SkillConfig),
    /// Remote skills, where Codex has them
    #[command(subcommand)]
    Remote(RemoteSkills),
}

#[derive(Debug, Subcommand)]
pub(super) enum SkillConfig {
    /// Turn a skill on or off
    Set {
        /// Where the skill lies
        path: String,
        /// Whether Codex may use it
        #[arg(action = clap::ArgAction::Set)]
        enabled: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum RemoteSkills {
    /// Show them
    Get,
    /// Choose one
    Set {
        /// Its id
        id: String,
        /// Load it beforehand
        #[arg(long)]
        preload: bool,
    },
}

impl Skills {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.client()?;
        match self {
            Self::List { cwd, force_reload } => {
                let mut query = vec![("forceReload", force_reload.to_string())];
                query.extend(cwd.map(|cwd| ("cwd", cwd)));
                context.output.answer(&client.get(&["skills"], &query).await?, skills_text)
            }
            Self::Config(SkillConfig::Set { path, enabled }) => {
                let answer = client.post(&["skills", "config"], &json!({ "path": path, "enabled": enabled })).await?;
                context.output.answer(&answer, |body| format!("enabled: {}", cell(&body["result"]["effectiveEnabled"])))
            }
            Self::Remote(RemoteSkills::Get) => {
                context.output.answer(&client.get(&["skills", "remote"], &[]).await?, pretty)
            }
            Self::Remote(RemoteSkills::Set { id, preload }) => {
                let body = json!({ "hazelnutId": id, "isPreload": preload });
                context.output.answer(&client.post(&["skills", "remote"], &body).await?, pretty)
            }
        }
    }
}

fn skills_text(body: &Value) -> String {
    let folders = body["data"].as_array().into_iter().flatten();
    let skills = folders.flat_map(|folder| folder["skills"].as_array().into_iter().flatten());
    let row = |skill: &Value| ["name", "enabled", "path"].map(|member| cell(&skill[member]));
    table(["SKILL", "ENABLED", "PATH"], &skills.map(row).collect::<Vec<_>>())
}
