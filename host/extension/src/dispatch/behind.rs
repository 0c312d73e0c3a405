//! Extensions that have fallen behind: each goes on from its own mark, and nobody waits for it.

use std::time::Instant;

use codex_manager_model::Seq;

use super::{Dispatch, Marks, Order, Page, Read};
use crate::ExtensionId;

impl Dispatch {
    /// Tells one that has fallen behind of what comes next for it, as far as it has room.
    pub fn caught_up(&mut self, read: &Read, page: Page, now: Instant) -> Vec<Order> {
        let extension = &read.extension;
        self.backlogs.has_read(extension);
        // It may have gone and come back meanwhile.
        let stands = self.marks.get(extension).is_some_and(|marks| marks.head() == read.after);
        if stands && self.roster.digest(extension).is_some() {
            let mut reached = page.end.min(self.head);
            for occurrence in page.events {
                let seq = Seq(occurrence.event.header.seq);
                let hears = self.listeners(&occurrence).any(|(rank, _)| rank.extension == *extension);
                if seq > reached || (hears && self.backlogs.is_full(extension)) {
                    reached = reached.min(Seq(seq.0 - 1));
                    break;
                }
                self.tell(occurrence, |_, told| told == extension, now);
                self.pass(extension, seq);
            }
            self.pass(extension, reached);
        }
        self.proceed(now, Vec::new())
    }

    /// Those that have room again go on, each from where it stands.
    pub(super) fn go_on(&mut self, orders: &mut Vec<Order>) {
        for extension in self.backlogs.idle() {
            let Some(after) = self.marks.get(&extension).map(Marks::head) else { continue };
            if self.roster.digest(&extension).is_none() {
                continue;
            }
            if after >= self.head {
                self.backlogs.join(&extension);
            } else {
                self.backlogs.reads(&extension);
                orders.push(Order::Read(Read { extension, after }));
            }
        }
    }

    /// One that has fallen behind goes past all up to this event. At the head it is on the common way again.
    fn pass(&mut self, extension: &ExtensionId, seq: Seq) {
        let Some(marks) = self.marks.get_mut(extension) else { return };
        marks.pass(seq, self.rounds.get(&seq).is_some_and(|round| round.is_open_for(extension)));
        if marks.head() >= self.head {
            self.backlogs.join(extension);
        }
    }
}
