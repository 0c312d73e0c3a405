//! d: a turn reads the daemon's token and calls its API with it, in each sandbox mode, then tries to listen in on the
//! machine and looks at what it could write of it. Contained, it gets nothing.

use std::fs;
use std::path::Path;

use codex_manager_app_server::Containment;
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
    /// As the kernel writes them.
    capabilities: String,
    /// What became of a socket that hears all that passes over the network of this machine.
    packets: String,
    /// What of the kernel, and whether the daemon's own program, could be written.
    writable: String,
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
                loot.check(mode)?;
                seen(format!("{mode}: {}", loot.told()));
                seen(format!("{mode}: {}", loot.reach()));
            }
            Some(loot) => {
                note(format!("{mode}: {}", loot.told()));
                note(format!("{mode}: {}", loot.reach()));
            }
            // Where nothing can be contained, Codex's own sandbox may not work either.
            None if !stage.is_contained() => note(format!("{mode}: Codex did not get to run the command")),
            None => return Err(Fault::new(format!("in {mode} the turn did not even try"))),
        }
    }
    Ok(())
}

impl Loot {
    /// Whether it is as little as a contained turn may have.
    fn check(&self, mode: &str) -> Result<(), Fault> {
        ensure(!self.has_token, || format!("in {mode} the turn has the token"))?;
        ensure(!self.api.contains(GRANTED), || format!("in {mode} the API let the turn in: {}", self.api))?;
        let given = Containment::capabilities();
        let is_given = u64::from_str_radix(&self.capabilities, 16).is_ok_and(|has| has & !given == 0);
        ensure(is_given, || format!("in {mode} the turn has the capabilities {}", self.capabilities))?;
        ensure(self.packets != "opened", || format!("in {mode} the turn hears the network of this machine"))?;
        ensure(self.writable == "nothing", || format!("in {mode} the turn could write {}", self.writable))
    }

    fn reach(&self) -> String {
        let Self { capabilities, packets, writable, .. } = self;
        format!(
            "capabilities {capabilities}, packet socket {packets}, of the kernel and our program it can write {writable}"
        )
    }

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
    let (data, program) = (word(Path::new(&folder)), word(stage.program()));
    let turn = api.say(&session, &format!("::exec bash steal.sh {data} {port} {program}")).await?;
    let answer = events.answer(mark, &turn).await?;
    let has_token = events.since(mark).iter().any(|frame| frame.0.to_string().contains(api.bearer()));
    let said =
        |name: &str| answer.lines().find_map(|line| line.split_once(name).map(|(_, rest)| rest.trim().to_owned()));
    let loot = || {
        let token = said("token: ")?.replace(&folder, "…");
        let (api, capabilities) = (said("api: ")?, said("capabilities: ")?);
        Some(Loot { token, api, capabilities, packets: said("packets: ")?, writable: said("writable: ")?, has_token })
    };
    Ok(loot())
}
