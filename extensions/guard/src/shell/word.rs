//! Words: quotes taken off, substitutions taken out.

use super::reader::Reader;
use super::{Command, DEPTH_MAX, UNKNOWN};

impl Reader {
    /// Reads the word that begins here, and puts what it substitutes among the commands.
    pub(super) fn word(&mut self, commands: &mut Vec<Command>) -> String {
        let mut word = String::new();
        while let Some(char) = self.peek(0) {
            match char {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\\' => {
                    self.at += 1;
                    word.extend(self.next().filter(|char| *char != '\n'));
                }
                '\'' => {
                    self.at += 1;
                    word.extend(std::iter::from_fn(|| self.next().filter(|char| *char != '\'')));
                }
                '"' => {
                    self.at += 1;
                    self.double_quoted(&mut word, Some('"'), commands);
                }
                '$' if self.peek(1) == Some('\'') => {
                    self.at += 2;
                    self.escaped(&mut word);
                }
                '$' if self.peek(1) == Some('"') => self.at += 1,
                '$' => self.dollar(&mut word, commands),
                '`' => self.backquoted(&mut word, commands),
                _ => word.extend(self.next()),
            }
        }
        word
    }

    /// Puts what this text substitutes among the commands; the text itself is data.
    pub(super) fn substitutions(mut self, commands: &mut Vec<Command>) {
        self.double_quoted(&mut String::new(), None, commands);
    }

    /// The text up to the `)` that belongs to a `(` just before here.
    pub(super) fn until_closed(&mut self) -> String {
        let start = self.at;
        let mut open = 1;
        while let Some(char) = self.next() {
            match char {
                '\\' => self.at += 1,
                '\'' => while self.next().is_some_and(|char| char != '\'') {},
                '"' => self.skip_double_quoted(),
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
            if open == 0 {
                return self.chars[start..self.at - 1].iter().collect();
            }
        }
        self.at = self.chars.len();
        self.chars[start..].iter().collect()
    }

    /// Passes over a double-quoted text, in which a `$(…)` may have quotes of its own.
    fn skip_double_quoted(&mut self) {
        let mut open = 0_usize;
        while let Some(char) = self.next() {
            match char {
                '\\' => self.at += 1,
                '$' if self.passes('(') => open += 1,
                '(' if open > 0 => open += 1,
                ')' => open = open.saturating_sub(1),
                '"' if open == 0 => break,
                _ => {}
            }
        }
    }

    /// Text in which only `\`, `$` and backquotes are special, up to `end`.
    fn double_quoted(&mut self, word: &mut String, end: Option<char>, commands: &mut Vec<Command>) {
        while let Some(char) = self.peek(0) {
            match char {
                char if Some(char) == end => {
                    self.at += 1;
                    break;
                }
                '\\' if matches!(self.peek(1), Some('\\' | '"' | '$' | '`' | '\n')) => {
                    self.at += 1;
                    word.extend(self.next().filter(|char| *char != '\n'));
                }
                '$' => self.dollar(word, commands),
                '`' => self.backquoted(word, commands),
                _ => word.extend(self.next()),
            }
        }
    }

    /// `$name`, `${…}`, `$(…)` and `$((…))`; or a plain `$`.
    fn dollar(&mut self, word: &mut String, commands: &mut Vec<Command>) {
        self.at += 1;
        match self.peek(0) {
            Some('(') => {
                self.at += 1;
                // Arithmetic is read as if it were commands: its words name no program.
                let text = self.until_closed();
                self.nested(&text, commands);
            }
            Some('{') => {
                self.at += 1;
                // What stands in braces may substitute in turn: `${NAME:-$(command)}`.
                if self.depth < DEPTH_MAX {
                    self.depth += 1;
                    self.double_quoted(&mut String::new(), Some('}'), commands);
                    self.depth -= 1;
                }
            }
            Some(char) if char.is_ascii_alphabetic() || char == '_' => {
                while self.peek(0).is_some_and(|char| char.is_ascii_alphanumeric() || char == '_') {
                    self.at += 1;
                }
            }
            Some('0'..='9' | '@' | '*' | '#' | '?' | '-' | '$' | '!') => self.at += 1,
            _ => {
                word.push('$');
                return;
            }
        }
        word.push(UNKNOWN);
    }

    fn backquoted(&mut self, word: &mut String, commands: &mut Vec<Command>) {
        self.at += 1;
        let mut text = String::new();
        while let Some(char) = self.next().filter(|char| *char != '`') {
            match self.peek(0) {
                Some(escaped @ ('`' | '\\' | '$')) if char == '\\' => {
                    self.at += 1;
                    text.push(escaped);
                }
                _ => text.push(char),
            }
        }
        self.nested(&text, commands);
        word.push(UNKNOWN);
    }

    /// The inside of `$'…'`.
    fn escaped(&mut self, word: &mut String) {
        while let Some(char) = self.next().filter(|char| *char != '\'') {
            if char != '\\' {
                word.push(char);
                continue;
            }
            match self.next() {
                Some('n') => word.push('\n'),
                Some('t') => word.push('\t'),
                Some('x') => word.extend(self.number(16, 2)),
                Some('0'..='7') => {
                    self.at -= 1;
                    word.extend(self.number(8, 3));
                }
                other => word.extend(other),
            }
        }
    }

    /// The character whose number stands here, with at most `digits_max` digits.
    fn number(&mut self, radix: u32, digits_max: usize) -> Option<char> {
        let mut number = 0;
        for _ in 0..digits_max {
            let Some(digit) = self.peek(0).and_then(|char| char.to_digit(radix)) else { break };
            number = number * radix + digit;
            self.at += 1;
        }
        char::from_u32(number)
    }
}
