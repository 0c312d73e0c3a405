//! Whether a command deletes whole trees. Pure: from its text, and nothing else.

use crate::program::{Finding, findings};
use crate::shell::{Command, UNKNOWN, read};

/// How many programs that run programs are followed. What they run in the end is not looked at then.
const DEPTH_MAX: usize = 16;

/// How much of a line is read, in bytes. What makes one longer is data, in practice: a file in a here-document.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// How much of a command a sentence shows, in characters.
const SHOWN_MAX: usize = 120;

/// A command that deletes, and why the guard thinks so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// The command that deletes, as it was found: `rm -rf build`.
    pub command: String,
    /// What it does, as it follows the command in a sentence: `deletes folders with everything in them`.
    pub does: &'static str,
}

/// The first deletion in a line for a shell; none if there is none to be seen.
pub fn judge(line: &str) -> Option<Deletion> {
    let line = &line[..line.floor_char_boundary(LINE_BYTES_MAX)];
    read(line).iter().find_map(|command| follow(command, false, 0))
}

/// The same for a command that was taken apart already.
pub fn judge_words(words: &[String]) -> Option<Deletion> {
    follow(&Command { words: words.to_vec(), input: None }, false, 0)
}

fn follow(command: &Command, for_each: bool, depth: usize) -> Option<Deletion> {
    if depth > DEPTH_MAX {
        return None;
    }
    findings(command, for_each).into_iter().find_map(|finding| match finding {
        Finding::Deletes(does) => Some(Deletion { command: shown(&command.words), does }),
        Finding::Runs(inner) => follow(&inner, for_each, depth + 1),
        Finding::RunsForEach(inner) => follow(&inner, true, depth + 1),
        Finding::Reads(text) => read(&text).iter().find_map(|inner| {
            let gets_more = for_each && inner.words.iter().any(|word| word.contains(UNKNOWN) || word.contains("{}"));
            follow(inner, gets_more, depth + 1)
        }),
    })
}

/// A command for people: on one line, of bounded length.
fn shown(words: &[String]) -> String {
    let line = words.join(" ").replace(UNKNOWN, "…").replace(char::is_control, " ");
    match line.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_the_command_that_deletes() {
        let deletion = judge(r#"/bin/bash -lc 'make && sudo rm -rf "$OUT"'"#).unwrap();
        assert_eq!(deletion.command, "rm -rf …");
        assert_eq!(deletion.does, "deletes folders with everything in them");
        let long = judge(&format!("rm -rf '{}\n'", "é".repeat(500))).unwrap();
        assert_eq!(long.command.chars().count(), SHOWN_MAX + 1);
    }

    #[test]
    fn no_nesting_is_too_deep_to_end() {
        assert_eq!(judge(&format!("{} rm -rf x", "sudo ".repeat(50_000))), None);
        assert_eq!(judge(&"eval ".repeat(10_000)), None);
    }
}
