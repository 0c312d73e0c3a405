//! Text for a terminal. What a model or a command wrote may hold sequences that move the cursor, retitle the window or hide
//! what follows; on a screen where people decide about approvals, none of that may act.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::Value;

/// The widest cell of a table.
const CELL_WIDTH: usize = 80;

/// The text with every control character but line breaks and tabs replaced.
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

/// Controls, and the marks that reverse the direction of what follows.
fn is_active(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
    fn a_line_is_one_line_and_no_longer_than_asked() {
        assert_eq!(line("a\n  b\tc", 9), "a b c");
        assert_eq!(line("äöüß", 2), "äö…");
        assert_eq!((tail("äöüß", 2), tail("ä", 2), tail("", 2)), ("üß".into(), "ä".into(), String::new()));
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
