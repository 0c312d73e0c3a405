//! A dispatch played step by step.

use std::collections::VecDeque;

use super::*;

/// A dispatch with its orders laid out: calls to be answered, and what was settled.
pub(super) struct Stage {
    pub(super) dispatch: Dispatch,
    pub(super) now: Instant,
    pub(super) calls: Vec<Run>,
    /// What was offered, as a log has it, and who is to be read of it.
    log: Vec<Occurrence>,
    pub(super) reads: Vec<Read>,
    told: Vec<String>,
    pub(super) quarantined: Vec<String>,
    /// What the host says of groups; all apply unless this says otherwise.
    pub(super) committed: Committed,
}

impl Stage {
    pub(super) fn new(extensions: &[(&str, u16, &[&str])], required: &[&str]) -> Self {
        let approved: Vec<_> = extensions.iter().map(|(id, priority, may)| approved(id, *priority, may)).collect();
        Self::with(dispatch(roster(&approved, required)))
    }

    pub(super) fn with(dispatch: Dispatch) -> Self {
        let now = Instant::now();
        Self {
            dispatch,
            now,
            calls: vec![],
            log: vec![],
            reads: vec![],
            told: vec![],
            quarantined: vec![],
            committed: Committed::Applied,
        }
    }

    pub(super) fn offer(&mut self, occurrence: Occurrence) {
        self.log.push(occurrence.clone());
        let orders = self.dispatch.offer(occurrence, self.now);
        self.carry_out(orders);
    }

    /// What the log has that was offered in an earlier life.
    pub(super) fn log_has(&mut self, events: impl Iterator<Item = Occurrence>) {
        self.log.extend(events);
    }

    /// Reads so many events at most for each that has fallen behind, as far as they have room.
    pub(super) fn read(&mut self, events: usize) {
        for read in std::mem::take(&mut self.reads) {
            let page = page(&self.log, &read, events);
            let orders = self.dispatch.caught_up(&read, page, self.now);
            self.carry_out(orders);
        }
    }

    /// From now on these are there, and these versions of them can be called.
    pub(super) fn replace(&mut self, roster: Roster) {
        let orders = self.dispatch.replace(roster, self.now);
        self.carry_out(orders);
    }

    /// Answers the call of this extension about this event.
    pub(super) fn answer(&mut self, id: &str, seq: u64, answered: Answered) {
        let is = |run: &Run| run.seat.seq == Seq(seq) && run.seat.rank.extension.as_str() == id;
        let at = self.calls.iter().position(is).unwrap_or_else(|| panic!("{id} was not called for {seq}"));
        let seat = self.calls.remove(at).seat;
        let orders = self.dispatch.answered(&seat, answered, self.now);
        self.carry_out(orders);
    }

    pub(super) fn asks(&mut self, id: &str, seq: u64, actions: &[(&str, &str)]) {
        let actions = actions.iter().map(|(kind, about)| act(kind, about)).collect();
        self.answer(id, seq, Answered::Actions(actions));
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now += time;
        let orders = self.dispatch.tick(self.now);
        self.carry_out(orders);
    }

    pub(super) fn carry_out(&mut self, orders: Vec<Order>) {
        let mut orders = VecDeque::from(orders);
        while let Some(order) = orders.pop_front() {
            match order {
                Order::Run(run) => self.calls.push(run),
                Order::Read(read) => self.reads.push(read),
                Order::Quarantine(quarantine) => self.quarantined.push(quarantine.extension.to_string()),
                Order::Settle(Settle { seat, settled }) => {
                    let (name, what) = (seat.rank.extension.name().to_owned(), told(&settled));
                    self.told.push(format!("{} {name}: {what}", seat.seq));
                    let applies = matches!(settled, Settled::Apply(_));
                    let committed = if applies { self.committed } else { Committed::Applied };
                    orders.extend(self.dispatch.committed(&seat, committed, self.now));
                }
            }
        }
    }

    /// Who is called for what and has not answered, in order.
    pub(super) fn called(&self) -> Vec<String> {
        let call = |run: &Run| format!("{} {}", run.seat.seq, run.seat.rank.extension.name());
        self.calls.iter().map(call).collect()
    }

    /// What was settled since the last time.
    pub(super) fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

fn told(settled: &Settled) -> String {
    match settled {
        Settled::Apply(group) => format!("{} applies", group.actions[0].kind),
        Settled::Abstained => "abstains".to_owned(),
        Settled::NotEligible { claim } => format!("lost {claim}"),
        Settled::Barred { claim, reason } => format!("may not accept {claim}, {reason}"),
        Settled::Refused(refused) => format!("refused, {refused}"),
        Settled::Failed(how) => format!("failed, {how}"),
        Settled::Late => "late".to_owned(),
        Settled::Expired => "expired".to_owned(),
        Settled::Withdrawn => "withdrawn".to_owned(),
    }
}

/// What a log like this says.
pub(super) fn page(log: &[Occurrence], read: &Read, events: usize) -> Page {
    let later = log.iter().filter(|occurrence| occurrence.event.header.seq > read.after.0);
    let events: Vec<_> = later.take(events).cloned().collect();
    let end = events.last().map_or(read.after, |last| Seq(last.event.header.seq));
    Page { events, end }
}
