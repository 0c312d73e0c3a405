//! The extension that is measured, and the event that it is told of.

use std::env;
use std::path::{Path, PathBuf};

use codex_manager_extension::dispatch::Occurrence;
use codex_manager_extension::{
    ActionKind, Approved, ClaimRule, Event, EventKind, Grants, Header, Manifest, Registry, Standing, Verdict,
};
use codex_manager_extension_build::{TargetError, Toolchain};
use codex_manager_model::Actor;
use jiff::Timestamp;

/// How large the guard may become, in bytes.
pub(crate) const SIZE_MAX: usize = 200_000;
/// How large the payload of the event is, in bytes.
const PAYLOAD_BYTES: usize = 1024;
const KIND: &str = "app_server.request.item.command_execution.request_approval";

/// The first-party guard, built.
pub(crate) struct Guard {
    pub(crate) component: PathBuf,
    manifest: String,
}

impl Guard {
    /// Builds it; why not, where its target cannot be had here.
    pub(crate) fn build(scratch: &Path) -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../extensions/guard");
        let component = scratch.join("guard.wasm");
        let manifest = build(&folder, &component)?;
        Ok(Self { component, manifest })
    }

    /// Ten approvals of it, each under an id of its own.
    pub(crate) fn approved(&self, registry: &Registry, digest: codex_manager_extension::Digest) -> Vec<Approved> {
        let manifest = Manifest::parse(&self.manifest, registry.vocabulary()).expect("it is good");
        let approved = |number: usize| Approved {
            id: format!("bench.guard-{number}").parse().expect("an id"),
            version: manifest.version.clone(),
            digest,
            by: Actor::User,
            at: Timestamp::UNIX_EPOCH,
            standing: Standing::Enabled,
            grants: Grants::asked_by(&manifest),
            predecessor: None,
        };
        (0..10).map(approved).collect()
    }
}

/// Builds the extension in this folder, and gives its manifest; why not, where its target cannot be had here.
pub(crate) fn build(folder: &Path, component: &Path) -> Result<String, String> {
    let mut toolchain = Toolchain::new(tools());
    // A benchmark leaves the toolchain of whoever runs it as it is.
    toolchain.programs.rustup = None;
    let target = match toolchain.target(folder, &mut |step| println!("{step}")) {
        Err(why @ (TargetError::Unavailable { .. } | TargetError::NoCompiler(_))) => return Err(why.to_string()),
        target => target.unwrap_or_else(|error| panic!("{error}")),
    };
    toolchain.build(folder, &target, component).unwrap_or_else(|error| panic!("{error}"));
    Ok(std::fs::read_to_string(folder.join("extension.toml")).expect("it has a manifest"))
}

/// The tools folder that the daemon would use: a private sysroot is made once for all.
fn tools() -> PathBuf {
    let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
    let tools = named("CODEX_MANAGER_TOOLS_DIR").or_else(|| Some(cache()?.join("codex-manager/tools")));
    tools.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools"))
}

/// What the guard hears and asks for.
pub(crate) fn registry() -> Registry {
    let asks = ClaimRule::new("approval", "/house/payload/approvalId");
    let decline = ActionKind {
        sentence: "decline a request for approval".to_owned(),
        claim: Some(ClaimRule::new("approval", "/approvalId")),
        verdict: Some(Verdict::Decline),
    };
    let upsert = ActionKind { sentence: "put a row into a transcript".to_owned(), ..ActionKind::default() };
    Registry::new()
        .event(KIND, EventKind { interaction: Some(asks), ..EventKind::default() })
        .event("app_server.request.exec_command_approval", EventKind::default())
        .action("approval.decline", decline)
        .action("transcript.upsert", upsert)
}

/// A request that the guard declines.
pub(crate) fn event() -> Event {
    let payload = |rest: &str| {
        let details =
            serde_json::json!({ "command": "/bin/bash -lc 'rm -rf build'", "cwd": "/home/user", "rest": rest });
        let shown = serde_json::json!({ "approvalId": "apr_1", "itemId": "call_1", "details": details });
        serde_json::json!({ "house": { "type": "approval", "payload": shown } }).to_string()
    };
    let payload = payload(&"x".repeat(PAYLOAD_BYTES - payload("").len()));
    assert_eq!(payload.len(), PAYLOAD_BYTES);
    let header = Header {
        id: "log-1:1".to_owned(),
        seq: 1,
        kind: KIND.to_owned(),
        session: Some("01a20237-0dcf-7d72-83da-08635ee18a80".to_owned()),
        turn: Some("turn_1".to_owned()),
        at_ms: 1_700_000_000_000,
        caused_by: None,
        hops: 0,
    };
    Event { header, payload }
}

/// The same as the next one of the log.
pub(crate) fn occurrence(event: &Event, seq: u64) -> Occurrence {
    let mut event = event.clone();
    event.header.seq = seq;
    Occurrence { event, by: None, pending: true, begun: Default::default() }
}
