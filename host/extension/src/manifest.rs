//! `extension.toml`: what an extension says about itself and what it asks for.
//!
//! ```toml
//! manifest = 1
//!
//! [extension]
//! id = "acme.guard"                  # owner.name
//! version = "0.1.0"
//! name = "Guard"
//! description = "Declines commands that delete what cannot be brought back."
//! component = "guard.wasm"           # beside this file; this is the default for acme.guard
//! license = "Apache-2.0"             # optional, as is homepage
//!
//! [handlers.on-event]
//! kinds = ["door.knocked", "window.*"]
//! priority = 100                     # smaller goes first; this is the default
//! own_events = false                 # whether it hears what it caused itself; this is the default
//!
//! [capabilities.kv]                  # one table a capability: its parameters, and why
//! bytes_max = "1 MiB"
//! reason = "Remembers who was let in."
//!
//! [actions]                          # one line a kind of action, and why
//! "door.keep-shut" = { reason = "Strangers stay outside." }
//!
//! [settings.strangers]               # what a user may set: text, texts, integer, flag or bytes
//! type = "texts"
//! default = ["wolf"]
//! description = "Who is never let in."
//!
//! [limits]                           # of one call; more than is usual is shown to whoever approves it
//! cpu = "100 ms"                     # usually 250 ms, at most 5 s
//! wall = "2 s"                       # usually 10 s, at most 15 minutes
//! memory = "16 MiB"                  # usually 64 MiB, at most 256 MiB
//! ```
//!
//! Every key is checked, every problem is told with its line, and unknown keys are refused. There is no code in it, and
//! reading one does nothing: it is a request, which a person answers.

mod parse;
mod section;
mod setting;

use std::collections::BTreeMap;
use std::time::Duration;

use semver::Version;
use serde_json::{Map, Value};

use crate::{ExtensionId, Vocabulary};

pub use setting::{Setting, SettingError};

/// The name of the file.
pub const MANIFEST_FILE: &str = "extension.toml";

/// A manifest that was read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Who it is.
    pub id: ExtensionId,
    /// Its own version.
    pub version: Version,
    /// Its name, for people.
    pub name: String,
    /// What it does, in a sentence.
    pub description: String,
    /// The component's file, beside the manifest: a plain name.
    pub component: String,
    /// Its licence, if it says so.
    pub license: Option<String>,
    /// Where to read more, if it says so.
    pub homepage: Option<String>,
    /// What it answers to, by the handler's name. Never empty.
    pub handlers: BTreeMap<String, Handler>,
    /// The capabilities it asks for.
    pub capabilities: BTreeMap<String, CapabilityRequest>,
    /// The kinds of actions it asks for, each with the author's reason.
    pub actions: BTreeMap<String, String>,
    /// What a user may set.
    pub settings: BTreeMap<String, Setting>,
    /// The limits it sets itself.
    pub limits: LimitRequest,
}

/// One handler of an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// The kinds of events it hears: whole kinds, or `family.*`.
    pub kinds: Vec<String>,
    /// Its place in the order; smaller goes first.
    pub priority: u16,
    /// Whether it hears what it caused itself.
    pub own_events: bool,
}

/// A capability that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct CapabilityRequest {
    /// Its parameters, in their normal form.
    pub parameters: Map<String, Value>,
    /// Why, in the author's words.
    pub reason: String,
}

/// The limits that an extension asks for in place of the usual ones: see [`Limits::within`](crate::Limits::within).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitRequest {
    /// Time on the processor, a call.
    pub cpu: Option<Duration>,
    /// Time on the wall, a call.
    pub wall: Option<Duration>,
    /// Memory, a call.
    pub memory_bytes: Option<u64>,
}

/// What the names in a manifest are looked up in.
#[derive(Clone, Copy)]
enum Names<'v> {
    /// What a host has: others are refused.
    Of(&'v Vocabulary),
    /// The same, but for the kinds of events.
    Approved(&'v Vocabulary),
    /// Nothing.
    Any,
}

impl<'v> Names<'v> {
    /// What the host has, if it is known.
    fn vocabulary(self) -> Option<&'v Vocabulary> {
        match self {
            Self::Of(vocabulary) | Self::Approved(vocabulary) => Some(vocabulary),
            Self::Any => None,
        }
    }

    /// The same, where kinds of events are looked up in it.
    fn events(self) -> Option<&'v Vocabulary> {
        match self {
            Self::Of(vocabulary) => Some(vocabulary),
            Self::Approved(_) | Self::Any => None,
        }
    }
}

/// Why a text is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is not TOML.
    #[error("not TOML: {0}")]
    Syntax(Problem),
    /// It is of a newer format than is read here.
    #[error("{0}")]
    Newer(Problem),
    /// It is TOML and says something that cannot be.
    #[error("{}", listed(.0))]
    Refused(Vec<Problem>),
}

/// One thing that is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Problem {
    /// Where, from 1.
    pub line: usize,
    /// What, with what to do about it.
    pub what: String,
}

impl Manifest {
    /// Reads a manifest for a host that understands `vocabulary`.
    ///
    /// # Errors
    ///
    /// [`ManifestError`], with every problem and its line.
    pub fn parse(text: &str, vocabulary: &Vocabulary) -> Result<Self, ManifestError> {
        parse::manifest(text, Names::Of(vocabulary))
    }

    /// Reads the manifest of what was approved. A kind of event that this host knows no more is not heard, and keeps nobody
    /// from hearing the others.
    ///
    /// # Errors
    ///
    /// [`ManifestError`], where the host has changed in another way.
    pub fn parse_approved(text: &str, vocabulary: &Vocabulary) -> Result<Self, ManifestError> {
        parse::manifest(text, Names::Approved(vocabulary))
    }

    /// Reads a manifest for whichever host: kinds, handlers and capabilities are taken as they are named. For those who
    /// build; nothing is approved by it.
    ///
    /// # Errors
    ///
    /// [`ManifestError`], where it could be no host's.
    pub fn parse_for_any_host(text: &str) -> Result<Self, ManifestError> {
        parse::manifest(text, Names::Any)
    }

    /// Who a manifest says it is, as far as that can be read of one that is no good: what was approved under that name is
    /// then told together with what is wrong now.
    pub(crate) fn claimed_id(text: &str) -> Option<ExtensionId> {
        let section = text.lines().map(str::trim).skip_while(|line| *line != "[extension]").skip(1);
        let mut lines = section.take_while(|line| !line.starts_with('['));
        let value = lines.find_map(|line| line.strip_prefix("id")?.trim_start().strip_prefix('='))?;
        value.trim_start().strip_prefix('"')?.split('"').next()?.parse().ok()
    }

    /// The settings that the extension sees: its defaults, and over them what the user has `given`.
    ///
    /// # Errors
    ///
    /// When something was given that it does not have, or that has another shape.
    pub fn settings(&self, given: &Map<String, Value>) -> Result<Map<String, Value>, SettingError> {
        setting::resolve(&self.settings, given)
    }
}

impl Handler {
    /// The place in the order of a handler that asks for none.
    pub const PRIORITY_DEFAULT: u16 = 100;

    /// Whether it hears events of this kind.
    pub fn hears(&self, kind: &str) -> bool {
        self.kinds.iter().any(|pattern| matches(pattern, kind))
    }
}

/// Whether `kind` is `pattern`, or lies below it where that is a family.
pub(crate) fn matches(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix('*') {
        None => pattern == kind,
        Some(family) => kind.len() > family.len() && kind.starts_with(family),
    }
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
