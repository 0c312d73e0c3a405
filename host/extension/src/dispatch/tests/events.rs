//! Who is told of what and when, and whose group applies.

use super::stage::Stage;
use super::*;

#[test]
fn of_two_that_claim_the_same_the_first_in_order_has_it_whoever_answers_first() {
    for order in [["a.one", "a.two"], ["a.two", "a.one"]] {
        let mut stage = Stage::new(&[("a.two", 20, &[LAMP, BELL]), ("a.one", 10, &[LAMP])], &[]);
        stage.offer(window(1));
        for id in order {
            let also: &[_] = if id == "a.two" { &[(BELL, ""), (LAMP, "hall")] } else { &[(LAMP, "hall")] };
            stage.asks(id, 1, also);
        }
        assert_eq!(stage.told(), ["1 one: lamp.switch applies", "1 two: lost lamp:hall"]);
    }
}

#[test]
fn groups_without_a_common_claim_all_apply_in_order() {
    let mut stage = Stage::new(&[("a.one", 10, &[BELL]), ("a.two", 10, &[LAMP]), ("a.zero", 5, &[LAMP])], &[]);
    stage.offer(window(1));
    stage.asks("a.two", 1, &[(LAMP, "hall")]);
    stage.asks("a.one", 1, &[(BELL, "")]);
    assert_eq!(stage.told(), ["1 one: bell.ring applies"], "who claims nothing waits for nobody");
    stage.asks("a.zero", 1, &[(LAMP, "stairs")]);
    assert_eq!(stage.told(), ["1 zero: lamp.switch applies", "1 two: lamp.switch applies"]);
}

#[test]
fn what_was_not_granted_refuses_the_group_and_frees_the_way_for_others() {
    let mut stage = Stage::new(&[("a.one", 1, &[BELL]), ("a.two", 2, &[LAMP])], &[]);
    stage.offer(window(1));
    stage.asks("a.one", 1, &[(BELL, ""), (LAMP, "hall")]);
    stage.asks("a.two", 1, &[(LAMP, "hall")]);
    let told = stage.told();
    assert!(told[0].starts_with("1 one: refused, it asked for `lamp.switch`"), "{told:?}");
    assert_eq!(told[1], "1 two: lamp.switch applies");
}

#[test]
fn events_of_one_session_come_in_order_and_sessions_and_interactions_do_not_wait() {
    let mut stage = Stage::new(&[("a.one", 1, &[BELL, SHUT])], &[]);
    for (seq, kind, session) in
        [(1, "window.opened", "t"), (2, "window.opened", "t"), (3, "window.opened", "other"), (4, "door.knocked", "t")]
    {
        stage.offer(event(seq, kind, session));
    }
    assert_eq!(stage.called(), ["1 one", "3 one", "4 one"]);
    stage.asks("a.one", 4, &[]);
    assert_eq!(stage.called(), ["1 one", "3 one"]);
    stage.asks("a.one", 1, &[]);
    assert_eq!(stage.called(), ["3 one", "2 one"]);
    assert_eq!(stage.dispatch.low(&id("a.one")), Some(Seq(1)), "2 and 3 are open, and 4 is done beyond them");
}

#[test]
fn an_interaction_may_overtake_events_that_were_not_offered_yet_and_is_told_once() {
    let mut stage = Stage::new(&[("a.one", 1, &[SHUT])], &[]);
    let orders = stage.dispatch.overtake(knock(3), stage.now);
    stage.carry_out(orders);
    stage.asks("a.one", 3, &[(SHUT, "3")]);
    for seq in [1, 2] {
        stage.offer(window(seq));
        stage.asks("a.one", seq, &[]);
    }
    assert_eq!(stage.dispatch.low(&id("a.one")), Some(Seq(2)));
    stage.offer(knock(3));
    assert_eq!((stage.called(), stage.dispatch.low(&id("a.one"))), (vec![], Some(Seq(3))));
}

