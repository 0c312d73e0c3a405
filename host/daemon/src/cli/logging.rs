//! What the program says about itself: on stderr, for people on a terminal and as JSON elsewhere. Only a terminal is sent
//! colours.

use std::env;
use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// How much can be told. `fatal` and `silent` are words of other programs for `error` and `off`.
pub(super) const LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error", "fatal", "silent"];
/// How it can be told.
pub(super) const FORMATS: &[&str] = &["auto", "text", "json"];

/// Starts logging at `RUST_LOG`, else at `level`, in one of the formats. Only the first call in a process counts.
pub(super) fn start(level: &str, format: &str) {
    let filter = filter(env::var("RUST_LOG").ok(), level);
    let is_terminal = stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_target(false);
    let log = if is_terminal { log } else { log.with_ansi(false) };
    let is_text = format == "text" || format != "json" && is_terminal;
    // A test, or a program that we are part of, may have set up a log already; that one stays.
    let _ = if is_text { log.try_init() } else { log.json().try_init() };
}

fn filter(directives: Option<String>, level: &str) -> EnvFilter {
    let given = directives.filter(|text| !text.is_empty()).and_then(|text| EnvFilter::try_new(text).ok());
    given.unwrap_or_else(|| EnvFilter::new(word(level)))
}

/// The level as a directive.
fn word(level: &str) -> &str {
    match level {
        "fatal" => "error",
        "silent" => "off",
        // What the migrations of the store say of each start is for nobody.
        "info" => "info,rusqlite_migration=warn",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_win_over_the_level_unless_they_are_nonsense() {
        let said = |directives: Option<&str>, level| filter(directives.map(str::to_owned), level).to_string();
        assert_eq!(said(None, "warn"), "warn");
        assert_eq!(said(None, "silent"), "off");
        assert_eq!(said(Some("a=trace"), "debug"), "a=trace");
        assert_eq!(said(Some("=/="), "warn"), "warn");
        assert_eq!(said(Some(""), "fatal"), "error");
    }
}
