//! The daemon itself, as a program of this package, so that a test always runs the daemon of its own build. It dies where
//! a test has told it to.

use std::process::ExitCode;

fn main() -> ExitCode {
    codex_manager_tests::die_as_told();
    codex_manager::cli::main()
}
