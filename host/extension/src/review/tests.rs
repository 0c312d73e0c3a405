//! What the screen shows, read off the house of the fixture.

use serde_json::json;

use super::*;
use crate::Standing;
use crate::fixture::{MANIFEST, house, offer, offer_from};

fn approved(candidate: &Candidate) -> Approved {
    Approved {
        id: candidate.manifest.id.clone(),
        version: candidate.manifest.version.clone(),
        digest: candidate.digest,
        by: codex_manager_model::Actor::User,
        at: jiff::Timestamp::UNIX_EPOCH,
        standing: Standing::Enabled,
        grants: candidate.grants.clone(),
        predecessor: None,
    }
}

#[test]
fn each_ask_has_the_sentence_of_the_host_and_the_reason_of_the_author() {
    let review = Review::of(&offer("0.1.0").candidate, None, &house());
    let asks: Vec<_> =
        review.asks.iter().map(|ask| (&ask.part, ask.sentence.as_str(), ask.reason.as_deref())).collect();
    let expected = [
        (&Part::Capability("kv".to_owned()), "remember things", Some("Remembers who was let in.")),
        (&Part::Action("door.keep-shut".to_owned()), "keep somebody out", Some("Strangers stay outside.")),
        (&Part::Handler("on-event".to_owned()), "be told of door.knocked, weather.*", None),
    ];
    assert_eq!(asks, expected);
    assert_eq!(review.asks[0].parameters, json!({"bytes_max": 1_048_576}));
    assert_eq!(review.sentence, "new");
}

#[test]
fn an_update_says_what_differs_and_what_runs_meanwhile() {
    let running = approved(&offer("0.1.0").candidate);
    let more = MANIFEST.replace("[settings", "[capabilities.log]\nreason = \"Says why.\"\n\n[settings");
    let less = MANIFEST.replace("\"door.keep-shut\" = { reason = \"Strangers stay outside.\" }\n", "");
    let narrower = MANIFEST.replace("1 MiB", "1 KiB").replace("priority = 10", "priority = 11");
    let fewer = MANIFEST.replace("\"weather.*\"", "\"weather.rain\"");
    let later_more = MANIFEST.replace("1 MiB", "2 MiB");
    let longer = MANIFEST.replace("100 ms", "1 s");
    let worded = MANIFEST.replace("Remembers", "Still remembers");
    let cases = [
        (MANIFEST.to_owned(), "approved", vec![]),
        (worded, "same grants, new code; 0.1.0 keeps running until this is approved", vec![]),
        (more, "asks for other grants; 0.1.0 keeps running until this is approved", vec!["write a log"]),
        (longer, "asks for other grants; 0.1.0 keeps running until this is approved", vec![]),
        (narrower, "asks for less; 0.1.0 keeps running until this is approved", vec![]),
        (fewer, "asks for less; 0.1.0 keeps running until this is approved", vec![]),
        (later_more, "asks for other grants; 0.1.0 keeps running until this is approved", vec!["remember things"]),
        (less, "asks for less; 0.1.0 keeps running until this is approved", vec![]),
    ];
    for (text, sentence, new) in cases {
        let review = Review::of(&offer_from(&text).candidate, Some(&running), &house());
        assert_eq!(review.sentence, sentence);
        let asks: Vec<_> = review.asks.iter().filter(|ask| ask.is_new).map(|ask| ask.sentence.as_str()).collect();
        assert_eq!(asks, new, "{sentence}");
    }
    let off = Standing::Disabled { by: codex_manager_model::Actor::User, at: jiff::Timestamp::UNIX_EPOCH };
    let off = Approved { standing: off, ..running };
    let review = Review::of(&offer("0.2.0").candidate, Some(&off), &house());
    assert_eq!(review.sentence, "same grants, new code; 0.1.0 does not run, and a yes lets this one run");
}

#[test]
fn what_one_call_may_use_is_told_and_more_than_usual_is_told_as_such() {
    let told = |text: &str| {
        let limits = Review::of(&offer_from(text).candidate, None, &house()).limits;
        limits.map(|limit| {
            assert_eq!(limit.is_new, limit.usual.is_some(), "all of it is new, but for what is usual");
            (limit.sentence, limit.usual)
        })
    };
    let plain = |sentence: &str| (sentence.to_owned(), None);
    assert_eq!(told(MANIFEST), ["compute for 100ms", "take 10s", "use 16 MiB of memory"].map(plain));
    let more = MANIFEST.replace("100 ms", "2 s").replace("16 MiB", "128 MiB");
    let [cpu, wall, memory] = told(&more);
    assert_eq!(cpu, ("compute for 2s".to_owned(), Some("250ms".to_owned())));
    assert_eq!(wall, plain("take 10s"));
    assert_eq!(memory, ("use 128 MiB of memory".to_owned(), Some("64 MiB".to_owned())));
}

