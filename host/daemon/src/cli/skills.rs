//! `skills`: which there are, and which are on.

use clap::Subcommand;
use serde_json::{Value, json};

use super::Context;
use super::failure::Failure;
use super::plain::{cell, pretty};

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
    #[command(after_help = "Example: codex-manager skills config set ~/.codex/skills/tidy/SKILL.md false")]
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
    #[command(after_help = "Example: codex-manager skills remote set $SKILL --preload")]
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
                let answer = client.get(&["skills"], &query).await?;
                context.output.rows(&answer, ["SKILL", "ENABLED", "PATH"], "there are no skills", &rows(&answer.json))
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

fn rows(body: &Value) -> Vec<[String; 3]> {
    let folders = body["data"].as_array().into_iter().flatten();
    let skills = folders.flat_map(|folder| folder["skills"].as_array().into_iter().flatten());
    skills.map(|skill| ["name", "enabled", "path"].map(|member| cell(&skill[member]))).collect()
}
