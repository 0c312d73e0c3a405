use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fixture::{MANIFEST, house};

fn problems(text: &str) -> String {
    Manifest::parse(text, &house()).expect_err("it should be refused").to_string()
}

#[test]
fn a_whole_manifest_is_read() {
    let manifest = Manifest::parse(MANIFEST, &house()).expect("it is good");
    assert_eq!(manifest.id.as_str(), "acme.guard");
    assert_eq!(manifest.component, "guard.wasm");
    let handler = &manifest.handlers["on-event"];
    assert_eq!((handler.priority, handler.own_events), (10, false));
    assert!(handler.hears("door.knocked") && handler.hears("weather.rain.heavy"));
    assert!(!handler.hears("door.knocked.twice") && !handler.hears("weather") && !handler.hears("weather."));
    assert_eq!(Value::from(manifest.capabilities["kv"].parameters.clone()), json!({"bytes_max": 1_048_576}));
    assert_eq!(manifest.actions["door.keep-shut"], "Strangers stay outside.");
    assert_eq!(manifest.settings(&Map::new()).map(Value::from), Ok(json!({"strangers": ["wolf"]})));
    let limits = LimitRequest { cpu: Some(Duration::from_millis(100)), wall: None, memory_bytes: Some(16 << 20) };
    assert_eq!(manifest.limits, limits);
}

