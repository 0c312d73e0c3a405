//! The daemon itself, as a program of this package, so that a test always runs the daemon of its own build.

use std::process::ExitCode;

fn main() -> ExitCode {
    codex_manager::cli::main()
}
