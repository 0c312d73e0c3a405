//! Runs the scripted model by itself and prints the `config.toml` that points Codex at it.
//!
//! `scripted-model [read-only | workspace-write | danger-full-access]`; ends at Ctrl-C.

use std::process::ExitCode;

use codex_manager_scripted_model::{ScriptedModel, codex_config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let sandbox_mode = std::env::args().nth(1).unwrap_or_else(|| "read-only".to_owned());
    let model = match ScriptedModel::start().await {
        Ok(model) => model,
        Err(error) => {
            eprintln!("scripted-model: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("# listening on {}", model.base_url());
    print!("{}", codex_config(&model.base_url(), &sandbox_mode));
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("scripted-model: cannot wait for Ctrl-C: {error}");
        return ExitCode::FAILURE;
    }
    model.stop().await;
    ExitCode::SUCCESS
}
