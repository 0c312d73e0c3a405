//! The compiler of an embedder that has no program of its own for it, and of this crate's tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    codex_manager_extension::compiler_main()
}
