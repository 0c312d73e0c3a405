//! The command line: nouns, then verbs; each is a call of the API by the same words.
//!
//! `serve`, `demo` and `doctor` work on this machine; everything else is a client like any other, of a daemon that runs.
//! Results go to stdout, everything that is said about them to stderr. No use case is decided here.

mod account;
mod approvals;
mod audit;
mod backup;
mod catalogue;
mod client;
mod codex;
mod config;
mod confirm;
mod demo;
mod doctor;
mod events;
mod explain;
mod ext;
mod failure;
mod feedback;
pub(crate) mod frame;
mod interactions;
mod listen;
mod logging;
mod mcp;
mod operations;
mod output;
mod page;
mod places;
pub(crate) mod plain;
mod projects;
mod serve;
mod sessions;
mod skills;
pub(crate) mod sse;
mod stream;
mod system;
mod tokens;
mod tool_calls;
mod tool_input;
mod words;

use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::{Parser, Subcommand};
use codex_manager_extension::compiler_main;
use tokio::runtime::{self, Runtime};

use client::{Client, Remote};
use failure::{EXIT_CODES, Exit, Failure};
use output::Output;
use places::Places;

/// More threads would wait for the one that writes the store.
const WORKERS_MAX: usize = 4;
/// How long work that nobody waits for any more may keep the process.
const LEAVE_MAX: Duration = Duration::from_secs(1);

/// The command with which a daemon starts its compiler.
pub(crate) const COMPILE: &str = "compile-extension";

/// Runs the command that the process was started with, and gives its exit code. Blocks until it is done.
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => cli.run(),
        Err(error) => {
            // There is nowhere to report that stderr is closed.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { Exit::Usage as u8 } else { 0 })
        }
    }
}

/// A local control plane for Codex: sessions, approvals and events over REST, for programs and people
#[derive(Debug, Parser)]
#[command(name = "codex-manager", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
#[command(next_help_heading = "Global options")]
struct Cli {
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    remote: Remote,
    /// Print the API's answer as it is, a refusal too; one JSON document a line for `stream`
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Demo(demo::Demo),
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    Config(config::Config),
    #[command(after_help = "Example: codex-manager explain session_not_found")]
    Explain(explain::Explain),
    #[command(after_help = "Example: codex-manager backup ~/codex-manager.backup")]
    Backup(backup::Backup),
    #[command(after_help = "Example: codex-manager restore ~/codex-manager.backup")]
    Restore(backup::Restore),
    #[command(subcommand)]
    Sessions(sessions::Sessions),
    #[command(subcommand)]
    Projects(projects::Projects),
    #[command(subcommand)]
    Approvals(approvals::Approvals),
    #[command(subcommand)]
    ToolInput(tool_input::ToolInput),
    #[command(subcommand)]
    ToolCalls(tool_calls::ToolCalls),
    #[command(after_help = "Example: codex-manager stream --after 0 --thread $SESSION")]
    Stream(stream::Stream),
    #[command(subcommand)]
    Events(events::Events),
    #[command(subcommand)]
    Ext(ext::Ext),
    #[command(subcommand)]
    System(system::System),
    #[command(subcommand)]
    Account(account::Account),
    #[command(subcommand)]
    Codex(codex::Codex),
    /// See the models that Codex offers
    #[command(subcommand)]
    Models(catalogue::Catalogue),
    /// See the apps that Codex can use
    #[command(subcommand)]
    Apps(catalogue::Catalogue),
    /// See Codex's experimental features
    #[command(subcommand)]
    Features(catalogue::Catalogue),
    /// See how Codex can work together with people
    #[command(subcommand)]
    CollaborationModes(catalogue::Catalogue),
    #[command(subcommand)]
    Skills(skills::Skills),
    #[command(subcommand)]
    Mcp(mcp::Mcp),
    #[command(subcommand)]
    Feedback(feedback::Feedback),
    #[command(subcommand)]
    Operations(operations::Operations),
    #[command(subcommand)]
    Tokens(tokens::Tokens),
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Compile an extension for a daemon that runs. It starts this by itself
    #[command(name = COMPILE, hide = true)]
    Compile,
}

/// What every command is given.
struct Context {
    places: Places,
    remote: Remote,
    output: Output,
}

impl Context {
    /// A client of the daemon that the user means.
    fn client(&self) -> Result<Client, Failure> {
        self.remote.client(&self.places.find()?.data)
    }
}

impl Cli {
    fn run(self) -> ExitCode {
        // Before anything else: it limits the memory of the process, of which threads take their part.
        if matches!(self.command, Command::Compile) {
            return compiler_main();
        }
        // A daemon is told how to log by its settings, and a client speaks in its result.
        if !matches!(self.command, Command::Serve(_)) {
            logging::start("warn", "auto");
        }
        let context = Context { places: self.places, remote: self.remote, output: Output::new(self.json) };
        let result = runtime().and_then(|runtime| {
            let result = runtime.block_on(self.command.run(&context));
            runtime.shutdown_timeout(LEAVE_MAX);
            result
        });
        result.map_or_else(|failure| failure.report(context.output), |()| ExitCode::SUCCESS)
    }
}

