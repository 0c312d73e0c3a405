//! Second versions: each waits, is shown by what is different, and leaves the approved one running, also over a restart.

use codex_manager_extension::MANIFEST_FILE;

use super::shelf::{Row, approve, drop_in, listed, show};
use super::source::Source;
use super::{GUARD, deciding};
use crate::demo::fault::{Fault, ensure};
use crate::demo::frame::Frame;
use crate::demo::stage::Stage;
use crate::demo::tell::seen;

/// How the guard begins to say why.
const FIRST_WORDS: &str = "The guard declined this command";
/// How its second version does.
const SECOND_WORDS: &str = "The guard kept this command from running";

/// New code that asks for what was granted already: it waits all the same.
pub(super) async fn same_grants(stage: &mut Stage, source: &Source) -> Result<(), Fault> {
    second(source)?;
    source.build(stage).await?;
    drop_in(stage, source)?;
    listed(stage, &waiting("1.0.0", "1.1.0")).await?;
    show(stage, "same grants, new code").await?;
    restart(stage).await?;
    deciding::still_declines(stage, "1.0.0", FIRST_WORDS).await?;
    seen("the old one kept running, also over a restart");
    approve(stage).await?;
    deciding::still_declines(stage, "1.1.0", SECOND_WORDS).await?;
    seen("approved, the new one runs, from the next event on");
    Ok(())
}

/// The same code with a manifest that asks for more: what is new is marked, and nothing of it holds without a yes.
pub(super) async fn more_grants(stage: &mut Stage, source: &Source) -> Result<(), Fault> {
    third(source)?;
    drop_in(stage, source)?;
    listed(stage, &waiting("1.1.0", "1.2.0")).await?;
    show(stage, "action approval.accept").await?;
    restart(stage).await?;
    deciding::still_declines(stage, "1.1.0", SECOND_WORDS).await?;
    seen("the old one kept running, also over a restart, with what was granted to it");
    let granted = approve(stage).await?;
    let accepts = granted["actions"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "approval.accept"));
    ensure(accepts, || format!("approved, it has {}", granted["actions"]))?;
    deciding::still_declines(stage, "1.2.0", SECOND_WORDS).await?;
    seen(format!("approved, {GUARD} 1.2.0 runs, and may accept as well"));
    Ok(())
}

/// Other code under the next version.
fn second(source: &Source) -> Result<(), Fault> {
    source.change("src/answer.rs", FIRST_WORDS, SECOND_WORDS)?;
    source.change(MANIFEST_FILE, "version = \"1.0.0\"", "version = \"1.1.0\"")
}

/// One more action under the version after that.
fn third(source: &Source) -> Result<(), Fault> {
    source.change(MANIFEST_FILE, "version = \"1.1.0\"", "version = \"1.2.0\"")?;
    let more =
        "[actions]\n\"approval.accept\" = { reason = \"Lets harmless commands through, so that nobody is asked.\" }";
    source.change(MANIFEST_FILE, "[actions]", more)
}

fn waiting(runs: &str, waits: &str) -> Row {
    Row { runs: runs.to_owned(), waits: waits.to_owned(), state: "running".to_owned() }
}

/// Stops the daemon and starts it on the same folders.
async fn restart(stage: &mut Stage) -> Result<(), Fault> {
    let (_, events) = stage.live()?;
    let last = events.since(0).iter().filter_map(Frame::seq).max().unwrap_or_default();
    drop(events);
    stage.stop().await?;
    stage.start(last).await?;
    stage.live()?.0.until_ready(0).await?;
    seen("the daemon was stopped, and started again on the same folders");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::read_to_string;

    use codex_manager_extension::Manifest;

    use super::*;
    use crate::demo::guard::source::find;
    use crate::extensions::vocabulary;

    #[test]
    fn the_later_versions_can_be_made_of_the_guards_source() {
        let folder = tempfile::tempdir().unwrap();
        let source = Source::copy(&find().unwrap(), folder.path()).unwrap();
        for (change, version, actions) in [(second as fn(&Source) -> _, "1.1.0", 2), (third, "1.2.0", 3)] {
            change(&source).unwrap();
            let manifest = read_to_string(folder.path().join(MANIFEST_FILE)).unwrap();
            let manifest = Manifest::parse(&manifest, &vocabulary()).unwrap();
            assert_eq!((manifest.version.to_string().as_str(), manifest.actions.len()), (version, actions));
        }
        let answer = read_to_string(folder.path().join("src/answer.rs")).unwrap();
        assert!(answer.contains(SECOND_WORDS) && !answer.contains(FIRST_WORDS));
    }
}
