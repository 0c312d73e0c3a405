//! The first-party guard: built, dropped, approved, and given something to decline.

use std::fs;
use std::path::{Path, PathBuf};

use codex_manager_tests::{Api, Home, Socket, guest};
use serde_json::Value;

use crate::SCRATCH;

/// How large its component may become, in bytes.
const BYTES_MAX: u64 = 200_000;
const ID: &str = "codex-manager.guard";
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../extensions/guard");
/// What the scripted app-server asks for, and the guard declines.
const ASKED: &str = "::approve rm -rf build";

/// The guard, built from its source.
pub(crate) struct Guard {
    component: PathBuf,
}

impl Guard {
    /// Builds it; why not, where its target cannot be had here.
    pub(crate) fn build() -> Result<Self, String> {
        Ok(Self { component: guest(Path::new(FOLDER), SCRATCH)? })
    }

    /// Prints how large its component is.
    pub(crate) fn measure(&self) {
        let bytes = fs::metadata(&self.component).expect("it was built").len();
        println!("guard     its component: {bytes} bytes (at most {BYTES_MAX})");
    }

    /// A fresh home with the guard dropped into the project's `extensions`.
    pub(crate) fn home(&self) -> Home {
        let home = Home::new(SCRATCH);
        let place = home.project().join("extensions/guard");
        fs::create_dir_all(&place).expect("a fresh folder can be written");
        fs::copy(&self.component, place.join("guard.wasm")).expect("a fresh folder can be written");
        fs::copy(Path::new(FOLDER).join("extension.toml"), place.join("extension.toml")).expect("it has a manifest");
        home
    }

    /// Says yes to it, as it lies there.
    pub(crate) async fn approve(&self, api: &Api) {
        api.approve_extension(ID).await;
    }

    /// Has the child ask for what the guard declines; gives the number of the request's row, once the turn is over.
    pub(crate) async fn decline(&self, api: &Api, socket: &mut Socket, session: &str) -> u64 {
        let turn = api.say(session, ASKED).await;
        let is_end = |frame: &Value| {
            frame["type"] == "app_server.turn.completed" && frame["payload"]["context"]["turnId"] == turn
        };
        let frames = socket.until("the end of the declined turn", is_end).await;
        let resolved = frames.iter().find(|frame| frame["type"] == "approval_resolved").expect("it was answered");
        assert_eq!(resolved["payload"]["actor"], format!("extension:{ID}"));
        let asked = |frame: &&Value| frame["type"] == "app_server.request.item.command_execution.request_approval";
        frames.iter().find(asked).and_then(|frame| frame["seq"].as_u64()).expect("the request is a row")
    }
}
