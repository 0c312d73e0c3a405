//! Who decides what is pending.

use super::stage::Stage;
use super::*;

#[test]
fn a_decline_comes_before_an_accept_whatever_their_order() {
    let mut stage = Stage::new(&[("a.yes", 1, &[OPEN]), ("a.no", 99, &[SHUT])], &[]);
    stage.offer(knock(1));
    stage.asks("a.yes", 1, &[(OPEN, "1")]);
    assert_eq!(stage.told(), [""; 0], "nothing is accepted before all have spoken");
    stage.asks("a.no", 1, &[(SHUT, "1")]);
    assert_eq!(stage.told(), ["1 no: door.keep-shut applies", "1 yes: lost knock:1"]);
}

#[test]
fn a_decline_that_loses_another_claim_still_stands_against_every_accept() {
    let mut stage = Stage::new(&[("a.no", 1, &[SHUT, LAMP]), ("a.nor", 2, &[SHUT, LAMP]), ("a.yes", 3, &[OPEN])], &[]);
    stage.offer(knock(1));
    stage.asks("a.no", 1, &[(SHUT, "7"), (LAMP, "hall")]);
    stage.asks("a.nor", 1, &[(SHUT, "1"), (LAMP, "hall")]);
    stage.asks("a.yes", 1, &[(OPEN, "1")]);
    let mut told = stage.told();
    told.sort();
    let yes = "1 yes: may not accept knock:1, a.nor declines";
    assert_eq!(told, ["1 no: door.keep-shut applies", "1 nor: lost lamp:hall", yes]);
}

#[test]
fn a_decider_that_is_late_abstains() {
    let mut stage = Stage::new(&[("a.slow", 1, &[SHUT]), ("a.yes", 2, &[OPEN])], &[]);
    stage.offer(knock(1));
    assert_eq!(stage.calls[0].wall, Some(Duration::from_secs(2)));
    stage.asks("a.yes", 1, &[(OPEN, "1")]);
    stage.wait(Duration::from_millis(1999));
    assert_eq!(stage.told(), [""; 0]);
    stage.wait(Duration::from_millis(1));
    assert_eq!(stage.told(), ["1 slow: late", "1 yes: door.open applies"]);
    stage.asks("a.slow", 1, &[(SHUT, "1")]);
    assert_eq!(stage.told(), [""; 0], "it has had its turn");
}

#[test]
fn one_that_cannot_decide_is_not_waited_for() {
    let mut stage = Stage::new(&[("a.ring", 1, &[BELL]), ("a.yes", 2, &[OPEN])], &[]);
    stage.offer(knock(1));
    stage.asks("a.yes", 1, &[(OPEN, "1")]);
    assert_eq!(stage.told(), ["1 yes: door.open applies"]);
    stage.asks("a.ring", 1, &[(BELL, "")]);
    assert_eq!(stage.told(), ["1 ring: bell.ring applies"]);
}

#[test]
fn without_the_word_of_a_required_decider_nobody_but_a_person_accepts() {
    type Fails = fn(&mut Stage);
    let cases: [(&str, Fails, &str); 4] = [
        ("late", |stage| stage.wait(Duration::from_secs(2)), "1 must: late"),
        ("failing", |stage| stage.answer("a.must", 1, failed()), "1 must: failed, it trapped"),
        (
            "refused",
            |stage| stage.asks("a.must", 1, &[(BELL, "")]),
            "1 must: refused, it asked for `bell.ring`, which was not granted: it is not in [actions] of its extension.toml",
        ),
        (
            "approved no more",
            |stage| {
                let orders = stage.dispatch.replace(roster(&[approved("a.yes", 1, &[OPEN])], &["a.must"]), stage.now);
                stage.carry_out(orders);
            },
            "1 must: withdrawn",
        ),
    ];
    for (name, fails, outcome) in cases {
        let mut stage = Stage::new(&[("a.yes", 1, &[OPEN]), ("a.must", 2, &[SHUT])], &["a.must"]);
        stage.offer(knock(1));
        stage.asks("a.yes", 1, &[(OPEN, "1")]);
        fails(&mut stage);
        let mut told = stage.told();
        told.sort();
        assert_eq!(told, [outcome, "1 yes: may not accept knock:1, a.must is required and has not answered"], "{name}");
    }
    let mut stage = Stage::new(&[("a.yes", 1, &[OPEN]), ("a.must", 2, &[SHUT])], &["a.must"]);
    stage.offer(knock(1));
    stage.asks("a.must", 1, &[]);
    stage.asks("a.yes", 1, &[(OPEN, "1")]);
    assert!(stage.told().contains(&"1 yes: door.open applies".to_owned()), "it has spoken and did not object");
}

