//! What a pattern of a manifest would hear: told in the host's words, and whether there is anything of that name.

use std::collections::BTreeSet;

use super::Vocabulary;
use crate::manifest::matches;
use crate::nearest;

pub(super) fn sentence<'a>(vocabulary: &'a Vocabulary, pattern: &str) -> &'a str {
    let told =
        |name: &str| vocabulary.events.get(name).map(|kind| kind.sentence.as_str()).filter(|told| !told.is_empty());
    told(pattern).or_else(|| families(pattern).find_map(|family| told(&family))).unwrap_or_default()
}

/// Why nothing would be heard, as far as is known: the pattern lies in a family of which the host knows some kinds, and
/// is none of them.
pub(super) fn note(vocabulary: &Vocabulary, pattern: &str) -> Option<String> {
    let is_it = |name: &str| name == pattern || matches(pattern, name);
    let family = families(pattern).find(|family| vocabulary.events.contains_key(family))?;
    let below = vocabulary.events.iter().filter(|(name, _)| **name != family && matches(&family, name));
    let (ephemeral, lasting): (Vec<_>, Vec<_>) = below.partition(|(_, kind)| kind.ephemeral);
    if lasting.is_empty() || lasting.iter().any(|(name, _)| is_it(name)) {
        return None;
    }
    if ephemeral.iter().any(|(name, _)| is_it(name)) {
        return Some(format!("all that is known of `{pattern}` is told only to those who watch, and to no extension"));
    }
    let names: BTreeSet<String> = match pattern.ends_with(".*") {
        true => lasting.iter().flat_map(|(name, _)| families(name)).filter(|wide| *wide != family).collect(),
        false => lasting.iter().map(|(name, _)| (*name).clone()).filter(|name| !name.ends_with('*')).collect(),
    };
    let hint = nearest::hint(pattern, names.iter().map(String::as_str));
    Some(format!("`{pattern}`: nothing of this name is known to this version; {hint}"))
}

/// The families around a kind or a family, the closest first: `a.b.*` and `a.*` for `a.b.c`, `a.*` for `a.b.*`.
fn families(pattern: &str) -> impl Iterator<Item = String> {
    let name = pattern.strip_suffix(".*").unwrap_or(pattern);
    name.rmatch_indices('.').map(|(end, _)| format!("{}.*", &name[..end]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::EventKind;

    fn vocabulary() -> Vocabulary {
        let kind =
            |ephemeral, sentence: &str| EventKind { ephemeral, sentence: sentence.to_owned(), interaction: None };
        let events = [
            ("house.*", kind(false, "all that happens in the house")),
            ("house.door.*", kind(false, "what happens at doors")),
            ("house.door.opened", kind(false, "")),
            ("house.door.locked", kind(false, "each turn of a key")),
            ("house.bell.rung", kind(false, "")),
            ("house.lamp.flickered", kind(true, "")),
            ("weather.*", kind(false, "")),
        ];
        let events = events.into_iter().map(|(name, kind)| (name.to_owned(), kind));
        Vocabulary { events: BTreeMap::from_iter(events), ..Vocabulary::default() }
    }

    #[test]
    fn what_is_heard_is_told_by_its_own_sentence_or_that_of_the_family_around_it() {
        for (pattern, told) in [
            ("house.door.locked", "each turn of a key"),
            ("house.door.opened", "what happens at doors"),
            ("house.door.*", "what happens at doors"),
            ("house.door.hinge.*", "what happens at doors"),
            ("house.bell.rung", "all that happens in the house"),
            ("house.*", "all that happens in the house"),
            ("weather.rain", ""),
        ] {
            assert_eq!(sentence(&vocabulary(), pattern), told, "{pattern}");
        }
    }

    #[test]
    fn a_name_that_cannot_come_is_told_and_one_that_a_family_leaves_open_is_not() {
        let unknown = |name: &str, meant: &str| {
            Some(format!("`{name}`: nothing of this name is known to this version; did you mean `{meant}`?"))
        };
        for (pattern, told) in [
            ("house.door.open", unknown("house.door.open", "house.door.opened")),
            ("house.doors.*", unknown("house.doors.*", "house.door.*")),
            ("house.bel.rung", unknown("house.bel.rung", "house.bell.rung")),
            ("house.door.opened", None),
            ("house.bell.*", None),
            ("house.*", None),
            ("weather.rain.*", None),
        ] {
            assert_eq!(note(&vocabulary(), pattern), told, "{pattern}");
        }
        let watched = note(&vocabulary(), "house.lamp.*").expect("no extension hears it");
        assert!(watched.contains("only to those who watch"), "{watched}");
    }
}
