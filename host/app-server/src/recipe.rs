//! What exactly is started: worked out once, the same for every life.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::contain::Plan;
use crate::{Config, Contained, ContainmentPolicy, MARKER_VARIABLE, program};

/// How to start the child.
#[derive(Debug)]
pub(crate) struct Recipe {
    program: PathBuf,
    arguments: Vec<OsString>,
    folder: PathBuf,
    environment: Vec<(OsString, OsString)>,
    plan: Option<Plan>,
    /// Whether it will be contained.
    pub(crate) contained: Contained,
}

impl Recipe {
    /// Finds the program and a way to contain it. The error says, for people, why the child cannot be started.
    pub(crate) async fn new(config: &Config) -> Result<Self, String> {
        let program = program::find(&config.program, std::env::var_os("PATH").as_deref())?;
        let codex_home = config.codex_home.as_deref().map(home).transpose()?;
        let (plan, contained) = match config.containment.plan(&program, codex_home.as_deref()).await {
            Ok(plan) => {
                let by = plan.bwrap.clone();
                (Some(plan), Contained::Yes { by })
            }
            Err(reason) if config.containment.policy == ContainmentPolicy::Required => return Err(reason),
            Err(reason) => (None, Contained::No { reason }),
        };
        let mut environment = config.environment.clone();
        environment.set.extend(codex_home.map(|home| ("CODEX_HOME".into(), home.into_os_string())));
        environment.set.push((MARKER_VARIABLE.into(), config.marker.clone().into()));
        let environment = environment.apply(std::env::vars_os());
        let arguments = config.arguments.clone();
        let folder = std::path::absolute(&config.folder).unwrap_or_else(|_| config.folder.clone());
        Ok(Self { program, arguments, folder, environment, plan, contained })
    }

    /// Whether the child will be contained.
    pub(crate) fn is_contained(&self) -> bool {
        self.plan.is_some()
    }

    /// Whether what it relies on is still the same. The error says, for people, why the child is not to be started.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.plan.as_ref().map_or(Ok(()), Plan::check)
    }

    /// What is started where, for people.
    pub(crate) fn text(&self) -> String {
        let program = self.plan.as_ref().map_or(&self.program, |plan| &plan.bwrap);
        format!("{} in {}", program.display(), self.folder.display())
    }

    /// The command, which leads a process group of its own.
    pub(crate) fn command(&self) -> Command {
        let mut command = match &self.plan {
            Some(plan) => {
                let mut command = Command::new(&plan.bwrap);
                command.args(&plan.arguments).arg("--").arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        command.args(&self.arguments).current_dir(&self.folder);
        command.env_clear().envs(self.environment.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command
    }
}

/// `CODEX_HOME` without links: what the name leads to later is not asked again.
fn home(named: &Path) -> Result<PathBuf, String> {
    named.canonicalize().map_err(|error| format!("CODEX_HOME {} cannot be used: {error}", named.display()))
}
