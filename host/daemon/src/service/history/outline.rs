//! The rows of a transcript without what they say: as much as it takes to put them in their order. A row is some dozens of
//! bytes here, however long it is.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU64;

use codex_manager_model::{TranscriptEntry, TranscriptRole};
use codex_manager_store::{EntryPlace, ItemPlace};

use super::row::role;
use super::synthetic::is_counted;

/// What stands for a text: the same for the same text, and for no other that anybody will ever meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name(NonZeroU64);

/// Gives texts their names. Each has its own, which nobody can foresee.
#[derive(Debug, Default, Clone)]
pub(super) struct Names(RandomState);

/// Where what a row says is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// In Codex's history: which turn of it, and which item of that.
    Child { turn: u32, item: u32 },
    /// In our own log.
    Own(ItemPlace),
    /// Among what others have written.
    Entry(EntryPlace),
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outline {
    pub(super) source: Source,
    pub(super) id: Name,
    pub(super) turn: Name,
    pub(super) kind: Name,
    pub(super) role: TranscriptRole,
    /// Whether its id is a [made-up](super::synthetic) one.
    pub(super) is_counted: bool,
    /// What it says, as far as that was looked at.
    pub(super) says: Says,
}

/// The content and the details of a row, however they are spaced; `None` for one that says nothing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Says {
    pub(super) content: Option<Name>,
    pub(super) details: Option<Name>,
}

impl Names {
    pub(super) fn of(&self, text: &str) -> Name {
        self.name(text)
    }

    /// The outline of a row that says nothing, as far as is known.
    pub(super) fn silent(&self, source: Source, id: &str, turn: &str, kind: &str) -> Outline {
        Outline {
            source,
            id: self.of(id),
            turn: self.of(turn),
            kind: self.of(kind),
            role: role(kind),
            is_counted: is_counted(id),
            says: Says::default(),
        }
    }

    /// What a row says.
    pub(super) fn says(&self, row: &TranscriptEntry) -> Says {
        Says { content: self.words(&row.content), details: row.details.as_deref().and_then(|text| self.words(text)) }
    }

    /// The outline of a row, with what it says.
    pub(super) fn outline(&self, source: Source, row: &TranscriptEntry) -> Outline {
        let silent = self.silent(source, &row.message_id, row.turn_id.as_str(), &row.kind);
        Outline { role: row.role, says: self.says(row), ..silent }
    }

    fn words(&self, text: &str) -> Option<Name> {
        let words: Vec<_> = text.split_whitespace().collect();
        (!words.is_empty()).then(|| self.name(words))
    }

    fn name(&self, of: impl std::hash::Hash) -> Name {
        Name(NonZeroU64::new(self.0.hash_one(of)).unwrap_or(NonZeroU64::MAX))
    }
}
