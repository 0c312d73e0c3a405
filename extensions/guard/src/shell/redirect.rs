//! Redirections, and the here-documents among them.

use super::Command;
use super::reader::Reader;

/// Input that follows the line in which it was announced.
pub(super) struct HereDocument {
    delimiter: String,
    /// `<<-`: tabs at the beginning of a line do not count.
    indented: bool,
    /// A quoted delimiter: nothing in it is substituted.
    literal: bool,
    /// The place of the command that reads it, once that command has ended.
    command: Option<usize>,
}

impl HereDocument {
    /// Says which command reads it; the first to say so is right.
    pub(super) fn is_for(&mut self, command: usize) {
        self.command.get_or_insert(command);
    }
}

impl Reader {
    /// Passes over a redirection and its target.
    pub(super) fn redirection(&mut self, commands: &mut Vec<Command>) {
        let mut operator = String::new();
        while let Some(char) = self.peek(0).filter(|char| matches!(char, '<' | '>' | '&' | '|')) {
            operator.push(char);
            self.at += 1;
        }
        if operator.len() == 1 && self.peek(0) == Some('(') {
            self.at += 1;
            let text = self.until_closed();
            self.nested(&text, commands);
            self.current.words.push(super::UNKNOWN.to_string());
            return;
        }
        let indented = operator == "<<" && self.passes('-');
        while self.passes(' ') || self.passes('\t') {}
        let start = self.at;
        let target = self.word(commands);
        match operator.as_str() {
            "<<" => {
                let literal = self.chars[start..self.at].iter().any(|char| matches!(char, '\'' | '"' | '\\'));
                self.announced.push(HereDocument { delimiter: target, indented, literal, command: None });
            }
            "<<<" => self.current.input = Some(target),
            _ => {}
        }
    }

    /// Reads the here-documents that the line before announced.
    pub(super) fn here_documents(&mut self, commands: &mut Vec<Command>) {
        for document in std::mem::take(&mut self.announced) {
            let mut body = String::new();
            while self.at < self.chars.len() {
                let end = self.chars[self.at..].iter().position(|char| *char == '\n').map(|line| self.at + line);
                let line: String = self.chars[self.at..end.unwrap_or(self.chars.len())].iter().collect();
                self.at = end.map_or(self.chars.len(), |end| end + 1);
                let line = if document.indented { line.trim_start_matches('\t') } else { &line };
                if line == document.delimiter {
                    break;
                }
                body.push_str(line);
                body.push('\n');
            }
            if !document.literal {
                Self::new(&body, self.depth).substitutions(commands);
            }
            if let Some(command) = document.command.and_then(|place| commands.get_mut(place)) {
                command.input = Some(body);
            }
        }
    }
}
