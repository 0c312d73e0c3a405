//! What lies on the shelf, by the words of the command line.

use std::fs;

use codex_manager_extension::MANIFEST_FILE;
use serde_json::Value;

use super::GUARD;
use super::source::Source;
use crate::demo::fault::{Fault, ensure};
use crate::demo::patience::until;
use crate::demo::stage::Stage;
use crate::demo::tell::{quote, seen};

/// The guard's line of `ext list`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The version that runs.
    pub(super) runs: String,
    /// The version that waits for a yes.
    pub(super) waits: String,
    /// How it stands.
    pub(super) state: String,
}

/// Puts the manifest and the component where the daemon looks for extensions.
pub(super) fn drop_in(stage: &Stage, source: &Source) -> Result<(), Fault> {
    let folder = stage.folders().extensions().join("guard");
    let copied = fs::create_dir_all(&folder)
        .and_then(|()| fs::copy(source.component(), folder.join("guard.wasm")))
        .and_then(|_| fs::copy(source.folder().join(MANIFEST_FILE), folder.join(MANIFEST_FILE)));
    copied.map(drop).map_err(|error| Fault::because("the guard cannot be dropped in", error.into()))
}

/// Checks what `ext list` says of the guard.
pub(super) async fn listed(stage: &Stage, expected: &Row) -> Result<(), Fault> {
    let said = stage.say(&["ext", "list"]).await?.expect()?;
    let mut lines = said.lines().skip_while(|line| !line.starts_with(GUARD));
    let words: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().skip(1).collect();
    let expected = [&expected.runs, &expected.waits, &expected.state];
    ensure(words == expected, || format!("ext list says {words:?} of the guard, and not {expected:?}"))?;
    seen(format!("dropped in; ext list: {}, runs {}, waits {}, {}", GUARD, words[0], words[1], words[2]));
    lines.take_while(|line| line.starts_with(' ')).for_each(quote);
    Ok(())
}

/// Shows what of the screen is about a yes; `difference` has to be on it.
pub(super) async fn show(stage: &Stage, difference: &str) -> Result<(), Fault> {
    let screen = stage.say(&["ext", "show", GUARD]).await?.expect()?;
    ensure(screen.contains(difference), || format!("the screen does not say {difference:?}: {screen}"))?;
    seen("the screen that a person says yes to:");
    let asks = screen.lines().skip_while(|line| !line.starts_with("Waiting for a yes"));
    asks.take_while(|line| !line.starts_with("It hears")).filter(|line| !line.is_empty()).for_each(quote);
    Ok(())
}

/// Says yes to what waits, and gives what was granted.
pub(super) async fn approve(stage: &Stage) -> Result<Value, Fault> {
    let asked = stage.say(&["ext", "approve", GUARD]).await?;
    ensure(!asked.succeeded, || "ext approve took silence for a yes".to_owned())?;
    let digest = guard(stage).await?["waiting"]["digest"].as_str().map(str::to_owned);
    let digest = digest.ok_or_else(|| Fault::new("nothing waits"))?;
    ensure(asked.errors.contains(&digest), || "ext approve does not name what it asks about".to_owned())?;
    stage.say(&["ext", "approve", GUARD, "--digest", &digest]).await?.expect()?;
    seen(format!("ext approve --digest {}…", digest.get(..19).unwrap_or(&digest)));
    let runs =
        until("the guard to run", async || Ok(Some(guard(stage).await?).filter(|guard| guard["state"] == "running")));
    let approved = runs.await?["approved"].take();
    ensure(approved["digest"] == digest.as_str(), || format!("approved is {}", approved["digest"]))?;
    Ok(approved["grants"].clone())
}

/// What the API says of the guard.
pub(super) async fn guard(stage: &Stage) -> Result<Value, Fault> {
    let (api, _) = stage.live()?;
    let mut answer = api.get(&format!("/api/agents/extensions/{GUARD}")).await?.expect(200)?;
    Ok(answer["extension"].take())
}
