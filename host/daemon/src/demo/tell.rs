//! Telling the story: a heading for each step, then a line for each thing as it is seen.

use std::io::{Write, stdout};

use serde_json::Value;

use super::fault::{DemoError, Fault};
use super::frame::Frame;
use super::stage::Stage;
use crate::cli::frame::Rows;
use crate::cli::plain::line;

/// How long a line may become.
const WIDTH: usize = 150;
/// How wide the names of events are.
const NAME_WIDTH: usize = 24;

/// A step that has begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    letter: char,
    title: &'static str,
}

/// Begins a step.
pub(super) fn step(letter: char, title: &'static str) -> Step {
    say(&format!("\n{letter}  {title}"));
    Step { letter, title }
}

impl Step {
    /// Ends the step, or a part of it; what was not seen in it is marked.
    pub(super) fn ended<T>(self, result: Result<T, Fault>) -> Result<T, DemoError> {
        result.map_err(|fault| {
            say(&format!("   ✗ {}", line(&fault.to_string(), WIDTH)));
            DemoError::Step { letter: self.letter, title: self.title, fault }
        })
    }

    /// The step cannot be played on this machine.
    pub(super) fn skipped(self, why: String) -> DemoError {
        DemoError::Skipped { letter: self.letter, title: self.title, why }
    }
}

/// Something was seen.
pub(super) fn seen(what: impl AsRef<str>) {
    say(&format!("   ✓ {}", line(what.as_ref(), WIDTH)));
}

/// What there is to know about what was seen.
pub(super) fn note(what: impl AsRef<str>) {
    say(&format!("     {}", line(what.as_ref(), WIDTH)));
}

/// A line that a command of ours printed for people, as it is.
pub(super) fn quote(line: &str) {
    say(&format!("     │ {line}"));
}

/// An event, as the stream told it.
pub(super) fn event(frame: &Frame, detail: impl AsRef<str>) {
    let place = frame.seq().map_or_else(|| "ephemeral".to_owned(), |seq| format!("seq {seq:>5}"));
    let name = line(frame.name(), NAME_WIDTH);
    say(format!("     {place}  {name:<NAME_WIDTH$}  {}", line(detail.as_ref(), WIDTH)).trim_end());
}

/// The rows among `frames`, each by one of its frames.
pub(super) fn rows(frames: &[Frame]) {
    let mut rows = Rows::default();
    for frame in frames.iter().filter(|frame| frame.seq().is_some()) {
        if rows.begins(frame) {
            event(frame, frame.substance());
        }
    }
}

/// A word of a JSON document, for people.
pub(super) fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What the story is about, and on what it runs.
pub(super) fn opening(stage: &Stage) {
    say(
        "Codex Manager: the real Codex, supervised, with a scripted model in place of a real one. Nothing leaves this machine.",
    );
    say(&format!("   codex    {}", stage.codex().display()));
    say(&format!("   model    {}", stage.model().base_url()));
    say(&format!("   folders  {}", stage.folders().all().display()));
}

/// A step cannot be played on this machine.
pub(super) fn skipped(why: &str) {
    say(&format!("   SKIPPED: {why}"));
}

/// All steps happened, as far as they can here; one may have been `skipped`.
pub(super) fn ending(stage: &Stage, skipped: bool) {
    say(if skipped { "\nAll of it happened but what was skipped." } else { "\nAll of it happened." });
    if !stage.is_contained() {
        say("NOT CONTAINED: what step d is about, and that nothing outlives the daemon in step e, does not hold here.");
    }
}

/// A step did not happen: where to look for the reason.
pub(super) fn kept(stage: &Stage) {
    say(&format!("\nWhat the daemon and Codex logged is kept in {}", stage.folders().all().display()));
}

/// Writes a line at once. A reader that leaves misses the rest; the story goes on and still says whether it was true.
pub(super) fn say(text: &str) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
