//! From the text of a manifest to the checked value. Every section is read even if another one is wrong, so that an
//! author sees all problems at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use codex_manager_model::limits;
use semver::Version;
use serde_json::{Map, Value};
use toml::de::DeTable;

use super::section::{Notes, Section, problem};
use super::{CapabilityRequest, Handler, LimitRequest, Manifest, ManifestError, Names, Problem, Setting};
use crate::shape::{parse_bytes, split_unit};
use crate::{CapabilityKind, ExtensionId, Shape};

/// The one version of the format.
const FORMAT: i64 = 1;
const NAME_CHARS_MAX: usize = 80;
const SENTENCE_CHARS_MAX: usize = 300;

pub(super) fn manifest(text: &str, names: Names<'_>) -> Result<Manifest, ManifestError> {
    let table = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        ManifestError::Syntax(problem(text, &span, error.message()))
    })?;
    let notes = Notes::new(text);
    let root = Section::root(&notes, &table);
    // What it says otherwise has a meaning that is not known here.
    if let Some(newer) = newer(&root) {
        return Err(ManifestError::Newer(newer));
    }
    let read = whole(&root, names);
    match (read, notes.into_problems()) {
        (Some(manifest), problems) if problems.is_empty() => Ok(manifest),
        (_, problems) => Err(ManifestError::Refused(problems)),
    }
}

/// `None` only after something was noted.
fn whole(root: &Section<'_>, names: Names<'_>) -> Option<Manifest> {
    const KEYS: [&str; 7] = ["manifest", "extension", "handlers", "capabilities", "actions", "settings", "limits"];
    let root = root.only(KEYS.into_iter());
    root.require("manifest");
    let extension = extension(root);
    let handlers = handlers(root, names);
    let capabilities = capabilities(root, names);
    let actions = actions(root, names);
    let settings = settings(root);
    let limits = root.section("limits").map(|section| limits(&section)).unwrap_or_default();
    Some(Manifest { handlers, capabilities, actions, settings, limits, ..extension? })
}

/// Says so if it has another format: the first one has no predecessor.
fn newer(root: &Section<'_>) -> Option<Problem> {
    let format = root.value("manifest", Shape::Integer).filter(|format| *format != FORMAT)?;
    let what = format!("this host reads manifests of version {FORMAT}, and this one is of {format}");
    Some(root.problem("manifest", what))
}

/// The extension's own section; the other fields are still empty.
fn extension(root: &Section<'_>) -> Option<Manifest> {
    const KEYS: [&str; 7] = ["id", "version", "name", "description", "component", "license", "homepage"];
    root.require("extension");
    let section = root.section("extension")?;
    let section = section.only(KEYS.into_iter());
    let id = section.required_text("id", NAME_CHARS_MAX);
    let id = id.and_then(|text| {
        text.parse::<ExtensionId>().map_err(|error| section.note("id", format!("`id`: {error}"))).ok()
    });
    let version = section.required_text("version", NAME_CHARS_MAX);
    let version = version.and_then(|text| {
        let three = "`version` in [extension] should be three numbers, such as \"1.0.0\"";
        Version::parse(&text).map_err(|_| section.note("version", three)).ok()
    });
    let name = section.required_text("name", NAME_CHARS_MAX);
    let description = section.required_text("description", SENTENCE_CHARS_MAX);
    let component = section.text("component", NAME_CHARS_MAX);
    if component.as_deref().is_some_and(|name| !is_plain_name(name)) {
        section.note("component", "`component` should be the plain name of a .wasm file beside the manifest");
    }
    let license = section.text("license", NAME_CHARS_MAX);
    let homepage = section.text("homepage", SENTENCE_CHARS_MAX);
    let id = id?;
    Some(Manifest {
        component: component.unwrap_or_else(|| format!("{}.wasm", id.name())),
        id,
        version: version?,
        name: name?,
        description: description?,
        license,
        homepage,
        handlers: BTreeMap::new(),
        capabilities: BTreeMap::new(),
        actions: BTreeMap::new(),
        settings: BTreeMap::new(),
        limits: LimitRequest::default(),
    })
}

fn handlers(root: &Section<'_>, names: Names<'_>) -> BTreeMap<String, Handler> {
    let known = names.vocabulary().map(|vocabulary| vocabulary.handlers.keys().map(String::as_str));
    let section = root.section("handlers");
    let sections = section.map(|section| section.only_of(known).sections()).unwrap_or_default();
    if sections.is_empty() && !root.misspells("handlers") {
        root.note("handlers", "there should be at least one handler, such as [handlers.on-event]");
    }
    sections.into_iter().map(|(name, section)| (name, handler(&section, names))).collect()
}

fn handler(section: &Section<'_>, names: Names<'_>) -> Handler {
    let section = section.only(["kinds", "priority", "own_events"].into_iter());
    section.require("kinds");
    let kinds = section.value("kinds", Shape::Texts).map(texts);
    if kinds.as_ref().is_some_and(Vec::is_empty) {
        section.note("kinds", "`kinds` should name at least one kind of event");
    }
    let kinds = kinds.unwrap_or_default();
    for kind in &kinds {
        let hint = |names: &BTreeSet<&str>| section.hint(kind, names.iter().copied());
        if let Some(problem) = names.events().and_then(|vocabulary| vocabulary.unheard(kind, hint)) {
            section.note("kinds", problem);
        }
    }
    let priority = section
        .value("priority", Shape::Integer)
        .map_or(Some(Handler::PRIORITY_DEFAULT), |value| value.as_u64().and_then(|value| u16::try_from(value).ok()));
    if priority.is_none() {
        section.note("priority", format!("`priority` should be from 0 to {}", u16::MAX));
    }
    let own_events = section.value("own_events", Shape::Flag) == Some(Value::Bool(true));
    Handler { kinds, priority: priority.unwrap_or(Handler::PRIORITY_DEFAULT), own_events }
}

