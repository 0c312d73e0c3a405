//! What there is: every drop and every approval, each with how it stands and what to do next.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use semver::Version;
use serde::{Serialize, Serializer};

use crate::lock::is_required_by_default;
use crate::{Approved, Digest, Dropped, ExtensionId, Grants, News, Review, Standing, Vocabulary};

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Who it is, as far as that could be read.
    pub id: Option<ExtensionId>,
    /// Where it was dropped; `None` if what was approved is no longer there.
    #[serde(serialize_with = "as_text")]
    pub folder: Option<PathBuf>,
    /// How far it has come.
    pub state: State,
    /// What runs. While what was approved is not ready, that is its predecessor, if it has one.
    pub runs: Option<RunningVersion>,
    /// Whether its word is needed before anybody but a person accepts what it may decline.
    pub required: bool,
    /// Whether it may decide and does not run, though no person has switched it off: no other extension may accept what it
    /// would decide. Whoever runs it says so.
    pub missing: bool,
    /// Whether it will be, once what waits is approved, if its approver does not say otherwise.
    pub required_if_approved: bool,
    /// What was approved. That, and nothing that was dropped, is what runs.
    pub approved: Option<Approved>,
    /// What waits for a yes.
    pub waiting: Option<Review>,
    /// What is wrong with what was dropped.
    pub fault: Option<String>,
    /// What to do next, if something is to be done.
    pub next_step: Option<String>,
}

/// How far an extension has come: of what was approved, the approved version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It was dropped, and cannot be approved as it is.
    Faulty,
    /// It waits for its first yes.
    Pending,
    /// It is approved and enabled, and nobody compiles it yet, or nobody can.
    Approved,
    /// It is approved and enabled, and its compiler is at work.
    Compiling,
    /// It can be called, and will be.
    Ready,
    /// It is called.
    Running,
    /// A person has switched it off.
    Disabled,
    /// It failed too often.
    Quarantined,
}

/// A version that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunningVersion {
    /// The version that its manifest gave.
    pub version: Version,
    /// The two files that were approved.
    pub digest: Digest,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Faulty => "faulty",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Compiling => "compiling",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Disabled => "disabled",
            Self::Quarantined => "quarantined",
        })
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl State {
    /// How an approved version stands, as far as the lock knows. How far one is that is enabled is known to whoever runs it.
    pub const fn of(standing: &Standing) -> Self {
        match standing {
            Standing::Enabled => Self::Approved,
            Standing::Disabled { .. } => Self::Disabled,
            Standing::Quarantined { .. } => Self::Quarantined,
        }
    }
}

/// Joins what was dropped with what was approved: the approved by their ids, then the rest by their folders. What was
/// approved and is enabled stands as [`State::Approved`] and as running nothing: whoever runs it says more.
pub fn list(
    drops: &[Dropped],
    approved: &[Approved],
    required: &BTreeSet<ExtensionId>,
    vocabulary: &Vocabulary,
) -> Vec<Listed> {
    let of = |id: &ExtensionId| approved.iter().find(|approved| approved.id == *id);
    let dropped = drops.iter().map(|dropped| listed(dropped, dropped.id.as_ref().and_then(of), vocabulary));
    let mut list: Vec<_> = dropped.collect();
    for approved in approved {
        if !list.iter().any(|listed| listed.id.as_ref() == Some(&approved.id)) {
            list.push(gone(approved));
        }
    }
    for listed in &mut list {
        let (before, required) = (&listed.approved, listed.id.as_ref().is_some_and(|id| required.contains(id)));
        let offered = listed.waiting.as_ref().and_then(|waiting| grants_of(drops, waiting.digest));
        listed.required = required;
        listed.required_if_approved =
            offered.is_some_and(|offered| is_required_by_default(offered, before.as_ref(), required, vocabulary));
    }
    list.sort_by(|a, b| (a.approved.is_none(), &a.id, &a.folder).cmp(&(b.approved.is_none(), &b.id, &b.folder)));
    list
}

fn listed(dropped: &Dropped, approved: Option<&Approved>, vocabulary: &Vocabulary) -> Listed {
    let unapproved = if dropped.found.is_ok() { State::Pending } else { State::Faulty };
    let mut listed = Listed {
        id: dropped.id.clone(),
        folder: Some(dropped.folder.clone()),
        state: approved.map_or(unapproved, |approved| State::of(&approved.standing)),
        runs: None,
        required: false,
        missing: false,
        required_if_approved: false,
        approved: approved.cloned(),
        waiting: None,
        fault: None,
        next_step: approved.and_then(to_wake),
    };
    match &dropped.found {
        Ok(candidate) => {
            let review = Review::of(candidate, approved, vocabulary);
            if review.news != News::Nothing {
                listed.next_step = Some(format!("review and approve {}", review.digest));
                listed.waiting = Some(review);
            }
        }
        Err(fault) => {
            listed.next_step = Some(fault.next_step());
            listed.fault = Some(fault.to_string());
        }
    }
    listed
}

