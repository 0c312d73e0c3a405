//! Asking a person before something that cannot be taken back.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use clap::Args;

use super::failure::{Exit, Failure};

/// Said in place of an answer.
#[derive(Debug, Args)]
pub(super) struct Yes {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Yes {
    /// Whether a person has to be asked. Where nobody can be, that is a failure.
    pub(super) fn is_missing(&self) -> Result<bool, Failure> {
        if self.yes || stdin().is_terminal() {
            return Ok(!self.yes);
        }
        let failure = Failure::new(Exit::Usage, "there is no terminal to ask on, and nothing was deleted");
        Err(failure.hint("if this is what you want, say --yes"))
    }
}

/// Asks on the terminal. Without a yes, the failure is that `nothing` was done.
pub(super) fn ask(question: &str, nothing: &str) -> Result<(), Failure> {
    // Who sees no question gives no answer either.
    let _ = write!(stderr(), "{question} [y/N] ");
    if says_yes(&mut stdin().lock())? { Ok(()) } else { Err(Failure::new(Exit::Failed, nothing)) }
}

/// Only a clear yes is one.
fn says_yes(input: &mut impl BufRead) -> Result<bool, Failure> {
    let mut line = String::new();
    input.read_line(&mut line).map_err(|error| Failure::because(Exit::Failed, &error))?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for (line, yes) in
            [("y\n", true), ("Yes\r\n", true), ("", false), ("\n", false), ("n\n", false), ("yep", false)]
        {
            assert_eq!(says_yes(&mut line.as_bytes()).unwrap(), yes, "{line:?}");
        }
    }
}
