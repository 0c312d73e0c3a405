//! What the scripted app-server does wrong, and when: the words that a test and the stand-in share.
//!
//! A [`Script`] is a list of rules, kept in `CODEX_HOME` where the stand-in finds it. Without any rule it behaves like a
//! well-mannered app-server. Which start of it a rule is for is counted in `CODEX_HOME` too, from 1.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The file in `CODEX_HOME` that holds the script.
const SCRIPT_FILE: &str = "script.json";

/// What goes wrong, rule by rule.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Script(pub Vec<Rule>);

/// One thing that goes wrong.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rule {
    /// When.
    pub moment: Moment,
    /// What.
    pub fault: Fault,
    /// Which start of the stand-in it is for, from 1; `None` is every one.
    pub generation: Option<u64>,
    /// How often it happens within one start; `None` is always.
    pub times: Option<u32>,
}

/// When something goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moment {
    /// Before anything is read.
    Start,
    /// A request or notification of this method came in, and nothing was done about it yet.
    Method(String),
    /// A turn has said its first words.
    Turn,
    /// A turn's `turn/completed` has been written.
    TurnEnd,
    /// A request of its own has been written.
    Approval,
    /// An answer of the host came in, and nothing was done about it yet.
    Reply,
}

/// What goes wrong. Unless it says otherwise, the stand-in then goes on as if nothing had been.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Fault {
    /// Says this version in `--version` and in the handshake; `None` says none. For [`Moment::Start`].
    Version(Option<String>),
    /// Ends with this code.
    Exit(i32),
    /// Never answers this request, and does nothing about it.
    Hang,
    /// Reads nothing any more, so that the pipe fills and even its end is not noticed.
    StopReading,
    /// Does nothing for so many milliseconds.
    Slow(u64),
    /// Does nothing until there is a file of that name in `CODEX_HOME`.
    WaitFor(String),
    /// Answers with this error, where `None` is an error without a message.
    Refuse(i64, Option<String>),
    /// Answers with this result, and does nothing about it.
    Answer(Value),
    /// Does what this request asks for, and never answers it.
    Mute,
    /// Answers this request twice.
    AnswerTwice,
    /// Answers a request that nobody made.
    AnswerUnknown,
    /// Writes half of a line and ends.
    HalfLine,
    /// Writes a line of so many bytes.
    LongLine(usize),
    /// Writes a line that is not UTF-8.
    InvalidUtf8,
    /// Says `Grüße 🎉` in a turn, cut within the last character.
    SplitUtf8,
    /// Writes lines that are no messages.
    Garbage,
    /// Writes so many bytes to stderr.
    Stderr(usize),
    /// Says so many deltas in a turn.
    Deltas(u32),
    /// Starts and completes so many items in a turn.
    Items(u32),
    /// Completes so many items in a turn, one every so many microseconds, each saying when it was written.
    Paced(u32, u64),
    /// Tells something, by method and params.
    Tell(String, Value),
    /// Asks something, by method and params.
    Ask(String, Value),
    /// Gives its own requests text for ids, from now on.
    TextIds,
    /// Asks something that no host knows.
    UnknownRequest,
    /// Asks for approval of nothing, for nobody.
    MalformedApproval,
    /// Asks the last thing again, with the same id.
    RepeatRequest,
    /// Tells of a turn in a thread that nobody started.
    UnknownThread,
    /// Completes an item of the turn that is over.
    LateItem,
    /// Completes the turn again.
    CompleteTwice,
}

impl Fault {
    /// The rule that it happens at `moment`, always.
    pub fn at(self, moment: Moment) -> Rule {
        Rule { moment, fault: self, generation: None, times: None }
    }

    /// The rule that it happens when `method` comes in, always.
    pub fn on(self, method: &str) -> Rule {
        self.at(Moment::Method(method.to_owned()))
    }
}

impl Rule {
    /// Only at the `generation`-th start, from 1.
    #[must_use]
    pub fn in_generation(mut self, generation: u64) -> Self {
        self.generation = Some(generation);
        self
    }

    /// Only once within one start.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.times = Some(1);
        self
    }
}

impl Script {
    /// Puts the script where the stand-in finds it. It is read at each start.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, codex_home: &Path) -> io::Result<()> {
        write_whole(&codex_home.join(SCRIPT_FILE), &serde_json::to_vec(self)?)
    }

    /// The script in `codex_home`; empty where there is none.
    ///
    /// # Errors
    /// When the file cannot be read or is no script.
    pub fn read(codex_home: &Path) -> io::Result<Self> {
        match std::fs::read(codex_home.join(SCRIPT_FILE)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// What goes wrong at `moment` of the `generation`-th start, counting it as done.
    pub fn take(&mut self, generation: u64, moment: &Moment) -> Vec<Fault> {
        let due = self.0.iter_mut().filter(|rule| {
            rule.moment == *moment && rule.generation.is_none_or(|only| only == generation) && rule.times != Some(0)
        });
        due.map(|rule| {
            rule.times = rule.times.map(|times| times - 1);
            rule.fault.clone()
        })
        .collect()
    }
}

/// Writes a file that is read, and whose writer may be killed, at any time: it is there as a whole or as it was before.
///
/// # Errors
/// When it cannot be written.
pub fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, bytes)?;
    std::fs::rename(new, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_holds_for_its_moment_its_generation_and_its_times() {
        let mut script = Script(vec![Fault::Hang.on("turn/start").in_generation(2).once()]);
        let moment = Moment::Method("turn/start".into());
        assert!(script.take(1, &moment).is_empty());
        assert!(script.take(2, &Moment::Start).is_empty());
        assert_eq!(script.take(2, &moment).len(), 1);
        assert!(script.take(2, &moment).is_empty());
    }
}
