//! Rows with made-up ids. Where Codex has no id for an item it counts (`item-3`), and counts anew each time it reads a
//! thread; whoever wrote such a row down has written down a row that is there under its own id.

use std::collections::HashMap;

use codex_manager_model::TranscriptEntry;

/// Rows under their own ids, by turn.
pub(super) struct Canonical<'a>(HashMap<&'a str, Vec<&'a TranscriptEntry>>);

impl<'a> Canonical<'a> {
    pub(super) fn of(rows: &'a [TranscriptEntry]) -> Self {
        let mut by_turn: HashMap<_, Vec<_>> = HashMap::new();
        for row in rows.iter().filter(|row| !is_counted(&row.message_id)) {
            by_turn.entry(row.turn_id.as_str()).or_default().push(row);
        }
        Self(by_turn)
    }

    /// Whether a row has a made-up id and is here under its own: of the same turn, speaker and kind, and saying the same.
    /// Codex shortens its reasoning as it likes, so any will do there.
    pub(super) fn has(&self, row: &TranscriptEntry) -> bool {
        is_counted(&row.message_id)
            && self.0.get(row.turn_id.as_str()).into_iter().flatten().any(|own| {
                own.role == row.role
                    && own.kind == row.kind
                    && (row.kind == "reasoning"
                        || is_same(&own.content, &row.content)
                        || is_same(
                            own.details.as_deref().unwrap_or_default(),
                            row.details.as_deref().unwrap_or_default(),
                        ))
            })
    }
}

/// Whether the rows of one and the same list repeat each other.
pub(super) fn without_repeats(rows: Vec<TranscriptEntry>) -> Vec<TranscriptEntry> {
    let canonical = Canonical::of(&rows);
    let kept: Vec<bool> = rows.iter().map(|row| !canonical.has(row)).collect();
    rows.into_iter().zip(kept).filter_map(|(row, kept)| kept.then_some(row)).collect()
}

fn is_counted(id: &str) -> bool {
    id.strip_prefix("item-")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether two texts say the same, however they are spaced. Two that say nothing do not.
fn is_same(one: &str, other: &str) -> bool {
    let mut words = one.split_whitespace();
    one.split_whitespace().next().is_some() && words.by_ref().eq(other.split_whitespace())
}

#[cfg(test)]
mod tests {
    use codex_manager_model::{ItemStatus, TranscriptRole, TurnId};

    use super::*;

    fn row(id: &str, turn: &str, kind: &str, content: &str, details: Option<&str>) -> TranscriptEntry {
        TranscriptEntry {
            message_id: id.into(),
            turn_id: TurnId::new(turn),
            role: if kind == "agentMessage" { TranscriptRole::Assistant } else { TranscriptRole::System },
            kind: kind.into(),
            content: content.into(),
            details: details.map(str::to_owned),
            status: ItemStatus::Complete,
            started_at: None,
            completed_at: None,
        }
    }

    #[test]
    fn a_row_that_is_there_under_its_own_id_is_known_by_what_it_says() {
        let rows = [
            row("a", "t", "agentMessage", "two  words\n", None),
            row("c", "t", "commandExecution", "ls", Some("{ 1 }")),
            row("r", "t", "reasoning", "long", None),
            row("e", "t", "plan", "", None),
        ];
        let canonical = Canonical::of(&rows);
        for (repeats, id, turn, kind, content, details) in [
            (true, "item-1", "t", "agentMessage", " two words", None),
            (true, "item-12", "t", "commandExecution", "", Some("{  1 }")),
            (true, "item-2", "t", "reasoning", "short", None),
            (false, "item-1", "t", "agentMessage", "other words", None),
            (false, "item-1", "u", "agentMessage", "two words", None),
            (false, "item-1", "t", "plan", "two words", None),
            (false, "item-1", "t", "plan", "", None),
            (false, "mine-1", "t", "agentMessage", "two words", None),
            (false, "item-", "t", "agentMessage", "two words", None),
            (false, "item-1a", "t", "agentMessage", "two words", None),
        ] {
            assert_eq!(canonical.has(&row(id, turn, kind, content, details)), repeats, "{id} {turn} {kind} {content}");
        }
    }

    #[test]
    fn of_two_rows_with_made_up_ids_none_is_the_other_s_repeat() {
        let made_up =
            vec![row("item-1", "t", "agentMessage", "same", None), row("item-2", "t", "agentMessage", "same", None)];
        assert_eq!(without_repeats(made_up.clone()), made_up);
        let own = row("own", "t", "agentMessage", "same", None);
        let all = made_up.into_iter().chain([own.clone()]).collect();
        assert_eq!(without_repeats(all), [own]);
    }
}
