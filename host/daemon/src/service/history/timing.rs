//! When turns began and ended, for rows that do not say it of themselves.

use std::collections::HashMap;

use codex_manager_model::{ItemStatus, TranscriptEntry, Turn};
use jiff::Timestamp;
use serde_json::Value;

/// Beyond this a number of seconds would be milliseconds.
const SECONDS_MAX: i64 = 100_000_000_000;

/// How much one turn takes beside its id.
const TURN_BYTES: usize = 128;

/// The times of turns, by their ids.
#[derive(Debug, Default)]
pub(super) struct Times(HashMap<String, [Option<Timestamp>; 2]>);

impl Times {
    /// What our own log says.
    pub(super) fn of(ours: &[Turn]) -> Self {
        Self(ours.iter().map(|turn| (turn.id.to_string(), [Some(turn.started_at), turn.completed_at])).collect())
    }

    /// What the child says of a turn, where our own log says nothing.
    pub(super) fn fill_in(&mut self, turn: &Value) {
        if let Some(id) = turn["id"].as_str() {
            let [began, ended] = self.0.entry(id.to_owned()).or_default();
            *began = began.or_else(|| time(&turn["startedAt"]));
            *ended = ended.or_else(|| time(&turn["completedAt"]));
        }
    }

    /// About how much it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.0.keys().map(|id| id.len() + TURN_BYTES).sum()
    }

    /// The row with the times of its turn where it has none. What was still streaming when its turn ended is complete, but
    /// for commands: what our log has as streaming then outlives its turn.
    pub(super) fn fill(&self, row: TranscriptEntry) -> TranscriptEntry {
        let Some([began, ended]) = self.0.get(row.turn_id.as_str()) else { return row };
        let status = match row.status {
            ItemStatus::Streaming if ended.is_some() && row.kind != "commandExecution" => ItemStatus::Complete,
            other => other,
        };
        let completed_at = if status == ItemStatus::Streaming { row.completed_at } else { row.completed_at.or(*ended) };
        TranscriptEntry { status, started_at: row.started_at.or(*began), completed_at, ..row }.in_order()
    }
}

/// A time as Codex writes it: seconds, milliseconds, or text.
fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => match number.as_i64()? {
            seconds if seconds < SECONDS_MAX => Timestamp::from_second(seconds).ok(),
            milliseconds => Timestamp::from_millisecond(milliseconds).ok(),
        },
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use codex_manager_model::{Generation, SessionId, TranscriptRole, TurnId, TurnStatus};
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> Option<Timestamp> {
        Timestamp::from_second(seconds).ok()
    }

    fn row(turn: &str, status: ItemStatus, times: [Option<Timestamp>; 2]) -> TranscriptEntry {
        TranscriptEntry {
            message_id: "m".into(),
            turn_id: TurnId::new(turn),
            role: TranscriptRole::System,
            kind: "note".into(),
            content: String::new(),
            details: None,
            status,
            started_at: times[0],
            completed_at: times[1],
        }
    }

    #[test]
    fn a_row_without_times_has_those_of_its_turn() {
        use ItemStatus::{Canceled, Complete, Streaming};
        let ours = |id: &str, ended| Turn {
            id: TurnId::new(id),
            session: SessionId::new("s"),
            generation: Generation::new("g"),
            status: TurnStatus::Completed,
            started_at: at(10).unwrap(),
            completed_at: ended,
        };
        let told =
            [json!({ "id": "ended", "startedAt": 1, "completedAt": 2 }), json!({ "id": "theirs", "startedAt": 5 })];
        let mut times = Times::of(&[ours("ended", at(20)), ours("open", None)]);
        told.iter().for_each(|turn| times.fill_in(turn));
        for (turn, status, own, filled, filled_status) in [
            ("ended", Complete, [None, None], [at(10), at(20)], Complete),
            ("ended", Complete, [at(11), at(12)], [at(11), at(12)], Complete),
            ("ended", Streaming, [at(11), None], [at(11), at(20)], Complete),
            ("ended", Canceled, [None, at(15)], [at(10), at(15)], Canceled),
            ("open", Streaming, [None, None], [at(10), None], Streaming),
            ("open", Complete, [None, None], [at(10), None], Complete),
            ("theirs", Complete, [None, None], [at(5), None], Complete),
            ("unknown", Streaming, [None, None], [None, None], Streaming),
        ] {
            assert_eq!(times.fill(row(turn, status, own)), row(turn, filled_status, filled), "{turn} {status:?}");
        }
        let command = |times| TranscriptEntry { kind: "commandExecution".into(), ..row("ended", Streaming, times) };
        assert_eq!(times.fill(command([at(11), None])), command([at(11), None]), "it runs on");
    }

    #[test]
    fn a_time_is_read_however_codex_writes_it() {
        let same = at(1_795_333_492);
        for written in [json!(1_795_333_492), json!(1_795_333_492_000_i64), json!("2026-11-22T07:44:52Z")] {
            assert_eq!(time(&written), same, "{written}");
        }
        for nothing in [json!(null), json!("soon"), json!(1.5), json!({})] {
            assert_eq!(time(&nothing), None, "{nothing}");
        }
    }
}
