//! A table of a manifest, read key by key; what is wrong is noted with its line, and reading goes on.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::Range;

use codex_manager_model::limits::{EXTENSION_MANIFEST_PROBLEMS_MAX, EXTENSION_WORDS_CHARS_MAX};
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;
use crate::visible::{is_visible, visible};
use crate::{Shape, nearest};

/// How many problems are noted, of which the first are told: finding the line of each costs a look through the text.
const NOTED_MAX: usize = 8 * EXTENSION_MANIFEST_PROBLEMS_MAX;

/// The problems found so far.
pub(super) struct Notes<'a> {
    text: &'a str,
    problems: RefCell<Vec<Problem>>,
    /// How many names may still be looked up: as many as problems are told.
    hints: Cell<usize>,
}

/// One table.
pub(super) struct Section<'a> {
    notes: &'a Notes<'a>,
    /// As it is written in the manifest: `extension`, `capabilities.kv`; empty for the whole.
    path: String,
    span: Range<usize>,
    table: &'a DeTable<'a>,
    /// The keys that others were noted to be misspellings of: one slip is one problem.
    meant: RefCell<BTreeSet<String>>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, problems: RefCell::default(), hints: Cell::new(EXTENSION_MANIFEST_PROBLEMS_MAX) }
    }

    pub(super) fn add(&self, span: &Range<usize>, what: impl Into<String>) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < NOTED_MAX {
            problems.push(problem(self.text, span, what));
        }
    }

    /// `; ` and the name that was probably meant, for the first of those who ask.
    fn hint<'k>(&self, name: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
        let Some(left) = self.hints.get().checked_sub(1) else { return String::new() };
        self.hints.set(left);
        format!("; {}", nearest::hint(name, known))
    }

    /// Every problem, in the order of the lines, up to a number: anybody may have written this.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line);
        problems.truncate(EXTENSION_MANIFEST_PROBLEMS_MAX);
        problems
    }
}

/// A problem at this place of the text.
pub(super) fn problem(text: &str, span: &Range<usize>, what: impl Into<String>) -> Problem {
    let before = &text.as_bytes()[..span.start.min(text.len())];
    let mut what = what.into();
    if let Some((cut, _)) = what.char_indices().nth(EXTENSION_WORDS_CHARS_MAX) {
        what.truncate(cut);
        what.push('…');
    }
    Problem { line: 1 + before.iter().filter(|byte| **byte == b'\n').count(), what: visible(&what) }
}

impl<'a> Section<'a> {
    pub(super) fn root(notes: &'a Notes<'a>, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self { notes, path: String::new(), span: table.span(), table: table.get_ref(), meant: RefCell::default() }
    }