#[test]
fn nobody_hears_its_own_echo_unless_it_asks_nor_anybody_the_eighth_hop() {
    let mut own = approved("a.own", 1, &[]);
    own.grants.handlers.values_mut().for_each(|handler| handler.own_events = true);
    let mut stage = Stage::with(dispatch(roster(&[own, approved("a.two", 2, &[])], &[])));
    let by = |seq, text| Occurrence { by: Some(id(text)), ..event(seq, "window.opened", &seq.to_string()) };
    stage.offer(by(1, "a.two"));
    stage.offer(by(2, "a.own"));
    let mut far = window(3);
    far.event.header.hops = 8;
    stage.offer(far);
    assert_eq!(stage.called(), ["1 own", "2 own", "2 two"]);
    assert_eq!(stage.dispatch.low(&id("a.two")), Some(Seq(1)));
}

#[test]
fn an_event_that_ended_the_host_is_tried_twice_more_and_then_failed() {
    let mut stage = Stage::new(&[("a.one", 1, &[BELL])], &[]);
    let begun = |seq, times| Occurrence {
        begun: BTreeMap::from([(id("a.one"), times)]),
        ..event(seq, "window.opened", &seq.to_string())
    };
    for seq in 1..=3 {
        stage.offer(begun(seq, u32::try_from(seq).expect("few")));
    }
    assert_eq!(stage.called(), ["1 one", "2 one"]);
    assert_eq!(stage.told(), ["3 one: failed, the host ended 3 times while a.one was dealing with it"]);
}

#[test]
fn a_handler_whose_reading_was_overtaken_runs_again_then_alone_and_at_last_fails() {
    let mut stage = Stage::new(&[("a.one", 1, &[BELL])], &[]);
    stage.committed = Committed::Conflict;
    stage.offer(event(1, "window.opened", "t"));
    stage.offer(event(2, "window.opened", "other"));
    for _ in 0..4 {
        assert!(stage.called().contains(&"1 one".to_owned()));
        stage.asks("a.one", 1, &[(BELL, "")]);
    }
    assert_eq!(stage.called(), ["2 one"], "it waits to be alone");
    stage.asks("a.one", 2, &[]);
    stage.offer(event(3, "window.opened", "third"));
    assert_eq!(stage.called(), ["1 one"], "nothing runs beside it");
    stage.asks("a.one", 1, &[(BELL, "")]);
    assert_eq!(stage.called(), ["3 one"]);
    stage.asks("a.one", 3, &[]);
    for _ in 0..2 {
        stage.asks("a.one", 1, &[(BELL, "")]);
    }
    let end = "1 one: failed, what a.one read changed each time before it could write";
    assert_eq!(stage.told().last().expect("an end"), end);
    assert_eq!(stage.called(), [""; 0]);
}

#[test]
fn a_claim_that_is_gone_in_the_store_is_gone_for_all() {
    let mut stage = Stage::new(&[("a.one", 1, &[LAMP]), ("a.two", 2, &[LAMP])], &[]);
    stage.committed = Committed::NotEligible;
    stage.offer(window(1));
    stage.asks("a.one", 1, &[(LAMP, "hall")]);
    stage.asks("a.two", 1, &[(LAMP, "hall")]);
    assert_eq!(stage.told(), ["1 one: lamp.switch applies", "1 two: lost lamp:hall"]);
}

#[test]
fn repeated_failure_ends_in_quarantine_and_what_waited_is_withdrawn() {
    let mut stage = Stage::new(&[("a.bad", 1, &[BELL]), ("a.good", 2, &[BELL])], &[]);
    for seq in 1..=7 {
        stage.offer(window(seq));
    }
    for seq in 1..=5 {
        assert!(stage.quarantined.is_empty());
        stage.answer("a.bad", seq, failed());
        stage.asks("a.good", seq, &[]);
    }
    assert_eq!(stage.quarantined, ["a.bad"]);
    assert_eq!(stage.told().iter().filter(|told| told.contains("withdrawn")).count(), 2);
    stage.offer(window(8));
    assert_eq!(stage.called(), ["6 good"], "the other one goes on");
}

