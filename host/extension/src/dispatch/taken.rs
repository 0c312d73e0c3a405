//! What groups have had of events that are over, for extensions that are told of them later.

use std::collections::{BTreeMap, BTreeSet};

use codex_manager_model::Seq;
use codex_manager_model::limits::EXTENSION_TAKEN_MAX;

use crate::Claim;

/// The claims that are gone, by event, up to a number: then the oldest event is forgotten.
#[derive(Debug, Default)]
pub(super) struct Taken {
    of: BTreeMap<Seq, BTreeSet<Claim>>,
    count: usize,
    /// Up to here something was forgotten.
    forgotten: Seq,
}

impl Taken {
    /// Remembers what is gone of this event. Only those who stand at `least` or later are told of it yet.
    pub(super) fn remember(&mut self, seq: Seq, claims: BTreeSet<Claim>, least: Seq) {
        self.count += claims.len();
        let before = self.of.insert(seq, claims);
        self.count -= before.map_or(0, |before| before.len());
        while self.of.first_key_value().is_some_and(|(seq, _)| *seq <= least) {
            self.drop_first();
        }
        while self.count > EXTENSION_TAKEN_MAX {
            self.forgotten = self.drop_first().unwrap_or(self.forgotten);
        }
    }

    /// Nobody is told of it any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What is gone of this event; `None` if that is not known any more.
    pub(super) fn of(&self, seq: Seq) -> Option<BTreeSet<Claim>> {
        (seq > self.forgotten).then(|| self.of.get(&seq).cloned().unwrap_or_default())
    }

    fn drop_first(&mut self) -> Option<Seq> {
        let (seq, claims) = self.of.pop_first()?;
        self.count -= claims.len();
        Some(seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_and_then_not_known_to_be_free() {
        let mut taken = Taken::default();
        let claims = |seq: u64| BTreeSet::from([Claim::new(format!("lamp:{seq}"))]);
        let last = EXTENSION_TAKEN_MAX as u64 + 2;
        (2..=last).for_each(|seq| taken.remember(Seq(seq), claims(seq), Seq(0)));
        assert_eq!([1, 2].map(|seq| taken.of(Seq(seq))), [None, None]);
        assert_eq!([3, last, last + 1].map(|seq| taken.of(Seq(seq)).map(|of| of.len())), [Some(1), Some(1), Some(0)]);
        taken.remember(Seq(last + 1), claims(0), Seq(last));
        assert_eq!(taken.of(Seq(last)).map(|of| of.len()), Some(0), "nobody asks for it any more");
    }
}
