//! Text for a terminal. What a model or a command wrote may hold sequences that move the cursor, retitle the window or hide
//! what follows; on a screen where people decide about approvals, none of that may act.

use std::borrow::Cow;

use codex_manager_extension::is_visible;
use jiff::Timestamp;
use serde_json::Value;

/// The widest cell of a table.
const CELL_WIDTH: usize = 80;

/// How wide a text is set.
const WIDTH: usize = 80;

/// The text with everything replaced that does not show as itself, but line breaks and tabs.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_active) {
        Cow::Owned(text.chars().map(|c| if is_active(c) { char::REPLACEMENT_CHARACTER } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The text on one line, cut after `width` characters.
pub(crate) fn line(text: &str, width: usize) -> String {
    let joined = plain(text).split_whitespace().collect::<Vec<_>>().join(" ");
    match joined.char_indices().nth(width) {
        Some((cut, _)) => format!("{}…", &joined[..cut]),
        None => joined,
    }
}

/// The text after `prefix`, in lines of [`WIDTH`] that are indented as deep as the prefix is wide. What has no blanks
/// is cut where the line ends.
pub(super) fn wrapped(prefix: &str, text: &str) -> String {
    let indent = prefix.chars().count();
    let (text, room) = (plain(text), WIDTH.saturating_sub(indent).max(1));
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        let line = lines.last_mut().expect("there is one from the start on");
        if !line.is_empty() && line.chars().count() + 1 + word.len() <= room {
            line.push(' ');
            line.extend(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(String::new());
        }
        while word.len() > room {
            let rest = word.split_off(room);
            lines.last_mut().expect("there is one from the start on").extend(word);
            lines.push(String::new());
            word = rest;
        }
        lines.last_mut().expect("there is one from the start on").extend(word);
    }
    format!("{prefix}{}", lines.join(&format!("\n{:indent$}", "")))
}

/// The last `width` characters, on one line.
pub(super) fn tail(text: &str, width: usize) -> String {
    let start = text.char_indices().rev().take(width).last().map_or(text.len(), |(start, _)| start);
    line(&text[start..], width)
}

/// A member of an answer as the cell of a table; what is not there is a dash.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => line(text, CELL_WIDTH),
        other => line(&other.to_string(), CELL_WIDTH),
    }
}

/// A document as it is, indented.
pub(super) fn pretty(value: &Value) -> String {
    plain(&format!("{value:#}")).into_owned()
}

/// A point in time as the cell of a table: some members hold seconds, others text.
pub(super) fn time(value: &Value) -> String {
    value
        .as_i64()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(|| cell(value), |t| t.to_string())
}

/// Rows below their headings, in aligned columns, two spaces apart.
pub(super) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let headings = headings.map(str::to_owned);
    let all = || std::iter::once(&headings).chain(rows);
    let widths: [usize; N] = std::array::from_fn(|i| all().map(|row| row[i].chars().count()).max().unwrap_or(0));
    let text = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all().map(text).collect::<Vec<_>>().join("\n")
}

/// By the same rule as on the screens where extensions are approved.
fn is_active(c: char) -> bool {
    c != '\n' && c != '\t' && !is_visible(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_acts_on_the_terminal() {
        assert_eq!(plain("\u{1b}[2Jls\r\n\u{202e}x\u{9b}1m"), "\u{fffd}[2Jls\u{fffd}\n\u{fffd}x\u{fffd}1m");
        assert!(matches!(plain("quite\tplain\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_cannot_be_seen_is_replaced() {
        let hidden = [
            ('\0', '\u{8}'),
            ('\u{b}', '\u{1f}'),
            ('\u{7f}', '\u{9f}'),
            ('\u{61c}', '\u{61c}'),
            ('\u{200b}', '\u{200f}'),
            ('\u{2028}', '\u{2029}'),
            ('\u{202a}', '\u{202e}'),
            ('\u{2060}', '\u{2069}'),
            ('\u{feff}', '\u{feff}'),
            ('\u{e0001}', '\u{e007f}'),
        ];
        for c in hidden.into_iter().flat_map(|(first, last)| first..=last) {
            assert_eq!(plain(&format!("a{c}b")), "a\u{fffd}b", "{}", c.escape_unicode());
        }
        for c in ['\t', '\n', ' ', '~', '\u{a0}', 'ü', '\u{61b}', '\u{2010}', '\u{2027}', '\u{202f}', '漢', '\u{1f600}']
        {
            assert!(matches!(plain(&c.to_string()), Cow::Borrowed(_)), "{}", c.escape_unicode());
        }
    }

    #[test]
    fn a_line_is_one_line_and_no_longer_than_asked() {
        assert_eq!(line("a\n  b\tc", 9), "a b c");
        assert_eq!(line("äöüß", 2), "äö…");
        assert_eq!((tail("äöüß", 2), tail("ä", 2), tail("", 2)), ("üß".into(), "ä".into(), String::new()));
    }

    #[test]
    fn a_long_text_is_set_below_its_beginning_and_no_line_is_wider_than_a_terminal() {
        assert_eq!(wrapped("why  ", "a  b\nc"), "why  a b c");
        let long = wrapped("  - ", &format!("{} {} end", "word ".repeat(20), "x".repeat(100)));
        let lines: Vec<_> = long.lines().collect();
        assert_eq!(lines.len(), 4, "{long}");
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{long}");
        assert!(lines[1..].iter().all(|line| line.starts_with("    ") && !line.starts_with("     ")), "{long}");
        assert!(lines[3].ends_with("x end"), "{long}");
    }

    #[test]
    fn what_is_not_there_is_a_dash_and_seconds_are_a_time() {
        assert_eq!((cell(&Value::Null), cell(&7.into()), cell(&"a\nb".into())), ("-".into(), "7".into(), "a b".into()));
        assert_eq!((time(&0.into()), time(&"then".into())), ("1970-01-01T00:00:00Z".into(), "then".into()));
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["1".to_owned(), "é".to_owned()], ["200".to_owned(), String::new()]];
        assert_eq!(table(["ID", "NAME"], &rows), "ID   NAME\n1    é\n200");
    }
}
