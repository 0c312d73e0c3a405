//! The text of `extensions.lock`: TOML, so that a person can read it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Approved;
use crate::{ExtensionId, Vocabulary};

/// The version of the format. A lock of one that is not known is damaged rather than half understood.
const FORMAT: u32 = 2;
/// The version in which nobody could say whether the word of an extension is needed.
const WITHOUT_REQUIREMENTS: u32 = 1;
const HEAD: &str = "# What was approved here, pinned to digests. Written by the host; change it with its commands.\n\n";

/// Everything that the lock says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    lock: u32,
    /// The ids that are required, approved or not.
    pub(super) required: BTreeSet<ExtensionId>,
    /// By id, each once.
    #[serde(default, rename = "extension")]
    pub(super) extensions: Vec<Approved>,
}

impl Default for Record {
    fn default() -> Self {
        Self { lock: FORMAT, required: BTreeSet::new(), extensions: Vec::new() }
    }
}

impl Record {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let mut record: Self = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        if ![FORMAT, WITHOUT_REQUIREMENTS].contains(&record.lock) {
            return Err(format!("it is of version {}, and this host knows {FORMAT}", record.lock));
        }
        record.extensions.sort_by(|a, b| a.id.cmp(&b.id));
        match record.extensions.windows(2).find(|pair| pair[0].id == pair[1].id) {
            Some(pair) => Err(format!("{} stands in it twice", pair[0].id)),
            None => Ok(record),
        }
    }

    pub(super) fn to_text(&self) -> String {
        let text = toml::to_string(self).expect("it holds nothing that TOML has not");
        format!("{HEAD}{text}")
    }

    /// Brings a record of an older version up to date: then nobody was asked whether the word of what may decline is
    /// needed, so it is. Whether there was something to do.
    pub(super) fn upgrade(&mut self, vocabulary: &Vocabulary) -> bool {
        if self.lock == FORMAT {
            return false;
        }
        let declines = self.extensions.iter().filter(|approved| approved.grants.may_decline(vocabulary));
        self.required.extend(declines.map(|approved| approved.id.clone()));
        self.lock = FORMAT;
        true
    }

    /// Says whether the word of an extension is needed.
    pub(super) fn require(&mut self, id: &ExtensionId, required: bool) {
        if required {
            self.required.insert(id.clone());
        } else {
            self.required.remove(id);
        }
    }

    /// Puts an approval in place of the one of the same id.
    pub(super) fn put(&mut self, approved: Approved) {
        match self.extensions.binary_search_by(|held| held.id.cmp(&approved.id)) {
            Ok(at) => self.extensions[at] = approved,
            Err(at) => self.extensions.insert(at, approved),
        }
    }
}