#[test]
fn a_version_does_not_pay_for_the_failures_of_the_one_before() {
    let mut stage = Stage::new(&[("a.bad", 1, &[BELL])], &[]);
    for seq in 1..=13 {
        stage.offer(event(seq, "window.opened", &seq.to_string()));
    }
    for seq in 1..=4 {
        stage.answer("a.bad", seq, failed());
    }
    let newer = approved("a.bad", 1, &[LAMP]);
    let begun_before: Vec<_> = stage.calls.iter().map(|run| run.seat.seq.0).collect();
    let orders = stage.dispatch.replace(roster(std::slice::from_ref(&newer), &[]), stage.now);
    stage.carry_out(orders);
    for seq in begun_before {
        stage.answer("a.bad", seq, failed());
    }
    assert_eq!(stage.quarantined, [""; 0], "the old version has failed, and does not run any more");
    for seq in stage.calls.iter().map(|run| run.seat.seq.0).take(3).collect::<Vec<_>>() {
        stage.answer("a.bad", seq, failed());
    }
    assert_eq!(stage.quarantined, [""; 0], "three are not too many");
    for seq in 14..=15 {
        stage.offer(event(seq, "window.opened", "last"));
        stage.answer("a.bad", seq, failed());
    }
    assert_eq!(stage.quarantined, ["a.bad"]);
}

#[test]
fn a_quarantine_is_told_once_and_a_required_decider_in_it_bars() {
    let mut stage = Stage::new(&[("a.must", 1, &[SHUT]), ("a.yes", 2, &[OPEN])], &["a.must"]);
    // Those that begin before the fifth has failed.
    let begun = 4 + EXTENSION_PARALLEL_MAX as u64;
    for seq in 1..=begun {
        stage.offer(event(seq, "window.opened", &seq.to_string()));
    }
    for seq in 1..=begun {
        stage.answer("a.must", seq, failed());
    }
    assert_eq!(stage.quarantined, ["a.must"]);
    stage.told();
    stage.offer(knock(99));
    stage.asks("a.yes", 99, &[(OPEN, "99")]);
    assert_eq!(stage.told(), ["99 yes: may not accept knock:99, a.must is required and does not run"]);
}

#[test]
fn another_version_takes_over_where_the_old_one_stands_and_one_that_comes_back_starts_anew() {
    let mut stage = Stage::new(&[("a.one", 1, &[BELL])], &[]);
    stage.offer(window(1));
    stage.offer(window(2));
    let newer = approved("a.one", 9, &[LAMP]);
    let orders = stage.dispatch.replace(roster(std::slice::from_ref(&newer), &[]), stage.now);
    stage.carry_out(orders);
    stage.asks("a.one", 1, &[(BELL, "")]);
    assert_eq!(
        stage.told(),
        ["1 one: bell.ring applies"],
        "what had begun ends on the version and grants it began with"
    );
    assert_eq!(stage.calls[0].digest, newer.digest);
    stage.asks("a.one", 2, &[(BELL, "")]);
    assert!(stage.told()[0].starts_with("2 one: refused"));

    stage.replace(Roster::default());
    stage.offer(window(3));
    let orders = stage.dispatch.replace(roster(&[newer], &[]), stage.now);
    stage.carry_out(orders);
    assert_eq!((stage.called(), stage.dispatch.low(&id("a.one"))), (vec![], Some(Seq(3))));
}

#[test]
fn what_was_withdrawn_holds_up_nobody_in_whatever_order_that_is_recorded() {
    let mut stage = Stage::new(&[("a.one", 1, &[BELL])], &[]);
    for seq in 1..=3 {
        stage.offer(window(seq));
    }
    let orders = stage.dispatch.replace(Roster::default(), stage.now);
    stage.carry_out(orders.into_iter().rev().collect());
    let orders = stage.dispatch.replace(roster(&[approved("a.one", 1, &[BELL])], &[]), stage.now);
    stage.carry_out(orders);
    stage.calls.clear();
    stage.offer(window(4));
    assert_eq!(stage.called(), ["4 one"]);
    stage.asks("a.one", 4, &[]);
    assert_eq!(stage.dispatch.low(&id("a.one")), Some(Seq(4)));
}

#[test]
fn a_newer_version_is_told_only_of_what_it_hears() {
    let mut stage = Stage::new(&[("a.one", 1, &[BELL])], &[]);
    stage.offer(window(1));
    stage.offer(window(2));
    let mut deaf = approved("a.one", 1, &[BELL]);
    for handler in deaf.grants.handlers.values_mut() {
        handler.kinds = ["door.knocked".to_owned()].into();
    }
    let orders = stage.dispatch.replace(roster(&[deaf], &[]), stage.now);
    stage.carry_out(orders);
    stage.asks("a.one", 1, &[]);
    assert_eq!((stage.called(), stage.told()), (vec![], vec!["1 one: abstains".into(), "2 one: withdrawn".to_owned()]));
}

