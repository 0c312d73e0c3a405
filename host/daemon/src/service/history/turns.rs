//! The child's history of a thread, page by page. What is small is remembered; what is large is asked for again when it is
//! told, one page at a time.

use std::ops::Range;

use codex_manager_app_server::protocol::{Page as Listed, Request, ThreadRead, ThreadTurnsList};
use codex_manager_app_server::{AppServer, CallError};
use codex_manager_model::{SessionId, limits};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::is_unwritten;
use crate::service::Error;
use crate::service::child::unanswered;

/// How many turns one page holds, and how many pages are read: far more than any thread has.
pub(super) const TURNS_PAGE: u32 = 50;
pub(super) const PAGES_MAX: usize = 2000;

/// A page of the history, as JSON text.
#[derive(Debug, Clone, Default)]
pub(super) struct Page {
    text: String,
    turns: Vec<Place>,
}

/// A turn: where it stands in the text, and where its items do.
#[derive(Debug, Clone)]
struct Place {
    id: String,
    text: Range<usize>,
    items: Vec<Range<usize>>,
}

/// What is read of a turn's text.
#[derive(Deserialize)]
struct Items<'a> {
    #[serde(borrow, default)]
    items: Vec<&'a RawValue>,
}

impl Page {
    /// The page of these turns.
    pub(super) fn of(turns: &[Value]) -> Self {
        let mut page = Self::default();
        for turn in turns {
            let (text, start) = (turn.to_string(), page.text.len());
            // Items that are no list are none.
            let items = serde_json::from_str(&text).map_or(Vec::new(), |turn: Items<'_>| turn.items);
            let range = |item: &RawValue| {
                let at = start + (item.get().as_ptr().addr() - text.as_ptr().addr());
                at..at + item.get().len()
            };
            page.turns.push(Place {
                id: turn["id"].as_str().unwrap_or_default().to_owned(),
                items: items.into_iter().map(range).collect(),
                text: start..start + text.len(),
            });
            page.text.push_str(&text);
        }
        page
    }

    /// How many turns it has.
    pub(super) fn len(&self) -> usize {
        self.turns.len()
    }

    /// How much it is, in bytes of text.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The text of a turn, if there is one in that place.
    pub(super) fn turn(&self, turn: usize) -> Option<&[u8]> {
        self.turns.get(turn).map(|place| &self.text.as_bytes()[place.text.clone()])
    }

    /// An item of a turn, with the turn's id, if there is one in that place.
    pub(super) fn item(&self, turn: usize, item: usize) -> Option<(&str, Value)> {
        let turn = self.turns.get(turn)?;
        let text = &self.text[turn.items.get(item)?.clone()];
        Some((&turn.id, serde_json::from_str(text).ok()?))
    }
}

/// Asks the child for its history of one thread.
#[derive(Clone)]
pub(super) struct Turns {
    child: AppServer,
    session: SessionId,
}

impl Turns {
    pub(super) fn of(child: AppServer, session: SessionId) -> Self {
        Self { child, session }
    }

    /// What the child says of the thread, without its turns; `None` when it knows nothing of it.
    ///
    /// # Errors
    /// Unavailable without a child; the child's own refusal.
    pub(super) async fn thread(&self) -> Result<Option<Value>, Error> {
        let params = ThreadRead { thread_id: self.session.to_string(), include_turns: false };
        Ok(self.ask(params).await?.map(|answer| answer.thread.raw))
    }

    /// The turns behind a place in the history, the oldest first, and the place behind those if there are more. None when
    /// the child knows nothing of the thread. To be read where it may take its time: what comes may be large.
    ///
    /// # Errors
    /// As [`Self::thread`].
    pub(super) async fn page(&self, cursor: Option<String>) -> Result<(Vec<Value>, Option<String>), Error> {
        let params = ThreadTurnsList {
            thread_id: self.session.to_string(),
            cursor,
            limit: Some(TURNS_PAGE),
            sort_direction: Some("asc".to_owned()),
            items_view: Some("full".to_owned()),
        };
        let page = self
            .ask(params)
            .await?
            .map(|Listed { data, next_cursor }| (data.into_iter().map(|turn| turn.raw).collect(), next_cursor));
        Ok(page.unwrap_or_default())
    }

    /// What the child tells; `None` when it knows nothing, or says nothing that makes sense: our own log answers then.
    /// Nothing is to be done, so a client need not wait longer than for what is.
    async fn ask<R: Request>(&self, params: R) -> Result<Option<R::Answer>, Error> {
        match self.child.request_within(params, limits::OPERATION_WAIT_MAX).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if is_unwritten(&error) => Ok(None),
            Err(CallError::Malformed { method, source }) => {
                tracing::warn!(%source, method, session = %self.session, "the child tells of a thread what is not understood");
                Ok(None)
            }
            Err(error) => Err(unanswered(error).with("sessionId", self.session.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_has_its_turns_and_their_items_as_they_came() {
        let turns = [
            json!({ "id": "t1", "items": [{ "id": "é", "text": "a" }, 7, { "items": [1] }] }),
            json!({ "id": "t2", "items": "none" }),
            json!({ "id": "t3" }),
        ];
        let page = Page::of(&turns);
        assert_eq!(page.len(), 3);
        for (place, turn) in turns.iter().enumerate() {
            assert_eq!(page.turn(place).unwrap(), turn.to_string().as_bytes());
        }
        for (place, item) in turns[0]["items"].as_array().unwrap().iter().enumerate() {
            assert_eq!(page.item(0, place), Some(("t1", item.clone())));
        }
        assert_eq!((page.item(0, 3), page.item(1, 0), page.item(2, 0), page.turn(3)), (None, None, None, None));
    }
}