    /// Notes every key that is none of `known`.
    pub(super) fn only<'k>(&self, known: impl Iterator<Item = &'k str> + Clone) -> &Self {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !known.clone().any(|known| known == name) {
                self.meant.borrow_mut().extend(nearest::nearest(name, known.clone()).map(str::to_owned));
                let hint = self.hint(name, known.clone());
                self.notes.add(&key.span(), format!("unknown key `{name}`{}{hint}", self.place()));
            }
        }
        self
    }

    /// Notes every key that is none of `known`, where that is known.
    pub(super) fn only_of<'k>(&self, known: Option<impl Iterator<Item = &'k str> + Clone>) -> &Self {
        known.map_or(self, |known| self.only(known))
    }

    /// Every value but that of this key, as it is; what JSON has not is left out.
    pub(super) fn all_but(&self, key: &str) -> Map<String, Value> {
        let others = self.table.iter().filter(|(name, _)| name.get_ref() != key);
        others.filter_map(|(name, value)| Some((name.get_ref().to_string(), json(value.get_ref())?))).collect()
    }

    /// The table below this key; `None`, noted if it is something else, unnoted if it is not there.
    pub(super) fn section(&self, key: &str) -> Option<Section<'a>> {
        self.below(key, self.table.get(key)?)
    }

    /// All tables in this one, with their names.
    pub(super) fn sections(&self) -> Vec<(String, Section<'a>)> {
        let named = |(key, value): (&Spanned<_>, &'a Spanned<DeValue<'a>>)| {
            let name: &Cow<'_, str> = key.get_ref();
            self.below(name, value).map(|section| (name.to_string(), section))
        };
        self.table.iter().filter_map(named).collect()
    }

    /// The value of this key in the normal form of `shape`; noted if it has another.
    pub(super) fn value(&self, key: &str, shape: Shape) -> Option<Value> {
        let value = self.table.get(key)?;
        let normal = json(value.get_ref()).and_then(|value| shape.normal(&value));
        if normal.is_none() {
            self.notes.add(&value.span(), format!("`{key}`{} should be {shape}", self.place()));
        }
        normal
    }

    /// A text that people will read: one line of at most `chars_max`.
    pub(super) fn text(&self, key: &str, chars_max: usize) -> Option<String> {
        let Value::String(text) = self.value(key, Shape::Text)? else { return None };
        match unfit(&text, chars_max) {
            None => Some(text),
            Some(why) => {
                self.note(key, format!("`{key}`{} {why}", self.place()));
                None
            }
        }
    }

    /// The same, noted if it is missing.
    pub(super) fn required_text(&self, key: &str, chars_max: usize) -> Option<String> {
        self.require(key);
        self.text(key, chars_max)
    }

    /// Notes that a key is missing, if it is.
    pub(super) fn require(&self, key: &str) {
        if !self.table.contains_key(key) && !self.misspells(key) {
            self.notes.add(&self.span, format!("`{key}` is missing{}", self.place()));
        }
    }

    /// Whether a key was noted that seems to be a misspelling of this one.
    pub(super) fn misspells(&self, key: &str) -> bool {
        self.meant.borrow().contains(key)
    }

    /// Notes something about this key, or about the whole table if it is not there.
    pub(super) fn note(&self, key: &str, what: impl Into<String>) {
        self.notes.add(&self.span_of(key), what);
    }

    /// The same as a problem of its own.
    pub(super) fn problem(&self, key: &str, what: impl Into<String>) -> Problem {
        problem(self.notes.text, &self.span_of(key), what)
    }

    fn span_of(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or(self.span.clone(), Spanned::span)
    }

    /// `; ` and the name that was probably meant, to end a sentence with; nothing if too many have asked.
    pub(super) fn hint<'k>(&self, name: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
        self.notes.hint(name, known)
    }

    /// ` in [capabilities.kv]`, to end a sentence with.
    fn place(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!(" in [{}]", self.path) }
    }

    fn below(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Option<Section<'a>> {
        let DeValue::Table(table) = value.get_ref() else {
            self.notes.add(&value.span(), format!("`{key}`{} should be a table", self.place()));
            return None;
        };
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Some(Section { notes: self.notes, path, span: value.span(), table, meant: RefCell::default() })
    }
}

/// Why a text must not stand on the screen where somebody decides about trust.
fn unfit(text: &str, chars_max: usize) -> Option<String> {
    if text.trim().is_empty() {
        Some("should not be empty".to_owned())
    } else if text.chars().count() > chars_max {
        Some(format!("is longer than {chars_max} characters"))
    } else if !text.chars().all(is_visible) {
        Some("should be one line of visible characters".to_owned())
    } else {
        None
    }
}

/// The value as JSON; `None` for what JSON has not, and for numbers beyond 64 bits.
fn json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(flag) => Value::from(*flag),
        DeValue::Integer(number) => Value::from(i64::from_str_radix(number.as_str(), number.radix()).ok()?),
        DeValue::Float(number) => Value::from(number.as_str().parse::<f64>().ok()?),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect::<Option<Vec<_>>>()?.into(),
        DeValue::Table(table) => {
            let field = |(key, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
                Some((key.get_ref().to_string(), json(value.get_ref())?))
            };
            Value::Object(table.iter().map(field).collect::<Option<Map<_, _>>>()?)
        }
        DeValue::Datetime(_) => return None,
    })
}
