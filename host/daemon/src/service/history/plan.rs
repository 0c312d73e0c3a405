//! In which order the rows of a transcript are told, and where each is to be had. Runs of rows that stand together where
//! they are kept are one line here, so that a plan is small however long the transcript is.

use std::collections::{HashMap, HashSet};

use codex_manager_model::{Item, SessionId};
use codex_manager_store::{EntryPlace, ItemPlace, View};
use serde_json::Value;

use super::outline::{Name, Names, Outline, Source};
use super::row::{item_row, row};
use super::supplement::{Joined, Supplement, anchor, join};
use super::synthetic::{Canonical, is_counted};
use super::{Error, Slice};
use crate::service::code;

/// How much of our own log is read at once.
const READ_BYTES: usize = 64 * 1024;

/// Rows that stand together, in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    /// Items of one turn of Codex's history.
    Child { turn: u32, item: u32, count: u32 },
    /// Items of our own log, with none of the session's between them that is not among them.
    Own { first: ItemPlace, last: ItemPlace, count: u32 },
    /// What somebody else has written.
    Entry(EntryPlace),
}

/// The order of some rows.
#[derive(Debug, Default)]
pub(super) struct Order {
    pub(super) runs: Vec<Run>,
    /// What somebody else has written that is part of one of these rows.
    pub(super) parts: HashMap<Source, Vec<EntryPlace>>,
    /// Whether there are rows before these.
    pub(super) has_more: bool,
}

/// What is known of a session's rows, until they are put in order.
#[derive(Default)]
pub(super) struct Gathered {
    names: Names,
    /// The items of our own log.
    own: Vec<Outline>,
    supplement: Vec<Supplement>,
    /// The turns of Codex's history, with their items.
    turns: Vec<(Name, Vec<Outline>)>,
    /// The turns in which a row has a made-up id: what is said there is looked at.
    counted: HashSet<Name>,
}

impl Gathered {
    /// Reads what our own log has, and what others have written.
    pub(super) fn of(view: &View<'_>, session: &SessionId) -> Result<Self, codex_manager_store::Error> {
        let mut gathered = Self::default();
        let Self { names, own, supplement, counted, .. } = &mut gathered;
        view.each_item_outline(session, |item| {
            let outline = names.silent(Source::Own(item.place), item.id, item.turn, item.kind);
            counted.extend(outline.is_counted.then_some(outline.turn));
            own.push(outline);
        })?;
        view.each_entry_outline(session, |entry| {
            let row = names.silent(Source::Entry(entry.place), entry.id, entry.turn, entry.kind);
            counted.extend(row.is_counted.then_some(row.turn));
            let anchor = entry.details.and_then(anchor).map(|id| names.of(&id));
            supplement.push(Supplement { row: Outline { role: entry.role, ..row }, anchor });
        })?;
        Ok(gathered)
    }

    /// Adds a turn of Codex's history, which stands behind those before it.
    pub(super) fn add_turn(&mut self, told: &Value) {
        let id = told["id"].as_str().unwrap_or_default();
        let (name, turn) = (self.names.of(id), u32::try_from(self.turns.len()).unwrap_or(u32::MAX));
        let items = || told["items"].as_array().into_iter().flatten();
        let item_id = |item: &Value| item["id"].as_str().unwrap_or_default().to_owned();
        if items().any(|item| is_counted(&item_id(item))) {
            self.counted.insert(name);
        }
        let looks = self.counted.contains(&name);
        let outline = |(item, number): (&Value, u32)| {
            let (source, item_id) = (Source::Child { turn, item: number }, item_id(item));
            let kind = item["type"].as_str().unwrap_or("unknown");
            if looks {
                self.names.outline(source, &row(&item_id, id, item, None))
            } else {
                self.names.silent(source, &item_id, id, kind)
            }
        };
        let rows = items().zip(0..).map(outline).collect();
        self.turns.push((name, rows));
    }

