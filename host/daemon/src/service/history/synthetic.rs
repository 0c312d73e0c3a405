//! Rows with made-up ids. Where Codex has no id for an item it counts (`item-3`), and counts anew each time it reads a
//! thread; whoever wrote such a row down has written down a row that is there under its own id.

use std::collections::HashSet;

use codex_manager_model::TranscriptRole;

use super::outline::{Name, Names, Outline};

/// Rows under their own ids: of which turn, speaker and kind they are, and what they say.
pub(super) struct Canonical {
    rows: HashSet<(Name, TranscriptRole, Name, Option<Said>)>,
    reasoning: Name,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Said {
    Content(Name),
    Details(Name),
}

impl Canonical {
    pub(super) fn of<'a>(names: &Names, rows: impl Iterator<Item = &'a Outline>) -> Self {
        let own = rows.filter(|row| !row.is_counted);
        let rows = own.flat_map(|row| said(row).map(|said| (row.turn, row.role, row.kind, said))).collect();
        Self { rows, reasoning: names.of("reasoning") }
    }

    /// Whether a row has a made-up id and is here under its own: of the same turn, speaker and kind, and saying the same.
    /// Codex shortens its reasoning as it likes, so any will do there.
    pub(super) fn has(&self, row: &Outline) -> bool {
        let is_same = |said: &Option<Said>| said.is_some() || row.kind == self.reasoning;
        row.is_counted
            && said(row).filter(is_same).any(|said| self.rows.contains(&(row.turn, row.role, row.kind, said)))
    }
}

/// That a row is there, and what it says.
fn said(row: &Outline) -> impl Iterator<Item = Option<Said>> {
    let content = row.says.content.map(|name| Some(Said::Content(name)));
    let details = row.says.details.map(|name| Some(Said::Details(name)));
    [Some(None), content, details].into_iter().flatten()
}

/// Whether an id is a made-up one.
pub(super) fn is_counted(id: &str) -> bool {
    id.strip_prefix("item-")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use codex_manager_model::{ItemStatus, TranscriptEntry, TranscriptRole, TurnId};

    use super::super::outline::Source;
    use super::*;

    fn row(names: &Names, id: &str, turn: &str, kind: &str, content: &str, details: Option<&str>) -> Outline {
        let row = TranscriptEntry {
            message_id: id.into(),
            turn_id: TurnId::new(turn),
            role: if kind == "agentMessage" { TranscriptRole::Assistant } else { TranscriptRole::System },
            kind: kind.into(),
            content: content.into(),
            details: details.map(str::to_owned),
            status: ItemStatus::Complete,
            started_at: None,
            completed_at: None,
        };
        names.outline(Source::Child { turn: 0, item: 0 }, &row)
    }

    #[test]
    fn a_row_that_is_there_under_its_own_id_is_known_by_what_it_says() {
        let names = Names::default();
        let rows = [
            row(&names, "a", "t", "agentMessage", "two  words\n", None),
            row(&names, "c", "t", "commandExecution", "ls", Some("{ 1 }")),
            row(&names, "r", "t", "reasoning", "long", None),
            row(&names, "e", "t", "plan", "", None),
        ];
        let canonical = Canonical::of(&names, rows.iter());
        for (repeats, id, turn, kind, content, details) in [
            (true, "item-1", "t", "agentMessage", " two words", None),
            (true, "item-12", "t", "commandExecution", "", Some("{  1 }")),
            (true, "item-2", "t", "reasoning", "short", None),
            (false, "item-1", "t", "agentMessage", "other words", None),
            (false, "item-1", "t", "commandExecution", "{ 1 }", Some("ls")),
            (false, "item-1", "u", "agentMessage", "two words", None),
            (false, "item-1", "t", "plan", "two words", None),
            (false, "item-1", "t", "plan", "", None),
            (false, "mine-1", "t", "agentMessage", "two words", None),
            (false, "item-", "t", "agentMessage", "two words", None),
            (false, "item-1a", "t", "agentMessage", "two words", None),
        ] {
            let asked = row(&names, id, turn, kind, content, details);
            assert_eq!(canonical.has(&asked), repeats, "{id} {turn} {kind} {content}");
        }
    }

    #[test]
    fn of_two_rows_with_made_up_ids_none_is_the_other_s_repeat() {
        let names = Names::default();
        let row = |id| row(&names, id, "t", "agentMessage", "same", None);
        let made_up = [row("item-1"), row("item-2")];
        let canonical = Canonical::of(&names, made_up.iter());
        assert!(!made_up.iter().any(|row| canonical.has(row)));
        let canonical = Canonical::of(&names, made_up.iter().chain(&[row("own")]));
        assert!(made_up.iter().all(|row| canonical.has(row)) && !canonical.has(&row("own")));
    }
}