fn capabilities(root: &Section<'_>, names: Names<'_>) -> BTreeMap<String, CapabilityRequest> {
    let known = names.vocabulary().map(|vocabulary| &vocabulary.capabilities);
    let Some(section) = root.section("capabilities") else { return BTreeMap::new() };
    let request = |(name, section): (String, Section<'_>)| {
        let asked = match known {
            Some(known) => capability(&section, known.get(&name)?),
            None => capability_of_any_host(&section),
        };
        Some((name, asked?))
    };
    let section = section.only_of(known.map(|known| known.keys().map(String::as_str)));
    section.sections().into_iter().filter_map(request).collect()
}

fn capability(section: &Section<'_>, kind: &CapabilityKind) -> Option<CapabilityRequest> {
    let section = section.only(kind.parameters.keys().map(String::as_str).chain(["reason"]));
    let parameter = |(name, shape): (&String, &Shape)| Some((name.clone(), section.value(name, *shape)?));
    let parameters: Map<_, _> = kind.parameters.iter().filter_map(parameter).collect();
    Some(CapabilityRequest { parameters, reason: section.required_text("reason", SENTENCE_CHARS_MAX)? })
}

fn capability_of_any_host(section: &Section<'_>) -> Option<CapabilityRequest> {
    let reason = section.required_text("reason", SENTENCE_CHARS_MAX)?;
    Some(CapabilityRequest { parameters: section.all_but("reason"), reason })
}

fn actions(root: &Section<'_>, names: Names<'_>) -> BTreeMap<String, String> {
    let known = names.vocabulary().map(|vocabulary| vocabulary.actions.keys().map(String::as_str));
    let Some(section) = root.section("actions") else { return BTreeMap::new() };
    let reason = |(kind, section): (String, Section<'_>)| {
        let reason = section.only(["reason"].into_iter()).required_text("reason", SENTENCE_CHARS_MAX)?;
        Some((kind, reason))
    };
    section.only_of(known).sections().into_iter().filter_map(reason).collect()
}

fn settings(root: &Section<'_>) -> BTreeMap<String, Setting> {
    let sections = root.section("settings").map(|section| section.sections()).unwrap_or_default();
    for (name, section) in &sections {
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            section.note("", format!("`{name}` should be of letters, digits, dashes and underscores"));
        }
    }
    sections.into_iter().filter_map(|(name, section)| Some((name, setting(&section)?))).collect()
}

fn setting(section: &Section<'_>) -> Option<Setting> {
    let section = section.only(["type", "default", "description"].into_iter());
    let kind = section.required_text("type", NAME_CHARS_MAX);
    let description = section.required_text("description", SENTENCE_CHARS_MAX);
    section.require("default");
    let kind = kind?;
    let Some(shape) = Shape::named(&kind) else {
        let hint = section.hint(&kind, Shape::ALL.iter().map(|shape| shape.name()));
        section.note("type", format!("there is no type `{kind}`{hint}"));
        return None;
    };
    Some(Setting { shape, default: section.value("default", shape)?, description: description? })
}

fn limits(section: &Section<'_>) -> LimitRequest {
    let section = section.only(["cpu", "wall", "memory"].into_iter());
    let time = |key, most: Duration| {
        let most = (most, format!("{} s", most.as_secs()));
        quantity(section, key, parse_time, "a time in ms or s, such as \"250 ms\" or \"2 s\"", most)
    };
    let memory_most = limits::EXTENSION_MEMORY_BYTES_MAX as u64;
    let memory_most = (memory_most, format!("{} MiB", memory_most >> 20));
    LimitRequest {
        cpu: time("cpu", limits::EXTENSION_CPU_MAX),
        wall: time("wall", limits::EXTENSION_WALL_MAX),
        memory_bytes: quantity(
            section,
            "memory",
            parse_bytes,
            "an amount of memory in KiB or MiB, such as \"64 MiB\"",
            memory_most,
        ),
    }
}

/// A number with its unit, up to the host's most. None is zero: an extension that may do nothing is a mistake.
fn quantity<T: Default + PartialOrd>(
    section: &Section<'_>,
    key: &str,
    parse: fn(&str) -> Option<T>,
    what: &str,
    (most, most_text): (T, String),
) -> Option<T> {
    let text = section.text(key, NAME_CHARS_MAX)?;
    match parse(&text).filter(|amount| *amount != T::default()) {
        None => section.note(key, format!("`{key}` should be {what}, and at most \"{most_text}\"")),
        Some(amount) if amount > most => section.note(key, format!("`{key}` should be at most \"{most_text}\"")),
        amount => return amount,
    }
    None
}

fn parse_time(text: &str) -> Option<Duration> {
    match split_unit(text)? {
        (count, "ms") => Some(Duration::from_millis(count)),
        (count, "s") => Some(Duration::from_secs(count)),
        _ => None,
    }
}

/// Whether it names a file in the same folder and nothing else.
fn is_plain_name(name: &str) -> bool {
    name.ends_with(".wasm") && !name.starts_with('.') && !name.contains(['/', '\\'])
}

fn texts(value: Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.into_iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}
