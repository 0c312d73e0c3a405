//! A guard never fails open: whoever would decide and cannot be called is missed, and keeps its place.

use super::stage::Stage;
use super::*;

/// What accepts everything, and so shows whether something stands against that.
fn yes() -> Approved {
    approved("a.yes", 9, &[OPEN])
}

fn guard() -> Approved {
    approved("a.guard", 1, &[SHUT])
}

/// The guard, in another version that hears other kinds.
fn deaf_guard() -> Approved {
    let mut deaf = approved("a.guard", 1, &[SHUT, BELL]);
    deaf.grants.handlers.values_mut().for_each(|handler| handler.kinds = ["window.opened".to_owned()].into());
    deaf
}

/// The guard, in another version that decides nothing.
fn mild_guard() -> Approved {
    approved("a.guard", 1, &[BELL])
}

fn stage(approved: &[Approved], required: &[&str], serving: &[&Approved]) -> Stage {
    Stage::with(dispatch(roster_serving(approved, required, serving)))
}

/// What becomes of the accept, once everybody who was called has abstained or the time is up.
fn accepted(stage: &mut Stage, seq: u64) -> Option<String> {
    stage.offer(knock(seq));
    stage.asks("a.yes", seq, &[(OPEN, &seq.to_string())]);
    if stage.called().contains(&format!("{seq} guard")) {
        stage.asks("a.guard", seq, &[]);
    }
    stage.wait(Duration::from_secs(2));
    bar(stage, seq)
}

/// Why it was not accepted, if it was not.
fn bar(stage: &mut Stage, seq: u64) -> Option<String> {
    let told = stage.told();
    let barred = format!("{seq} yes: may not accept knock:{seq}, ");
    let why = told.iter().find_map(|told| told.strip_prefix(&barred));
    assert_eq!(why.is_none(), told.contains(&format!("{seq} yes: door.open applies")), "{told:?}");
    why.map(str::to_owned)
}

#[test]
fn an_enabled_decider_bars_what_no_version_of_it_decides_that_can_be_called() {
    let not_ready = Some("a.guard would decide this and is not ready");
    let cases: [(&str, Approved, Option<Approved>, Option<&str>); 7] = [
        ("nothing of it is compiled", guard(), None, not_ready),
        ("it runs", guard(), Some(guard()), None),
        ("its predecessor decides", approved("a.guard", 2, &[SHUT, LAMP]), Some(guard()), None),
        ("its predecessor does not hear it", guard(), Some(deaf_guard()), not_ready),
        ("its predecessor decides nothing", guard(), Some(mild_guard()), not_ready),
        ("what was approved decides nothing, and its predecessor does", mild_guard(), Some(guard()), None),
        ("what was approved decides nothing", mild_guard(), None, None),
    ];
    for (name, guard, serving, barred) in cases {
        let yes = yes();
        let serving: Vec<_> = serving.iter().chain([&yes]).collect();
        let mut stage = stage(&[guard, yes.clone()], &[], &serving);
        assert_eq!(accepted(&mut stage, 1).as_deref(), barred, "{name}");
    }
}

#[test]
fn required_holds_in_every_state_and_only_a_person_takes_its_word_away() {
    /// What was approved, what of it can be called, and what stands against an accept.
    type Case<'a> = (&'a str, Vec<Approved>, Vec<Approved>, Option<&'a str>);
    let cases: [Case<'_>; 6] = [
        ("running", vec![guard()], vec![guard()], None),
        ("compiling", vec![guard()], vec![], Some("a.guard would decide this and is not ready")),
        ("on its predecessor", vec![guard()], vec![deaf_guard()], Some("a.guard would decide this and is not ready")),
        (
            "in quarantine",
            vec![standing(&guard(), quarantined())],
            vec![guard()],
            Some("a.guard is required and does not run"),
        ),
        ("never approved", vec![], vec![], Some("a.guard is required and does not run")),
        ("switched off by a person", vec![standing(&guard(), disabled())], vec![guard()], None),
    ];
    for (name, extensions, serving, barred) in cases {
        let extensions: Vec<_> = extensions.into_iter().chain([yes()]).collect();
        let yes = yes();
        let serving: Vec<_> = serving.iter().chain([&yes]).collect();
        let mut stage = stage(&extensions, &["a.guard"], &serving);
        assert_eq!(accepted(&mut stage, 1).as_deref(), barred, "{name}");
    }
}

#[test]
fn a_required_decider_that_fails_for_good_bars_from_its_last_failure_on() {
    let mut stage = stage(&[guard(), yes()], &["a.guard"], &[&guard(), &yes()]);
    for seq in 1..=EXTENSION_FAILURES_MAX as u64 {
        stage.offer(knock(seq));
        stage.asks("a.yes", seq, &[(OPEN, &seq.to_string())]);
        stage.answer("a.guard", seq, failed());
        assert_eq!(bar(&mut stage, seq).as_deref(), Some("a.guard is required and has not answered"));
    }
    assert_eq!(stage.quarantined, ["a.guard"]);
    // Nobody has written it yet, and no roster says so.
    assert_eq!(accepted(&mut stage, 9).as_deref(), Some("a.guard is required and does not run"));
    stage.replace(roster(&[standing(&guard(), quarantined()), yes()], &["a.guard"]));
    assert_eq!(accepted(&mut stage, 10).as_deref(), Some("a.guard is required and does not run"));
}

