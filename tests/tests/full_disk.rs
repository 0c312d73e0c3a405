//! The disk is full: the child is held back, health says so, clients are told, and all goes on when there is room.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use codex_manager_tests::{Fault, Home, Moment, Process, skip, until};
use reqwest::Method;
use serde_json::json;

use crate::stage::{Stage, ends, launch};

/// How large the disk is, in MiB.
const DISK_MIB: u32 = 24;
/// How many items the child tells of while there is no room.
const ITEMS: u32 = 500;
/// The file in `CODEX_HOME` that the child waits for.
const GO: &str = "go";

/// A small disk, mounted on a folder until it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: PathBuf) -> Result<Self, String> {
        let size = format!("size={DISK_MIB}m,mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&folder).output();
        match mounted {
            Ok(output) if output.status.success() => Ok(Self(folder)),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Writes until the disk takes no more.
    fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.filler()).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            while file.write(&vec![0; size]).is_ok_and(|written| written > 0) {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The daemon may still have it open; it goes with the daemon.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_holds_the_child_back_and_loses_nothing() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let disk = match SmallDisk::mount(home.data()) {
        Ok(disk) => disk,
        Err(why) => skip!(format!("no small disk can be mounted here: {why}")),
    };
    let go = home.codex_home().join(GO);
    home.script([Fault::WaitFor(GO.to_owned()).at(Moment::Turn), Fault::Items(ITEMS).at(Moment::Turn)]);
    let stage = Stage::start_on(home).await;
    // Dropped before the stage, which removes the folder that the disk is mounted on.
    let disk = disk;
    stage.api.until_codex_is("ready").await;
    let session = stage.session().await;
    let turn = stage.api.say(&session, "tell me much").await;

    until("a full disk", async || {
        disk.fill();
        let refused = stage.api.post("/api/sessions", json!({})).await;
        (refused.status == 507).then_some(refused)
    })
    .await;
    // Whatever it is that would be written down, and as often as it is tried.
    for (path, body) in
        [("/api/tokens", json!({"name": "t", "role": "viewer"})), ("/api/projects", json!({"name": "p"}))]
    {
        until(path, async || {
            disk.fill();
            (stage.api.post(path, body.clone()).await.status == 507).then_some(())
        })
        .await;
    }
    until("no room for a backup", async || {
        disk.fill();
        (stage.api.get("/api/backup").await.status == 507).then_some(())
    })
    .await;
    assert!(!stage.home.data().join("backup.new").exists(), "half of one is left");
    File::create(&go).unwrap();
    until("health to say it", async || (storage(&stage).await == "full").then_some(())).await;

    assert_eq!(readiness(&stage).await, (503, "storage".to_owned()));

    disk.make_room();
    let frames = stage.until_end(&turn).await;
    let of_turn = |kind: &str| {
        let told = frames
            .iter()
            .filter(|frame| frame["type"] == kind && frame["payload"]["context"]["turnId"] == turn.as_str());
        told.count()
    };
    assert!(of_turn("app_server.item.completed") >= ITEMS as usize, "what was said while there was no room is missing");
    assert!(frames.iter().any(|frame| ends(frame, &turn)));
    until("readiness", async || (readiness(&stage).await.0 == 200).then_some(())).await;
    until("health to be well", async || (storage(&stage).await == "ok").then_some(())).await;
    stage.assert_works().await;
}

#[tokio::test]
async fn killed_on_a_full_disk_it_starts_when_there_is_room() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let disk = match SmallDisk::mount(home.data()) {
        Ok(disk) => disk,
        Err(why) => skip!(format!("no small disk can be mounted here: {why}")),
    };
    home.script([Fault::WaitFor(GO.to_owned()).at(Moment::Turn)]);
    let daemon = launch().start(&home).await;
    let api = daemon.api();
    api.until_codex_is("ready").await;
    let session = api.session(json!({})).await;
    api.say(&session, "this is never answered").await;
    let family = daemon.descendants();
    daemon.kill().await;
    // Its child goes on, finds nobody, and ends.
    File::create(home.codex_home().join(GO)).unwrap();
    Process::all_gone(&family).await;

    disk.fill();
    match launch().try_start(&home).await {
        // What a start writes may fit into the pages that its files have already.
        Ok(daemon) => daemon.kill().await,
        Err(refusal) => {
            let folder = home.data().display().to_string();
            for words in ["make room on its disk", "start again", &folder] {
                assert!(refusal.log.contains(words), "{words:?} in:\n{}", refusal.log);
            }
            assert!(!refusal.log.contains("damaged"), "{}", refusal.log);
        }
    }

    disk.make_room();
    launch().start(&home).await.api().until_codex_is("ready").await;
    // The home is removed last, after the disk that is mounted in it.
    drop(disk);
}

async fn readiness(stage: &Stage) -> (u16, String) {
    let answer = stage.api.request(Method::GET, "/readyz").send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn storage(stage: &Stage) -> String {
    let health = stage.api.get("/api/health").await;
    health.expect(200)["storage"]["state"].as_str().unwrap_or_default().to_owned()
}
