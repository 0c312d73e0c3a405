//! One command: its words, and what is known of its input.

/// A command as a shell would run it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Command {
    /// Its program and arguments, without quotes, redirections, assignments and the shell's own words before it.
    pub(crate) words: Vec<String>,
    /// What it reads from standard input, where the text says so.
    pub(crate) input: Option<String>,
}

/// Words of the shell that may stand before a command.
const BEFORE_A_COMMAND: [&str; 10] = ["{", "!", "if", "then", "elif", "else", "while", "until", "do", "coproc"];

impl Command {
    /// Drops what stands before the program: `then`, `function f {`, `NAME=value`.
    pub(crate) fn bare(mut self) -> Self {
        let mut start = 0;
        while let Some(word) = self.words.get(start) {
            start += match word.as_str() {
                "function" => 2,
                word if BEFORE_A_COMMAND.contains(&word) || is_assignment(word) => 1,
                _ => break,
            };
        }
        self.words.drain(..start.min(self.words.len()));
        self
    }

    /// What it writes to standard output, where that is plain from its words.
    pub(super) fn output(&self) -> Option<String> {
        let (program, arguments) = self.words.split_first()?;
        match program.as_str() {
            "echo" => {
                let options = arguments.iter().take_while(|word| word.starts_with('-')).count();
                Some(arguments[options..].join(" "))
            }
            "printf" => Some(arguments.join("\n").replace("\\n", "\n")),
            "cat" if arguments.is_empty() => self.input.clone(),
            _ => None,
        }
    }
}

/// Whether a word at the beginning of a command sets a variable.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        let name = name.strip_suffix('+').unwrap_or(name);
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_has_a_name() {
        for (word, expected) in [("A=", true), ("_a1+=x", true), ("1=x", false), ("-o=x", false), ("a/b=c", false)] {
            assert_eq!(is_assignment(word), expected, "{word}");
        }
    }
}