#[test]
fn code_that_fails_for_good_while_it_serves_for_what_was_approved_leaves_it_not_ready() {
    let next = approved("a.guard", 1, &[SHUT, LAMP]);
    let mut stage = stage(&[next.clone(), yes()], &[], &[&guard(), &yes()]);
    for seq in 1..=EXTENSION_FAILURES_MAX as u64 {
        stage.offer(event(seq, "window.opened", "t"));
        stage.answer("a.guard", seq, failed());
        stage.asks("a.yes", seq, &[]);
    }
    stage.told();
    assert_eq!(accepted(&mut stage, 9).as_deref(), Some("a.guard would decide this and is not ready"));
    stage.replace(roster(&[next, yes()], &[]));
    stage.read(16);
    assert_eq!(stage.called(), ["9 guard"], "it goes on, on the version that was approved");
}

/// What happens while an interaction is open, and what becomes of an accept.
type Change = fn(&mut Stage);

/// Asks the guard and the one that accepts, which does; then the roster changes, and then the guard comes to this.
fn changes_meanwhile(required: &[&str], change: Change, then: Change) -> Option<String> {
    let mut stage = stage(&[guard(), yes()], required, &[&guard(), &yes()]);
    stage.offer(knock(1));
    stage.asks("a.yes", 1, &[(OPEN, "1")]);
    change(&mut stage);
    then(&mut stage);
    stage.wait(Duration::from_secs(2));
    bar(&mut stage, 1)
}

#[test]
fn a_decider_that_cannot_be_called_any_more_while_it_decides_may_answer_and_is_missed_if_it_does_not() {
    let withdraw: Change = |stage| stage.replace(roster_serving(&[guard(), yes()], &[], &[&yes()]));
    let not_ready = Some("a.guard would decide this and is not ready");
    let cases: [(&str, Change, Option<&str>); 3] = [
        ("it abstains", |stage| stage.asks("a.guard", 1, &[]), None),
        (
            "it fails",
            |stage| stage.answer("a.guard", 1, Answered::Failed { sentence: "no".into(), fatal: false }),
            not_ready,
        ),
        ("it is late", |_| {}, not_ready),
    ];
    for (name, then, barred) in cases {
        assert_eq!(changes_meanwhile(&[], withdraw, then).as_deref(), barred, "{name}");
    }
    let mut stage = stage(&[guard(), yes()], &[], &[&guard(), &yes()]);
    stage.offer(knock(1));
    stage.asks("a.yes", 1, &[(OPEN, "1")]);
    withdraw(&mut stage);
    stage.asks("a.guard", 1, &[(SHUT, "1")]);
    assert_eq!(stage.told(), ["1 guard: door.keep-shut applies", "1 yes: lost knock:1"]);
}

#[test]
fn no_accept_slips_through_because_a_decider_changes_while_it_decides() {
    let required: (&[&str], _) = (&["a.guard"], Some("a.guard is required and has not answered"));
    let nothing: Change = |_| {};
    let fails: Change = |stage| stage.answer("a.guard", 1, Answered::Failed { sentence: "no".into(), fatal: false });
    let abstains: Change = |stage| stage.asks("a.guard", 1, &[]);
    let replace: Change = |stage| {
        let next = approved("a.guard", 2, &[SHUT, LAMP]);
        stage.replace(roster_serving(&[next.clone(), yes()], &["a.guard"], &[&next, &yes()]));
    };
    let deafen: Change = |stage| {
        let next = deaf_guard();
        stage.replace(roster_serving(&[next.clone(), yes()], &["a.guard"], &[&next, &yes()]));
    };
    let quarantine: Change = |stage| {
        stage.replace(roster(&[standing(&guard(), quarantined()), yes()], &["a.guard"]));
    };
    let forget: Change = |stage| stage.replace(roster(&[yes()], &["a.guard"]));
    let require: Change = |stage| stage.replace(roster(&[guard(), yes()], &["a.guard"]));
    let excuse: Change = |stage| stage.replace(roster(&[guard(), yes()], &[]));
    let disable: Change = |stage| stage.replace(roster(&[standing(&guard(), disabled()), yes()], &["a.guard"]));
    type Case<'a> = (&'a str, (&'a [&'a str], Option<&'a str>), Change, Change);
    let cases: [Case<'_>; 11] = [
        ("replaced, and the old one fails", required, replace, fails),
        ("replaced, and the old one is late", required, replace, nothing),
        ("replaced, and the old one has no objection", (required.0, None), replace, abstains),
        ("replaced by one that does not hear it", (required.0, None), deafen, abstains),
        ("quarantined", required, quarantine, nothing),
        ("approved no more, and required still", required, forget, nothing),
        ("required only now", (&[], required.1), require, nothing),
        ("required no more", (required.0, None), excuse, nothing),
        ("switched off by a person", (required.0, None), disable, nothing),
        (
            "not required, and replaced",
            (&[], None),
            |stage| stage.replace(roster(&[mild_guard(), yes()], &[])),
            nothing,
        ),
        ("not required, and quarantined", (&[], None), |stage| stage.replace(roster(&[yes()], &[])), nothing),
    ];
    for (name, (required, barred), change, then) in cases {
        assert_eq!(changes_meanwhile(required, change, then).as_deref(), barred, "{name}");
    }
}

