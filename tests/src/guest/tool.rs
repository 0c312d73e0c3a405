//! Running a language's tools.

use std::path::Path;
use std::process::{Command, Stdio};

/// How much of what a failed program said is told, in characters.
const SAID_CHARS_MAX: usize = 1000;

/// A program that is run in `folder`, without input.
pub(crate) fn program(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs it to its end.
///
/// # Errors
/// How it failed, with the end of what it said.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    let skipped = said.chars().count().saturating_sub(SAID_CHARS_MAX);
    Err(format!("{name} failed ({}): {}", output.status, said.chars().skip(skipped).collect::<String>()))
}
