//! `doctor`: looks at everything that a daemon needs, changes nothing, and says what to do about what is wrong.

mod check;
mod daemon;
mod extensions;
mod folders;
mod login;
mod programs;
mod replaceable;

use std::env;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Context;
use super::config::{Flags, Running, Settings, table};
use super::failure::{Exit, Failure};
use check::{Check, State};

/// Check what the daemon needs, and change nothing
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The codex program to look at [default: the one that `serve` would take]
    #[arg(long, value_name = "FILE")]
    codex_bin: Option<PathBuf>,
    /// The bwrap program to look at [default: the one that `serve` would take]
    #[arg(long, value_name = "FILE")]
    bwrap: Option<PathBuf>,
}

impl Doctor {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let checks = self.checks(context).await?;
        let failed = checks.iter().filter(|check| check.state == State::Fail).count();
        let document = json!({ "ok": failed == 0, "checks": checks });
        context.output.document(&document, || checks.iter().map(Check::text).collect::<Vec<_>>().join("\n"))?;
        match failed {
            0 => Ok(()),
            _ => Err(Failure::new(Exit::Failed, format!("{failed} of {} checks failed", checks.len()))),
        }
    }

    async fn checks(self, context: &Context) -> Result<Vec<Check>, Failure> {
        let (paths, settings) = (context.places.find()?, context.places.settings(&Flags::default()));
        let paths = settings.as_ref().map_or(paths, |settings| settings.paths().clone());
        let chosen =
            |flag: Option<PathBuf>, setting| flag.or_else(|| settings.as_ref().ok()?.path(setting).map(PathBuf::from));
        let (codex_bin, bwrap) = (chosen(self.codex_bin, table::CODEX_BIN), chosen(self.bwrap, table::BWRAP));
        let codex = programs::path(codex_bin.clone(), &paths.tools);
        let has_key = env::var_os("OPENAI_API_KEY").is_some_and(|key| !key.is_empty());
        let mut checks = vec![
            folders::data(&paths),
            of_settings(&settings),
            of_running(settings.as_ref().ok().and_then(Running::on)),
            folders::codex_home(&paths.codex_home),
            login::configuration(context, &paths.codex_home).await,
            login::check(&paths.codex_home, has_key, codex.as_deref()),
            folders::tools(&paths.tools),
            folders::space(paths.data.path()),
            programs::sqlite(),
        ];
        let holder = daemon::holder(&paths.data);
        checks.push(daemon::lock(&holder));
        checks.push(daemon::health(context).await);
        checks.push(extensions::check(context).await);
        checks.push(daemon::leftovers(&holder, &paths.data));
        checks.extend(programs::codex(codex_bin, &paths.tools, bwrap).await);
        Ok(checks)
    }
}

/// Whether all that is set somewhere can be what it is set to.
fn of_settings(settings: &Result<Settings, Failure>) -> Check {
    const NAME: &str = "settings";
    match settings {
        Ok(settings) if settings.file().exists() => Check::ok(NAME, settings.file().display().to_string()),
        Ok(_) => Check::ok(NAME, "no config.toml, which is all right"),
        Err(failure) => {
            Check::fail(NAME, failure.to_string(), "mend it; `codex-manager config keys` lists what can be set")
        }
    }
}

/// Whether the daemon at work goes by what this shell says, which is what the other checks go by.
fn of_running(running: Option<Running>) -> Check {
    const NAME: &str = "in effect";
    match running {
        None => Check::ok(NAME, "a daemon that starts here would go by these settings"),
        Some(running) if !running.may_differ() => Check::ok(NAME, running.to_string()),
        Some(running) => {
            let next = "start this with the flags and variables that the daemon was given, or the daemon anew";
            Check::warn(NAME, format!("this shell's settings are looked at; {running}"), next)
        }
    }
}