/// What a drop would be given.
fn grants_of(drops: &[Dropped], digest: Digest) -> Option<&Grants> {
    let found = drops.iter().filter_map(|dropped| dropped.found.as_ref().ok());
    found.into_iter().find(|candidate| candidate.digest == digest).map(|candidate| &candidate.grants)
}

fn gone(approved: &Approved) -> Listed {
    let next_step = Some(match to_wake(approved) {
        Some(wake) => format!("{wake}, or revoke it: its folder is gone"),
        None => "nothing, or revoke it: its folder is gone, its approved copy runs".to_owned(),
    });
    Listed {
        id: Some(approved.id.clone()),
        folder: None,
        state: State::of(&approved.standing),
        runs: None,
        required: false,
        missing: false,
        required_if_approved: false,
        approved: Some(approved.clone()),
        waiting: None,
        fault: None,
        next_step,
    }
}

/// What makes one run that does not.
fn to_wake(approved: &Approved) -> Option<String> {
    match &approved.standing {
        Standing::Enabled => None,
        Standing::Disabled { .. } => Some(format!("enable {} to let it run", approved.id)),
        Standing::Quarantined { reason, .. } => Some(format!("see why ({reason}), then enable {}", approved.id)),
    }
}

/// Any name of a folder has a text: one drop that is named in bytes that are none must not stop the list of all.
fn as_text<S: Serializer>(folder: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    folder.as_ref().map(|folder| folder.display().to_string()).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use codex_manager_model::Actor;
    use jiff::Timestamp;

    use super::*;
    use crate::fixture::{house, offer, offer_of};
    use crate::{DropFault, Lock};

    #[test]
    fn what_was_dropped_and_what_was_approved_are_shown_together() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut lock = Lock::open(folder.path()).expect("empty");
        for offer in [offer("0.1.0"), offer_of("acme.gone", "1.0.0"), offer_of("acme.ill", "1.0.0")] {
            lock.approve(&offer, offer.candidate.digest, Actor::User, Timestamp::UNIX_EPOCH, false).expect("approved");
        }
        let quarantined = Standing::Quarantined { reason: "it trapped".to_owned(), at: Timestamp::UNIX_EPOCH };
        lock.stand(&"acme.ill".parse().expect("an id"), quarantined).expect("it stands");
        let dropped = |folder: &str, candidate: crate::Candidate| Dropped {
            folder: folder.into(),
            id: Some(candidate.manifest.id.clone()),
            found: Ok(candidate),
        };
        let drops = [
            dropped("guard", offer("0.2.0").candidate),
            dropped("ill", offer_of("acme.ill", "1.0.0").candidate),
            dropped("new", offer_of("acme.new", "1.0.0").candidate),
            Dropped { folder: "bad".into(), id: None, found: Err(DropFault::NoManifest) },
        ];
        let list = list(&drops, lock.all(), lock.required(), &house());
        let line = |listed: &Listed| {
            let id = listed.id.as_ref().map_or("?", ExtensionId::as_str);
            let runs = listed.approved.as_ref().map_or("-".to_owned(), |approved| approved.version.to_string());
            let next = listed.next_step.as_deref().unwrap_or("-").split([' ', ',']).next().unwrap_or("").to_owned();
            format!("{id} runs {runs} waits {} next {next}", listed.waiting.is_some())
        };
        let expected = [
            "acme.gone runs 1.0.0 waits false next nothing",
            "acme.guard runs 0.1.0 waits true next review",
            "acme.ill runs 1.0.0 waits false next see",
            "? runs - waits false next add",
            "acme.new runs - waits true next review",
        ];
        assert_eq!(list.iter().map(line).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_folder_that_is_named_in_bytes_that_are_no_text_is_listed_too() {
        let folder = PathBuf::from(OsString::from_vec(b"/drops/\xff".to_vec()));
        let list =
            list(&[Dropped { folder, id: None, found: Err(DropFault::NoManifest) }], &[], &BTreeSet::new(), &house());
        let told = serde_json::to_value(&list).expect("it is listed");
        assert_eq!(told[0]["folder"], "/drops/\u{fffd}");
    }
}
