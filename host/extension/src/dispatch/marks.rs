//! Which events an extension has done with: a low-water mark, and the few above it that were done out of order.

use std::collections::BTreeSet;

use codex_manager_model::Seq;

/// The marks of one extension. Everything up to [`low`](Self::low) is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// The last event that was told of.
    head: Seq,
    /// Events up to the head that are not done.
    open: BTreeSet<Seq>,
    /// Events beyond the head that are done: they overtook.
    ahead: BTreeSet<Seq>,
}

impl Marks {
    /// Marks that start after `low`: for a new extension the head of the log. `ahead` are those beyond it that are done.
    pub fn starting_after(low: Seq, ahead: impl IntoIterator<Item = Seq>) -> Self {
        let ahead = ahead.into_iter().filter(|seq| *seq > low).collect();
        Self { head: low, open: BTreeSet::new(), ahead }
    }

    /// Everything up to here is done, and need not be read again.
    pub fn low(&self) -> Seq {
        self.open.first().map_or(self.head, |first| Seq(first.0 - 1))
    }

    /// The last event that was told of.
    pub(super) const fn head(&self) -> Seq {
        self.head
    }

    /// Whether the extension has done with this event.
    pub fn is_done(&self, seq: Seq) -> bool {
        (seq <= self.head && !self.open.contains(&seq)) || self.ahead.contains(&seq)
    }

    /// Goes past an event; it is open if the extension hears it. Events come in their order.
    pub(super) fn pass(&mut self, seq: Seq, heard: bool) {
        if seq <= self.head {
            return;
        }
        self.head = seq;
        if !self.ahead.remove(&seq) && heard {
            self.open.insert(seq);
        }
        // Events whose content is gone are not told of, and passed all the same.
        while self.ahead.first().is_some_and(|first| *first <= seq) {
            self.ahead.pop_first();
        }
    }

    /// Is done with an event.
    pub(super) fn done(&mut self, seq: Seq) {
        self.open.remove(&seq);
        if seq > self.head {
            self.ahead.insert(seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_event_that_overtook_is_not_open_again_when_its_turn_comes() {
        let mut marks = Marks::starting_after(Seq(3), []);
        marks.done(Seq(5));
        assert_eq!((marks.low(), marks.is_done(Seq(5))), (Seq(3), true));
        marks.pass(Seq(4), true);
        marks.pass(Seq(5), true);
        marks.done(Seq(4));
        assert_eq!(marks.low(), Seq(5));
    }

    #[test]
    fn the_low_water_mark_waits_for_the_oldest_open_event() {
        let mut marks = Marks::starting_after(Seq(3), [Seq(6)]);
        for (seq, heard) in [(4, false), (5, true), (6, true), (7, true)] {
            marks.pass(Seq(seq), heard);
        }
        assert_eq!(marks.low(), Seq(4));
        assert_eq!([4, 5, 6, 7, 8].map(|seq| marks.is_done(Seq(seq))), [true, false, true, false, false]);
        marks.done(Seq(7));
        assert_eq!(marks.low(), Seq(4));
        marks.done(Seq(5));
        assert_eq!(marks.low(), Seq(7));
    }

    proptest! {
        #[test]
        fn a_restart_from_the_low_mark_and_those_ahead_forgets_nothing(
            heard in proptest::collection::vec(any::<bool>(), 1..30),
            done in proptest::collection::btree_set(1_u64..30, 0..30),
        ) {
            let mut marks = Marks::starting_after(Seq(0), []);
            for (seq, heard) in (1..).zip(&heard) { marks.pass(Seq(seq), *heard); }
            for seq in done.range(..=heard.len() as u64) { marks.done(Seq(*seq)); }
            let last = heard.len() as u64;
            let is_done = |marks: &Marks| (1..=last).map(|seq| marks.is_done(Seq(seq))).collect::<Vec<_>>();
            // What is durable: the low mark, and the marks of events that were heard and done beyond it.
            let durable = (1..=last).filter(|seq| heard[usize::try_from(seq - 1).expect("few")] && marks.is_done(Seq(*seq)));
            let mut again = Marks::starting_after(marks.low(), durable.map(Seq));
            for seq in marks.low().0 + 1..=last { again.pass(Seq(seq), heard[usize::try_from(seq - 1).expect("few")]); }
            prop_assert_eq!(is_done(&again), is_done(&marks));
            prop_assert_eq!(again.low(), marks.low());
        }
    }
}
