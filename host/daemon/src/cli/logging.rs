//! What the program says about itself: on stderr, for people on a terminal and as JSON elsewhere.

use std::env;
use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// Starts logging at `RUST_LOG`, else at `LOG_LEVEL`, else at `default`. Only the first call in a process counts.
pub(super) fn start(default: &str) {
    let filter = filter(env::var("RUST_LOG").ok(), env::var("LOG_LEVEL").ok(), default);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_target(false);
    // A test, or a program that we are part of, may have set up a log already; that one stays.
    let _ = if stderr().is_terminal() { log.try_init() } else { log.json().try_init() };
}

fn filter(directives: Option<String>, level: Option<String>, default: &str) -> EnvFilter {
    let given = directives.or_else(|| level.map(|level| word(&level).to_owned())).filter(|text| !text.is_empty());
    given.and_then(|text| EnvFilter::try_new(text).ok()).unwrap_or_else(|| EnvFilter::new(default))
}

/// `LOG_LEVEL` has two words that directives lack.
fn word(level: &str) -> &str {
    match level {
        "fatal" => "error",
        "silent" => "off",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_win_over_the_level_and_nonsense_over_nothing() {
        let said =
            |a: Option<&str>, b: Option<&str>| filter(a.map(str::to_owned), b.map(str::to_owned), "warn").to_string();
        assert_eq!(said(None, None), "warn");
        assert_eq!(said(None, Some("debug")), "debug");
        assert_eq!(said(None, Some("silent")), "off");
        assert_eq!(said(Some("a=trace"), Some("debug")), "a=trace");
        assert_eq!(said(Some("=/="), None), "warn");
        assert_eq!(said(Some(""), None), "warn");
    }
}
