//! `xargs` and `parallel`: run a command with arguments that are not to be seen.

use super::wrapper::{Wrapper, inner};
use super::{Command, Finding};

const XARGS: Wrapper = Wrapper {
    short: "adEIjLNnPs",
    long: &["arg-file", "delimiter", "max-args", "max-chars", "max-procs", "jobs"],
    operands: 0,
};

pub(super) fn findings(arguments: &[String]) -> Vec<Finding> {
    let words = inner(&XARGS, arguments);
    vec![Finding::RunsForEach(Command { words, input: None })]
}