#[test]
fn one_extension_does_not_take_every_place_and_a_pending_interaction_waits_for_none() {
    let mut stage = Stage::new(&[("a.one", 1, &[BELL, SHUT])], &[]);
    for seq in 1..=20 {
        stage.offer(event(seq, "window.opened", &seq.to_string()));
    }
    assert_eq!(stage.called().len(), EXTENSION_PARALLEL_MAX);
    stage.offer(knock(21));
    assert_eq!(stage.called().last().expect("a call"), "21 one");
    stage.asks("a.one", 21, &[]);
    stage.asks("a.one", 3, &[]);
    assert_eq!(stage.called().last().expect("a call"), &format!("{} one", EXTENSION_PARALLEL_MAX + 1));
}

#[test]
fn a_pending_interaction_passes_one_that_runs_alone() {
    let mut stage = Stage::new(&[("a.one", 1, &[BELL, SHUT])], &[]);
    stage.committed = Committed::Conflict;
    stage.offer(event(1, "window.opened", "t"));
    for _ in 0..4 {
        stage.asks("a.one", 1, &[(BELL, "")]);
    }
    stage.offer(event(2, "window.opened", "other"));
    stage.offer(knock(3));
    assert_eq!(stage.called(), ["1 one", "3 one"], "it runs alone, but for the knock");
    stage.committed = Committed::Applied;
    stage.asks("a.one", 1, &[(BELL, "")]);
    assert_eq!(stage.called(), ["3 one", "2 one"]);
}

#[test]
fn whoever_runs_alone_finds_written_what_the_others_have_done() {
    let mut stage = Stage::new(&[("a.one", 1, &[BELL])], &[]);
    stage.offer(event(1, "window.opened", "t"));
    stage.offer(event(2, "window.opened", "other"));
    let other = stage.calls.remove(1).seat;
    stage.committed = Committed::Conflict;
    for _ in 0..3 {
        stage.asks("a.one", 1, &[(BELL, "")]);
    }
    // Handed to the host, which has not recorded it yet.
    stage.dispatch.answered(&other, Answered::Actions(vec![act(BELL, "")]), stage.now);
    stage.asks("a.one", 1, &[(BELL, "")]);
    assert_eq!(stage.called(), [""; 0]);
    let orders = stage.dispatch.committed(&other, Committed::Applied, stage.now);
    stage.carry_out(orders);
    assert_eq!(stage.called(), ["1 one"]);
}

#[test]
fn a_call_that_the_host_could_not_make_is_tried_again_later_and_is_nobody_s_failure() {
    let unavailable = || Answered::Unavailable { sentence: "the host had no room".to_owned() };
    let mut stage = Stage::new(&[("a.one", 1, &[BELL])], &[]);
    stage.offer(window(1));
    stage.offer(window(2));
    for tried in 1..=EXTENSION_HOST_RETRIES_MAX {
        stage.answer("a.one", 1, unavailable());
        assert_eq!((stage.called(), stage.told()), (vec![], vec![]), "try {tried}: the next one keeps its turn");
        let again = stage.dispatch.wake_at().expect("a time").saturating_duration_since(stage.now);
        assert!(again >= EXTENSION_HOST_RETRY && again <= EXTENSION_HOST_RETRY_MAX, "try {tried}: {again:?}");
        stage.wait(again.saturating_sub(Duration::from_millis(1)));
        assert_eq!(stage.called(), [""; 0]);
        stage.wait(Duration::from_millis(1));
        assert_eq!(stage.called(), ["1 one"]);
    }
    stage.answer("a.one", 1, unavailable());
    assert_eq!(stage.told(), ["1 one: failed, the host had no room"], "it gives up");
    for seq in 2..=EXTENSION_FAILURES_MAX as u64 + 2 {
        stage.offer(window(seq + 1));
        for _ in 0..=EXTENSION_HOST_RETRIES_MAX {
            stage.answer("a.one", seq, unavailable());
            stage.wait(EXTENSION_HOST_RETRY_MAX);
        }
    }
    assert_eq!(stage.quarantined, [""; 0]);
}
