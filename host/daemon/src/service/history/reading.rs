//! An answer with a transcript, made piece by piece while its client takes it.
//!
//! What is told, and in which order, is fixed at the beginning: rows that come later are not part of it. Each piece is read
//! from the store as it is then, and from the child's history; so a slow client holds no transaction open and no row in
//! memory. An answer that cannot be told to its end, because its session is deleted or its turns are taken back
//! meanwhile, breaks off: its client sees that it is not whole.

use std::sync::Arc;

use bytes::Bytes;
use codex_manager_model::limits::ANSWER_PIECE_BYTES;
use codex_manager_model::{ItemId, SessionId, TranscriptEntry};
use codex_manager_store::{EntryPlace, ItemPlace, Store, View};
use serde::Serialize;

use super::outline::Source;
use super::plan::{Order, Run};
use super::row::{item_row, row};
use super::supplement::merge;
use super::timing::Times;
use super::turns::{Page, Turns};
use super::{Error, off};
use crate::service::answers::{Answers, Share};
use crate::service::code;
use crate::service::sessions::admit::readable_in;

/// How much of our own log is read at once for a piece; as a row it is about twice as large.
const READ_BYTES: usize = ANSWER_PIECE_BYTES / 4;

/// A page of the child's history, as far as it is known.
#[derive(Debug)]
pub(super) struct PlannedPage {
    /// Where it begins.
    pub(super) cursor: Option<String>,
    /// Which turn is its first, of all.
    pub(super) first: usize,
    /// How many turns it has.
    pub(super) turns: usize,
    /// All of it, where it is small.
    pub(super) remembered: Option<Page>,
}

impl PlannedPage {
    fn bytes(&self) -> usize {
        let cursor = self.cursor.as_ref().map_or(0, String::len);
        size_of::<Self>() + cursor + self.remembered.as_ref().map_or(0, Page::bytes)
    }
}

/// What there is to tell.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) session: SessionId,
    /// What comes before the turns, between them and the rows, and behind the rows, where no page follows.
    pub(super) frame: [String; 3],
    /// Whether the turns are told.
    pub(super) tells_turns: bool,
    /// Whether it is told where the next page begins.
    pub(super) is_page: bool,
    pub(super) pages: Vec<PlannedPage>,
    pub(super) order: Order,
    pub(super) times: Times,
}

/// How far it is told.
#[derive(Debug, Clone, Default)]
struct Progress {
    at: At,
    /// The id of the first row.
    first: Option<String>,
}

/// What is told next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum At {
    /// The beginning.
    #[default]
    Frame,
    /// A turn, from a byte of its text on.
    Turn { page: usize, turn: usize, from: usize },
    /// A row of a run: how many of it were told, and what the last was.
    Row { run: usize, told: u32, last: Option<ItemPlace> },
    /// Nothing.
    End,
}

/// An answer under way.
pub(crate) struct Reading {
    store: Store,
    turns: Turns,
    answers: Answers,
    plan: Arc<Plan>,
    progress: Progress,
    /// The page of the child's history that is told from.
    page: Option<Arc<Held>>,
    /// How large a piece may get.
    room: usize,
    _remembered: Share,
}

#[derive(Debug)]
struct Held {
    number: usize,
    page: Page,
    _room: Share,
}

impl Reading {
    pub(super) fn new(store: Store, turns: Turns, answers: Answers, plan: Plan, remembered: Share) -> Self {
        Self {
            store,
            turns,
            answers,
            plan: Arc::new(plan),
            progress: Progress::default(),
            page: None,
            room: ANSWER_PIECE_BYTES,
            _remembered: remembered,
        }
    }

    /// Whether all of it has been told.
    pub(crate) fn is_over(&self) -> bool {
        self.progress.at == At::End
    }

