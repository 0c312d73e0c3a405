//! `config`: what is in effect, and who said so.
//!
//! A setting is said with a flag, in the environment or in `config.toml`, and the first of these that says it counts. One
//! [table](table) has them all.

mod file;
mod flags;
mod kind;
#[cfg(test)]
mod page;
mod running;
mod setting;
mod settings;
pub(super) mod table;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::Context;
use super::failure::Failure;
use super::plain::plain;
pub(super) use file::codex_provider;
pub(super) use flags::Flags;
pub(super) use running::{Running, Told};
use setting::Setting;
pub(super) use settings::Settings;
use settings::{Chosen, Origin};
use table::ALL;

/// What is in effect, and who said so
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Every setting in effect; takes the flags of `serve`, to see what they would change
    Show(Show),
    /// Every key that the file can have, what it may be, and what it does; the file is not looked at
    Keys,
    /// Where the file is read from
    Path,
}

/// What to show.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Say of each who set it: a flag, a variable, a line of the file, or nobody
    #[arg(long)]
    origin: bool,
    #[command(flatten)]
    flags: Flags<false>,
}

impl Config {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Show(show) => show.run(context),
            Self::Keys => keys(context),
            Self::Path => {
                let file = context.places.config_file()?;
                let document = json!({ "path": file, "exists": file.exists() });
                context.output.document(&document, || file.display().to_string())
            }
        }
    }
}

impl Show {
    fn run(self, context: &Context) -> Result<(), Failure> {
        let settings = context.places.settings(&self.flags)?;
        let all: Vec<Json> = ALL.iter().map(|setting| entry(setting, settings.chosen(setting), &settings)).collect();
        let running = Running::on(&settings);
        let document = json!({ "file": settings.file(), "settings": all, "running": running });
        context.output.document(&document, || {
            let lines = ALL.iter().map(|setting| line(setting, settings.chosen(setting), &settings, self.origin));
            lines.collect::<Vec<_>>().join("\n")
        })?;
        if let Some(running) = running.filter(Running::may_differ) {
            eprintln!("note: this is what a daemon that starts here would go by; {}", plain(&running.to_string()));
        }
        Ok(())
    }
}

fn keys(context: &Context) -> Result<(), Failure> {
    let all: Vec<_> = ALL.iter().filter(|setting| setting.in_file).collect();
    let documents = all.iter().map(|setting| {
        let (kind, default) = (setting.kind.to_string(), setting.default_words());
        json!({ "key": setting.key, "kind": kind, "default": default, "says": setting.says })
    });
    context.output.document(&json!({ "keys": documents.collect::<Vec<_>>() }), || {
        let lines = all.iter().map(|setting| {
            format!("{:<34} {} [default: {}]\n    {}", setting.key, setting.kind, setting.default_words(), setting.says)
        });
        lines.collect::<Vec<_>>().join("\n")
    })
}

fn entry(setting: &Setting, chosen: &Chosen, settings: &Settings) -> Json {
    let (kind, name) = origin(chosen, settings);
    json!({
        "key": setting.key,
        "value": shown(setting, chosen),
        "secret": setting.is_secret,
        "origin": kind,
        "from": name,
        "heeded": !setting.is_for_later,
    })
}

/// What may be shown of it.
fn shown(setting: &Setting, chosen: &Chosen) -> Json {
    match &chosen.value {
        Some(_) if setting.is_secret => json!("(set, not shown)"),
        Some(value) => value.json(),
        None => Json::Null,
    }
}

fn line(setting: &Setting, chosen: &Chosen, settings: &Settings, with_origin: bool) -> String {
    let value = match (&chosen.value, shown(setting, chosen)) {
        (None, _) => format!("({})", setting.default_words()),
        (_, Json::String(text)) => plain(&text).to_string(),
        (_, value) => plain(&value.to_string()).to_string(),
    };
    if !with_origin {
        return format!("{} = {value}", setting.key);
    }
    let (kind, name) = origin(chosen, settings);
    let from = name.map_or_else(|| kind.to_owned(), |name| format!("{kind} {}", plain(&name)));
    format!("{:<34} {value:<40} {from}", setting.key)
}

fn origin(chosen: &Chosen, settings: &Settings) -> (&'static str, Option<String>) {
    match &chosen.origin {
        Origin::Flag(name) => ("flag", Some(format!("--{name}"))),
        Origin::Variable(name) => ("environment", Some((*name).to_owned())),
        Origin::File { line } => ("file", Some(format!("{}:{line}", settings.file().display()))),
        Origin::Default => ("default", None),
    }
}