#[test]
fn a_required_decider_that_does_not_run_bars_what_it_would_have_heard() {
    let off = standing(&approved("a.must", 1, &[SHUT]), quarantined());
    let switched_off = standing(&off, disabled());
    let deaf = Approved { grants: approved("a.must", 1, &[BELL]).grants, ..off.clone() };
    for (name, extensions, barred) in [
        ("never approved", vec![], true),
        ("quarantined", vec![off], true),
        ("decides nothing", vec![deaf], false),
        ("switched off by a person", vec![switched_off], false),
    ] {
        let extensions: Vec<_> = extensions.into_iter().chain([approved("a.yes", 2, &[OPEN, SHUT])]).collect();
        let mut stage = Stage::with(dispatch(roster(&extensions, &["a.must"])));
        stage.offer(knock(1));
        stage.asks("a.yes", 1, &[(OPEN, "1")]);
        let outcome =
            if barred { "may not accept knock:1, a.must is required and does not run" } else { "door.open applies" };
        assert_eq!(stage.told(), [format!("1 yes: {outcome}")], "{name}");
        stage.offer(knock(2));
        stage.asks("a.yes", 2, &[(SHUT, "2")]);
        assert_eq!(stage.told(), ["2 yes: door.keep-shut applies"], "{name}: declining needs nobody");
    }
}

#[test]
fn a_person_has_it_at_once_and_whatever_comes_later_is_not_eligible() {
    let mut stage = Stage::new(&[("a.slow", 1, &[SHUT]), ("a.yes", 2, &[OPEN]), ("a.ring", 3, &[BELL])], &[]);
    stage.offer(knock(1));
    stage.asks("a.yes", 1, &[(OPEN, "1")]);
    let orders = stage.dispatch.resolved(&Claim::new("knock:1"), stage.now);
    stage.carry_out(orders);
    stage.asks("a.ring", 1, &[(BELL, "")]);
    assert_eq!(stage.told(), ["1 yes: lost knock:1", "1 ring: bell.ring applies"]);
    stage.asks("a.slow", 1, &[(SHUT, "1")]);
    assert_eq!(stage.told(), ["1 slow: lost knock:1"]);
}

#[test]
fn a_group_of_another_event_waits_for_the_deciders_as_well() {
    let mut stage = Stage::new(&[("a.no", 1, &[SHUT]), ("a.yes", 2, &[OPEN])], &[]);
    stage.offer(event(1, "door.knocked", "t"));
    stage.offer(event(2, "window.opened", "other"));
    stage.asks("a.no", 2, &[]);
    stage.asks("a.yes", 2, &[(OPEN, "1")]);
    assert_eq!(stage.told(), ["2 no: abstains"]);
    stage.asks("a.yes", 1, &[]);
    stage.asks("a.no", 1, &[(SHUT, "1")]);
    assert_eq!(stage.told(), ["1 no: door.keep-shut applies", "1 yes: abstains", "2 yes: lost knock:1"]);
}

#[test]
fn what_is_not_known_to_be_pending_is_never_accepted() {
    let mut stage = Stage::new(&[("a.yes", 1, &[OPEN])], &[]);
    stage.offer(window(1));
    stage.asks("a.yes", 1, &[(OPEN, "7")]);
    assert_eq!(stage.told(), ["1 yes: may not accept knock:7, it is not pending here"]);
}

#[test]
fn a_question_that_was_answered_is_not_asked() {
    let mut stage = Stage::new(&[("a.one", 1, &[SHUT])], &[]);
    stage.offer(Occurrence { pending: false, ..knock(1) });
    assert_eq!((stage.called(), stage.told()), (vec![], vec!["1 one: expired".to_owned()]));
    assert_eq!(stage.dispatch.low(&id("a.one")), Some(Seq(1)));
}

#[test]
fn a_question_that_was_answered_before_it_was_heard_of_is_not_asked() {
    let mut stage = Stage::new(&[("a.one", 1, &[SHUT])], &[]);
    let orders = stage.dispatch.resolved(&Claim::new("knock:1"), stage.now);
    stage.carry_out(orders);
    // Whoever tells of it has read too early that it is pending.
    let orders = stage.dispatch.overtake(knock(1), stage.now);
    stage.carry_out(orders);
    assert_eq!((stage.called(), stage.told()), (vec![], vec!["1 one: expired".to_owned()]));
    stage.offer(knock(1));
    assert!(stage.dispatch.board.get(&Claim::new("knock:1")).is_none(), "nothing of it is left");
    stage.offer(knock(2));
    assert_eq!(stage.called(), ["2 one"]);
}

#[test]
fn of_too_many_resolved_ones_the_oldest_is_forgotten() {
    let mut dispatch = dispatch(Roster::default());
    let (now, claim) = (Instant::now(), |n: usize| Claim::new(format!("knock:{n}")));
    for n in (0..=EXTENSION_INTERACTIONS_MAX).chain([1]) {
        dispatch.resolved(&claim(n), now);
    }
    let known = [0, 1, EXTENSION_INTERACTIONS_MAX].map(|n| dispatch.board.is_resolved(&claim(n)));
    assert_eq!(known, [false, true, true]);
}

