//! Who waits, waits alone: nobody is held up by an extension that is slow, however far it falls behind.

use super::stage::Stage;
use super::*;

/// How much one of two may have under way.
const SHARE: u64 = EXTENSION_ROUNDS_MAX as u64 / 2;

/// One that has not answered anything yet, before another one in rank.
fn beside_a_sleeper() -> Stage {
    Stage::new(&[("a.sleeps", 1, &[BELL, LAMP]), ("a.works", 2, &[BELL, LAMP])], &[])
}

fn told(seqs: impl IntoIterator<Item = u64>, what: &str) -> Vec<String> {
    seqs.into_iter().map(|seq| format!("{seq} {what}")).collect()
}

#[test]
fn who_waits_waits_alone() {
    let mut stage = beside_a_sleeper();
    for seq in 1..=20 {
        stage.offer(event(seq, "window.opened", &(seq % 10).to_string()));
        stage.asks("a.works", seq, &[(BELL, "")]);
    }
    assert_eq!(stage.told(), told(1..=20, "works: bell.ring applies"));
    assert_eq!(stage.dispatch.low(&id("a.works")), Some(Seq(20)));
    assert_eq!(stage.dispatch.low(&id("a.sleeps")), Some(Seq(0)));
}

#[test]
fn a_group_waits_two_seconds_for_those_before_it_that_may_claim_the_same_and_no_longer() {
    let mut stage = beside_a_sleeper();
    stage.offer(window(1));
    stage.asks("a.works", 1, &[(LAMP, "hall")]);
    stage.wait(Duration::from_millis(1999));
    assert_eq!(stage.told(), [""; 0]);
    assert_eq!(stage.dispatch.wake_at(), Some(stage.now + Duration::from_millis(1)));
    stage.wait(Duration::from_millis(1));
    assert_eq!(stage.told(), ["1 works: lamp.switch applies"]);
    assert_eq!(stage.dispatch.wake_at(), None, "nobody waits any more");
    stage.asks("a.sleeps", 1, &[(LAMP, "hall")]);
    assert_eq!(stage.told(), ["1 sleeps: lost lamp:hall"]);
    // And one that comes late finds free what nobody has.
    stage.offer(window(2));
    stage.asks("a.works", 2, &[(LAMP, "hall")]);
    stage.wait(Duration::from_secs(2));
    stage.asks("a.sleeps", 2, &[(LAMP, "stairs")]);
    assert_eq!(stage.told(), ["2 works: lamp.switch applies", "2 sleeps: lamp.switch applies"]);
}

#[test]
fn one_that_hears_a_question_and_does_not_decide_it_waits_for_no_decider() {
    let mut stage = Stage::new(&[("a.no", 1, &[SHUT]), ("a.notes", 2, &[BELL])], &[]);
    stage.offer(knock(1));
    stage.asks("a.notes", 1, &[(BELL, "")]);
    assert_eq!(stage.told(), ["1 notes: bell.ring applies"]);
}

#[test]
fn one_that_has_its_share_under_way_is_left_behind_and_catches_up_in_order() {
    let mut stage = beside_a_sleeper();
    let last = 2 * SHARE;
    for seq in 1..=last {
        stage.offer(window(seq));
        stage.asks("a.works", seq, &[(BELL, "")]);
    }
    assert_eq!(stage.told(), told(1..=last, "works: bell.ring applies"), "it is told of all");
    assert_eq!(stage.dispatch.rounds.len() as u64, SHARE, "the rest stays in the log");
    assert_eq!(stage.reads, [], "it has no room");
    for seq in 1..=last {
        assert_eq!(stage.called(), [format!("{seq} sleeps")], "one after the other, and each once");
        stage.asks("a.sleeps", seq, &[]);
        stage.read(16);
        assert!(stage.dispatch.rounds.len() as u64 <= SHARE);
    }
    assert_eq!(stage.dispatch.low(&id("a.sleeps")), Some(Seq(last)));
    stage.offer(window(last + 1));
    assert_eq!((stage.called().len(), stage.reads.len()), (2, 0), "it is on the common way again");
}

#[test]
fn what_one_has_under_way_is_bounded_in_bytes_too_and_no_event_is_too_large_for_it() {
    let mut stage = beside_a_sleeper();
    let large = |seq| {
        let mut occurrence = window(seq);
        occurrence.event.payload = format!("\"{}\"", " ".repeat(EXTENSION_ROUNDS_BYTES_MAX / 2));
        occurrence
    };
    for seq in 1..=3 {
        stage.offer(large(seq));
        stage.asks("a.works", seq, &[]);
    }
    assert_eq!(stage.dispatch.rounds.len(), 1);
    for seq in 1..=3 {
        assert_eq!(stage.called(), [format!("{seq} sleeps")]);
        stage.asks("a.sleeps", seq, &[]);
        stage.read(16);
    }
    assert_eq!(stage.dispatch.low(&id("a.sleeps")), Some(Seq(3)));
}

