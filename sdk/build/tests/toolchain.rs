//! Where the target comes from, told with stand-ins for the programs: scripts that say what the real ones would.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use codex_manager_extension_build::{Apt, Programs, Target, Toolchain};
use tempfile::TempDir;

/// A machine with a compiler, and nothing else unless it is given.
struct Machine {
    folder: TempDir,
    toolchain: Toolchain,
    said: Vec<String>,
}

impl Machine {
    fn new() -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
        let nowhere = folder.path().join("nowhere");
        let programs = Programs { cargo: nowhere.clone(), rustc: nowhere, rustup: None, apt: None };
        let toolchain = Toolchain { tools: folder.path().join("tools"), programs };
        let mut machine = Self { folder, toolchain, said: Vec::new() };
        let libraries = machine.path("libraries");
        machine.toolchain.programs.rustc = machine.script(
            "rustc",
            &format!(
                "case $1 in -vV) echo release: 1.95.0; echo commit-hash: 0123456789abcdef;; *) echo {};; esac",
                libraries.display()
            ),
        );
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("a script can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be made to run");
        path
    }

    /// Debian's programs, with these versions of the two packages.
    fn with_apt(&mut self, rust_src: &str, wasi_libc: &str) {
        let get = "case \"$*\" in
            *indextargets*) echo mirror:/debian-security/; echo mirror:/debian/;;
            *update) exit 100;;
            *rust-src=*) echo > rust-src_1_all.deb;;
            *wasi-libc=*) echo > wasi-libc_1_all.deb;;
        esac";
        let cache = format!(
            "case \"$*\" in
            *rust-src) printf 'rust-src | 1.97.1+x | m\\n{rust_src}';;
            *wasi-libc) printf '{wasi_libc}';;
        esac"
        );
        let dpkg_deb = "case $2 in
            */rust-src_*) mkdir -p \"$3/usr/src/rustc-1.95.0/library\";;
            */wasi-libc_*) mkdir -p \"$3/usr/lib/wasm32-wasip2\"; cd \"$3/usr/lib/wasm32-wasip2\"
                touch libc.a crt1-command.o crt1-reactor.o;;
        esac";
        self.toolchain.programs.apt = Some(Apt {
            get: self.script("apt-get", get),
            cache: self.script("apt-cache", &cache),
            dpkg_deb: self.script("dpkg-deb", dpkg_deb),
        });
    }

    fn target(&mut self) -> Result<Target, String> {
        let said = &mut self.said;
        let folder = self.folder.path();
        self.toolchain.target(folder, &mut |step| said.push(step.to_owned())).map_err(|error| error.to_string())
    }
}

fn standard_library(folder: &Path) {
    fs::create_dir_all(folder).expect("a folder can be made");
    fs::write(folder.join("libstd-1.rlib"), "").expect("a file can be written");
}

const RUST_SRC: &str = "rust-src | 1.95.0+dfsg1-2 | m\\n";
const WASI_LIBC: &str = "wasi-libc | 0.2 | m\\n";
const CARGO: &str = "while [ $# -gt 1 ]; do shift; done
    mkdir -p \"$1/wasm32-wasip2/release/deps\"; echo > \"$1/wasm32-wasip2/release/deps/libstd-1.rlib\"";

#[test]
fn what_the_toolchain_has_is_used() {
    let mut machine = Machine::new();
    standard_library(&machine.path("libraries"));
    assert_eq!(machine.target(), Ok(Target::Installed));
    assert!(machine.said.is_empty() && !machine.toolchain.tools.exists());
}

#[test]
fn rustup_is_asked_before_the_distribution() {
    let mut machine = Machine::new();
    let library = machine.path("libraries");
    let body =
        format!("[ \"$*\" = 'target add wasm32-wasip2' ] && mkdir {0} && echo > {0}/libstd-1.rlib", library.display());
    machine.toolchain.programs.rustup = Some(machine.script("rustup", &body));
    assert_eq!(machine.target(), Ok(Target::Installed));
    assert_eq!(machine.said.len(), 1);
}

