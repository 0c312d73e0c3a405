//! Skipping a test loudly: what cannot be tested here is told and counted, never passed over.

use std::io::{Write, stderr};
use std::sync::atomic::{AtomicU32, Ordering};

/// The variable that turns a skip into a failure with the value `deny`.
const SKIPS: &str = "CODEX_MANAGER_SKIPS";

/// How many tests of this run were skipped.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Ends the test that it stands in, saying why; `$why` is text. A failure instead where skips are denied.
#[macro_export]
macro_rules! skip {
    ($why:expr) => {{
        $crate::skipped(&$why);
        return;
    }};
}

/// Tells a skip on stderr and counts it. For [`skip!`], which also returns.
///
/// # Panics
/// When `CODEX_MANAGER_SKIPS=deny`.
pub fn skipped(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(std::env::var_os(SKIPS).is_none_or(|value| value != "deny"), "skipped: {test}: {why}");
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    // Not `eprintln!`, which the test runner shows of failures only.
    writeln!(stderr(), "SKIPPED, {count} so far: {test}: {why}").expect("stderr can be written");
}