impl Command {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Serve(command) => command.run(context).await,
            Self::Demo(command) => command.run(context).await,
            Self::Doctor(command) => command.run(context).await,
            Self::Config(command) => command.run(context),
            Self::Explain(command) => command.run(context),
            Self::Backup(command) => command.run(context).await,
            Self::Restore(command) => command.run(context).await,
            Self::Sessions(command) => command.run(context).await,
            Self::Projects(command) => command.run(context).await,
            Self::Approvals(command) => command.run(context).await,
            Self::ToolInput(command) => command.run(context).await,
            Self::ToolCalls(command) => command.run(context).await,
            Self::Stream(command) => command.run(context).await,
            Self::Events(command) => command.run(context).await,
            Self::Ext(command) => command.run(context).await,
            Self::System(command) => command.run(context).await,
            Self::Account(command) => command.run(context).await,
            Self::Codex(command) => command.run(context).await,
            Self::Models(command) => command.run(context, &catalogue::MODELS).await,
            Self::Apps(command) => command.run(context, &catalogue::APPS).await,
            Self::Features(command) => command.run(context, &catalogue::FEATURES).await,
            Self::CollaborationModes(command) => command.run(context, &catalogue::COLLABORATION_MODES).await,
            Self::Skills(command) => command.run(context).await,
            Self::Mcp(command) => command.run(context).await,
            Self::Feedback(command) => command.run(context).await,
            Self::Operations(command) => command.run(context).await,
            Self::Tokens(command) => command.run(context).await,
            Self::Audit(command) => command.run(context).await,
            Self::Compile => unreachable!("it needs no runtime and is done"),
        }
    }
}

fn runtime() -> Result<Runtime, Failure> {
    let workers = available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
    let runtime = runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    runtime.map_err(|error| Failure::because(Exit::Failed, &error))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_names_every_command_and_every_exit_code() {
        let help = Cli::command().render_help().to_string();
        for noun in [
            "serve",
            "demo",
            "doctor",
            "config",
            "explain",
            "backup",
            "restore",
            "sessions",
            "projects",
            "approvals",
            "tool-input",
            "tool-calls",
            "stream",
            "events",
            "ext",
            "operations",
            "tokens",
            "audit",
        ] {
            assert!(help.contains(&format!("\n  {noun} ")), "{noun}: {help}");
        }
        assert!(help.contains(EXIT_CODES), "{help}");
    }

    #[test]
    fn every_noun_has_its_verbs() {
        for (noun, verbs) in [
            ("config", &["show", "keys", "path"][..]),
            (
                "sessions",
                &[
                    "list",
                    "create",
                    "get",
                    "send",
                    "steer",
                    "interrupt",
                    "review",
                    "compact",
                    "rollback",
                    "fork",
                    "rename",
                    "archive",
                    "unarchive",
                    "resume",
                    "clean-terminals",
                    "delete",
                    "controls",
                    "approval-policy",
                    "settings",
                    "project",
                ],
            ),
            ("projects", &["list", "create", "rename", "delete", "agent-sessions", "move-all", "delete-all"]),
            ("approvals", &["list", "decide"]),
            ("tool-input", &["list", "decide"]),
            ("tool-calls", &["list", "respond"]),
            ("events", &["list"]),
            ("ext", &["build", "list", "reload", "show", "approve", "require", "disable", "enable", "revoke", "logs"]),
            ("system", &["info", "health", "capabilities"]),
            ("account", &["get", "login", "logout", "rate-limits"]),
            ("codex", &["config", "exec", "call"]),
            ("models", &["list"]),
            ("apps", &["list"]),
            ("features", &["list"]),
            ("collaboration-modes", &["list"]),
            ("skills", &["list", "config", "remote"]),
            ("mcp", &["servers", "reload", "login"]),
            ("feedback", &["submit"]),
            ("operations", &["get"]),
            ("audit", &["list"]),
            ("tokens", &["create", "list", "revoke"]),
        ] {
            let command = Cli::command();
            let found: Vec<&str> =
                command.find_subcommand(noun).unwrap().get_subcommands().map(|c| c.get_name()).collect();
            assert_eq!(found, verbs, "{noun}");
        }
    }

    #[test]
    fn what_takes_an_argument_has_an_example_that_is_a_command_line() {
        for (name, verb) in verbs("codex-manager", &Cli::command()) {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            match help.split_once("Example: ") {
                Some((_, example)) => {
                    assert!(example.starts_with(&name), "{name}: {example}");
                    let line = example.split(" < ").next().unwrap();
                    Cli::try_parse_from(words(line)).unwrap_or_else(|error| panic!("{example}: {error}"));
                }
                None => assert!(verb.get_positionals().next().is_none(), "{name}"),
            }
        }
    }

    /// All that can be run, with their whole names.
    fn verbs(name: &str, command: &clap::Command) -> Vec<(String, clap::Command)> {
        let named = command.get_subcommands().map(|below| (format!("{name} {}", below.get_name()), below));
        let verbs = named.flat_map(|(name, below)| match below.has_subcommands() {
            true => verbs(&name, below),
            false => vec![(name, below.clone())],
        });
        verbs.collect()
    }

    /// The words of a line as a shell has them; quotes keep words together.
    fn words(line: &str) -> Vec<&str> {
        let parts = line.split('"').enumerate();
        let words = parts.flat_map(|(i, part)| match i % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        });
        words.collect()
    }

    #[test]
    fn global_flags_stand_before_or_after_the_verb() {
        for line in ["codex-manager --json sessions list", "codex-manager sessions list --json"] {
            assert!(Cli::try_parse_from(line.split(' ')).unwrap().json, "{line}");
        }
    }
}