/// Says what a [`Toolchain`] of this process makes of the machine. Run by the test below, in a process with another
/// environment, which a test cannot give itself.
#[test]
#[ignore = "it is a part of another test"]
fn ask_in_this_environment() {
    let folder = std::env::current_dir().expect("there is one");
    let told = Toolchain::new(folder.join("tools")).target(&folder, &mut |step| println!("{step}"));
    println!("{}", told.expect_err("this machine has nothing"));
}

#[test]
fn rustup_is_not_asked_where_it_is_to_install_nothing() {
    let machine = Machine::new();
    let programs = machine.path("programs");
    fs::create_dir(&programs).unwrap();
    fs::rename(machine.path("rustc"), programs.join("rustc")).unwrap();
    fs::rename(machine.script("rustup", "echo > \"${0%/*}/called\"; exit 1"), programs.join("rustup")).unwrap();
    let ask = |auto_install: &str| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "ask_in_this_environment", "--ignored", "--nocapture"])
            .current_dir(machine.folder.path())
            .env("PATH", &programs)
            .env("RUSTUP_AUTO_INSTALL", auto_install)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let told = ask("0");
    assert!(
        told.contains("(`rustup target add wasm32-wasip2`): it was not asked, for RUSTUP_AUTO_INSTALL=0"),
        "{told}"
    );
    assert!(told.contains("needs the packages rust-src 1.95.0 and wasi-libc; apt-get cannot be run"), "{told}");
    assert!(!programs.join("called").exists(), "rustup was called");

    let told = ask("1");
    assert!(told.contains("(`rustup target add wasm32-wasip2`): rustup failed. "), "{told}");
    assert!(programs.join("called").exists(), "rustup was not called");
}

#[test]
fn the_distribution_makes_a_private_sysroot_once() {
    let mut machine = Machine::new();
    machine.toolchain.programs.rustup = Some(machine.script("rustup", "echo no network >&2; exit 1"));
    machine.with_apt(RUST_SRC, WASI_LIBC);
    machine.toolchain.programs.cargo = machine.script("cargo", CARGO);
    let sysroot = machine.toolchain.tools.join("wasm32-wasip2/1.95.0-012345678-2");
    assert_eq!(machine.target(), Ok(Target::Private(sysroot.clone())));
    assert_eq!(machine.said[2], "fetching rust-src 1.95.0+dfsg1-2 and wasi-libc 0.2 from the distribution");
    let libraries = sysroot.join("lib/rustlib/wasm32-wasip2/lib");
    assert!(libraries.join("libstd-1.rlib").exists() && libraries.join("self-contained/libc.a").exists());
    let left: Vec<_> = sysroot.parent().unwrap().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "the lock and the sysroot, but {left:?}");

    machine.said.clear();
    machine.toolchain.programs.apt = None;
    assert_eq!(machine.target(), Ok(Target::Private(sysroot)));
    assert!(machine.said.is_empty());
}

#[test]
fn where_no_way_is_open_the_missing_package_is_named() {
    let mut machine = Machine::new();
    let told = machine.target().unwrap_err();
    assert!(told.ends_with("needs the packages rust-src 1.95.0 and wasi-libc; there is no apt-get here"), "{told}");

    machine.toolchain.programs.rustup = Some(machine.script("rustup", "echo no network >&2; exit 1"));
    machine.with_apt("", WASI_LIBC);
    let told = machine.target().unwrap_err();
    assert!(told.starts_with("Rust 1.95.0 has no standard library for wasm32-wasip2 here. "), "{told}");
    assert!(told.contains("rustup failed: no network. "), "{told}");
    assert!(told.contains("package rust-src 1.95.0 is missing; looked in "), "{told}");

    machine.with_apt(RUST_SRC, "");
    assert!(machine.target().unwrap_err().contains("package wasi-libc (any version) is missing"));
}

#[test]
fn a_library_that_does_not_build_leaves_nothing_behind() {
    let mut machine = Machine::new();
    machine.with_apt(RUST_SRC, WASI_LIBC);
    machine.toolchain.programs.cargo = machine.script("cargo", "echo cannot find crate >&2; exit 101");
    let told = machine.target().unwrap_err();
    assert!(told.ends_with("its source does not build: cargo failed: cannot find crate"), "{told}");
    let home = machine.toolchain.tools.join("wasm32-wasip2");
    assert_eq!(home.read_dir().unwrap().count(), 1, "the lock alone");
}

