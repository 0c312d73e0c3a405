//! The record of an invocation: with the event, all that is needed to see what happened, and to run it again.

use std::time::Duration;

use codex_manager_extension::dispatch::Settled;
use codex_manager_model::limits::{EXTENSION_KIND_CHARS_MAX, EXTENSION_SENTENCE_CHARS_MAX};
use codex_manager_model::{Invocation, InvocationId, InvocationOutcome, SessionId};
use serde_json::json;

use super::commit::{Ending, Settling};
use super::host::Left;

/// The record of this settling.
pub(super) fn record(settling: &Settling, id: InvocationId, session: Option<SessionId>, ending: Ending) -> Invocation {
    let (called, left) = (settling.called.as_ref(), &settling.left);
    Invocation {
        id,
        extension: settling.seat.rank.extension.to_string(),
        version: settling.version.clone(),
        digest: settling.digest.map(|digest| digest.to_string()).unwrap_or_default(),
        handler: called.map(|called| called.handler.clone()).unwrap_or_default(),
        event: settling.seat.seq,
        session,
        at: called.map_or(settling.now, |called| called.at),
        seed: called.map(|called| called.seed).unwrap_or_default(),
        outcome: ending.outcome,
        sentence: ending.sentence,
        actions: json!(left.actions),
        journal: json!(left.journal),
        log: json!(left.log),
        cpu_us: micros(left.cpu),
        wall_us: micros(left.wall),
        memory_bytes: left.memory_bytes as u64,
    }
}

/// The record without anything that the call was told or said.
pub(super) fn bare(invocation: Invocation) -> Invocation {
    Invocation { sentence: None, actions: json!([]), journal: json!([]), log: json!([]), ..invocation }
}

impl Ending {
    /// What dispatch has made of it.
    pub(super) fn of(settled: &Settled) -> Self {
        use InvocationOutcome as Outcome;
        match settled {
            Settled::Apply(_) => Self { outcome: Outcome::Applied, sentence: None },
            Settled::Abstained => Self { outcome: Outcome::Abstained, sentence: None },
            Settled::NotEligible { claim } => {
                Self::because(Outcome::NotEligible, format!("somebody else has decided {claim}"))
            }
            Settled::Barred { claim, reason } => {
                Self::because(Outcome::Barred, format!("only a person may accept {claim}: {reason}"))
            }
            Settled::Refused(refused) => Self::because(Outcome::Refused, refused.to_string()),
            Settled::Failed(how) => Self::because(Outcome::Failed, how.clone()),
            Settled::Late => Self::because(Outcome::Late, "it had not answered when the time to decide was over"),
            Settled::Expired => Self::because(Outcome::Expired, "what it would have been asked was no longer pending"),
            Settled::Withdrawn => Self::because(Outcome::Withdrawn, "it was disabled, or replaced, before its turn"),
        }
    }

    /// That, because of this.
    pub(super) fn because(outcome: InvocationOutcome, sentence: impl AsRef<str>) -> Self {
        Self { outcome, sentence: Some(cut(sentence.as_ref(), EXTENSION_SENTENCE_CHARS_MAX)) }
    }
}

/// The kinds of the actions that a call asked for. A guest may have written anything.
pub(super) fn kinds(left: &Left) -> Vec<String> {
    left.actions.iter().map(|action| cut(&action.kind, EXTENSION_KIND_CHARS_MAX)).collect()
}

/// The text, as far as that many characters reach: it may hold words of a guest.
fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
