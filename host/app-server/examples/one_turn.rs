//! Says one thing to Codex and prints what it answers, with the provider of your own `CODEX_HOME`:
//!
//! ```text
//! cargo run -p codex-manager-app-server --example one_turn -- "What is in this folder?"
//! ```

use std::error::Error;
use std::path::PathBuf;

use codex_manager_app_server::protocol::{Delta, ThreadStart, TurnCompleted, TurnStart, UserInput, read};
use codex_manager_app_server::{Config, Phase, Reply, Signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let question = std::env::args().nth(1).unwrap_or_else(|| "Say hello.".to_owned());
    let program = std::env::var_os("CODEX_BIN").map_or_else(|| PathBuf::from("codex"), PathBuf::from);
    let folder = std::env::current_dir()?;
    let (codex, mut signals) = Config::new(program, &folder).build()?;

    let state = codex.state().wait_for(|state| !matches!(state.phase, Phase::Starting)).await?.clone();
    if state.phase != Phase::Ready {
        let why = state.last_exit.map_or_else(String::new, |exit| format!(": {}", exit.reason));
        return Err(format!("the app-server is {}{why}", state.phase).into());
    }
    eprintln!("codex {}, {:?}", state.version.unwrap_or_default(), state.contained);

    let cwd = Some(folder.display().to_string());
    let thread_id = codex.request(ThreadStart { cwd, ..ThreadStart::default() }).await?.thread.id.clone();
    let input = vec![UserInput::text(question)];
    codex.request(TurnStart { thread_id, input, ..TurnStart::default() }).await?;

    while let Some(signal) = signals.recv().await {
        match signal {
            Signal::Notification { method, params, .. } if method == "item/agentMessage/delta" => {
                print!("{}", read::<Delta>(&params)?.delta);
            }
            Signal::Notification { method, params, .. } if method == "turn/completed" => {
                println!("\n({})", read::<TurnCompleted>(&params)?.turn.status);
                break;
            }
            Signal::Request { generation, id, method, .. } => {
                let refusal = Reply::Error { code: -32000, message: format!("{method} is not answered here") };
                codex.reply(&generation, &id, refusal).await?;
            }
            Signal::Exited { exit, .. } => return Err(exit.reason.into()),
            _ => {}
        }
    }
    codex.stop().await;
    Ok(())
}
