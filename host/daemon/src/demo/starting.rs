//! a: the daemon listens at once; Codex is ready a little later, and contained where that is to be had.

use super::api::down;
use super::fault::{Fault, ensure};
use super::stage::Stage;
use super::tell::{event, note, seen, word};

/// How often a daemon is started to be seen before Codex is ready, which on a busy machine one may be too late for.
const STARTS_MAX: u32 = 5;

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    start_and_look(stage).await?;
    let (api, events) = stage.live()?;
    let codex = api.until_ready(0).await?;
    seen(format!("codex.state is ready: codex {}, process {}", word(&codex["version"]), codex["pid"]));
    let row = events.find(0, "the event that Codex is ready", |frame| {
        frame.kind() == "app_server_state" && frame.payload()["state"] == "ready"
    });
    event(&row.await?, "ready");
    if codex["contained"]["state"] == "contained" {
        seen("contained: Codex has process and mount namespaces of its own, without the daemon's data folder");
        return Ok(());
    }
    note("NOT CONTAINED: nothing on this machine keeps Codex from what the daemon keeps");
    note(format!("why: {}", word(&codex["contained"]["reason"])));
    note(format!("meaning: {}", word(&codex["contained"]["meaning"])));
    let refused = api.post("/api/sessions", &serde_json::json!({})).await?;
    ensure((refused.status, refused.code()) == (403, "not_contained"), || {
        format!("a session was answered {} {}, and not refused", refused.status, refused.code())
    })?;
    seen("so sessions are refused: 403 not_contained");
    stage.stop().await?;
    stage.allow_uncontained();
    stage.start(0).await?;
    stage.live()?.0.until_ready(0).await?;
    seen("started again with --allow-uncontained, which is the operator's word for it");
    Ok(())
}

/// Starts a daemon and looks at health before anything else.
async fn start_and_look(stage: &mut Stage) -> Result<(), Fault> {
    for _ in 0..STARTS_MAX {
        stage.start(0).await?;
        let (api, _) = stage.live()?;
        let codex = api.codex().await?;
        if codex["state"] == "starting" {
            seen(format!("listening on {}, {} ms after its start", api.address(), stage.took()?.as_millis()));
            seen("codex.state is starting: the API answers already");
            return Ok(());
        }
        ensure(codex["state"] == "ready", || down(&codex))?;
        stage.stop().await?;
    }
    Err(Fault::new(format!("in {STARTS_MAX} starts, health never answered while Codex was starting")))
}
