//! What a pattern of a manifest hears: the kinds that are known here, told in the host's words, or why there are none.

use std::collections::BTreeSet;

use super::{EventKind, Vocabulary};
use crate::manifest::matches;
use crate::visible::is_visible;

/// What is told by everything that this pattern hears and by nothing else; empty for one kind that the host has no words
/// for.
///
/// A family has its sentence where the pattern takes in all of it. What is left is told kind by kind: the sentence of a
/// wider family would name what is never heard.
pub(super) fn sentence(vocabulary: &Vocabulary, pattern: &str) -> String {
    let Some(family) = pattern.strip_suffix('*') else {
        return vocabulary.events.get(pattern).map(|kind| kind.sentence.clone()).unwrap_or_default();
    };
    let mut left: BTreeSet<&str> = kinds(vocabulary, pattern).map(|(name, _)| name).collect();
    let mut told = Vec::new();
    // In their order a wider family comes before those in it.
    for (inner, kind) in vocabulary.events.iter().filter(|(name, _)| is_family(name) && name.starts_with(family)) {
        let before = left.len();
        if !kind.sentence.is_empty() {
            left.retain(|name| !matches(inner, name));
        }
        if left.len() < before {
            told.push(kind.sentence.clone());
        }
    }
    told.extend(left.into_iter().map(|name| match vocabulary.events.get(name) {
        Some(kind) if !kind.sentence.is_empty() => kind.sentence.clone(),
        _ => format!("`{name}`"),
    }));
    let later = "whatever is added under this name later";
    if told.is_empty() { later.to_owned() } else { format!("{}; and {later}", told.join("; ")) }
}

/// Why nothing is ever heard by this pattern. `hint` says which of the names that it is given was probably meant.
pub(super) fn unheard(
    vocabulary: &Vocabulary,
    pattern: &str,
    hint: impl Fn(&BTreeSet<&str>) -> String,
) -> Option<String> {
    let family = pattern.strip_suffix(".*");
    if !pattern.chars().all(is_visible) {
        return Some(format!("`{pattern}` should be of visible characters"));
    }
    if family.unwrap_or(pattern).contains('*') {
        return Some(format!("`{pattern}` should be a kind of event, or a family such as `door.*`"));
    }
    if let Some(why) = withheld(vocabulary, pattern) {
        return Some(format!("no extension hears `{pattern}`: {why}"));
    }
    if kinds(vocabulary, pattern).next().is_some() {
        return None;
    }
    let ephemeral = |(name, kind): (&String, &EventKind)| kind.ephemeral && matches(pattern, name);
    if vocabulary.events.iter().any(ephemeral) || vocabulary.event(pattern).is_some_and(|kind| kind.ephemeral) {
        return Some(format!(
            "`{pattern}` is told only to those who watch: it is not in the log, so no extension hears it"
        ));
    }
    let known: Vec<&str> = kinds(vocabulary, "*").map(|(name, _)| name).collect();
    let families: BTreeSet<String> = known.iter().flat_map(|name| families(name)).collect();
    let names = families.iter().map(String::as_str).chain(known).collect();
    Some(match family {
        Some(_) => format!("no kind of event lies below `{pattern}`{}", hint(&names)),
        None => format!("there are no events of kind `{pattern}`{}", hint(&names)),
    })
}

/// The kinds that are known here and heard by this pattern.
fn kinds<'v>(vocabulary: &'v Vocabulary, pattern: &'v str) -> impl Iterator<Item = (&'v str, &'v EventKind)> {
    let is_heard = move |name: &str, kind: &EventKind| {
        !is_family(name) && !kind.ephemeral && matches(pattern, name) && withheld(vocabulary, name).is_none()
    };
    let events = vocabulary.events.iter().map(|(name, kind)| (name.as_str(), kind));
    events.filter(move |(name, kind)| is_heard(name, kind))
}

/// Why this kind is kept from extensions, or something that this family takes in.
fn withheld<'v>(vocabulary: &'v Vocabulary, pattern: &str) -> Option<&'v str> {
    let family = pattern.strip_suffix('*');
    let is_kept =
        |beginning: &str| pattern.starts_with(beginning) || family.is_some_and(|family| beginning.starts_with(family));
    vocabulary.withheld.iter().find(|(beginning, _)| is_kept(beginning)).map(|(_, why)| why.as_str())
}

