//! A session's transcript: the child's history, beside it what only our own log knows, such as the answer that was cut
//! short when the child died, and what others have written into it.
//!
//! ```text
//! our log ──┐                        ┌─► the child's history, again, page by page ─┐
//! entries ──┼─► outlines ─► a plan ──┼─► our log, some rows at a time ─────────────┼─► pieces of the answer
//! history ──┘                        └─► entries, one at a time ───────────────────┘
//! ```
//!
//! The first half takes some bytes a row, the second a piece at a time, both off the thread that serves requests.

mod outline;
mod plan;
mod reading;
mod row;
mod supplement;
mod synthetic;
mod timing;
mod turns;

use std::future::Future;

use codex_manager_app_server::{AppServer, CallError};
use codex_manager_model::{Session, SessionId, limits};
use codex_manager_store::{Store, View};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::answers::Answers;
use super::sessions::admit::readable_in;
use super::{Error, code};
use plan::Gathered;
use reading::{Plan, PlannedPage};
use timing::Times;
use turns::{PAGES_MAX, Page, TURNS_PAGE, Turns};

pub(crate) use reading::Reading;
pub(crate) use row::item_row;

/// What the child says of a thread that it has not loaded, or of which nothing was written down.
const UNWRITTEN: [&str; 3] = ["not materialized", "not loaded", "no rollout"];

/// Reads transcripts.
#[derive(Clone)]
pub(super) struct History {
    store: Store,
    child: AppServer,
    answers: Answers,
}

/// Which rows of a transcript.
#[derive(Debug, Clone, Default)]
pub(super) struct Slice {
    /// Only rows before the one of this id.
    pub(super) before: Option<String>,
    /// How many at most: the last of them.
    pub(super) limit: Option<u32>,
}

impl Slice {
    /// Whether it is not all that there is.
    fn is_page(&self) -> bool {
        self.before.is_some() || self.limit.is_some()
    }
}

impl History {
    pub(super) fn new(store: Store, child: AppServer, answers: Answers) -> Self {
        Self { store, child, answers }
    }

    /// An answer with the session as `shown`, the thread, and the rows of a slice. With all rows come the turns of the
    /// thread.
    ///
    /// # Errors
    /// `session_deleted`; `row_not_found`; unavailable without a child; its own refusal;
    /// `too_many_answers`.
    pub(super) async fn read(&self, session: &Session, shown: &impl Serialize, slice: Slice) -> Result<Reading, Error> {
        let shown = serde_json::to_string(shown).map_err(Error::internal)?;
        let turns = Turns::of(self.child.clone(), session.id.clone());
        let planning = self.answers.planning().await?;
        let (history, asked, id) = (self.clone(), turns.clone(), session.id.clone());
        let plan = async move { Ok((history.plan(&asked, &id, &slice, &shown).await?, planning)) };
        let (mut plan, planning) = off(plan).await?;
        let remembered = match self.answers.remember_now(plan.bytes()) {
            Some(remembered) => remembered,
            None => {
                // A smaller plan is more likely to find room, and what is forgotten here is asked for again. What waits here
                // is one of a few, for it holds its right to plan.
                plan.pages.iter_mut().for_each(|page| page.remembered = None);
                self.answers.remember(plan.bytes()).await?
            }
        };
        drop(planning);
        Ok(Reading::new(self.store.clone(), turns, self.answers.clone(), plan, remembered))
    }

    /// What there is to tell of a session. What takes a processor is done in turns; the child is waited for outside of
    /// them.
    async fn plan(&self, asked: &Turns, id: &SessionId, slice: &Slice, session: &str) -> Result<Plan, Error> {
        let thread = asked.thread().await?.unwrap_or_else(|| json!({ "id": id }));
        let wanted = id.clone();
        let ours = move |view: &View<'_>| {
            readable_in(view, &wanted)?;
            Ok::<_, Error>((Gathered::of(view, &wanted)?, Times::of(&view.turns_of(&wanted)?)))
        };
        let turn = self.answers.turn().await?;
        let (mut gathered, mut times) = self.store.read(ours).await?;
        drop(turn);
        let pages = self.pages(asked, |turn| {
            gathered.add_turn(turn);
            times.fill_in(turn);
        });
        let pages = pages.await?;
        let _turn = self.answers.turn().await?;
        if gathered.has_made_up_ids() {
            let wanted = id.clone();
            let look = move |view: &View<'_>| gathered.look(view, &wanted).map(|()| gathered);
            gathered = self.store.read(look).await?;
        }
        Ok(Plan {
            session: id.clone(),
            frame: frame(session, thread, slice.is_page()),
            tells_turns: !slice.is_page(),
            is_page: slice.is_page(),
            pages,
            order: gathered.order(slice)?,
            times,
        })
    }

    /// The pages of the child's history, to its end; each turn is shown on the way.
    async fn pages(&self, asked: &Turns, mut show: impl FnMut(&Value)) -> Result<Vec<PlannedPage>, Error> {
        let (mut pages, mut first, mut remembered, mut cursor) = (Vec::new(), 0, 0, None);
        for _ in 0..PAGES_MAX {
            let (turns, next) = asked.page(cursor.clone()).await?;
            let _turn = self.answers.turn().await?;
            turns.iter().for_each(&mut show);
            let page = Page::of(&turns);
            let is_small = remembered + page.bytes() <= limits::ANSWER_HISTORY_BYTES_MAX;
            remembered += if is_small { page.bytes() } else { 0 };
            pages.push(PlannedPage { cursor, first, turns: turns.len(), remembered: is_small.then_some(page) });
            first += turns.len();
            cursor = next;
            if cursor.is_none() {
                return Ok(pages);
            }
        }
        Err(endless())
    }
}

/// The child tells of more turns than any thread has. A part of them would pass for all.
fn endless() -> Error {
    let most = PAGES_MAX * TURNS_PAGE as usize;
    Error::new(code::CODEX_ERROR, format!("Codex tells of more than {most} turns of this session, and of no end"))
        .hint("go on in a new session")
}

/// What stands around the turns and the rows: up to the turns, from there to the rows, and behind them. In a page the
/// thread is told as it is, without turns.
fn frame(session: &str, mut thread: Value, is_page: bool) -> [String; 3] {
    const TURNS: &str = "turns";
    thread[TURNS] = json!([]);
    let mut parts = [format!("{{\"session\":{session},\"thread\":{{"), String::new()];
    let mut part = 0;
    for (number, (member, value)) in thread.as_object().into_iter().flatten().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        if member == TURNS && !is_page {
            parts[0].push_str(&format!("{comma}\"turns\":["));
            (part, parts[1]) = (1, "]".to_owned());
        } else {
            parts[part].push_str(&format!("{comma}{}:{value}", Value::from(member.as_str())));
        }
    }
    let [before, mut between] = parts;
    between.push_str("},\"transcript\":[");
    [before, between, "]".to_owned()]
}

/// Does something on a thread of its own kind, where it may take its time. It is done to its end, even where nobody waits
/// for it any more, so it has with it the share that it counts for.
async fn off<T: Send + 'static>(work: impl Future<Output = Result<T, Error>> + Send + 'static) -> Result<T, Error> {
    let here = Handle::current();
    spawn_blocking(move || here.block_on(work)).await.unwrap_or_else(|failed| Err(Error::internal(failed)))
}

/// Whether the child says that it has nothing written down of a thread.
pub(crate) fn is_unwritten(error: &CallError) -> bool {
    matches!(error, CallError::Rejected { message, .. } if UNWRITTEN.iter().any(|words| message.contains(words)))
}
