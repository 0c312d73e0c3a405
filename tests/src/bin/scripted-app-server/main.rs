//! A stand-in for `codex app-server`, for faults that the real one does not produce on demand.
//!
//! It is called as Codex is (`scripted-app-server app-server`, `… --version`) and takes what goes wrong from the script
//! in `CODEX_HOME` (see `codex_manager_tests::Script`); without one it is well-mannered. It keeps its threads in
//! `CODEX_HOME`, counts its starts there, and writes every line that it received to `received-<start>.jsonl`. It has no
//! model: `::hold` leaves a turn open, `::approve <command>` asks for approval, `::ask
//! <method> <params>` asks anything, everything else gets a short answer.

mod faults;
mod methods;
mod polite;
mod server;
mod threads;
mod turns;

use std::env;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use codex_manager_tests::{Fault, Moment, Script, write_whole};

use crate::server::Server;

/// The version that it claims to be, unless the script says otherwise.
const VERSION: &str = "0.169.0";

fn main() -> ExitCode {
    let Some(home) = env::var_os("CODEX_HOME").map(PathBuf::from) else {
        eprintln!("scripted-app-server: CODEX_HOME is not set");
        return ExitCode::FAILURE;
    };
    let done = match env::args().nth(1).as_deref() {
        Some("--version") => print_version(&home),
        Some("app-server") => serve(home),
        other => Err(io::Error::other(format!("unknown command {other:?}"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scripted-app-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_version(home: &std::path::Path) -> io::Result<()> {
    let next = starts(home) + 1;
    if let Some(version) = version(&Script::read(home)?, next) {
        println!("codex-cli {version}");
    }
    Ok(())
}

fn serve(home: PathBuf) -> io::Result<()> {
    let generation = starts(&home) + 1;
    write_whole(&home.join("starts"), generation.to_string().as_bytes())?;
    Server::new(home, generation)?.run()
}

/// How often it was started in this folder.
fn starts(home: &std::path::Path) -> u64 {
    std::fs::read_to_string(home.join("starts")).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What it says its version is.
fn version(script: &Script, generation: u64) -> Option<String> {
    let faults = script.clone().take(generation, &Moment::Start);
    let scripted = faults.into_iter().find_map(|fault| match fault {
        Fault::Version(version) => Some(version),
        _ => None,
    });
    scripted.unwrap_or_else(|| Some(VERSION.to_owned()))
}
