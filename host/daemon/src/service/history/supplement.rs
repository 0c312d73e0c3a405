//! Joining what somebody else than the child wrote into a transcript with what the child tells.

use std::collections::{HashMap, HashSet};

use codex_manager_model::{ItemStatus, TranscriptEntry, TranscriptRole};
use serde_json::Value;

use super::synthetic::Canonical;

/// The rows of the child with the supplement. An entry with the id of a row becomes part of that row, but none of the
/// system's, such as extensions write, becomes part of what the person or the model says. A new one stands
/// behind the row that its details name, else before the last thing that the assistant says in its turn, else at the end
/// of its turn; turns that only the supplement knows come last. Where several want one place, the first written stands
/// first. One with a [made-up id](super::synthetic) that is there under its own is left out.
pub(super) fn join(mut rows: Vec<TranscriptEntry>, supplement: Vec<TranscriptEntry>) -> Vec<TranscriptEntry> {
    let known: HashMap<String, usize> =
        rows.iter().enumerate().map(|(place, row)| (row.message_id.clone(), place)).collect();
    let turns = turns(&rows);
    let repeats: Vec<bool> = {
        let canonical = Canonical::of(&rows);
        let is_new = |entry: &TranscriptEntry| !known.contains_key(&entry.message_id);
        supplement.iter().map(|entry| is_new(entry) && canonical.has(entry)).collect()
    };
    let mut added = Added::default();
    let mut placed: HashSet<String> = HashSet::new();
    for entry in supplement.into_iter().zip(repeats).filter_map(|(entry, repeats)| (!repeats).then_some(entry)) {
        if let Some(&place) = known.get(&entry.message_id) {
            // Its writer may have guessed the id before there was an item, so this is where it shows.
            if entry.role != TranscriptRole::System || rows[place].role == TranscriptRole::System {
                merge(&mut rows[place], entry);
            }
            continue;
        }
        placed.insert(entry.message_id.clone());
        // One that names a later entry, or itself, names nothing yet: so nothing goes round in circles.
        let anchor =
            anchor(&entry).filter(|id| known.contains_key(id) || placed.contains(id) && *id != entry.message_id);
        match (anchor, turns.get(entry.turn_id.as_str())) {
            (Some(anchor), _) => added.behind.entry(anchor).or_default().push(entry),
            (None, Some(Turn { answer: Some(place), .. })) => added.before.entry(*place).or_default().push(entry),
            (None, Some(Turn { end, .. })) => added.after.entry(*end).or_default().push(entry),
            (None, None) => added.last.push(entry),
        }
    }
    added.into_rows(rows)
}

/// Makes an entry part of the row that has its id. Who speaks, and in which turn, is the child's to say; otherwise the
/// worse end counts, and of two texts the longer.
fn merge(row: &mut TranscriptEntry, entry: TranscriptEntry) {
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

/// The row that an entry's details name.
fn anchor(entry: &TranscriptEntry) -> Option<String> {
    let details: Value = serde_json::from_str(entry.details.as_ref()?).ok()?;
    details["anchorItemId"].as_str().map(str::to_owned)
}

/// Where a turn of the child has its rows.
struct Turn {
    /// The last thing that the assistant says.
    answer: Option<usize>,
    /// The last row.
    end: usize,
}

fn turns(rows: &[TranscriptEntry]) -> HashMap<String, Turn> {
    let mut turns: HashMap<String, Turn> = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        let turn = turns.entry(row.turn_id.to_string()).or_insert(Turn { answer: None, end: place });
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
    behind: HashMap<String, Vec<TranscriptEntry>>,
    /// Before the child's row in that place.
    before: HashMap<usize, Vec<TranscriptEntry>>,
    /// After it.
    after: HashMap<usize, Vec<TranscriptEntry>>,
    /// After everything.
    last: Vec<TranscriptEntry>,
}

impl Added {
    fn into_rows(mut self, rows: Vec<TranscriptEntry>) -> Vec<TranscriptEntry> {
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
    fn emit(&mut self, row: TranscriptEntry, all: &mut Vec<TranscriptEntry>) {
        let mut waiting = vec![row];
        while let Some(row) = waiting.pop() {
            waiting.extend(self.behind.remove(&row.message_id).unwrap_or_default().into_iter().rev());
            all.push(row);
        }
    }
}

/// The rows of one turn together, the turns in the order of their first rows.
fn by_turn(mut rows: Vec<TranscriptEntry>) -> Vec<TranscriptEntry> {
    let mut order: HashMap<String, usize> = HashMap::new();
    for row in &rows {
        let next = order.len();
        order.entry(row.turn_id.to_string()).or_insert(next);
    }
    rows.sort_by_key(|row| order[row.turn_id.as_str()]);
    rows
}

#[cfg(test)]
mod tests {
    use codex_manager_model::TurnId;
    use jiff::Timestamp;

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
            let rows = join(child.map(row).to_vec(), supplement.iter().map(|text| entry(text)).collect());
            let ids: Vec<_> = rows.iter().map(|row| row.message_id.as_str()).collect();
            assert_eq!(ids.join(" "), *expected, "{supplement:?}");
        }
    }

    #[test]
    fn details_that_name_no_row_are_no_anchor() {
        for details in ["", "plain text", "[]", "7", r#"{"anchorItemId":7}"#, r#"{"anchorItemId":"u1""#] {
            let entry = TranscriptEntry { details: Some(details.to_owned()), ..row("n1 t1") };
            assert_eq!(anchor(&entry), None, "{details}");
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
            assert_eq!(join(vec![row], vec![entry])[0].status, merged);
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
        assert_eq!(join(vec![row], vec![entry]), [merged]);
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
            assert_eq!(join(vec![said.clone()], vec![entry]), [said]);
        }
        let more = TranscriptEntry { content: "and more".to_owned(), ..row("c1 t1") };
        assert_eq!(join(vec![row("c1 t1")], vec![more.clone()]), [more]);
    }
}
