//! Listing sessions, from our own records.

use codex_manager_model::{Session, SessionId};
use codex_manager_store::SessionQuery;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Sessions;
use crate::service::Error;
use crate::service::summary::{SessionSummary, summary};

/// How many sessions one page holds at most, and when nothing is said.
const PAGE_MAX: u32 = 200;
const PAGE: u32 = 100;
/// How many digits the time in a cursor has at most: enough for some thousand years of microseconds.
const TIME_DIGITS_MAX: usize = 17;

/// Which sessions to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListSessions {
    /// Those that were put away, in place of those that were not.
    #[serde(default)]
    archived: bool,
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 100)]
    limit: Option<u32>,
    /// Where the last page ended, as its `nextCursor` told.
    #[param(pattern = r"^[0-9]{1,17}\.")]
    cursor: Option<String>,
    /// The sessions of the queue's workers too.
    #[serde(default)]
    include_system_owned: bool,
}

/// A page of sessions, the last updated first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionPage {
    /// The sessions.
    data: Vec<SessionSummary>,
    /// The `cursor` of the next page; null when there is none.
    #[schema(required)]
    next_cursor: Option<String>,
    /// Which of the two lists it is of.
    archived: bool,
}

impl Sessions {
    /// A page of sessions, the most lately used first.
    ///
    /// # Errors
    /// Invalid when the limit or the cursor is.
    pub(crate) async fn list(&self, query: ListSessions) -> Result<SessionPage, Error> {
        let limit = query.limit.unwrap_or(PAGE);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Error::invalid("limit", &format!("must be between 1 and {PAGE_MAX}")));
        }
        let after = query.cursor.as_deref().map(read_cursor).transpose()?;
        let archived = query.archived;
        // One more than is shown says whether there is a next page.
        let wanted = SessionQuery { archived, workers: query.include_system_owned, limit: limit + 1, after };
        let mut page = self.store.read::<_, Error, _>(move |view| Ok(view.sessions(&wanted)?)).await?;
        let shown = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = page.len() > shown;
        page.truncate(shown);
        let next_cursor = page.last().filter(|_| more).map(write_cursor);
        Ok(SessionPage { data: page.iter().map(summary).collect(), next_cursor, archived })
    }
}

/// Where a page ended: the last session's place in the order.
fn write_cursor(session: &Session) -> String {
    format!("{}.{}", session.updated_at.as_microsecond(), session.id)
}

fn read_cursor(text: &str) -> Result<(Timestamp, SessionId), Error> {
    let place = text.split_once('.').and_then(|(at, id)| {
        let digits = (1..=TIME_DIGITS_MAX).contains(&at.len()) && at.bytes().all(|byte| byte.is_ascii_digit());
        if !digits {
            return None;
        }
        let at = Timestamp::from_microsecond(at.parse().ok()?).ok()?;
        Some((at, SessionId::new(id)))
    });
    place.ok_or_else(|| Error::invalid("cursor", "is not one that a list has given"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::thread;

    #[test]
    fn a_page_cursor_reads_back_and_nonsense_does_not() {
        let now = Timestamp::from_microsecond(1_500_007).unwrap();
        let session = thread::session(&json!({ "id": "a.b" }), now).unwrap();
        assert_eq!(read_cursor(&write_cursor(&session)).unwrap(), (now, session.id), "as exact as the store keeps it");
        for nonsense in ["", "abc", "x.y", "-1.z", "+1.z", ".z", "99999999999999999999.z"] {
            assert!(read_cursor(nonsense).is_err(), "{nonsense}");
        }
    }
}
