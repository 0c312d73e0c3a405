//! `git clean`: what git does not track, it cannot bring back.

use lexopt::{Arg, Parser};

use super::Finding;

pub(super) fn findings(arguments: &[String]) -> Vec<Finding> {
    match subcommand(arguments) {
        Some(("clean", arguments)) if is_forced(arguments) => {
            vec![Finding::Deletes("deletes files that git does not track and cannot bring back")]
        }
        _ => Vec::new(),
    }
}

/// The first word that is no option of git's own.
fn subcommand(arguments: &[String]) -> Option<(&str, &[String])> {
    let mut at = 0;
    while let Some(word) = arguments.get(at) {
        at += match word.as_str() {
            "-C" | "-c" | "--git-dir" | "--work-tree" | "--namespace" | "--exec-path" | "--config-env" => 2,
            word if word.starts_with('-') => 1,
            word => return Some((word, &arguments[at + 1..])),
        };
    }
    None
}

/// `-f` without `-n`, which only tells what it would do.
fn is_forced(arguments: &[String]) -> bool {
    let mut parser = Parser::from_args(arguments);
    let (mut forced, mut dry) = (false, false);
    while let Ok(Some(argument)) = parser.next() {
        match argument {
            Arg::Short('f') | Arg::Long("force") => forced = true,
            Arg::Short('n') | Arg::Long("dry-run") => dry = true,
            Arg::Short('e') => drop(parser.value()),
            Arg::Long(_) => drop(parser.optional_value()),
            _ => {}
        }
    }
    forced && !dry
}
