//! g: an extension, from its source to its second version: the first-party guard, dropped in, approved, deciding.

mod deciding;
mod shelf;
mod source;
mod versions;

use codex_manager_extension_build::{TargetError, Toolchain};
use tokio::task::spawn_blocking;

use super::fault::{Fault, ensure};
use super::stage::Stage;
use super::tell::{self, note, seen};
use shelf::{Row, approve, drop_in, listed, show};
use source::Source;

/// The guard, by its id.
const GUARD: &str = "codex-manager.guard";
/// All that it may ask for.
const GRANTED: [&str; 2] = ["approval.decline", "transcript.upsert"];

/// Plays it, as far as it can be built here; `Some` says why it cannot.
pub(super) async fn play(stage: &mut Stage) -> Result<Option<String>, Fault> {
    let Some(origin) = source::find() else {
        let built_from = source::built_from();
        return skipped(format!(
            "the guard is built from source, and there is none in ./extensions/guard or {}: play the demo in a clone",
            built_from.display()
        ));
    };
    let source = Source::copy(&origin, &stage.folders().all().join("guard"))?;
    if let Some(why) = without_target(stage, &source).await? {
        return skipped(why);
    }
    source.build(stage).await?;
    admit(stage, &source).await?;
    deciding::declines(stage, "1.0.0", "The guard declined this command").await?;
    deciding::abstains(stage).await?;
    versions::same_grants(stage, &source).await?;
    versions::more_grants(stage, &source).await?;
    Ok(None)
}

fn skipped(why: String) -> Result<Option<String>, Fault> {
    tell::skipped(&why);
    Ok(Some(why))
}

/// Gets what components are built with; why it is not to be had, if it is not.
async fn without_target(stage: &Stage, source: &Source) -> Result<Option<String>, Fault> {
    let (toolchain, folder) = (Toolchain::new(stage.tools()), source.folder().to_owned());
    let found = spawn_blocking(move || toolchain.target(&folder, &mut |step| note(step))).await;
    match found.map_err(|error| Fault::because("the search for the target broke off", error.into()))? {
        Ok(_) => Ok(None),
        Err(why @ (TargetError::NoCompiler(_) | TargetError::Unavailable { .. })) => Ok(Some(why.to_string())),
        Err(other) => Err(Fault::because("the folder for the target cannot be used", other.into())),
    }
}

/// Drops it in, where it waits, and says yes to what the screen shows.
async fn admit(stage: &Stage, source: &Source) -> Result<(), Fault> {
    drop_in(stage, source)?;
    let pending = Row { runs: "-".to_owned(), waits: "1.0.0".to_owned(), state: "pending".to_owned() };
    listed(stage, &pending).await?;
    show(stage, "").await?;
    let granted = approve(stage).await?;
    let actions: Vec<&str> =
        granted["actions"].as_array().into_iter().flatten().filter_map(|kind| kind.as_str()).collect();
    ensure(actions == GRANTED, || format!("these actions were granted: {actions:?}"))?;
    let capabilities = granted["capabilities"].as_object().map_or(0, serde_json::Map::len);
    ensure(capabilities == 0, || format!("capabilities were granted: {}", granted["capabilities"]))?;
    seen(format!("granted are {} and {}, and nothing else", GRANTED[0], GRANTED[1]));
    Ok(())
}
