//! Names that people read: of projects, tokens, sessions, settings, and of who changed something. One rule for all: what
//! stands in them shows as itself. A name that turns the direction of writing, or holds what takes no room, could pass for
//! another one.

use std::sync::LazyLock;

use codex_manager_extension::is_visible;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use super::Error;

/// Chooses how a sign before it looks: as a picture.
const AS_PICTURE: char = '\u{fe0f}';
/// Makes one picture of two.
const JOINER: char = '\u{200d}';

/// The name that a member gives, without the blanks around it.
///
/// # Errors
/// Invalid when it is empty or too long, or something in it does not show.
pub(crate) fn checked(member: &str, name: &str, chars_max: usize) -> Result<String, Error> {
    let name = name.trim();
    if !(1..=chars_max).contains(&name.chars().count()) {
        return Err(Error::invalid(member, &format!("must have 1 to {chars_max} characters")));
    }
    match hidden(name) {
        None => Ok(name.to_owned()),
        Some(c) => {
            let message = format!("must not have the character U+{:04X}, which does not show", u32::from(c));
            Err(Error::invalid(member, &message))
        }
    }
}

/// The first character of a name that does not show. Within pictures that are made of several characters, such as ❤️ and
/// 👩‍💻, what joins them does.
pub(crate) fn hidden(name: &str) -> Option<char> {
    let mut before = None;
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let shows = match c {
            AS_PICTURE => before.is_some_and(is_picture),
            JOINER => before.is_some_and(is_picture) && rest.peek().is_some_and(|next| is_picture(*next)),
            c => is_visible(c),
        };
        if !shows {
            return Some(c);
        }
        if c != AS_PICTURE {
            before = Some(c);
        }
    }
    None
}

/// Arrows, signs and pictures.
fn is_picture(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{27bf}' | '\u{2900}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

/// A name as a schema says it.
pub(crate) fn schema(chars_max: usize, says: &'static str) -> Object {
    described(Type::String.into(), chars_max, says)
}

/// The same of one that may be left out.
pub(crate) fn optional(chars_max: usize, says: &'static str) -> Object {
    described(SchemaType::from_iter([Type::String, Type::Null]), chars_max, says)
}

/// The same of one in which blanks count as everything else does.
pub(crate) fn exact(kind: SchemaType, chars_max: usize) -> Object {
    ObjectBuilder::new()
        .schema_type(kind)
        .min_length(Some(1))
        .max_length(Some(chars_max))
        .pattern(Some(format!("^[^{}]+$", *HIDDEN)))
        .build()
}

/// The bound is on what is left without the blanks around it.
fn described(kind: SchemaType, chars_max: usize, says: &'static str) -> Object {
    const BLANKS: &str = r"[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*";
    let (hidden, between) = (&*HIDDEN, chars_max - 2);
    let shown = format!(r"[^\s{hidden}]([^{hidden}]{{0,{between}}}[^\s{hidden}])?");
    ObjectBuilder::new()
        .schema_type(kind)
        .min_length(Some(1))
        .pattern(Some(format!("^{BLANKS}{shown}{BLANKS}$")))
        .description(Some(says))
        .build()
}

/// All that does not show, as a pattern has it between brackets.
static HIDDEN: LazyLock<String> = LazyLock::new(|| {
    let mut ranges: Vec<[u32; 2]> = Vec::new();
    for c in ('\0'..=char::MAX).filter(|c| !is_visible(*c)).map(u32::from) {
        match ranges.last_mut() {
            Some([_, last]) if *last + 1 == c => *last = c,
            _ => ranges.push([c, c]),
        }
    }
    // A pattern has no word for what lies beyond the first plane that all who read patterns know, so it stands there itself.
    let written = |c: u32| match char::from_u32(c) {
        Some(c) if u32::from(c) > 0xffff => c.to_string(),
        _ => format!(r"\u{c:04x}"),
    };
    ranges.into_iter().map(|[first, last]| format!("{}-{}", written(first), written(last))).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_is_in_no_name() {
        for name in ["Gruß", "a b", "한글", "❤️ me", "👩‍💻", "🏳️‍🌈 x", "→"] {
            assert_eq!(checked("name", &format!(" {name} "), 20).unwrap(), name);
        }
        for hidden in [
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{2066}',
            '\u{feff}',
            '\u{ad}',
            '\u{fe0f}',
            '\u{e0041}',
            '\u{1b}',
            '\n',
        ] {
            let refusal = checked("name", &format!("a{hidden}b"), 20).unwrap_err();
            let said = refusal.context["issues"][0]["message"].as_str().unwrap().to_owned();
            assert!(said.contains(&format!("U+{:04X}", u32::from(hidden))), "{said}");
        }
        assert!(checked("name", "👩\u{200d}b", 20).is_err() && checked("name", "a\u{200d}💻", 20).is_err());
        assert!(checked("name", " \t", 20).is_err() && checked("name", "abc", 2).is_err());
    }

    #[test]
    fn the_pattern_names_what_does_not_show() {
        for part in [r"\u0000-\u001f", r"\u007f-\u009f", r"\u200b-\u200f", r"\ufe00-\ufe0f", "\u{e0000}-\u{e0fff}"] {
            assert!(HIDDEN.contains(part), "{part} in {}", *HIDDEN);
        }
    }
}
