//! Programs that have a shell read some of their words: `sh -c`, `bash -lc`, `su -c`, `eval`, `ssh`.

use lexopt::{Arg, Parser};

use super::Finding;
use super::wrapper::{Wrapper, inner, text};

const SSH: Wrapper = Wrapper { short: "BbcDEeFIiJLlmOoPpRSWw", long: &[], operands: 1 };
const WATCH: Wrapper = Wrapper { short: "nqs", long: &["interval", "equexit"], operands: 0 };

/// What a program has a shell read; none for a program that is no shell.
pub(super) fn findings(name: &str, arguments: &[String], input: Option<&str>) -> Option<Vec<Finding>> {
    let read = match name {
        "sh" | "ash" | "bash" | "dash" | "fish" | "ksh" | "mksh" | "zsh" => script(arguments, input),
        "eval" => Some(arguments.join(" ")),
        "ssh" => Some(inner(&SSH, arguments).join(" ")),
        "trap" => arguments.first().cloned(),
        "su" | "runuser" => option_c(arguments),
        "watch" => Some(inner(&WATCH, arguments).join(" ")),
        _ => return None,
    };
    Some(read.map(Finding::Reads).into_iter().collect())
}

/// The text after `-c`, or what comes in when there is neither `-c` nor a script's name.
fn script(arguments: &[String], input: Option<&str>) -> Option<String> {
    let mut parser = Parser::from_args(arguments);
    let (mut is_command, mut is_input) = (false, false);
    while let Ok(Some(argument)) = parser.next() {
        match argument {
            Arg::Short('c') | Arg::Long("command") => is_command = true,
            Arg::Short('s') => is_input = true,
            Arg::Short('o' | 'O') | Arg::Long("init-file" | "rcfile") => drop(parser.value()),
            // What `+e` and its like turn off is of no interest.
            Arg::Value(option) if option.as_encoded_bytes().starts_with(b"+") => {}
            Arg::Value(first) if is_command => return Some(text(first)),
            Arg::Value(_) if !is_input => return None,
            Arg::Long(_) => drop(parser.optional_value()),
            _ => {}
        }
    }
    input.map(str::to_owned)
}

/// The value of `-c`, wherever it stands.
fn option_c(arguments: &[String]) -> Option<String> {
    let mut parser = Parser::from_args(arguments);
    while let Ok(Some(argument)) = parser.next() {
        match argument {
            Arg::Short('c') | Arg::Long("command" | "session-command") => {
                return parser.value().ok().map(text);
            }
            Arg::Short('s' | 'g' | 'G' | 'u' | 'w') | Arg::Long("shell" | "group" | "user") => drop(parser.value()),
            Arg::Long(_) => drop(parser.optional_value()),
            _ => {}
        }
    }
    None
}
