//! What can be told from several messages of the event stream.

use super::fault::{Fault, ensure};

pub(super) use crate::cli::frame::Frame;

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
