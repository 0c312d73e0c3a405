//! `rm`.

use lexopt::{Arg, Parser};

use super::Finding;

/// Forced or not: nobody sits at the terminal who could be asked.
pub(super) fn findings(arguments: &[String], for_each: bool) -> Vec<Finding> {
    if is_recursive(arguments) {
        vec![Finding::Deletes("deletes folders with everything in them")]
    } else if for_each {
        vec![Finding::Deletes("deletes files that the command does not name")]
    } else {
        Vec::new()
    }
}

fn is_recursive(arguments: &[String]) -> bool {
    let mut parser = Parser::from_args(arguments);
    while let Ok(Some(argument)) = parser.next() {
        match argument {
            Arg::Short('r' | 'R') => return true,
            // A long option may be cut short, as long as no other begins so.
            Arg::Long(name) if "recursive".starts_with(name) => return true,
            Arg::Long(_) => drop(parser.optional_value()),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recursion_is_asked_for_in_many_ways() {
        for (arguments, expected) in [
            (&["-rf", "x"][..], true),
            (&["x", "-fvR"], true),
            (&["--force", "--recurs", "x"], true),
            (&["--interactive=never", "-r", "x"], true),
            (&["-f", "x"], false),
            (&["--", "-rf"], false),
            (&["--preserve-root", "-d", "r"], false),
        ] {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            assert_eq!(is_recursive(&arguments), expected, "{arguments:?}");
        }
    }
}
