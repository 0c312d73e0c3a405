//! Joining what somebody else than the child wrote into a transcript with what the child tells.

use std::collections::{HashMap, HashSet};

use codex_manager_model::{ItemStatus, TranscriptEntry, TranscriptRole};
use codex_manager_store::EntryPlace;
use serde_json::Value;

use super::outline::{Name, Outline, Source};
use super::synthetic::Canonical;

/// One entry of the supplement.
pub(super) struct Supplement {
    pub(super) row: Outline,
    /// The row that its details name.
    pub(super) anchor: Option<Name>,
}

/// Rows in their order, and the entries that are part of a row which is there anyway, in the order in which they were
/// written.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub(super) rows: Vec<Outline>,
    pub(super) parts: HashMap<Source, Vec<EntryPlace>>,
}

/// The rows of the child with the supplement. An entry with the id of a row becomes part of that row, but none of the
/// system's, such as extensions write, becomes part of what the person or the model says. A new one stands
/// behind the row that its details name, else before the last thing that the assistant says in its turn, else at the end
/// of its turn; turns that only the supplement knows come last. Where several want one place, the first written stands
/// first. One with a [made-up id](super::synthetic) that is there under its own is left out.
pub(super) fn join(rows: Vec<Outline>, supplement: Vec<Supplement>, canonical: &Canonical) -> Joined {
    if supplement.is_empty() {
        return Joined { rows, parts: HashMap::new() };
    }
    let known: HashMap<Name, usize> = rows.iter().enumerate().map(|(place, row)| (row.id, place)).collect();
    let turns = turns(&rows);
    let mut added = Added::default();
    let mut parts: HashMap<Source, Vec<EntryPlace>> = HashMap::new();
    let mut placed: HashSet<Name> = HashSet::new();
    for Supplement { row: entry, anchor } in supplement {
        if let Some(&place) = known.get(&entry.id) {
            // Its writer may have guessed the id before there was an item, so this is where it shows.
            if let Source::Entry(written) = entry.source
                && (entry.role != TranscriptRole::System || rows[place].role == TranscriptRole::System)
            {
                parts.entry(rows[place].source).or_default().push(written);
            }
            continue;
        }
        if canonical.has(&entry) {
            continue;
        }
        placed.insert(entry.id);
        // One that names a later entry, or itself, names nothing yet: so nothing goes round in circles.
        let anchor = anchor.filter(|id| known.contains_key(id) || placed.contains(id) && *id != entry.id);
        match (anchor, turns.get(&entry.turn)) {
            (Some(anchor), _) => added.behind.entry(anchor).or_default().push(entry),
            (None, Some(Turn { answer: Some(place), .. })) => added.before.entry(*place).or_default().push(entry),
            (None, Some(Turn { end, .. })) => added.after.entry(*end).or_default().push(entry),
            (None, None) => added.last.push(entry),
        }
    }
    Joined { rows: added.into_rows(rows), parts }
}

/// Makes an entry part of the row that has its id. Who speaks, and in which turn, is the child's to say; otherwise the
/// worse end counts, and of two texts the longer.
pub(super) fn merge(row: &mut TranscriptEntry, entry: TranscriptEntry) {
    if gravity(entry.status) > gravity(row.status) {
        row.status = entry.status;
    }
    if entry.content.len() > row.content.len() {
        row.content = entry.content;
    }
    if entry.details.as_ref().map(String::len) > row.details.as_ref().map(String::len) {
        row.details = entry.details;
    }
    row.started_at = [row.started_at, entry.started_at].into_iter().flatten().min();
    row.completed_at = row.completed_at.max(entry.completed_at);
}

fn gravity(status: ItemStatus) -> u8 {
    match status {
        ItemStatus::Streaming => 0,
        ItemStatus::Complete => 1,
        ItemStatus::Canceled => 2,
        ItemStatus::Error => 3,
    }
}

/// The row that the details of an entry name.
pub(super) fn anchor(details: &str) -> Option<String> {
    const ANCHOR: &str = "anchorItemId";
    // Few name one, and details may be long.
    let details: Value = details.contains(ANCHOR).then(|| serde_json::from_str(details).ok())??;
    details[ANCHOR].as_str().map(str::to_owned)
}

/// Where a turn of the child has its rows.
struct Turn {
    /// The last thing that the assistant says.
    answer: Option<usize>,
    /// The last row.
    end: usize,
}