    /// Looks at what rows of our own log, and entries, say where somebody has to know.
    pub(super) fn look(&mut self, view: &View<'_>, session: &SessionId) -> Result<(), codex_manager_store::Error> {
        let Self { names, own, supplement, counted, .. } = self;
        for Supplement { row, .. } in supplement.iter_mut().filter(|entry| entry.row.is_counted) {
            if let Source::Entry(place) = row.source
                && let Some(entry) = view.transcript_entry_at(session, place)?
            {
                row.says = names.says(&entry);
            }
        }
        let mut asked = own.iter_mut().filter(|row| counted.contains(&row.turn)).peekable();
        while let Some(first) = asked.peek().and_then(|row| place(row)) {
            let items = view.items_between(session, first, ItemPlace(i64::MAX), READ_BYTES)?;
            let Some(&(end, _)) = items.last() else { return Ok(()) };
            let items: HashMap<ItemPlace, Item> = items.into_iter().collect();
            while let Some(row) = asked.next_if(|row| place(row) <= Some(end)) {
                if let Some(item) = place(row).and_then(|place| items.get(&place)) {
                    row.says = names.says(&item_row(item));
                }
            }
        }
        Ok(())
    }

    /// Whether what is said has to be [looked at](Self::look).
    pub(super) fn has_made_up_ids(&self) -> bool {
        !self.counted.is_empty()
    }

    /// The order of the rows of a slice.
    ///
    /// # Errors
    /// `row_not_found` when the slice ends before a row that is not there.
    pub(super) fn order(self, slice: &Slice) -> Result<Order, Error> {
        let Self { names, own, supplement, turns, counted } = self;
        let places: Vec<ItemPlace> = own.iter().filter_map(place).collect();
        let asked = own.iter().chain(turns.iter().flat_map(|(_, rows)| rows));
        let canonical = Canonical::of(&names, asked.filter(|row| counted.contains(&row.turn)));
        let mut rows = assemble(turns, own);
        rows.retain(|row| !canonical.has(row));
        let Joined { rows, mut parts } = join(rows, supplement, &canonical);
        let end = match &slice.before {
            None => rows.len(),
            Some(id) => {
                let id = names.of(id);
                let at = rows.iter().position(|row| row.id == id);
                at.ok_or_else(gone)?
            }
        };
        let start = slice.limit.map_or(0, |limit| end.saturating_sub(limit as usize));
        let rows = &rows[start..end];
        if !parts.is_empty() {
            let told: HashSet<Source> = rows.iter().map(|row| row.source).collect();
            parts.retain(|row, _| told.contains(row));
            parts.shrink_to_fit();
        }
        Ok(Order { runs: runs(rows, &places), parts, has_more: start > 0 })
    }
}

/// There is no row before which a page could end.
fn gone() -> Error {
    Error::new(code::ROW_NOT_FOUND, "the transcript has no row of the id in `before`").status("not_found")
}

fn place(row: &Outline) -> Option<ItemPlace> {
    match row.source {
        Source::Own(place) => Some(place),
        _ => None,
    }
}

/// Rows in the order of the child's turns; what only we know comes at the end of its turn, and turns that only we know at
/// the end.
fn assemble(turns: Vec<(Name, Vec<Outline>)>, mut own: Vec<Outline>) -> Vec<Outline> {
    let told: HashSet<Name> = turns.iter().flat_map(|(_, rows)| rows).map(|row| row.id).collect();
    own.retain(|row| !told.contains(&row.id));
    let mut ranks: HashMap<Name, usize> = HashMap::new();
    for (rank, (turn, _)) in turns.iter().enumerate() {
        ranks.entry(*turn).or_insert(rank);
    }
    // In place, for there may be very many: rows that belong together stay in their order.
    own.extend(turns.into_iter().flat_map(|(_, rows)| rows));
    own.sort_by_key(|row| (ranks.get(&row.turn).copied().unwrap_or(usize::MAX), place(row)));
    own
}

