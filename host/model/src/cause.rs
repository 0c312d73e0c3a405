//! Why an effect came about.

use crate::{Event, Seq};

/// The event behind an effect, told beside it, so that a chain of effects can be followed and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// Its place in the log.
    pub seq: Seq,
    /// How many causes lie behind it in turn.
    pub hops: u8,
}

impl Cause {
    /// That event as a cause.
    pub const fn of(event: &Event) -> Self {
        Self { seq: event.seq, hops: event.hops }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::Value;

    use super::*;
    use crate::NewEvent;

    #[test]
    fn an_effect_is_one_hop_further_than_its_cause() {
        let effect = |hops| {
            let cause = Cause { seq: Seq(7), hops };
            NewEvent::new("effect", None, Value::Null, Timestamp::UNIX_EPOCH).because(Some(cause))
        };
        assert_eq!((effect(0).caused_by, effect(0).hops), (Some(Seq(7)), 1));
        assert_eq!(effect(u8::MAX).hops, u8::MAX, "it cannot begin anew");
        let uncaused = effect(3).because(None);
        assert_eq!((uncaused.caused_by, uncaused.hops), (None, 0));
    }
}