#[test]
fn a_page_beyond_the_head_and_one_for_an_extension_that_came_back_change_nothing() {
    let mut stage = beside_a_sleeper();
    for seq in 1..=SHARE + 2 {
        stage.offer(window(seq));
        stage.asks("a.works", seq, &[]);
    }
    for seq in 1..=SHARE / 2 + 1 {
        stage.asks("a.sleeps", seq, &[]);
    }
    let read = stage.reads.pop().expect("it has room");
    assert_eq!(read.after, Seq(SHARE));
    let events = || (SHARE + 1..=SHARE + 9).map(window).collect();
    let page = || Page { events: events(), end: Seq(SHARE + 9) };
    let orders = stage.dispatch.caught_up(&read, page(), stage.now);
    stage.carry_out(orders);
    // The common way tells it of the rest.
    stage.offer(window(SHARE + 3));
    let orders = stage.dispatch.caught_up(&read, page(), stage.now);
    stage.carry_out(orders);
    stage.asks("a.works", SHARE + 3, &[]);
    for seq in SHARE / 2 + 2..=SHARE + 3 {
        stage.asks("a.sleeps", seq, &[]);
    }
    assert_eq!((stage.called(), stage.dispatch.low(&id("a.sleeps"))), (vec![], Some(Seq(SHARE + 3))));
}

#[test]
fn a_pending_interaction_reaches_one_that_is_behind_at_once_and_is_told_once() {
    let mut stage = Stage::new(&[("a.no", 1, &[SHUT]), ("a.yes", 2, &[OPEN])], &[]);
    for seq in 1..=SHARE + 5 {
        stage.offer(window(seq));
        stage.asks("a.yes", seq, &[]);
    }
    let asked = SHARE + 6;
    stage.told();
    stage.offer(knock(asked));
    stage.asks("a.yes", asked, &[(OPEN, &asked.to_string())]);
    assert_eq!(stage.told(), [""; 0], "it waits for the decider that is behind");
    stage.asks("a.no", asked, &[(SHUT, &asked.to_string())]);
    let outcome = [format!("{asked} no: door.keep-shut applies"), format!("{asked} yes: lost knock:{asked}")];
    assert_eq!(stage.told(), outcome);
    for seq in 1..=SHARE + 5 {
        stage.asks("a.no", seq, &[]);
        stage.read(16);
    }
    assert_eq!((stage.called(), stage.dispatch.low(&id("a.no"))), (vec![], Some(Seq(asked))));
}

#[test]
fn who_is_told_of_an_event_long_after_the_others_finds_taken_what_they_have_had() {
    let mut stage = beside_a_sleeper();
    for seq in 1..=SHARE + 2 {
        stage.offer(event(seq, "window.opened", &seq.to_string()));
        let kind = if seq == SHARE + 1 { LAMP } else { BELL };
        stage.asks("a.works", seq, &[(kind, "hall")]);
    }
    assert!(stage.told().contains(&format!("{} works: lamp.switch applies", SHARE + 1)), "nobody is before it");
    for seq in 1..=SHARE + 2 {
        stage.asks("a.sleeps", seq, &[(LAMP, "hall")]);
        stage.read(16);
    }
    let told = stage.told();
    assert_eq!(told.iter().filter(|told| told.ends_with("lost lamp:hall")).count(), 1, "{told:?}");
    assert!(told.contains(&format!("{} sleeps: lost lamp:hall", SHARE + 1)));
}

#[test]
fn after_a_restart_each_goes_on_from_where_it_stands_and_the_foremost_waits_for_nobody() {
    let extensions = [approved("a.sleeps", 1, &[BELL]), approved("a.works", 2, &[BELL])];
    // It has done with 4 and 5 in an earlier life, and not with 3.
    let behind = Marks::starting_after(Seq(2), [Seq(4), Seq(5)]);
    let marks = BTreeMap::from([(id("a.sleeps"), behind), (id("a.works"), Marks::starting_after(Seq(7), []))]);
    let mut stage = Stage::with(Dispatch::new(Arc::new(house()), roster(&extensions, &[]), marks, Seq(8)));
    assert_eq!(stage.dispatch.head(), Seq(7));
    stage.log_has((1..=7).map(window));
    stage.wait(Duration::ZERO);
    assert_eq!(stage.reads, [Read { extension: id("a.sleeps"), after: Seq(2) }]);
    stage.offer(window(8));
    assert_eq!(stage.called(), ["8 works"], "the other is behind");
    stage.asks("a.works", 8, &[]);
    for seq in [3, 6, 7, 8] {
        stage.read(2);
        stage.read(2);
        stage.asks("a.sleeps", seq, &[]);
        stage.read(2);
    }
    assert_eq!((stage.called(), stage.dispatch.low(&id("a.sleeps"))), (vec![], Some(Seq(8))));
}
