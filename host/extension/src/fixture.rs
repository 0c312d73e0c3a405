//! A small host for tests: a house with a door, where a knock is a question and somebody may answer it.

use std::collections::BTreeMap;

use semver::Version;
use serde_json::json;

use crate::{ActionKind, CapabilityKind, ClaimRule, EventKind, Offer, Package, Shape, Verdict, Vocabulary, Wider};

/// What the house understands.
pub(crate) fn house() -> Vocabulary {
    let knock = || ClaimRule::new("knock", "/knock");
    let action = |sentence: &str, claim, verdict| ActionKind { sentence: sentence.to_owned(), claim, verdict };
    let told = |sentence: &str| EventKind { sentence: sentence.to_owned(), ..EventKind::default() };
    let text = str::to_owned;
    Vocabulary {
        handlers: BTreeMap::from(["on-event", "on-job"].map(|name| (text(name), package(&format!("house:{name}"))))),
        events: BTreeMap::from([
            (text("door.knocked"), EventKind { interaction: Some(knock()), ..told("each knock at the door") }),
            (text("window.opened"), EventKind::default()),
            (text("window.rattled"), EventKind { ephemeral: true, ..EventKind::default() }),
            (text("weather.*"), told("how the weather is")),
            (text("weather.rain"), told("each shower")),
            (text("weather.sun"), EventKind::default()),
        ]),
        withheld: BTreeMap::from([(text("alarm_"), text("alarms are not for extensions"))]),
        actions: BTreeMap::from([
            (text("door.open"), action("let somebody in", Some(knock()), Some(Verdict::Accept))),
            (text("door.keep-shut"), action("keep somebody out", Some(knock()), Some(Verdict::Decline))),
            (text("lamp.switch"), action("switch a lamp", Some(ClaimRule::new("lamp", "/lamp")), None)),
            (text("bell.ring"), action("ring the bell", None, None)),
        ]),
        capabilities: BTreeMap::from([
            (
                text("kv"),
                capability("house:kv", "remember things", &[("bytes_max", Shape::Bytes), ("names", Shape::Texts)]),
            ),
            (text("log"), capability("house:log", "write a log", &[])),
        ]),
        ambient: vec![package("house:events"), Package::new("wasi:io/streams", Version::new(0, 2, 6))],
    }
}

/// A manifest that the house takes; tests change a line of it.
pub(crate) const MANIFEST: &str = r#"manifest = 1

[extension]
id = "acme.guard"
version = "0.1.0"
name = "Guard"
description = "Keeps strangers out."

[handlers.on-event]
kinds = ["door.knocked", "weather.*"]
priority = 10

[capabilities.kv]
bytes_max = "1 MiB"
reason = "Remembers who was let in."

[actions]
"door.keep-shut" = { reason = "Strangers stay outside." }

[settings.strangers]
type = "texts"
default = ["wolf"]
description = "Who is never let in."

[limits]
cpu = "100 ms"
memory = "16 MiB"
"#;

fn package(name: &str) -> Package {
    Package::new(name, Version::new(1, 2, 0))
}

fn capability(name: &str, sentence: &str, parameters: &[(&str, Shape)]) -> CapabilityKind {
    let parameters = parameters.iter().map(|(name, shape)| ((*name).to_owned(), *shape)).collect();
    let wider = Wider { parameter: "names".to_owned(), value: json!(["all"]), sentence: format!("{sentence} of all") };
    CapabilityKind { package: package(name), sentence: sentence.to_owned(), parameters, wider: vec![wider] }
}

/// A component with these imports and exports, and nothing in it.
pub(crate) fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut text = "(component ".to_owned();
    for name in imports {
        let kind = if name.contains(':') { "(instance)" } else { "(func)" };
        write!(text, "(import {name:?} {kind})").expect("a text takes it");
    }
    for (number, name) in exports.iter().enumerate() {
        write!(text, "(instance $e{number}) (export {name:?} (instance $e{number}))").expect("a text takes it");
    }
    wat::parse_str(text + ")").expect("it is well formed")
}

/// A guard of this version that the house takes.
pub(crate) fn offer(version: &str) -> Offer {
    offer_of("acme.guard", version)
}

/// An extension of this id and version that the house takes.
pub(crate) fn offer_of(id: &str, version: &str) -> Offer {
    let manifest = MANIFEST.replace("acme.guard", id).replace("0.1.0", version);
    offer_from(&manifest)
}

/// An extension with this manifest.
pub(crate) fn offer_from(manifest: &str) -> Offer {
    let component = component(&["house:kv/store@1.0.0"], &["house:on-event/handler@1.0.0"]);
    Offer::of(manifest.as_bytes().to_vec(), component, &house()).expect("it is good")
}
