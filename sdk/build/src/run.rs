//! Runs a program to its end.

use std::process::{Command, Stdio};

/// How many of the last lines of what a failed program said are kept.
const LINES_MAX: usize = 60;
/// How long each of them may be, in characters.
const LINE_CHARS_MAX: usize = 400;

/// A program that did not do what it was run for. Its text is all there is to say: what stands in it is no source besides.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not be started.
    #[error("{program} cannot be run: {why}")]
    NotStarted {
        /// Its name.
        program: String,
        /// Why.
        why: std::io::Error,
    },
    /// It failed.
    #[error("{program} failed{}", told(.said))]
    Failed {
        /// Its name.
        program: String,
        /// The last that it said, a line each.
        said: Vec<String>,
    },
}

/// Runs `command` without input; what it printed on standard output.
pub(crate) fn run(command: &mut Command) -> Result<String, RunError> {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(why) => return Err(RunError::NotStarted { program, why }),
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(RunError::Failed { program, said: last_lines(&String::from_utf8_lossy(&output.stderr)) })
}

fn last_lines(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let kept = lines[lines.len().saturating_sub(LINES_MAX)..].iter();
    kept.map(|line| line.chars().take(LINE_CHARS_MAX).collect()).collect()
}

fn told(said: &[String]) -> String {
    if said.is_empty() { String::new() } else { format!(": {}", said.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_with_the_last_that_was_said() {
        let failed = run(Command::new("/bin/sh").args(["-c", "for i in $(seq 99); do echo line $i >&2; done; exit 3"]));
        let told = failed.unwrap_err().to_string();
        assert!(told.starts_with("sh failed: line 40\n") && told.ends_with("line 99"), "{told}");
        let missing = run(&mut Command::new("/nowhere/thing")).unwrap_err().to_string();
        assert!(missing.starts_with("thing cannot be run: "), "{missing}");
    }
}
