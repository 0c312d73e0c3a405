//! Programs that run the command which stands behind their own options: `sudo`, `env`, `timeout` and their like.

use std::ffi::OsString;

use lexopt::{Arg, Parser};

use super::Finding;
use crate::shell::Command;

/// How a program's own arguments end, and its command begins.
pub(super) struct Wrapper {
    /// Its short options that take a value.
    pub(super) short: &'static str,
    /// Its long options that take a value, also without `=`.
    pub(super) long: &'static [&'static str],
    /// How many operands of its own come before the command.
    pub(super) operands: usize,
}

const fn wrapper(short: &'static str, long: &'static [&'static str], operands: usize) -> Wrapper {
    Wrapper { short, long, operands }
}

/// The program of this name.
fn known(name: &str) -> Option<Wrapper> {
    Some(match name {
        "builtin" | "busybox" | "command" | "coreutils" | "nohup" | "setsid" | "toybox" => wrapper("", &[], 0),
        "chroot" => wrapper("", &[], 1),
        "doas" => wrapper("Cu", &[], 0),
        "env" => wrapper("CSu", &["chdir", "split-string", "unset"], 0),
        "exec" => wrapper("a", &[], 0),
        "ionice" => wrapper("cnpPu", &["class", "classdata"], 0),
        "nice" => wrapper("n", &["adjustment"], 0),
        "stdbuf" => wrapper("eio", &["error", "input", "output"], 0),
        "sudo" => wrapper(
            "CDghpRrTtUu",
            &["chdir", "chroot", "close-from", "group", "host", "prompt", "role", "type", "user"],
            0,
        ),
        "time" => wrapper("fo", &["format", "output"], 0),
        "timeout" => wrapper("ks", &["kill-after", "signal"], 1),
        _ => return None,
    })
}

/// What a wrapper runs; none for a program that is no wrapper.
pub(super) fn findings(name: &str, arguments: &[String], input: Option<&str>) -> Option<Vec<Finding>> {
    let wrapper = known(name)?;
    let words = match (name, arguments.first().map(String::as_str)) {
        // Only tells what it would run.
        ("command", Some("-v" | "-V")) => Vec::new(),
        ("env", _) => split_string(arguments).unwrap_or_else(|| inner(&wrapper, arguments)),
        _ => inner(&wrapper, arguments),
    };
    // `sudo` and `env` take assignments, as a shell does.
    let command = Command { words, input: input.map(str::to_owned) }.bare();
    Some(vec![Finding::Runs(command)])
}

/// The words of the command that `wrapper` runs.
pub(super) fn inner(wrapper: &Wrapper, arguments: &[String]) -> Vec<String> {
    let mut parser = Parser::from_args(arguments);
    let mut operands = 0;
    while let Ok(Some(argument)) = parser.next() {
        match argument {
            Arg::Short(option) if wrapper.short.contains(option) => drop(parser.value()),
            Arg::Long(option) if wrapper.long.contains(&option) => drop(parser.value()),
            Arg::Short(_) => {}
            Arg::Long(_) => drop(parser.optional_value()),
            Arg::Value(_) if operands < wrapper.operands => operands += 1,
            Arg::Value(program) => return std::iter::once(text(program)).chain(rest(&mut parser)).collect(),
        }
    }
    Vec::new()
}

/// The words that are left, options or not.
fn rest(parser: &mut Parser) -> impl Iterator<Item = String> {
    parser.raw_args().into_iter().flatten().map(text)
}

/// A word as the text that it was before.
pub(super) fn text(word: OsString) -> String {
    word.to_string_lossy().into_owned()
}

/// `env -S 'program argument' more`.
fn split_string(arguments: &[String]) -> Option<Vec<String>> {
    let mut parser = Parser::from_args(arguments);
    while let Ok(Some(argument)) = parser.next() {
        match argument {
            Arg::Short('S') | Arg::Long("split-string") => {
                let split = crate::shell::read(&text(parser.value().ok()?)).into_iter().next()?.words;
                return Some(split.into_iter().chain(rest(&mut parser)).collect());
            }
            Arg::Short('u' | 'C') | Arg::Long("unset" | "chdir") => drop(parser.value()),
            Arg::Short(_) => {}
            Arg::Long(_) => drop(parser.optional_value()),
            Arg::Value(_) => return None,
        }
    }
    None
}