#[test]
fn each_mistake_is_told_with_its_line_and_what_to_do() {
    let cases = [
        ("manifest = 1", "manifest = 2", "line 1: this host reads manifests of version 1, and this one is of 2"),
        ("manifest = 1\n", "", "line 1: `manifest` is missing"),
        ("[extension]", "[extensions]", "line 3: unknown key `extensions`; did you mean `extension`?"),
        ("acme.guard", "Guard", "line 4: `id`: \"Guard\" is not an id"),
        ("0.1.0", "1", "line 5: `version` in [extension] should be three numbers, such as \"1.0.0\""),
        ("name = \"Guard\"\n", "", "line 3: `name` is missing in [extension]"),
        ("\"Guard\"", "\"\"", "line 6: `name` in [extension] should not be empty"),
        ("\"Guard\"", r#""Gu\u001b[2Jard""#, "line 6: `name` in [extension] should be one line of visible characters"),
        ("\"Guard\"", r#""Gu\u202eard""#, "line 6: `name` in [extension] should be one line of visible characters"),
        ("\"Guard\"", "\"Guard\"\ncomponent = \"../x.wasm\"", "line 7: `component` should be the plain name"),
        ("handlers.on-event", "handlers.on-evnt", "unknown key `on-evnt` in [handlers]; did you mean `on-event`?"),
        (
            "door.knocked",
            "door.knock",
            "line 10: there are no events of kind `door.knock`; did you mean `door.knocked`?",
        ),
        ("door.knocked", "window.rattled", "line 10: `window.rattled` is told only to those who watch"),
        ("door.knocked", "wea*er", "line 10: `wea*er` should be a kind of event, or a family"),
        ("weather.*", r"weather.\u001b[2J", "line 10: `weather.\\u{1b}[2J` should be of visible characters"),
        ("weather.*", r"weather.\u202e.*", "line 10: `weather.\\u{202e}.*` should be of visible characters"),
        ("weather.*", "wind.*", "line 10: no kind of event lies below `wind.*`; did you mean `window.*`?"),
        ("weather.*", "wether.*", "line 10: no kind of event lies below `wether.*`; did you mean `weather.*`?"),
        ("weather.*", "weather.snow", "there are no events of kind `weather.snow`; did you mean `weather.sun`?"),
        ("weather.*", "window.opened ", "events of kind `window.opened `; did you mean `window.opened`?"),
        ("weather.*", "alarm_set", "line 10: no extension hears `alarm_set`: alarms are not for extensions"),
        ("kinds = [\"door.knocked\", \"weather.*\"]", "kinds = []", "line 10: `kinds` should name at least one"),
        ("priority = 10", "priority = -1", "line 11: `priority` should be from 0 to 65535"),
        ("priority = 10", "prio = 10", "line 11: unknown key `prio` in [handlers.on-event]; known here: `kinds`, "),
        ("capabilities.kv", "capabilities.kvs", "line 13: unknown key `kvs` in [capabilities]; did you mean `kv`?"),
        ("1 MiB", "1 MB", "line 14: `bytes_max` in [capabilities.kv] should be a number of bytes"),
        ("bytes_max", "byte_max", "line 14: unknown key `byte_max` in [capabilities.kv]; did you mean `bytes_max`?"),
        ("reason = \"Remembers who was let in.\"\n", "", "line 13: `reason` is missing in [capabilities.kv]"),
        ("door.keep-shut", "door.keepshut", "line 18: unknown key `door.keepshut` in [actions]; did you mean"),
        (
            "{ reason = \"Strangers stay outside.\" }",
            "true",
            "line 18: `door.keep-shut` in [actions] should be a table",
        ),
        ("\"texts\"", "\"text\"", "line 22: `default` in [settings.strangers] should be a text"),
        ("\"texts\"", "\"strings\"", "line 21: there is no type `strings`; known here: `text`"),
        ("settings.strangers", "settings.\"a b\"", "line 20: `a b` should be of letters, digits"),
        ("[limits]", "\"\\u001b[2J\" = 1\n[limits]", "line 25: unknown key `\\u{1b}[2J` in [settings.strangers]"),
        (
            "100 ms",
            "100",
            "line 26: `cpu` should be a time in ms or s, such as \"250 ms\" or \"2 s\", and at most \"5 s\"",
        ),
        ("16 MiB", "0 MiB", "line 27: `memory` should be an amount of memory in KiB or MiB, such as"),
        ("16 MiB", "257 MiB", "line 27: `memory` should be at most \"256 MiB\""),
        ("100 ms", "5001 ms", "line 26: `cpu` should be at most \"5 s\""),
        ("100 ms\"", "1 s\"\nwall = \"10 m\"", "line 27: `wall` should be a time in ms or s, such as \"250 ms\""),
        ("100 ms\"", "1 s\"\nwall = \"901 s\"", "line 27: `wall` should be at most \"900 s\""),
    ];
    for (was, now, told) in cases {
        assert!(MANIFEST.contains(was), "{was}");
        let problems = problems(&MANIFEST.replacen(was, now, 1));
        assert!(problems.contains(told), "{now}: {problems}");
    }
}

#[test]
fn one_slip_is_told_once() {
    for (was, now, told) in [
        ("kinds =", "kind =", "line 10: unknown key `kind` in [handlers.on-event]; did you mean `kinds`?"),
        ("name =", "nme =", "line 6: unknown key `nme` in [extension]; did you mean `name`?"),
        ("[handlers.", "[handler.", "line 9: unknown key `handler`; did you mean `handlers`?"),
        ("kinds = [\"door.knocked\", \"weather.*\"]\n", "", "line 9: `kinds` is missing in [handlers.on-event]"),
    ] {
        assert_eq!(problems(&MANIFEST.replacen(was, now, 1)), told);
    }
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_lines() {
    let text = MANIFEST.replace("0.1.0", "x").replace("priority", "prioriti").replace("100 ms", "long");
    let Err(ManifestError::Refused(problems)) = Manifest::parse(&text, &house()) else { panic!("it is refused") };
    assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [5, 11, 26]);
}

#[test]
fn a_manifest_full_of_mistakes_makes_no_endless_list() {
    let keys: String = (0..2000).map(|key| format!("k{key} = 1\n")).collect();
    let told = problems(&(keys + &format!("{} = 1\n", "x".repeat(5000)) + MANIFEST));
    assert!(told.starts_with("line 1: unknown key `k0`") && told.len() < 10_000, "{told}");
    let long = problems(&(format!("{} = 1\n", "x".repeat(5000)) + MANIFEST));
    assert!(long.len() < 1000, "{long}");
}

#[test]
fn a_manifest_that_is_no_good_still_says_whose_it_is() {
    let id = |text: &str| Manifest::claimed_id(text).map(|id| id.to_string());
    let broken = MANIFEST.replace("kinds", "kinds = [\nkinds");
    for text in [MANIFEST, &broken, "[extension]\n  id=\"acme.guard\" # mine\nname ="] {
        assert_eq!(id(text).as_deref(), Some("acme.guard"), "{text}");
    }
    for text in
        ["", "id = \"acme.guard\"", "[extension]\n[other]\nid = \"a.b\"", "[extension]\nid = \"a", "[extension]\nid"]
    {
        assert_eq!(id(text), None, "{text}");
    }
}

#[test]
fn what_is_not_toml_is_told_as_such() {
    let told = Manifest::parse("manifest = 1\n[extension\n", &house()).expect_err("broken");
    assert!(matches!(&told, ManifestError::Syntax(problem) if problem.line == 2), "{told}");
}

#[test]
fn what_was_approved_is_read_where_a_kind_is_known_no_more_and_nothing_else() {
    let kind = MANIFEST.replace("weather.*", "weather.frogs");
    assert!(Manifest::parse(&kind, &house()).is_err());
    let read = Manifest::parse_approved(&kind, &house()).expect("it hears the others");
    assert_eq!(read.handlers["on-event"].kinds, ["door.knocked", "weather.frogs"]);
    assert!(Manifest::parse_approved(&MANIFEST.replace(".kv]", ".kvs]"), &house()).is_err());
}

#[test]
fn for_any_host_names_are_taken_as_they_are_and_the_form_is_checked() {
    let other =
        MANIFEST.replace("weather.*", "tide.*").replace(".kv]", ".boats]").replace("door.keep-shut", "boat.row");
    assert!(Manifest::parse(&other, &house()).is_err());
    let read = Manifest::parse_for_any_host(&other).expect("some host has them");
    assert_eq!(Value::from(read.capabilities["boats"].parameters.clone()), json!({"bytes_max": "1 MiB"}));
    for (was, now, told) in [
        ("reason = \"Remembers who was let in.\"\n", "", "`reason` is missing in [capabilities.boats]"),
        ("[settings", "[setting", "did you mean `settings`?"),
        ("[limits]\ncpu", "[limits]\ncpus", "did you mean `cpu`?"),
    ] {
        let told_of = Manifest::parse_for_any_host(&other.replacen(was, now, 1)).expect_err(now).to_string();
        assert!(told_of.contains(told), "{told_of}");
    }
}

#[test]
fn a_manifest_without_handlers_is_refused() {
    let text = MANIFEST.split("[handlers").next().expect("a head");
    assert!(problems(text).contains("there should be at least one handler"));
}

proptest! {
    #[test]
    fn no_text_at_all_makes_it_panic(text in "[ -~\n\u{e4}\u{1f600}]{0,200}") {
        let _ = Manifest::parse(&text, &house());
    }

    #[test]
    fn a_good_manifest_with_anything_in_one_place_is_read_or_refused_with_a_line_that_exists(
        at in 0..MANIFEST.len(), put in "[ -~\n]{0,12}"
    ) {
        prop_assume!(MANIFEST.is_char_boundary(at));
        let text = format!("{}{put}{}", &MANIFEST[..at], &MANIFEST[at..]);
        let problems = match Manifest::parse(&text, &house()) {
            Ok(_) => vec![],
            Err(ManifestError::Syntax(problem) | ManifestError::Newer(problem)) => vec![problem],
            Err(ManifestError::Refused(problems)) => { prop_assert!(!problems.is_empty()); problems }
        };
        for problem in problems {
            prop_assert!((1..=text.lines().count() + 1).contains(&problem.line), "{problem}");
        }
    }
}
