//! The name that somebody probably meant.

/// How many names are listed. More would hide the one that is looked for.
const LISTED_MAX: usize = 8;

/// How long a name may be to be a slip of anything.
const NAME_BYTES_MAX: usize = 120;

/// Says what is wrong with a name that is none of `known`: the nearest of them, else all of them, or the few that come
/// closest.
pub(crate) fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(near) = nearest(name, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    let mut names: Vec<_> = known.collect();
    let head = match names.len() {
        0 => return "there is none here".to_owned(),
        1..=LISTED_MAX => "known here",
        _ => {
            names.sort_by_cached_key(|known| strsim::osa_distance(name, known));
            names.truncate(LISTED_MAX);
            "the nearest known here"
        }
    };
    format!("{head}: {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
}

/// The closest of `known`, if one is close: at most a third of the letters differ.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Anybody may have written it, and comparing costs as much as it is long.
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let distance = |near: &str| strsim::osa_distance(name, near);
    let allowed = (name.chars().count() / 3).max(1);
    known.map(|near| (distance(near), near)).filter(|(distance, _)| *distance <= allowed).min().map(|(_, near)| near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let known = ["reason", "kinds", "priority"];
        assert_eq!(hint("reson", known.into_iter()), "did you mean `reason`?");
        assert_eq!(hint("kind", known.into_iter()), "did you mean `kinds`?");
        assert_eq!(hint("colour", known.into_iter()), "known here: `reason`, `kinds`, `priority`");
        assert_eq!(hint("colour", [].into_iter()), "there is none here");
        let long = "r".repeat(NAME_BYTES_MAX);
        assert!(hint(&format!("{long}r"), [long.as_str()].into_iter()).starts_with("known here"));
        assert!(hint(&long[1..], [long.as_str()].into_iter()).starts_with("did you mean"));
    }

    #[test]
    fn of_a_long_list_the_nearest_few_are_named() {
        let names: Vec<_> = (0..40).map(|number| format!("a.kind.of.its.own.{number}")).collect();
        let known = names.iter().map(String::as_str).chain(["colours.of.doors"]);
        let told = hint("colours", known);
        assert!(told.starts_with("the nearest known here: `colours.of.doors`, "), "{told}");
        assert_eq!(told.matches('`').count() / 2, LISTED_MAX);
    }
}
