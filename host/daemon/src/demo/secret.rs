//! d: a turn reads the daemon's token and calls its API with it, in each sandbox mode. Contained, it gets neither.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::api::Api;
use super::fault::{Fault, ensure};
use super::follow::Follow;
use super::stage::Stage;
use super::tell::{note, seen};
use crate::shell::word;

const SANDBOX_MODES: [&str; 3] = ["read-only", "workspace-write", "danger-full-access"];
/// What the turn runs.
const SCRIPT: &str = include_str!("steal.sh");
/// How an answer begins that gives what was asked for.
const GRANTED: &str = "HTTP/1.1 200";

/// What a turn came back with.
struct Loot {
    token: String,
    api: String,
    /// Whether the token is in anything that the turn said.
    has_token: bool,
}

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    let (api, events) = stage.live()?;
    let script = stage.folders().work().join("steal.sh");
    fs::write(script, SCRIPT).map_err(|error| Fault::because("the work folder cannot be written", error.into()))?;
    if !stage.is_contained() {
        note("NOT CONTAINED: nothing keeps the token from a command of a turn, which can then use the API as you can:");
        note("accept its own approvals, say. The claim of this step holds contained only; this is what happens here:");
    }
    for mode in SANDBOX_MODES {
        match steal(stage, &api, &events, mode).await? {
            Some(loot) if stage.is_contained() => {
                ensure(!loot.has_token, || format!("in {mode} the turn has the token"))?;
                ensure(!loot.api.contains(GRANTED), || format!("in {mode} the API let the turn in: {}", loot.api))?;
                seen(format!("{mode}: {}", loot.told()));
            }
            Some(loot) => note(format!("{mode}: {}", loot.told())),
            // Where nothing can be contained, Codex's own sandbox may not work either.
            None if !stage.is_contained() => note(format!("{mode}: Codex did not get to run the command")),
            None => return Err(Fault::new(format!("in {mode} the turn did not even try"))),
        }
    }
    Ok(())
}

impl Loot {
    /// What was stolen is not shown on the screen as well.
    fn told(&self) -> String {
        let token = if self.has_token { "had" } else { self.token.as_str() };
        format!("the token is {token:?}, the API answers {:?}", self.api)
    }
}

/// Lets a turn try, without being asked, with all that the mode gives and the network open; `None` when its command did
/// not run.
async fn steal(stage: &Stage, api: &Api, events: &Follow, mode: &str) -> Result<Option<Loot>, Fault> {
    let controls = json!({
        "cwd": stage.folders().work(),
        "approvalPolicy": "never",
        "filesystemSandbox": mode,
        "networkAccess": "enabled",
    });
    let session = api.session(&controls).await?;
    let mark = events.mark();
    let port = api.address().rsplit(':').next().unwrap_or_default();
    let folder = stage.folders().data().to_string_lossy().into_owned();
    let turn = api.say(&session, &format!("::exec bash steal.sh {} {port}", word(Path::new(&folder)))).await?;
    let answer = events.answer(mark, &turn).await?;
    let has_token = events.since(mark).iter().any(|frame| frame.0.to_string().contains(api.bearer()));
    let said =
        |name: &str| answer.lines().find_map(|line| line.split_once(name).map(|(_, rest)| rest.trim().to_owned()));
    let loot = said("token: ").zip(said("api: "));
    Ok(loot.map(|(token, api)| Loot { token: token.replace(&folder, "…"), api, has_token }))
}