fn is_family(name: &str) -> bool {
    name.ends_with(".*")
}

/// The families around a kind, the closest first: `a.b.*` and `a.*` for `a.b.c`.
fn families(name: &str) -> impl Iterator<Item = String> {
    name.rmatch_indices('.').map(|(end, _)| format!("{}.*", &name[..end]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::nearest;

    fn vocabulary() -> Vocabulary {
        let kind =
            |ephemeral, sentence: &str| EventKind { ephemeral, sentence: sentence.to_owned(), interaction: None };
        let events = [
            ("house.*", kind(false, "all that happens in the house")),
            ("house.door.*", kind(false, "what happens at doors")),
            ("house.door.opened", kind(false, "each door that is opened")),
            ("house.door.lock.turned", kind(false, "each turn of a key")),
            ("house.door.lock.oiled", kind(false, "")),
            ("house.bell.rung", kind(false, "")),
            ("house.lamp.flickered", kind(true, "")),
            ("secret.door.opened", kind(false, "")),
        ];
        let events = events.into_iter().map(|(name, kind)| (name.to_owned(), kind));
        let withheld = BTreeMap::from([("secret.door".to_owned(), "it is a secret".to_owned())]);
        Vocabulary { events: BTreeMap::from_iter(events), withheld, ..Vocabulary::default() }
    }

    #[test]
    fn what_is_told_is_what_can_be_heard_and_no_wider() {
        for (pattern, told) in [
            ("house.door.lock.turned", "each turn of a key"),
            ("house.bell.rung", ""),
            ("house.*", "all that happens in the house; and whatever is added under this name later"),
            ("house.door.*", "what happens at doors; and whatever is added under this name later"),
            (
                "house.door.lock.*",
                "`house.door.lock.oiled`; each turn of a key; and whatever is added under this name later",
            ),
            ("house.cellar.*", "whatever is added under this name later"),
            ("house.bell.*", "`house.bell.rung`; and whatever is added under this name later"),
        ] {
            assert_eq!(sentence(&vocabulary(), pattern), told, "{pattern}");
        }
    }

    #[test]
    fn a_family_that_is_not_told_as_a_whole_is_told_by_those_in_it() {
        let mut vocabulary = vocabulary();
        vocabulary.events.get_mut("house.*").expect("it is there").sentence.clear();
        let told = "what happens at doors; `house.bell.rung`; and whatever is added under this name later";
        assert_eq!(sentence(&vocabulary, "house.*"), told);
    }

    #[test]
    fn what_can_never_be_heard_is_told_with_what_was_probably_meant() {
        let vocabulary = vocabulary();
        let hint = |pattern: &str| {
            unheard(&vocabulary, pattern, |names| format!("; {}", nearest::hint(pattern, names.iter().copied())))
        };
        for (pattern, told) in [
            ("house.door.open", "there are no events of kind `house.door.open`; did you mean `house.door.opened`?"),
            (
                "house.door.opened ",
                "there are no events of kind `house.door.opened `; did you mean `house.door.opened`?",
            ),
            (
                "house.bogus",
                "there are no events of kind `house.bogus`; known here: `house.*`, `house.bell.*`, `house.bell.rung`, \
                 `house.door.*`, `house.door.lock.*`, `house.door.lock.oiled`, `house.door.lock.turned`, \
                 `house.door.opened`",
            ),
            ("house.doors.*", "no kind of event lies below `house.doors.*`; did you mean `house.door.*`?"),
            ("house.door", "there are no events of kind `house.door`; did you mean `house.door.*`?"),
            (
                "house.lamp.*",
                "`house.lamp.*` is told only to those who watch: it is not in the log, so no extension hears it",
            ),
            ("secret.door.opened", "no extension hears `secret.door.opened`: it is a secret"),
            ("secret.*", "no extension hears `secret.*`: it is a secret"),
            ("house.*.*", "`house.*.*` should be a kind of event, or a family such as `door.*`"),
            ("*", "`*` should be a kind of event, or a family such as `door.*`"),
        ] {
            assert_eq!(hint(pattern).as_deref(), Some(told), "{pattern}");
        }
        for heard in ["house.door.opened", "house.bell.*", "house.*"] {
            assert_eq!(hint(heard), None, "{heard}");
        }
    }
}
