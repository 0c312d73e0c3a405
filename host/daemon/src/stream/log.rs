//! Reading the log in pages whose size is bounded in rows and in bytes.

use std::sync::Arc;

use codex_manager_model::Seq;
use codex_manager_model::limits::{EVENT_PAGE_MAX, LOG_PAGE_BYTES_MAX};
use codex_manager_store::{Error, EventBounds, View};

use super::entry::Entry;
use super::{Filter, floor, frames};

/// How large a page may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    /// How many rows it has at most.
    pub(super) rows: usize,
    /// How many rows are looked at for them.
    pub(super) looks: u32,
    /// How many bytes of frames it has, before the last row.
    pub(super) bytes: usize,
}

impl Measure {
    /// For who reads on and on.
    pub(super) const OF_READERS: Self =
        Self { rows: EVENT_PAGE_MAX as usize, looks: EVENT_PAGE_MAX, bytes: LOG_PAGE_BYTES_MAX };
}

/// What one look at the log gave.
pub(super) enum Page {
    /// The rows up to and with `end`; those that are not wanted are left out.
    Rows { entries: Vec<Arc<Entry>>, end: Seq, bounds: EventBounds },
    /// The rows right after the place are gone.
    Expired(EventBounds),
}

/// Reads on after `after`, what the filter wants or without one simply all. Rows may be large, so it begins with one and
/// doubles while there is room for more.
pub(super) fn page(view: &View<'_>, after: Seq, filter: Option<&Filter>, measure: &Measure) -> Result<Page, Error> {
    let bounds = view.event_bounds()?;
    if after < floor(&bounds) {
        return Ok(Page::Expired(bounds));
    }
    let (mut entries, mut end, mut bytes) = (Vec::new(), after, 0);
    let (mut step, mut left) = (1, measure.looks);
    let mut is_full = false;
    while end < bounds.head && left > 0 && !is_full {
        let events = view.events(end, step.min(left))?;
        if events.is_empty() {
            break;
        }
        for event in &events {
            end = event.seq;
            if filter.is_some_and(|filter| !frames::is_wanted(event, filter)) {
                continue;
            }
            let entry = frames::of_row(event);
            bytes += entry.bytes();
            entries.push(Arc::new(entry));
            is_full = bytes >= measure.bytes || entries.len() >= measure.rows;
            if is_full {
                break;
            }
        }
        left -= step.min(left);
        step *= 2;
    }
    Ok(Page::Rows { entries, end, bounds })
}
