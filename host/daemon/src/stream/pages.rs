//! The log in pages, for those who ask now and then instead of listening. The frames are those of the stream.

use codex_manager_model::limits::{EVENTS_LOOKED_AT_MAX, EVENTS_PAGE_BYTES_MAX};
use codex_manager_model::{Epoch, Seq};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::log::{Measure, Page, page};
use super::{Cursor, Filter, Stream, expired, floor};
use crate::service::error::Error;

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventPage {
    /// The frames of the rows that were asked for, oldest first, as the stream has them. All frames of a row are on one
    /// page. A page may have none and not be the last: see `next`.
    #[schema(value_type = Vec<EventFrame>)]
    pub(crate) data: Vec<Box<RawValue>>,
    /// From where to read on: the `after` of the next page, also once that is yet to be written.
    pub(crate) next: String,
    /// Whether there is more to be read by now.
    pub(crate) more: bool,
    /// The oldest row that is kept, or the next to be written if none is.
    #[schema(value_type = u64)]
    pub(crate) oldest: Seq,
    /// The last row that was written.
    #[schema(value_type = u64)]
    pub(crate) head: Seq,
    /// The lineage of the log; its numbers mean nothing in another.
    #[schema(value_type = String)]
    pub(crate) epoch: Epoch,
}

/// A view of a row of the log.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what is encoded elsewhere")]
pub(crate) struct EventFrame {
    /// What happened; `GET /api/asyncapi.json` has them all.
    r#type: String,
    /// The session that it concerns.
    #[schema(required)]
    thread_id: Option<String>,
    /// Its row.
    seq: u64,
    /// Which view of its row it is, from 1, where the row has several.
    #[schema(required = false, nullable = false)]
    view: Option<u64>,
    /// How many its row has, where it has several.
    #[schema(required = false, nullable = false)]
    views: Option<u64>,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    at: String,
    /// Whose doing it is, where that is known.
    #[schema(required = false, nullable = false)]
    actor: Option<String>,
    /// The row that it answers, where it does.
    #[schema(required = false, nullable = false)]
    caused_by: Option<u64>,
    /// What there is to say about it.
    payload: serde_json::Value,
}

impl Stream {
    /// Reads at most `rows` rows that the filter wants, after a place or from the oldest that is kept.
    ///
    /// # Errors
    ///
    /// `cursor_expired`, as [`Stream::open`] says it.
    pub(crate) async fn page(&self, after: Option<Cursor>, filter: Filter, rows: u32) -> Result<EventPage, Error> {
        let after = match after {
            Some(cursor) => Some(self.check(cursor).await?),
            None => None,
        };
        let measure = Measure { rows: rows as usize, looks: EVENTS_LOOKED_AT_MAX, bytes: EVENTS_PAGE_BYTES_MAX };
        let wanted = filter.clone();
        let found = self.0.store.read(move |view| {
            let after = after.map_or_else(|| view.event_bounds().map(|bounds| floor(&bounds)), Ok)?;
            page(view, after, Some(&wanted), &measure)
        });
        match found.await? {
            Page::Expired(bounds) => {
                Err(expired("retention has just passed the cursor".to_owned(), &bounds, self.epoch()))
            }
            Page::Rows { entries, end, bounds } => Ok(EventPage {
                data: entries.iter().flat_map(|entry| entry.frames_for(&filter)).map(|frame| frame.raw()).collect(),
                next: format!("{}.{end}", self.epoch()),
                more: end < bounds.head,
                oldest: floor(&bounds).next(),
                head: bounds.head,
                epoch: self.epoch().clone(),
            }),
        }
    }
}
