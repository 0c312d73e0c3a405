//! Walks through shell text and gathers commands.

use super::redirect::HereDocument;
use super::{Command, DEPTH_MAX};

/// A place in some text, and the command that is being read there.
pub(super) struct Reader {
    pub(super) chars: Vec<char>,
    pub(super) at: usize,
    /// How many substitutions this text lies in.
    pub(super) depth: usize,
    pub(super) current: Command,
    /// Here-documents that were announced in this line and begin after it; each with the place of its command.
    pub(super) announced: Vec<HereDocument>,
}

/// What follows a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The next command reads what this one writes.
    Pipe,
    Other,
}

impl Reader {
    pub(super) fn new(text: &str, depth: usize) -> Self {
        Self { chars: text.chars().collect(), at: 0, depth, current: Command::default(), announced: Vec::new() }
    }

    /// Reads to the end of the text.
    pub(super) fn read(mut self, commands: &mut Vec<Command>) {
        while let Some(char) = self.peek(0) {
            match char {
                ' ' | '\t' | '\r' => self.at += 1,
                '#' => self.skip_line(),
                '\n' => {
                    self.at += 1;
                    self.finish(End::Other, commands);
                    self.here_documents(commands);
                }
                '&' if self.peek(1) == Some('>') => {
                    self.at += 1;
                    self.redirection(commands);
                }
                '<' | '>' => self.redirection(commands),
                ';' | '&' | '|' | '(' | ')' => self.operator(commands),
                _ => self.word_or_array(commands),
            }
        }
        self.finish(End::Other, commands);
    }

    /// The character `ahead` of the next one.
    pub(super) fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// The next character; it is behind us then.
    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek(0)?;
        self.at += 1;
        Some(next)
    }

    /// Passes over `char` if it is next.
    pub(super) fn passes(&mut self, char: char) -> bool {
        let is_next = self.peek(0) == Some(char);
        self.at += usize::from(is_next);
        is_next
    }

    /// Reads text that lies in this one and would be run.
    pub(super) fn nested(&self, text: &str, commands: &mut Vec<Command>) {
        if self.depth < DEPTH_MAX {
            Self::new(text, self.depth + 1).read(commands);
        }
    }

    fn skip_line(&mut self) {
        while self.peek(0).is_some_and(|char| char != '\n') {
            self.at += 1;
        }
    }

    fn operator(&mut self, commands: &mut Vec<Command>) {
        let first = self.next();
        let second = self.peek(0);
        let doubled = second == first && matches!(first, Some('|' | '&' | ';'));
        self.at += usize::from(doubled || (first == Some('|') && second == Some('&')));
        let end = if first == Some('|') && !doubled { End::Pipe } else { End::Other };
        self.finish(end, commands);
    }

    /// A word of the current command; or `name=(…)`, whose words are data.
    fn word_or_array(&mut self, commands: &mut Vec<Command>) {
        let word = self.word(commands);
        if word.ends_with('=') && self.passes('(') {
            while let Some(char) = self.peek(0) {
                if char == ')' {
                    break;
                } else if matches!(char, ' ' | '\t' | '\n' | '(' | ';' | '&' | '|' | '<' | '>') {
                    self.at += 1;
                } else {
                    self.word(commands);
                }
            }
            self.at += 1;
        }
        let is_descriptor = word.chars().all(|char| char.is_ascii_digit()) && matches!(self.peek(0), Some('<' | '>'));
        if !is_descriptor {
            self.current.words.push(word);
        }
    }

    /// Ends the current command. Input that was meant for it goes on to what it opens: `… | (sh)`.
    fn finish(&mut self, end: End, commands: &mut Vec<Command>) {
        let command = std::mem::take(&mut self.current).bare();
        self.current.input = match end {
            End::Pipe => command.output(),
            End::Other if command.words.is_empty() => command.input.clone(),
            End::Other => None,
        };
        if !command.words.is_empty() {
            self.announced.iter_mut().for_each(|document| document.is_for(commands.len()));
            commands.push(command);
        }
    }
}