#[test]
fn one_that_comes_while_an_interaction_is_open_and_is_not_ready_bars_it() {
    let mut stage = stage(&[approved("a.slow", 5, &[SHUT]), yes()], &[], &[&approved("a.slow", 5, &[SHUT]), &yes()]);
    stage.offer(knock(1));
    stage.asks("a.yes", 1, &[(OPEN, "1")]);
    let all = [guard(), approved("a.slow", 5, &[SHUT]), yes()];
    stage.replace(roster_serving(&all, &[], &[&all[1], &all[2]]));
    stage.asks("a.slow", 1, &[]);
    assert_eq!(bar(&mut stage, 1).as_deref(), Some("a.guard would decide this and is not ready"));
}

#[test]
fn one_that_is_not_ready_keeps_its_place_and_holds_up_nobody_and_goes_on_when_it_is() {
    let (one, two) = (approved("a.guard", 1, &[BELL]), approved("a.two", 2, &[BELL]));
    let mut stage = stage(&[one.clone(), two.clone()], &[], &[&one, &two]);
    for seq in 1..=3 {
        stage.offer(window(seq));
    }
    // One call of it is under way, two wait for their turn, and others come meanwhile.
    stage.replace(roster_serving(&[one.clone(), two.clone()], &[], &[&two]));
    for seq in 4..=6 {
        stage.offer(window(seq));
    }
    for seq in 1..=6 {
        stage.asks("a.two", seq, &[(BELL, "")]);
    }
    assert_eq!(stage.told().len(), 6, "the other is served");
    stage.asks("a.guard", 1, &[(BELL, "")]);
    assert_eq!(stage.told(), ["1 guard: bell.ring applies"], "what had begun ends");
    stage.wait(Duration::from_secs(3600));
    assert_eq!((stage.called(), stage.told(), stage.reads.len()), (vec![], vec![], 0), "nothing of it is called");
    assert_eq!((stage.dispatch.low(&id("a.guard")), stage.dispatch.wake_at()), (Some(Seq(1)), None));
    assert_eq!(stage.quarantined, [""; 0]);
    stage.replace(roster(&[one, two], &[]));
    for seq in 2..=6 {
        stage.read(2);
        assert_eq!(stage.called(), [format!("{seq} guard")]);
        stage.asks("a.guard", seq, &[]);
        stage.read(2);
    }
    assert_eq!(stage.dispatch.low(&id("a.guard")), Some(Seq(6)));
}

#[test]
fn one_that_becomes_ready_hears_of_what_is_still_pending_and_may_decline_it() {
    let mut stage = stage(&[guard(), yes()], &[], &[&yes()]);
    stage.offer(knock(1));
    stage.asks("a.yes", 1, &[]);
    stage.told();
    stage.replace(roster(&[guard(), yes()], &[]));
    stage.read(16);
    stage.asks("a.guard", 1, &[(SHUT, "1")]);
    assert_eq!(stage.told(), ["1 guard: door.keep-shut applies"]);
    assert_eq!(stage.dispatch.low(&id("a.guard")), Some(Seq(1)));
}

#[test]
fn a_decider_that_the_host_cannot_call_is_tried_again_until_its_time_is_up() {
    let unavailable = || Answered::Unavailable { sentence: "no room".to_owned() };
    let mut stage = stage(&[guard(), yes()], &["a.guard"], &[&guard(), &yes()]);
    stage.offer(knock(1));
    stage.asks("a.yes", 1, &[(OPEN, "1")]);
    stage.answer("a.guard", 1, unavailable());
    stage.wait(EXTENSION_HOST_RETRY);
    stage.asks("a.guard", 1, &[]);
    assert_eq!(bar(&mut stage, 1), None, "it has answered after all");
    stage.offer(knock(2));
    stage.asks("a.yes", 2, &[(OPEN, "2")]);
    stage.answer("a.guard", 2, unavailable());
    stage.wait(Duration::from_secs(2));
    assert_eq!(bar(&mut stage, 2).as_deref(), Some("a.guard is required and has not answered"));
    assert_eq!(stage.called(), [""; 0], "its time is up");
}
