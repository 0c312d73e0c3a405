//! Reading the log in pages whose size is bounded in rows and in bytes.

use std::sync::Arc;

use codex_manager_model::limits::{EVENT_PAGE_MAX, LOG_PAGE_BYTES_MAX};
use codex_manager_model::{Event, Seq};
use codex_manager_store::{Error, EventBounds, View};

use super::entry::Entry;
use super::{Filter, floor, frames};

/// What one look at the log gave.
pub(super) enum Page {
    /// The rows up to and with `end`; those that nobody wants are left out.
    Rows { entries: Vec<Arc<Entry>>, end: Seq },
    /// The rows right after the place are gone.
    Expired(EventBounds),
}

/// Reads on after `after`. Rows may be large, so it begins with one and doubles while there is room for more.
pub(super) fn page(view: &View<'_>, after: Seq, filter: &Filter) -> Result<Page, Error> {
    let bounds = view.event_bounds()?;
    if after < floor(&bounds) {
        return Ok(Page::Expired(bounds));
    }
    let (mut entries, mut end, mut bytes) = (Vec::new(), after, 0);
    let (mut step, mut left) = (1, EVENT_PAGE_MAX);
    while end < bounds.head && left > 0 && bytes < LOG_PAGE_BYTES_MAX {
        let events = view.events(end, step.min(left))?;
        let Some(last) = events.last() else { break };
        end = last.seq;
        for event in events.iter().filter(|event| is_wanted(event, filter)) {
            let entry = frames::of_row(event);
            bytes += entry.bytes();
            entries.push(Arc::new(entry));
        }
        left -= step.min(left);
        step *= 2;
    }
    Ok(Page::Rows { entries, end })
}

fn is_wanted(event: &Event, filter: &Filter) -> bool {
    filter.wants(event.session.as_ref()) || frames::is_broadcast(event)
}