#[test]
fn a_limit_is_new_where_it_was_raised_and_not_where_it_was_lowered() {
    let running = |memory: &str| approved(&offer_from(&MANIFEST.replace("16 MiB", memory)).candidate);
    let told = |was: &str, now: &str| {
        let candidate = offer_from(&MANIFEST.replace("16 MiB", now)).candidate;
        Review::of(&candidate, Some(&running(was)), &house()).limits.map(|limit| limit.is_new)
    };
    assert_eq!(told("16 MiB", "128 MiB"), [false, false, true]);
    assert_eq!(told("128 MiB", "256 MiB"), [false, false, true]);
    assert_eq!(told("256 MiB", "128 MiB"), [false; 3]);
    assert_eq!(told("128 MiB", "16 MiB"), [false; 3]);
}

#[test]
fn a_capability_is_told_by_what_its_parameters_make_of_it() {
    let wide = MANIFEST.replace("bytes_max = \"1 MiB\"", "names = [\"all\"]");
    let told = |text: &str, before: Option<&str>| {
        let before = before.map(|text| approved(&offer_from(text).candidate));
        let ask = Review::of(&offer_from(text).candidate, before.as_ref(), &house()).asks.swap_remove(0);
        (ask.sentence, ask.is_new)
    };
    let narrow = MANIFEST.replace("bytes_max = \"1 MiB\"\n", "");
    assert_eq!(told(&wide, Some(&narrow)), ("remember things of all".to_owned(), true));
    assert_eq!(told(&narrow, Some(&wide)), ("remember things".to_owned(), false));
}

#[test]
fn what_it_hears_is_told_kind_by_kind() {
    let running = approved(&offer("0.1.0").candidate);
    let text = MANIFEST.replace("\"weather.*\"", "\"weather.rain\", \"window.opened\", \"weather.sun\"");
    let heard = |before| Review::of(&offer_from(&text).candidate, before, &house()).asks.pop().map(|ask| ask.heard);
    let kind =
        |kind: &str, sentence: &str, is_new| Heard { kind: kind.to_owned(), sentence: sentence.to_owned(), is_new };
    let expected = |is_new: bool| {
        Some(vec![
            kind("door.knocked", "each knock at the door", is_new),
            kind("weather.rain", "each shower", is_new),
            kind("weather.sun", "", is_new),
            kind("window.opened", "", true),
        ])
    };
    assert_eq!(heard(None), expected(true));
    assert_eq!(heard(Some(&running)), expected(false));
    let whole = Review::of(&offer("0.1.0").candidate, None, &house()).asks.pop().map(|ask| ask.heard[1].clone());
    let told = "how the weather is; and whatever is added under this name later";
    assert_eq!(whole, Some(kind("weather.*", told, true)));
}

#[test]
fn settings_and_licence_are_shown() {
    let text = MANIFEST
        .replace("[\"wolf\"]", r#"["\u001b[2J"]"#)
        .replace("[handlers", "license = \"MIT\"\nhomepage = \"https://acme.example\"\n\n[handlers");
    let review = Review::of(&offer_from(&text).candidate, None, &house());
    assert_eq!((review.license.as_deref(), review.homepage.as_deref()), (Some("MIT"), Some("https://acme.example")));
    let description = "Who is never let in.".to_owned();
    let shown = Settable { name: "strangers".to_owned(), description, default: json!(["\\u{1b}[2J"]) };
    assert_eq!(review.settings, vec![shown]);
}

#[test]
fn nothing_that_hides_reaches_the_screen() {
    let text = MANIFEST.replace("bytes_max = \"1 MiB\"", r#"names = ["\u001b[2J", "\u202egnp"]"#);
    let review = Review::of(&offer_from(&text).candidate, None, &house());
    let names = json!({"names": ["\\u{1b}[2J", "\\u{202e}gnp"]});
    assert_eq!(review.asks[0].parameters, names);
    let running = approved(&offer("0.1.0").candidate);
    let News::Grants { changes, .. } = Review::of(&offer_from(&text).candidate, Some(&running), &house()).news else {
        panic!("it asks for other grants")
    };
    assert_eq!(changes[0].now, Some(names));
}