#[test]
fn a_decider_that_runs_again_is_waited_for_again() {
    let mut stage = Stage::new(&[("a.no", 1, &[SHUT, LAMP]), ("a.yes", 2, &[OPEN, LAMP])], &[]);
    stage.offer(knock(1));
    stage.asks("a.yes", 1, &[(OPEN, "1"), (LAMP, "hall")]);
    stage.committed = Committed::Conflict;
    stage.asks("a.no", 1, &[(LAMP, "hall")]);
    stage.committed = Committed::Applied;
    assert!(stage.dispatch.wake_at().is_some(), "its time is still limited");
    assert_eq!((stage.called(), stage.told()), (vec!["1 no".to_owned()], vec!["1 no: lamp.switch applies".to_owned()]));
    stage.asks("a.no", 1, &[(SHUT, "1")]);
    assert_eq!(stage.told(), ["1 no: door.keep-shut applies", "1 yes: lost knock:1"]);
}

#[test]
fn a_required_decider_that_was_asked_in_an_earlier_life_bars_what_it_said_then() {
    let extensions = [approved("a.must", 1, &[SHUT]), approved("a.yes", 2, &[OPEN])];
    let done = Marks::starting_after(Seq(0), [Seq(1)]);
    let marks = BTreeMap::from([(id("a.must"), done), (id("a.yes"), Marks::starting_after(Seq(0), []))]);
    for (required, outcome) in [
        (&["a.must"][..], "1 yes: may not accept knock:1, a.must is required and was not asked now"),
        (&[], "1 yes: door.open applies"),
    ] {
        let roster = roster(&extensions, required);
        let mut stage = Stage::with(Dispatch::new(Arc::new(house()), roster, marks.clone(), Seq(1)));
        stage.offer(knock(1));
        assert_eq!(stage.called(), ["1 yes"]);
        stage.asks("a.yes", 1, &[(OPEN, "1")]);
        assert_eq!(stage.told(), [outcome]);
    }
}

#[test]
fn nothing_is_accepted_before_what_the_deciders_said_is_recorded() {
    let mut stage = Stage::new(&[("a.no", 1, &[SHUT]), ("a.yes", 2, &[OPEN])], &[]);
    stage.offer(knock(1));
    stage.asks("a.yes", 1, &[(OPEN, "1")]);
    let seat = stage.calls.remove(0).seat;
    let orders = stage.dispatch.answered(&seat, Answered::Actions(vec![]), stage.now);
    assert!(matches!(&orders[..], [Order::Settle(Settle { settled: Settled::Abstained, .. })]), "{orders:?}");
    // What it read had changed, and now it says something else.
    let orders = stage.dispatch.committed(&seat, Committed::Conflict, stage.now);
    stage.carry_out(orders);
    stage.asks("a.no", 1, &[(SHUT, "1")]);
    assert_eq!(stage.told(), ["1 no: door.keep-shut applies", "1 yes: lost knock:1"]);
}

#[test]
fn of_too_many_interactions_the_oldest_is_left_to_a_person() {
    let mut stage = Stage::new(&[("a.yes", 1, &[OPEN])], &[]);
    for seq in 1..=EXTENSION_INTERACTIONS_MAX as u64 + 1 {
        stage.offer(event(seq, "door.knocked", &seq.to_string()));
        stage.asks("a.yes", seq, &[]);
    }
    let last = EXTENSION_INTERACTIONS_MAX as u64 + 2;
    stage.told();
    for about in ["1", "2"] {
        let seq = last + u64::from(about == "2");
        stage.offer(event(seq, "window.opened", "t"));
        stage.asks("a.yes", seq, &[(OPEN, about)]);
    }
    let barred = format!("{last} yes: may not accept knock:1, it is not pending here");
    assert_eq!(stage.told(), [barred, format!("{} yes: door.open applies", last + 1)]);
}

#[test]
fn what_the_host_refuses_to_do_leaves_its_claim_to_others_and_is_not_the_word_of_a_required_decider() {
    for (kind, required, second) in [
        (SHUT, &[][..], "1 two: door.keep-shut applies"),
        (OPEN, &[], "1 two: door.open applies"),
        (OPEN, &["a.one"], "1 two: may not accept knock:1, a.one is required and asked for what cannot be done"),
    ] {
        let mut stage = Stage::new(&[("a.one", 1, &[kind]), ("a.two", 2, &[kind])], required);
        stage.committed = Committed::Refused;
        stage.offer(knock(1));
        stage.asks("a.one", 1, &[(kind, "1")]);
        stage.asks("a.two", 1, &[(kind, "1")]);
        assert_eq!(stage.told(), [&format!("1 one: {kind} applies"), second]);
    }
}
