//! What the guard knows of programs: which delete, and which run others.
//!
//! One file a program. Each reads its own arguments as the program itself would, and says what it found. A program that
//! is not here is taken to do no harm; that is no acceptance, a person still decides.

mod find;
mod git;
mod rm;
mod shell;
mod wrapper;
mod xargs;

use crate::shell::Command;

/// What a command does, as far as its arguments tell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It deletes more than its arguments name; with the reason, as it follows the command in a sentence.
    Deletes(&'static str),
    /// It runs this command.
    Runs(Command),
    /// It runs this command for whatever it comes upon.
    RunsForEach(Command),
    /// It has a shell read this text.
    Reads(String),
}

/// What `command` does. With `for_each`, it gets further arguments that are not to be seen.
pub(crate) fn findings(command: &Command, for_each: bool) -> Vec<Finding> {
    let Some((program, arguments)) = command.words.split_first() else { return Vec::new() };
    let name = program.rsplit('/').next().unwrap_or(program);
    match name {
        "rm" => rm::findings(arguments, for_each),
        "find" | "gfind" => find::findings(arguments),
        "git" => git::findings(arguments),
        "xargs" | "gxargs" | "parallel" => xargs::findings(arguments),
        _ => shell::findings(name, arguments, command.input.as_deref())
            .or_else(|| wrapper::findings(name, arguments, command.input.as_deref()))
            .unwrap_or_default(),
    }
}