/// Rows by where they stand together. `places` are those of all items of our own log.
fn runs(rows: &[Outline], places: &[ItemPlace]) -> Vec<Run> {
    let follows = |place: &ItemPlace, last: &ItemPlace| {
        places.binary_search(last).is_ok_and(|at| places.get(at + 1) == Some(place))
    };
    let mut runs: Vec<Run> = Vec::new();
    for row in rows {
        match (&row.source, runs.last_mut()) {
            (Source::Own(place), Some(Run::Own { last, count, .. })) if follows(place, last) => {
                (*last, *count) = (*place, *count + 1);
            }
            (Source::Child { turn, item }, Some(Run::Child { turn: of, item: first, count }))
                if turn == of && *item == *first + *count =>
            {
                *count += 1;
            }
            (&Source::Own(place), _) => runs.push(Run::Own { first: place, last: place, count: 1 }),
            (&Source::Child { turn, item }, _) => runs.push(Run::Child { turn, item, count: 1 }),
            (&Source::Entry(place), _) => runs.push(Run::Entry(place)),
        }
    }
    runs.shrink_to_fit();
    runs
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What a session has: items of our own log as `id turn`, by their places, and the child's turns.
    fn gathered(own: &[&str], turns: &[Value]) -> Gathered {
        let mut gathered = Gathered::default();
        for (text, place) in own.iter().zip(1..) {
            let (id, turn) = text.split_once(' ').unwrap();
            gathered.own.push(gathered.names.silent(Source::Own(ItemPlace(place)), id, turn, "agentMessage"));
        }
        turns.iter().for_each(|turn| gathered.add_turn(turn));
        gathered
    }

    fn turn(id: &str, items: &[&str]) -> Value {
        let items: Vec<_> = items.iter().map(|id| json!({ "type": "agentMessage", "id": id, "text": id })).collect();
        json!({ "id": id, "items": items })
    }

    fn slice(before: Option<&str>, limit: Option<u32>) -> Slice {
        Slice { before: before.map(str::to_owned), limit }
    }

    fn child(turn: u32, item: u32, count: u32) -> Run {
        Run::Child { turn, item, count }
    }

    fn own(first: i64, last: i64, count: u32) -> Run {
        Run::Own { first: ItemPlace(first), last: ItemPlace(last), count }
    }

    #[test]
    fn what_only_we_know_stands_at_the_end_of_its_turn_and_turns_that_only_we_know_at_the_end() {
        let turns = [turn("t1", &["u1", "a1"]), turn("t2", &["u2"])];
        let ours = ["x t9", "u1 t1", "b t1", "c t1", "u2 t2", "d t1", "y t9", "z t9"];
        let order = gathered(&ours, &turns).order(&slice(None, None)).unwrap();
        let expected = [child(0, 0, 2), own(3, 4, 2), own(6, 6, 1), child(1, 0, 1), own(1, 1, 1), own(7, 8, 2)];
        assert_eq!((order.runs.as_slice(), order.has_more), (&expected[..], false));
    }

    #[test]
    fn a_slice_ends_before_a_row_and_says_whether_there_are_more() {
        let rows = || gathered(&["a t1", "b t1", "c t1", "d t2"], &[turn("t1", &["u"])]);
        for (before, limit, expected, has_more) in [
            (None, Some(2), vec![own(3, 4, 2)], true),
            (Some("c"), Some(2), vec![own(1, 2, 2)], true),
            (Some("a"), Some(2), vec![child(0, 0, 1)], false),
            (Some("u"), Some(2), vec![], false),
            (Some("d"), None, vec![child(0, 0, 1), own(1, 3, 3)], false),
        ] {
            let order = rows().order(&slice(before, limit)).unwrap();
            assert_eq!((order.runs, order.has_more), (expected, has_more), "{before:?} {limit:?}");
        }
        assert!(rows().order(&slice(Some("nobody"), None)).is_err());
    }

    #[test]
    fn a_slice_has_the_parts_of_its_own_rows_alone() {
        let mut all = gathered(&["a t1", "b t1"], &[]);
        for (id, place) in ["a", "b"].into_iter().zip(1..) {
            let row = all.names.silent(Source::Entry(EntryPlace(place)), id, "t1", "agentMessage");
            all.supplement.push(Supplement { row, anchor: None });
        }
        let order = all.order(&slice(None, Some(1))).unwrap();
        assert_eq!(order.parts, HashMap::from([(Source::Own(ItemPlace(2)), vec![EntryPlace(2)])]));
    }

    #[test]
    fn an_item_with_a_made_up_id_is_left_out_where_it_is_there_under_its_own() {
        let mut told = turn("t1", &["item-1", "own", "item-2"]);
        told["items"][0]["text"] = json!("own");
        let order = gathered(&[], &[told]).order(&slice(None, None)).unwrap();
        assert_eq!(order.runs, [child(0, 1, 2)]);
    }
}