    /// The next piece.
    ///
    /// # Errors
    /// `session_deleted`; `invalid_state` when what was to be told is gone; unavailable without a child;
    /// `too_many_answers`.
    pub(crate) async fn next(&mut self) -> Result<Bytes, Error> {
        loop {
            self.turn_to_page().await?;
            // With a page there is room for what is made of it: nobody waits for room who has some.
            let needed = self.page.is_none().then_some(self.room);
            let (turn, room) = self.answers.turn_with_room(needed).await?;
            let (plan, page, progress) = (Arc::clone(&self.plan), self.page.clone(), self.progress.clone());
            let write = move |view: &View<'_>| {
                readable_in(view, &plan.session)?;
                let mut piece = Piece { plan: &plan, view, page: page.as_deref(), text: Vec::new(), progress };
                piece.write()?;
                Ok::<_, Error>((piece.text, piece.progress))
            };
            let (text, progress) = self.store.read(write).await?;
            drop(turn);
            let piece = match room.map(|room| self.answers.fit(room, text.len())) {
                Some(None) => {
                    self.room = text.len();
                    continue;
                }
                Some(Some(room)) => room.of(text),
                None => text.into(),
            };
            self.progress = progress;
            if piece.is_empty() && !self.is_over() {
                continue;
            }
            return Ok(piece);
        }
    }

    /// Has the page there that is told from next, if one is.
    async fn turn_to_page(&mut self) -> Result<(), Error> {
        let Some(number) = self.plan.page_at(self.progress.at) else {
            self.page = None;
            return Ok(());
        };
        if self.page.as_ref().is_some_and(|held| held.number == number) {
            return Ok(());
        }
        self.page = None;
        let asked = self.answers.asked().await?;
        let (turns, cursor) = (self.turns.clone(), self.plan.pages[number].cursor.clone());
        let (page, asked) = off(async move { Ok((Page::of(&turns.page(cursor).await?.0), asked)) }).await?;
        if page.len() < self.plan.pages[number].turns {
            return Err(changed());
        }
        // The page itself, and what is made of it: a row tells its item about twice.
        let room = self.answers.room(3 * page.bytes() + ANSWER_PIECE_BYTES).await?;
        drop(asked);
        self.page = Some(Arc::new(Held { number, page, _room: room }));
        Ok(())
    }
}

impl Plan {
    /// About how much it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let pages = self.pages.iter().map(PlannedPage::bytes).sum::<usize>();
        let places = self.order.parts.values().map(|places| size_of::<EntryPlace>() * places.capacity()).sum::<usize>();
        let parts = size_of::<(Source, Vec<EntryPlace>)>() * self.order.parts.len() + places;
        let runs = size_of::<Run>() * self.order.runs.len();
        runs + parts + pages + self.times.bytes() + self.frame.iter().map(String::len).sum::<usize>()
    }

    /// The page that is told from there, where it is not remembered.
    fn page_at(&self, at: At) -> Option<usize> {
        let number = match at {
            At::Turn { page, .. } => page,
            At::Row { run, .. } => match self.order.runs.get(run)? {
                Run::Child { turn, .. } => self.page_of(*turn),
                _ => return None,
            },
            At::Frame | At::End => return None,
        };
        self.pages.get(number).filter(|page| page.remembered.is_none()).map(|_| number)
    }

    fn page_of(&self, turn: u32) -> usize {
        self.pages.partition_point(|page| page.first <= turn as usize).saturating_sub(1)
    }
}

/// A piece while it is written.
struct Piece<'a> {
    plan: &'a Plan,
    view: &'a View<'a>,
    page: Option<&'a Held>,
    text: Vec<u8>,
    progress: Progress,
}