fn turns(rows: &[Outline]) -> HashMap<Name, Turn> {
    let mut turns: HashMap<Name, Turn> = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        let turn = turns.entry(row.turn).or_insert(Turn { answer: None, end: place });
        turn.end = place;
        if row.role == TranscriptRole::Assistant {
            turn.answer = Some(place);
        }
    }
    turns
}

/// New rows, by where they stand.
#[derive(Default)]
struct Added {
    /// Behind the row of that id.
    behind: HashMap<Name, Vec<Outline>>,
    /// Before the child's row in that place.
    before: HashMap<usize, Vec<Outline>>,
    /// After it.
    after: HashMap<usize, Vec<Outline>>,
    /// After everything.
    last: Vec<Outline>,
}

impl Added {
    fn into_rows(mut self, rows: Vec<Outline>) -> Vec<Outline> {
        let mut all = Vec::new();
        for (place, row) in rows.into_iter().enumerate() {
            let before = self.before.remove(&place).unwrap_or_default();
            let after = self.after.remove(&place).unwrap_or_default();
            for row in before.into_iter().chain([row]).chain(after) {
                self.emit(row, &mut all);
            }
        }
        for row in by_turn(std::mem::take(&mut self.last)) {
            self.emit(row, &mut all);
        }
        all
    }

    /// A row, and what stands behind it, and behind that. As a list of its own: a chain of rows may be long.
    fn emit(&mut self, row: Outline, all: &mut Vec<Outline>) {
        let mut waiting = vec![row];
        while let Some(row) = waiting.pop() {
            waiting.extend(self.behind.remove(&row.id).unwrap_or_default().into_iter().rev());
            all.push(row);
        }
    }
}

/// The rows of one turn together, the turns in the order of their first rows.
fn by_turn(mut rows: Vec<Outline>) -> Vec<Outline> {
    let mut order: HashMap<Name, usize> = HashMap::new();
    for row in &rows {
        let next = order.len();
        order.entry(row.turn).or_insert(next);
    }
    rows.sort_by_key(|row| order[&row.turn]);
    rows
}

#[cfg(test)]
mod tests {
    use codex_manager_model::TurnId;
    use jiff::Timestamp;

    use super::super::outline::Names;
    use super::*;

    /// `id turn`, said by whoever the id begins with.
    fn row(text: &str) -> TranscriptEntry {
        let (id, turn) = text.split_once(' ').unwrap();
        TranscriptEntry {
            message_id: id.to_owned(),
            turn_id: TurnId::new(turn),
            role: match id.as_bytes()[0] {
                b'u' => TranscriptRole::User,
                b'a' => TranscriptRole::Assistant,
                _ => TranscriptRole::System,
            },
            kind: "row".to_owned(),
            content: String::new(),
            details: None,
            status: ItemStatus::Complete,
            started_at: None,
            completed_at: None,
        }
    }

