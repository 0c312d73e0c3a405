//! One message of the event stream, and what can be told from several.

use jiff::Timestamp;
use serde_json::Value;

use super::fault::{Fault, ensure};

/// One message of the event stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame(pub(super) Value);

impl Frame {
    /// What happened.
    pub(super) fn kind(&self) -> &str {
        self.0["type"].as_str().unwrap_or_default()
    }

    /// Its row in the log; `None` for what is no row.
    pub(super) fn seq(&self) -> Option<u64> {
        if self.kind() == "ready" { None } else { self.0["seq"].as_u64() }
    }

    /// Whether it is told and not kept.
    pub(super) fn is_ephemeral(&self) -> bool {
        self.0["ephemeral"] == true
    }

    /// What there is to say.
    pub(super) fn payload(&self) -> &Value {
        &self.0["payload"]
    }

    /// What Codex itself said, for an event of Codex.
    pub(super) fn params(&self) -> &Value {
        &self.payload()["params"]
    }

    /// The session it concerns.
    pub(super) fn session(&self) -> &str {
        self.0["threadId"].as_str().unwrap_or_default()
    }

    /// The turn it concerns.
    pub(super) fn turn(&self) -> &str {
        let payload = self.payload();
        payload["context"]["turnId"].as_str().or_else(|| payload["turnId"].as_str()).unwrap_or_default()
    }

    /// A piece of an answer: where it begins, in characters, and what it says.
    pub(super) fn delta(&self) -> Option<(usize, &str)> {
        let params = (self.kind() == "app_server.item.agent_message.delta").then(|| self.params())?;
        Some((usize::try_from(params["offset"].as_u64()?).ok()?, params["delta"].as_str()?))
    }

    /// When the daemon heard it from Codex.
    pub(super) fn received_at(&self) -> Option<Timestamp> {
        self.payload()["receivedAt"].as_str()?.parse().ok()
    }

    /// The last of the frames that its row has.
    pub(super) fn is_last_view(&self) -> bool {
        self.0["view"] == self.0["views"]
    }

    /// Which of the frames of its row it is, from 1.
    fn view(&self) -> u64 {
        self.0["view"].as_u64().unwrap_or(1)
    }
}

/// The rows among `frames`, as far as they are whole: a connection that breaks may leave half of the last one.
pub(super) fn whole_rows(frames: Vec<Frame>) -> Vec<Frame> {
    let mut rows: Vec<Frame> = frames.into_iter().filter(|frame| frame.seq().is_some()).collect();
    let end = rows.iter().rposition(Frame::is_last_view).map_or(0, |last| last + 1);
    rows.truncate(end);
    rows
}

/// The last row, if `rows` begin right after `after` and not one frame of theirs is missing or told twice.
pub(super) fn dense(rows: &[Frame], after: u64) -> Result<u64, Fault> {
    let (mut seq, mut next_view) = (after, None);
    for row in rows {
        let place = (row.seq().unwrap_or_default(), row.view());
        let expected = next_view.map_or((seq + 1, 1), |view| (seq, view));
        ensure(place == expected, || {
            format!(
                "the stream has seq {} (view {}) where {} (view {}) belongs",
                place.0, place.1, expected.0, expected.1
            )
        })?;
        seq = place.0;
        next_view = (!row.is_last_view()).then_some(place.1 + 1);
    }
    Ok(seq)
}

/// The text that the deltas among `frames` come to.
pub(super) fn joined<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> Result<String, Fault> {
    let (mut text, mut chars) = (String::new(), 0);
    for (offset, delta) in frames.into_iter().filter_map(Frame::delta) {
        ensure(offset == chars, || format!("a delta begins at {offset}, and the text so far ends at {chars}"))?;
        text.push_str(delta);
        chars += delta.chars().count();
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(seq: u64, view: u64, views: u64) -> Frame {
        Frame(if views == 1 { json!({"seq": seq}) } else { json!({"seq": seq, "view": view, "views": views}) })
    }

    #[test]
    fn what_is_missing_or_told_twice_is_noticed() {
        let rows = [row(5, 1, 1), row(6, 1, 2), row(6, 2, 2), row(7, 1, 1)];
        assert_eq!(dense(&rows, 4).unwrap(), 7);
        assert_eq!(dense(&[], 4).unwrap(), 4);
        for (broken, after) in [
            (&rows[..], 3),
            (&rows[1..], 4),
            (&[row(5, 1, 1), row(5, 1, 1)][..], 4),
            (&[row(5, 1, 1), row(7, 1, 1)][..], 4),
            (&[row(6, 1, 2), row(7, 1, 1)][..], 5),
            (&[row(6, 2, 2)][..], 5),
        ] {
            assert!(dense(broken, after).is_err(), "{broken:?} after {after}");
        }
    }

    #[test]
    fn half_a_row_is_left_off() {
        let ready = Frame(json!({"type": "ready", "seq": 9}));
        let frames = vec![ready, row(5, 1, 1), row(6, 1, 2), row(6, 2, 2), row(7, 1, 3), row(7, 2, 3)];
        assert_eq!(whole_rows(frames), [row(5, 1, 1), row(6, 1, 2), row(6, 2, 2)]);
    }

    #[test]
    fn deltas_join_where_they_say_and_a_hole_is_noticed() {
        let delta = |offset: usize, delta: &str| {
            let params = json!({"offset": offset, "delta": delta});
            Frame(json!({"type": "app_server.item.agent_message.delta", "payload": {"params": params}}))
        };
        assert_eq!(joined(&[delta(0, "é "), row(5, 1, 1), delta(2, "x")]).unwrap(), "é x");
        assert!(joined(&[delta(0, "é "), delta(3, "x")]).is_err());
    }
}
