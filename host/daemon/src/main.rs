//! The program `codex-manager`. All of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    codex_manager::cli::main()
}
