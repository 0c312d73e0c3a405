//! An extension for a program that is not the daemon: built by the command line with what that program wrote down, and
//! called by that program.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use codex_manager_extension::wasmtime::component::Linker;
use codex_manager_extension::wasmtime::{self, StoreContextMut};
use codex_manager_extension::{
    ActionKind, Capability, CapabilityKind, Component, Config, Event, EventKind, Header, Invocation, Limits, Linked,
    Package, Registry, Review, folder,
};
use codex_manager_tests::{guest, skip};
use semver::Version;
use tempfile::TempDir;

use crate::sandbox::record;

const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");

/// Doors at which nobody answers, and who has knocked at which.
#[derive(Clone, Default)]
struct Doors(Arc<Mutex<Vec<String>>>);

impl Capability for Doors {
    fn name(&self) -> &str {
        "doors"
    }

    fn kind(&self) -> CapabilityKind {
        CapabilityKind {
            package: Package::new("acme:doors", Version::new(2, 1, 0)),
            sentence: "knock at doors".to_owned(),
            parameters: [].into(),
            wider: Vec::new(),
        }
    }

    fn link(&self, linker: &mut Linker<Invocation>) -> wasmtime::Result<()> {
        let doors = Arc::clone(&self.0);
        let mut interface = linker.instance("acme:doors/door@2.1.0")?;
        interface.func_wrap("knock", move |_: StoreContextMut<'_, Invocation>, (name,): (String,)| {
            doors.lock().unwrap().push(name);
            Ok((false,))
        })
    }
}

fn house(doors: &Doors) -> Registry {
    Registry::new()
        .event("door.closed", EventKind { sentence: "each door that closes".to_owned(), ..EventKind::default() })
        .action("door.open", ActionKind { sentence: "open doors".to_owned(), ..ActionKind::default() })
        .capability(doors.clone())
}

/// The guest of the SDK that uses a capability of its own, as an author has it: a package by itself.
fn lay(folder: &Path) {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/rust").canonicalize().unwrap();
    let guests = sdk.join("tests/guests");
    for file in ["extension.toml", "src/lib.rs", "wit/doors.wit"] {
        fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
        fs::copy(guests.join("doors").join(file), folder.join(file)).unwrap();
    }
    fs::copy(guests.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let cargo = fs::read_to_string(guests.join("doors/Cargo.toml")).unwrap();
    let cargo = cargo.replace("path = \"../../..\"", &format!("path = {sdk:?}"));
    fs::write(folder.join("Cargo.toml"), cargo + "\n[workspace]\n").unwrap();
}

/// `ext build` of what lies there.
fn build(folder: &Path, options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemon-under-test"));
    command.args(["ext", "build"]).arg(folder).args(options).env("RUSTUP_AUTO_INSTALL", "0");
    command.env("CARGO_TARGET_DIR", Path::new(SCRATCH).join("other-hosts")).output().unwrap()
}

#[tokio::test]
async fn a_capability_of_ones_own_is_built_for_by_the_command_line_and_called() {
    let (home, doors) = (TempDir::new_in(SCRATCH).unwrap(), Doors::default());
    let (registry, drop) = (house(&doors), home.path().join("doors"));
    lay(&drop);
    let refused = String::from_utf8(build(&drop, &[]).stderr).unwrap();
    for told in ["no events of kind `door.closed`", "unknown key `doors` in [capabilities]", "unknown key `door.open`"]
    {
        assert!(refused.contains(told), "{refused}");
    }
    // Whether anything can be built here at all.
    if let Err(why) = guest(&Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/decliner"), SCRATCH) {
        skip!(why);
    }
    let file = home.path().join("house.json");
    fs::write(&file, registry.vocabulary().to_json().unwrap()).unwrap();
    let component = drop.canonicalize().unwrap().join("doors.wasm");
    for options in [&["--unchecked"][..], &["--vocabulary", file.to_str().unwrap()]] {
        let built = build(&drop, options);
        let told = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success() && told.contains("built test.doors 0.1.0"), "{told}");
        assert!(!told.contains("codex-manager serve"), "the daemon has no doors: {told}");
        assert_eq!(String::from_utf8(built.stdout).unwrap().trim(), component.to_str().unwrap());
    }
    let offer = folder::read(&drop, registry.vocabulary()).unwrap();
    let review = Review::of(&offer.candidate, None, registry.vocabulary());
    let asked: Vec<_> = review.asks.iter().map(|ask| ask.sentence.as_str()).collect();
    assert_eq!(asked, ["knock at doors", "open doors", "be told of door.closed"]);

    let engine = Config::default().build().unwrap();
    let compiled = Component::compile(&engine, &offer.component).unwrap();
    let (id, granted) = (offer.candidate.manifest.id, offer.candidate.grants.capabilities);
    let linked = Linked::new(&engine, &registry, &compiled, id, granted, Limits::default()).unwrap();
    let header = Header {
        id: "1".to_owned(),
        seq: 1,
        kind: "door.closed".to_owned(),
        session: None,
        turn: None,
        at_ms: 0,
        caused_by: None,
        hops: 0,
    };
    let actions = linked.on_event(&Event { header, payload: "front".to_owned() }, &record()).await.outcome.unwrap();
    assert_eq!(actions.iter().map(|action| action.kind.as_str()).collect::<Vec<_>>(), ["door.open"]);
    assert_eq!(*doors.0.lock().unwrap(), ["front"]);
}
