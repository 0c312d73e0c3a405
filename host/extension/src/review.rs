//! The approval screen as data: what a person needs in order to say yes or no.
//!
//! For each thing that an extension asks for it has the host's own sentence, which the author cannot change, and the
//! author's reason, which the host cannot check. Deciding and drawing are elsewhere.

mod news;

use std::time::Duration;

use semver::Version;
use serde::Serialize;
use serde_json::Value;

use crate::limits::amount;
use crate::visible::visible;
use crate::{Approved, Candidate, Digest, ExtensionId, LimitRequest, Limits, Manifest, Part, Vocabulary};

pub use news::News;

/// What the screen shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// Who it says it is.
    pub id: ExtensionId,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// What it says it does.
    pub description: String,
    /// Its licence, if it says so.
    pub license: Option<String>,
    /// Where it says that there is more to read.
    pub homepage: Option<String>,
    /// What a yes is pinned to. It goes back with the yes, so that nothing else is approved.
    pub digest: Digest,
    /// What is new about it.
    pub news: News,
    /// The same for a reader.
    pub sentence: String,
    /// Everything it asks for, in a fixed order.
    pub asks: Vec<Ask>,
    /// What one call of it may use: processor time, time and memory, in this order.
    pub limits: [Limit; 3],
    /// Its settings, with what holds as long as nobody sets them.
    pub settings: Vec<Settable>,
}

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ask {
    /// What.
    pub part: Part,
    /// What it allows, in the host's words.
    pub sentence: String,
    /// Why, in the author's words. What an extension hears needs no reason.
    pub reason: Option<String>,
    /// With which parameters.
    pub parameters: Value,
    /// Whether this was not granted before, or not as widely.
    pub is_new: bool,
    /// What it hears, if that is what it asks for.
    pub heard: Vec<Heard>,
}

/// Events that an extension hears of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// The kind, or the family.
    pub kind: String,
    /// What that tells it, in the host's words, and no wider; empty if the host has none for a kind.
    pub sentence: String,
    /// Whether it was not heard before.
    pub is_new: bool,
}

/// Something that a user may set.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settable {
    /// Its name.
    pub name: String,
    /// What it is for, in the author's words.
    pub description: String,
    /// What holds as long as nobody sets it.
    pub default: Value,
}

/// What one call may use of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limit {
    /// What it may do: "compute for 100ms".
    pub sentence: String,
    /// What is usual, if this is more.
    pub usual: Option<String>,
    /// Whether it is more than was granted before.
    pub is_new: bool,
}

impl Review {
    /// The screen for a candidate, where `approved` is what was approved for its id before.
    pub fn of(candidate: &Candidate, approved: Option<&Approved>, vocabulary: &Vocabulary) -> Self {
        let manifest = &candidate.manifest;
        let news = News::of(candidate, approved, vocabulary);
        Self {
            id: manifest.id.clone(),
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            description: manifest.description.clone(),
            digest: candidate.digest,
            license: manifest.license.clone(),
            homepage: manifest.homepage.clone(),
            asks: asks(candidate, approved, &news, vocabulary),
            limits: limits(&manifest.limits, &news),
            settings: settings(manifest),
            sentence: news.sentence(approved),
            news,
        }
    }
}

fn asks(candidate: &Candidate, approved: Option<&Approved>, news: &News, vocabulary: &Vocabulary) -> Vec<Ask> {
    let ask = |(part, parameters): (Part, Value)| {
        let (sentence, reason) = words(&part, candidate, vocabulary)?;
        let heard = heard(&part, candidate, approved, vocabulary);
        Some(Ask { sentence, reason, heard, is_new: news.widens(&part), part, parameters: shown(parameters) })
    };
    candidate.grants.parts().into_iter().filter_map(ask).collect()
}

/// The host's sentence and the author's reason. Limits have lines of their own, usual or not.
fn words(part: &Part, candidate: &Candidate, vocabulary: &Vocabulary) -> Option<(String, Option<String>)> {
    let manifest = &candidate.manifest;
    Some(match part {
        Part::Capability(name) => {
            let asked = manifest.capabilities.get(name)?;
            let kind = vocabulary.capabilities.get(name);
            let sentence = kind.map(|kind| kind.sentence_with(&asked.parameters)).unwrap_or_default();
            (sentence.to_owned(), Some(asked.reason.clone()))
        }
        Part::Action(kind) => {
            let sentence = vocabulary.actions.get(kind).map(|kind| kind.sentence.clone()).unwrap_or_default();
            (sentence, manifest.actions.get(kind).cloned())
        }
        Part::Handler(name) => {
            let kinds = manifest.handlers.get(name).map(|handler| handler.kinds.join(", ")).unwrap_or_default();
            (format!("be told of {kinds}"), None)
        }
        Part::Limit(_) => return None,
    })
}

fn heard(part: &Part, candidate: &Candidate, approved: Option<&Approved>, vocabulary: &Vocabulary) -> Vec<Heard> {
    let Part::Handler(name) = part else { return Vec::new() };
    let before = approved.and_then(|approved| approved.grants.handlers.get(name));
    let heard = |kind: &String| Heard {
        kind: kind.clone(),
        sentence: vocabulary.sentence_of(kind),
        is_new: !before.is_some_and(|before| before.hears(kind)),
    };
    candidate.grants.handlers.get(name).into_iter().flat_map(|handler| &handler.kinds).map(heard).collect()
}

fn settings(manifest: &Manifest) -> Vec<Settable> {
    let settings = manifest.settings.iter().map(|(name, setting)| Settable {
        name: name.clone(),
        description: setting.description.clone(),
        default: shown(setting.default.clone()),
    });
    settings.collect()
}

/// What one call of it may use.
fn limits(asked: &LimitRequest, news: &News) -> [Limit; 3] {
    let usual = Limits::default();
    let given = usual.within(asked);
    let is_new = |name: &str| news.widens(&Part::Limit(name.to_owned()));
    let time = |name: &str, verb: &str, given: Duration, usual: Duration| Limit {
        sentence: format!("{verb} {given:?}"),
        usual: (given > usual).then(|| format!("{usual:?}")),
        is_new: given > usual && is_new(name),
    };
    [
        time("cpu", "compute for", given.cpu, usual.cpu),
        time("wall", "take", given.wall, usual.wall),
        Limit {
            sentence: format!("use {} of memory", amount(given.memory_bytes)),
            usual: (given.memory_bytes > usual.memory_bytes).then(|| amount(usual.memory_bytes)),
            is_new: given.memory_bytes > usual.memory_bytes && is_new("memory"),
        },
    ]
}

/// Parameters with every hidden character in their texts written out.
fn shown(parameters: Value) -> Value {
    match parameters {
        Value::String(text) => Value::String(visible(&text)),
        Value::Array(items) => items.into_iter().map(shown).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, shown(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests;
