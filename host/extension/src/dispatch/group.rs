//! A group: what one handler asks for together. It is done as a whole or not at all.

use std::collections::BTreeMap;

use codex_manager_model::limits::EXTENSION_ACTION_KEY_BYTES_MAX;
use serde_json::Value;

use crate::visible::visible;
use crate::{Action, ActionKind, Claim, Grants, Verdict, Vocabulary};

/// The actions of one call, checked against what was granted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// What is to be done, in order.
    pub actions: Vec<CheckedAction>,
    /// What it claims, and which way it decides that.
    pub claims: BTreeMap<Claim, Option<Verdict>>,
}

/// An action of a known and granted kind.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedAction {
    /// What to do.
    pub kind: String,
    /// With what: a JSON object.
    pub payload: Value,
    /// A name under which it is done once, however often it is asked for.
    pub idempotency_key: Option<String>,
}

/// Why a group is refused as a whole. It is recorded and shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It asks for a kind of action that was not granted.
    #[error("it asked for `{}`, which was not granted: it is not in [actions] of its extension.toml", visible(kind))]
    Ungranted {
        /// The kind.
        kind: String,
    },
    /// An action does not say what it must.
    #[error("the payload of `{kind}` {why}")]
    Malformed {
        /// The kind.
        kind: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The name under which an action is to be done once is too long.
    #[error("the idempotency key of `{kind}` is longer than {EXTENSION_ACTION_KEY_BYTES_MAX} bytes")]
    LongKey {
        /// The kind.
        kind: String,
    },
    /// It both accepts and declines the same interaction.
    #[error("it both accepts and declines {claim}")]
    Contradiction {
        /// The interaction.
        claim: Claim,
    },
}

impl Group {
    /// Checks what a handler returned.
    ///
    /// # Errors
    ///
    /// [`Refused`], at the first action that cannot stand: then none of them is done.
    pub fn of(actions: &[Action], grants: &Grants, vocabulary: &Vocabulary) -> Result<Self, Refused> {
        let mut group = Self::default();
        for action in actions {
            let kind = vocabulary.actions.get(&action.kind).filter(|_| grants.actions.contains(&action.kind));
            let kind = kind.ok_or_else(|| Refused::Ungranted { kind: action.kind.clone() })?;
            group.add(action, kind)?;
        }
        Ok(group)
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Whether it decides anything this way.
    pub fn has(&self, verdict: Verdict) -> bool {
        self.claims.values().any(|held| *held == Some(verdict))
    }

    fn add(&mut self, action: &Action, kind: &ActionKind) -> Result<(), Refused> {
        let malformed = |why| Refused::Malformed { kind: action.kind.clone(), why };
        if action.idempotency_key.as_ref().is_some_and(|key| key.len() > EXTENSION_ACTION_KEY_BYTES_MAX) {
            return Err(Refused::LongKey { kind: action.kind.clone() });
        }
        let payload: Value = serde_json::from_str(&action.payload).map_err(|_| malformed("is not JSON"))?;
        if !payload.is_object() {
            return Err(malformed("is not a JSON object"));
        }
        if let Some(rule) = &kind.claim {
            let claim = rule.of(&payload).ok_or_else(|| malformed("does not say what it is about"))?;
            let held = self.claims.entry(claim.clone()).or_insert(kind.verdict);
            if *held != kind.verdict {
                return Err(Refused::Contradiction { claim });
            }
        }
        let (kind, idempotency_key) = (action.kind.clone(), action.idempotency_key.clone());
        self.actions.push(CheckedAction { kind, payload, idempotency_key });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::house;

    /// Kinds and payloads.
    type Asked<'a> = &'a [(&'a str, &'a str)];

    fn group(actions: Asked<'_>, granted: &[&str]) -> Result<Group, Refused> {
        let action = |(kind, payload): &(&str, &str)| {
            let (kind, payload) = ((*kind).to_owned(), (*payload).to_owned());
            Action { kind, payload, idempotency_key: None }
        };
        let actions: Vec<_> = actions.iter().map(action).collect();
        let grants = Grants { actions: granted.iter().map(|kind| (*kind).to_owned()).collect(), ..Grants::default() };
        Group::of(&actions, &grants, &house())
    }

    #[test]
    fn one_action_that_cannot_stand_refuses_the_whole_group() {
        let all = ["door.open", "door.keep-shut", "bell.ring", "lamp.switch", "nothing.known"];
        let knock = r#"{"knock": "1"}"#;
        let cases: [(Asked<'_>, &[&str], &str); 7] = [
            (&[("bell.ring", "{}"), ("door.open", knock)], &["bell.ring"], "it asked for `door.open`, which"),
            (&[("nothing.known", "{}")], &all, "it asked for `nothing.known`"),
            (&[("no\u{1b}", "{}")], &all, "it asked for `no\\u{1b}`"),
            (&[("bell.ring", "{")], &all, "the payload of `bell.ring` is not JSON"),
            (&[("bell.ring", "[]")], &all, "is not a JSON object"),
            (&[("door.open", "{}")], &all, "does not say what it is about"),
            (&[("door.open", knock), ("door.keep-shut", knock)], &all, "it both accepts and declines knock:1"),
        ];
        for (actions, granted, told) in cases {
            let refused = group(actions, granted).expect_err(told).to_string();
            assert!(refused.contains(told), "{refused}");
        }
    }

    #[test]
    fn a_key_is_as_long_as_it_may_be_and_no_longer() {
        let (grants, vocabulary) = (Grants { actions: ["bell.ring".to_owned()].into(), ..Grants::default() }, house());
        let ring = |bytes: usize| {
            let (kind, payload) = ("bell.ring".to_owned(), "{}".to_owned());
            Group::of(&[Action { kind, payload, idempotency_key: Some("k".repeat(bytes)) }], &grants, &vocabulary)
        };
        assert!(ring(200).is_ok());
        let refused = ring(201).expect_err("it is too long").to_string();
        assert_eq!(refused, "the idempotency key of `bell.ring` is longer than 200 bytes");
    }

    #[test]
    fn a_group_claims_what_its_actions_claim() {
        let actions = [("door.open", r#"{"knock": "1"}"#), ("lamp.switch", r#"{"lamp": "hall"}"#), ("bell.ring", "{}")];
        let group = group(&actions, &["door.open", "lamp.switch", "bell.ring"]).expect("it stands");
        let claims = [(Claim::new("knock:1"), Some(Verdict::Accept)), (Claim::new("lamp:hall"), None)];
        assert_eq!(group.claims, BTreeMap::from(claims));
        assert_eq!(group.actions.len(), 3);
        assert!(group.has(Verdict::Accept) && !group.has(Verdict::Decline));
    }
}