impl Piece<'_> {
    /// Writes until there is enough, or another page is needed.
    fn write(&mut self) -> Result<(), Error> {
        while self.text.len() < ANSWER_PIECE_BYTES / 2 && self.has_page() {
            self.progress.at = match self.progress.at {
                At::Frame => self.begin(),
                At::Turn { page, turn, from } => self.turn(page, turn, from)?,
                At::Row { run, told, last } => self.rows(run, told, last)?,
                At::End => return Ok(()),
            };
        }
        Ok(())
    }

    fn has_page(&self) -> bool {
        let needed = self.plan.page_at(self.progress.at);
        needed.is_none_or(|number| self.page.is_some_and(|held| held.number == number))
    }

    fn begin(&mut self) -> At {
        self.text.extend_from_slice(self.plan.frame[0].as_bytes());
        if self.plan.tells_turns { At::Turn { page: 0, turn: 0, from: 0 } } else { self.between() }
    }

    fn between(&mut self) -> At {
        self.text.extend_from_slice(self.plan.frame[1].as_bytes());
        At::Row { run: 0, told: 0, last: None }
    }

    fn page(&self, number: usize) -> Option<&Page> {
        let held = self.page.filter(|held| held.number == number).map(|held| &held.page);
        held.or(self.plan.pages.get(number)?.remembered.as_ref())
    }

    /// A turn as it is, or a part of it.
    fn turn(&mut self, page: usize, turn: usize, from: usize) -> Result<At, Error> {
        let Some(planned) = self.plan.pages.get(page) else { return Ok(self.between()) };
        if turn == planned.turns {
            return Ok(At::Turn { page: page + 1, turn: 0, from: 0 });
        }
        let told = self.page(page).and_then(|page| page.turn(turn)).ok_or_else(changed)?;
        let end = told.len().min(from + ANSWER_PIECE_BYTES / 2);
        let part = told[from..end].to_vec();
        let is_over = end == told.len();
        if from == 0 && planned.first + turn > 0 {
            self.text.push(b',');
        }
        self.text.extend_from_slice(&part);
        Ok(if is_over { At::Turn { page, turn: turn + 1, from: 0 } } else { At::Turn { page, turn, from: end } })
    }

    /// Some rows of a run.
    fn rows(&mut self, run: usize, told: u32, last: Option<ItemPlace>) -> Result<At, Error> {
        let Some(planned) = self.plan.order.runs.get(run) else { return Ok(self.end()) };
        let next = At::Row { run: run + 1, told: 0, last: None };
        match *planned {
            Run::Entry(place) => {
                let entry = self.view.transcript_entry_at(&self.plan.session, place)?.ok_or_else(changed)?;
                self.row(Source::Entry(place), entry)?;
                Ok(next)
            }
            Run::Child { turn, item, count } => {
                let number = item + told;
                let row = self.item(turn, number)?;
                self.row(Source::Child { turn, item: number }, row)?;
                Ok(if told + 1 == count { next } else { At::Row { run, told: told + 1, last: None } })
            }
            Run::Own { first, last: end, count } => {
                let from = last.map_or(first, |ItemPlace(last)| ItemPlace(last + 1));
                let items = self.view.items_between(&self.plan.session, from, end, READ_BYTES)?;
                let (told, last) =
                    (told + u32::try_from(items.len()).unwrap_or(u32::MAX), items.last().map(|(at, _)| *at));
                // Fewer than there were, or more: the log is not as it was.
                if items.is_empty() || told > count || (last == Some(end)) != (told == count) {
                    return Err(changed());
                }
                for (place, item) in items {
                    self.row(Source::Own(place), item_row(&item))?;
                }
                Ok(if told == count { next } else { At::Row { run, told, last } })
            }
        }
    }

    /// An item of the child's history, with what our own log knows of it.
    fn item(&self, turn: u32, item: u32) -> Result<TranscriptEntry, Error> {
        let number = self.plan.page_of(turn);
        let of_page = self.plan.pages.get(number).map_or(0, |page| turn as usize - page.first);
        let told = self.page(number).and_then(|page| page.item(of_page, item as usize));
        let (turn, item) = told.ok_or_else(changed)?;
        let id = item["id"].as_str().unwrap_or_default();
        let ours = self.view.item(&self.plan.session, &ItemId::new(id))?;
        Ok(row(id, turn, &item, ours.as_ref()))
    }

    /// A row, with what others have written that is part of it.
    fn row(&mut self, source: Source, mut row: TranscriptEntry) -> Result<(), Error> {
        for place in self.plan.order.parts.get(&source).into_iter().flatten() {
            let part = self.view.transcript_entry_at(&self.plan.session, *place)?;
            merge(&mut row, part.ok_or_else(changed)?);
        }
        let row = self.plan.times.fill(row);
        match self.progress.first {
            Some(_) => self.text.push(b','),
            None => self.progress.first = Some(row.message_id.clone()),
        }
        self.json(&row);
        Ok(())
    }

    fn end(&mut self) -> At {
        self.text.extend_from_slice(self.plan.frame[2].as_bytes());
        if self.plan.is_page {
            let next = self.progress.first.clone().filter(|_| self.plan.order.has_more);
            self.text.extend_from_slice(b",\"nextBefore\":");
            self.json(&next);
        }
        self.text.push(b'}');
        At::End
    }

    fn json(&mut self, value: &impl Serialize) {
        serde_json::to_writer(&mut self.text, value).expect("rows are made of text keys and plain values");
    }
}

/// What was to be told is not there any more.
fn changed() -> Error {
    Error::new(code::INVALID_STATE, "the transcript was changed while it was read").hint("read it again")
}