    /// `id turn`, or `id turn anchor`.
    fn entry(text: &str) -> TranscriptEntry {
        let mut words = text.split(' ');
        let named = [words.next().unwrap(), words.next().unwrap()].join(" ");
        let details = words.next().map(|anchor| format!(r#"{{"why":"…","anchorItemId":"{anchor}"}}"#));
        TranscriptEntry { details, ..row(&named) }
    }

    /// What becomes of rows of the child and a supplement, by their places in these lists.
    fn joined(rows: &[TranscriptEntry], supplement: &[TranscriptEntry]) -> (Joined, Names) {
        let names = Names::default();
        let child = |(row, item): (&TranscriptEntry, u32)| names.outline(Source::Child { turn: 0, item }, row);
        let written = |(entry, place): (&TranscriptEntry, i64)| Supplement {
            row: names.outline(Source::Entry(EntryPlace(place)), entry),
            anchor: entry.details.as_deref().and_then(anchor).map(|id| names.of(&id)),
        };
        let rows: Vec<_> = rows.iter().zip(0..).map(child).collect();
        let canonical = Canonical::of(&names, rows.iter());
        (join(rows, supplement.iter().zip(0..).map(written).collect(), &canonical), names)
    }

    /// A row with what becomes part of it of entries with its id.
    fn with_parts(row: TranscriptEntry, entry: TranscriptEntry) -> TranscriptEntry {
        let (joined, _) = joined(std::slice::from_ref(&row), std::slice::from_ref(&entry));
        assert_eq!(joined.rows.len(), 1);
        let parts = joined.parts.into_values().flatten();
        parts.fold(row, |mut row, _| {
            merge(&mut row, entry.clone());
            row
        })
    }

    #[test]
    fn each_new_row_has_its_place() {
        let child = ["u1 t1", "c1 t1", "a1 t1", "c2 t1", "a2 t1", "c3 t1", "u2 t2", "c4 t2"];
        let table: &[(&[&str], &str)] = &[
            (&["n1 t1", "n2 t1"], "u1 c1 a1 c2 n1 n2 a2 c3 u2 c4"),
            (&["n1 t2"], "u1 c1 a1 c2 a2 c3 u2 c4 n1"),
            (&["n1 t1 c1", "n2 t1 c1"], "u1 c1 n1 n2 a1 c2 a2 c3 u2 c4"),
            (&["n1 t2 c1"], "u1 c1 n1 a1 c2 a2 c3 u2 c4"),
            (&["n1 t1 c1", "n2 t1 n1", "n3 t1 c1"], "u1 c1 n1 n2 n3 a1 c2 a2 c3 u2 c4"),
            (&["n1 t1", "n2 t9 n1"], "u1 c1 a1 c2 n1 n2 a2 c3 u2 c4"),
            (&["n1 t1 gone", "n2 t1 n3", "n3 t1 n2", "n4 t1 n4"], "u1 c1 a1 c2 n1 n2 n3 n4 a2 c3 u2 c4"),
            (&["n1 t8", "n2 t9", "n3 t8"], "u1 c1 a1 c2 a2 c3 u2 c4 n1 n3 n2"),
            (&["a9 t2", "n1 t2"], "u1 c1 a1 c2 a2 c3 u2 c4 a9 n1"),
        ];
        for (supplement, expected) in table {
            let supplement: Vec<_> = supplement.iter().map(|text| entry(text)).collect();
            let (joined, names) = joined(&child.map(row), &supplement);
            let all = child.map(row).into_iter().chain(supplement.iter().cloned());
            let ids: HashMap<_, _> = all.map(|row| (names.of(&row.message_id), row.message_id)).collect();
            let order: Vec<_> = joined.rows.iter().map(|row| ids[&row.id].as_str()).collect();
            assert_eq!(order.join(" "), *expected);
        }
    }

    #[test]
    fn details_that_name_no_row_are_no_anchor() {
        for details in ["", "plain text", "[]", "7", r#"{"anchorItemId":7}"#, r#"{"anchorItemId":"u1""#] {
            assert_eq!(anchor(details), None, "{details}");
        }
    }

    #[test]
    fn an_entry_with_the_id_of_a_row_becomes_part_of_it() {
        use ItemStatus::{Canceled, Complete, Error, Streaming};
        for (row_status, entry_status, merged) in [
            (Complete, Streaming, Complete),
            (Streaming, Complete, Complete),
            (Complete, Canceled, Canceled),
            (Error, Complete, Error),
            (Canceled, Error, Error),
        ] {
            let row = TranscriptEntry { status: row_status, ..row("a1 t1") };
            let entry = TranscriptEntry { status: entry_status, ..row.clone() };
            assert_eq!(with_parts(row, entry).status, merged);
        }
        let at = |seconds| Timestamp::from_second(seconds).ok();
        let (content, details) = ("longer".to_owned(), Some("short".to_owned()));
        let row = TranscriptEntry { content: content.clone(), started_at: at(5), completed_at: at(6), ..row("a1 t1") };
        let entry = TranscriptEntry {
            turn_id: TurnId::new("t2"),
            role: TranscriptRole::User,
            kind: "other".to_owned(),
            content: "long".to_owned(),
            details: details.clone(),
            started_at: at(4),
            completed_at: None,
            ..row.clone()
        };
        let merged = TranscriptEntry { details, started_at: at(4), ..row.clone() };
        assert_eq!(with_parts(row, entry), merged);
    }

    #[test]
    fn what_the_person_and_the_model_say_is_no_place_for_the_system() {
        for said in ["u1 t1", "a1 t1"].map(row) {
            let entry = TranscriptEntry {
                role: TranscriptRole::System,
                content: "and more".to_owned(),
                status: ItemStatus::Error,
                ..said.clone()
            };
            assert_eq!(with_parts(said.clone(), entry), said);
        }
        let more = TranscriptEntry { content: "and more".to_owned(), ..row("c1 t1") };
        assert_eq!(with_parts(row("c1 t1"), more.clone()), more);
    }
}