#[test]
fn a_machine_without_a_compiler_is_told_so() {
    let mut machine = Machine::new();
    machine.toolchain.programs.rustc = machine.path("nowhere");
    assert!(machine.target().unwrap_err().starts_with("there is no Rust compiler here ("));
}

#[test]
fn sources_are_called_by_their_packages_wherever_they_lie() {
    let mut machine = Machine::new();
    let (made, beside) = (machine.path("made.wasm"), machine.path("be side"));
    fs::write(&made, "new").unwrap();
    fs::create_dir(&beside).unwrap();
    let package = |folder: &Path, name: &str, needs: &Path| {
        serde_json::json!({
            "manifest_path": folder.join("Cargo.toml"), "name": name, "version": "1.0.0",
            "dependencies": [{ "name": "serde_json" }, { "path": needs }],
        })
    };
    let told = |packages: serde_json::Value| serde_json::json!({ "packages": packages, "target_directory": "/t" });
    let here = told(serde_json::json!([package(machine.folder.path(), "here", &beside)]));
    // It needs the first one for its tests, as cargo allows.
    let there = told(serde_json::json!([package(&beside, "there", machine.folder.path())]));
    let body = format!(
        "case $1,$PWD in metadata,*side) echo '{there}';; metadata,*) echo '{here}';;
        *) printf '%s\\n' \"$@\" > flags; echo '{{\"filenames\": [\"{}\"]}}';; esac",
        made.display()
    );
    machine.toolchain.programs.cargo = machine.script("cargo", &body);
    machine.toolchain.build(machine.folder.path(), &Target::Installed, &machine.path("guard.wasm")).unwrap();
    let flags = fs::read_to_string(machine.path("flags")).unwrap();
    let called =
        |folder: &Path, name: &str| flags.find(&format!("\"--remap-path-prefix={}={name}\"", folder.display()));
    let (outer, inner) = (called(machine.folder.path(), "/here-1.0.0"), called(&beside, "/there-1.0.0"));
    assert!(outer.is_some() && outer < inner, "the last that fits counts: {flags}");
    assert!(called(Path::new("/t"), "/target").is_some(), "{flags}");
}

#[test]
fn a_component_is_put_in_its_place_or_the_place_stays_as_it_was() {
    let mut machine = Machine::new();
    let (made, place) = (machine.path("made.wasm"), machine.path("guard.wasm"));
    fs::write(&made, "new").unwrap();
    let body = format!(
        "[ $1 = metadata ] || printf '%s\\n' \"$@\" > flags; echo \"{{\\\"filenames\\\": [\\\"{}\\\"]}}\"",
        made.display()
    );
    machine.toolchain.programs.cargo = machine.script("cargo", &body);
    let target = Target::Private("/private".into());
    machine.toolchain.build(machine.folder.path(), &target, &place).unwrap();
    assert_eq!(fs::read_to_string(&place).unwrap(), "new");
    fs::write(machine.path("any"), "").unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
    assert_eq!(mode(&place), mode(&machine.path("any")), "as any file that this user makes");
    let flags = fs::read_to_string(machine.path("flags")).unwrap();
    assert!(flags.contains("target.wasm32-wasip2.rustflags=["), "{flags}");
    assert!(flags.contains(r#""--sysroot=/private"]"#), "{flags}");

    machine.toolchain.programs.cargo = machine.script("cargo", "echo expected expression >&2; exit 101");
    let failed = machine.toolchain.build(machine.folder.path(), &target, &place).unwrap_err();
    let told = failed.to_string();
    assert!(told.ends_with("does not build: cargo failed: expected expression"), "{told}");
    assert!(failed.source().is_none(), "whoever tells causes too would tell it twice");
    machine.toolchain.programs.cargo = machine.script("cargo", "true");
    let told = machine.toolchain.build(machine.folder.path(), &target, &place).unwrap_err().to_string();
    assert!(told.contains("makes no component"), "{told}");
    assert_eq!(fs::read_to_string(&place).unwrap(), "new");
}
