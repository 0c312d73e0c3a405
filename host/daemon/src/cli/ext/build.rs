//! `ext build`: from an extension's source to a component that could be approved.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use codex_manager_extension::{DropFault, MANIFEST_FILE, Manifest, Offer, Vocabulary, folder};
use codex_manager_extension_build::Toolchain;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::super::Context;
use super::super::failure::{Exit, Failure};
use super::super::output::remark;
use crate::extensions::vocabulary;
use crate::shell::word;

/// What cargo is told of an extension.
const CARGO_FILE: &str = "Cargo.toml";

/// What else there is to know.
pub(super) const MORE: &str = "\
Names in extension.toml, and what the component imports, are compared with what this host has. Another
program that runs extensions can write down what it has: build for it with --vocabulary FILE.

Components in other languages are made by their own tools; this command builds none of them.

Example: codex-manager ext build extensions/guard";

#[derive(Debug, Args)]
pub(in crate::cli) struct Build {
    /// The folder with its extension.toml and Cargo.toml
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Build it for the host that wrote this file: it names what there is to hear, to ask for and to call
    #[arg(long, value_name = "FILE")]
    vocabulary: Option<PathBuf>,
    /// Build it for whichever host, and leave unchecked what that has to have
    #[arg(long, conflicts_with = "vocabulary")]
    unchecked: bool,
}

/// Which host an extension is built for.
enum For {
    /// One that has this.
    Host(Box<Vocabulary>),
    /// Whichever has what it names.
    Any,
}

/// What was built.
struct Built {
    component: PathBuf,
    offer: Offer,
}

impl Build {
    /// Builds what lies in the folder and puts its component beside the manifest, where a daemon looks for it.
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let toolchain = Toolchain::new(context.places.find()?.tools);
        let is_for_us = self.vocabulary.is_none() && !self.unchecked;
        let unchecked = if self.unchecked { "; not compared with any host" } else { "" };
        let built = spawn_blocking(move || build_in(&self.folder, &self.host()?, &toolchain)).await;
        let Built { component, offer } = built.map_err(|error| Failure::because(Exit::Failed, &error))??;
        let candidate = &offer.candidate;
        let (id, version) = (&candidate.manifest.id, &candidate.manifest.version);
        let (digest, bytes) = (candidate.digest, offer.component.len());
        let document = json!({
            "extensionId": id, "version": version, "digest": digest, "component": component, "bytes": bytes,
        });
        remark(&format!("built {id} {version}, {} KiB{unchecked}", bytes.div_ceil(1024)));
        context.output.document(&document, || component.display().to_string())?;
        if is_for_us {
            remark(&next(&component));
        }
        Ok(())
    }

    fn host(&self) -> Result<For, Failure> {
        match &self.vocabulary {
            Some(file) => Ok(For::Host(Box::new(read_vocabulary(file)?))),
            None if self.unchecked => Ok(For::Any),
            None => Ok(For::Host(Box::new(vocabulary()))),
        }
    }
}

impl For {
    fn manifest(&self, folder: &Path) -> Result<Manifest, DropFault> {
        match self {
            Self::Host(vocabulary) => folder::manifest(folder, vocabulary),
            Self::Any => folder::manifest_for_any_host(folder),
        }
    }

    fn read(&self, folder: &Path) -> Result<Offer, DropFault> {
        match self {
            Self::Host(vocabulary) => folder::read(folder, vocabulary),
            Self::Any => folder::read_for_any_host(folder),
        }
    }
}

fn read_vocabulary(file: &Path) -> Result<Vocabulary, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::new(Exit::NotFound, format!("{} cannot be read: {error}", file.display())))?;
    Vocabulary::from_json(&text).map_err(|error| {
        Failure::new(Exit::Usage, format!("{}: {error}", file.display()))
            .hint("the host writes this file with Vocabulary::to_json; --unchecked builds without one")
    })
}

fn build_in(folder: &Path, host: &For, toolchain: &Toolchain) -> Result<Built, Failure> {
    let folder = folder.canonicalize().map_err(|error| {
        Failure::new(Exit::NotFound, format!("there is no folder {}: {error}", folder.display()))
            .hint("name the folder with extension.toml in it")
    })?;
    // A manifest that is no good is told before anything is fetched or compiled for it.
    let component = folder.join(host.manifest(&folder).map_err(|fault| faulty(&folder, &fault))?.component);
    if !folder.join(CARGO_FILE).exists() {
        return Err(no_rust(&folder, &component));
    }
    let target = toolchain.target(&folder, &mut |step| remark(step));
    let target = target.map_err(|error| Failure::because(Exit::Failed, &error))?;
    remark(&format!("compiling {}", folder.display()));
    toolchain.build(&folder, &target, &component).map_err(|error| Failure::because(Exit::Failed, &error))?;
    let offer = host.read(&folder).map_err(|fault| faulty(&folder, &fault))?;
    Ok(Built { component, offer })
}

fn no_rust(folder: &Path, component: &Path) -> Failure {
    let name = component.file_name().unwrap_or_default().display();
    Failure::new(Exit::Failed, format!("there is no {CARGO_FILE} in {}: only Rust is built here", folder.display()))
        .hint(format!(
            "make {name} with the tools of its language (componentize-js, componentize-py) and put it beside \
             {MANIFEST_FILE}; a drop folder takes it from there"
        ))
}

fn faulty(folder: &Path, fault: &DropFault) -> Failure {
    Failure::new(Exit::Failed, format!("{}: {fault}", folder.display())).hint(step(fault))
}

/// What to do about it, said to who builds it: what lies in a drop folder is another matter.
fn step(fault: &DropFault) -> String {
    match fault {
        DropFault::NoManifest => {
            format!("name the folder with {MANIFEST_FILE} and Cargo.toml in it: codex-manager ext build FOLDER")
        }
        DropFault::NoHandler => {
            "put #[handler] of the SDK above the function that answers events; it exports what the host calls"
                .to_owned()
        }
        DropFault::Manifest(_) => {
            format!("{}; for another host than this one: --vocabulary FILE, or --unchecked", fault.next_step())
        }
        other => other.next_step(),
    }
}

/// How a daemon comes to see it.
fn next(component: &Path) -> String {
    let folder = word(component.parent().unwrap_or(component));
    format!(
        "next: start the daemon with `codex-manager serve --extensions {folder}`, or copy that folder's {MANIFEST_FILE} \
         and component into a folder of their own below a drop folder; then `codex-manager ext list`"
    )
}

#[cfg(test)]
mod tests {
    use codex_manager_extension::Shape;
    use codex_manager_model::limits::{
        EXTENSION_COMPONENT_BYTES_MAX, EXTENSION_CPU, EXTENSION_CPU_MAX, EXTENSION_MEMORY_BYTES,
        EXTENSION_MEMORY_BYTES_MAX, EXTENSION_WALL, EXTENSION_WALL_MAX,
    };

    use super::*;

    fn ours() -> For {
        For::Host(Box::new(vocabulary()))
    }

    #[test]
    fn what_is_wrong_with_the_manifest_is_told_before_anything_is_compiled() {
        let home = tempfile::tempdir().unwrap();
        let toolchain = Toolchain::new(home.path().join("tools"));
        let refused =
            |folder: &Path| build_in(folder, &ours(), &toolchain).err().map(|failure| failure.to_string()).unwrap();
        assert!(refused(&home.path().join("nowhere")).contains("there is no folder"));
        assert!(refused(home.path()).contains("there is no extension.toml"));
        fs::write(home.path().join(MANIFEST_FILE), "manifest = 1\nsurprise = 2\n").unwrap();
        let told = refused(home.path());
        assert!(told.contains("line 2: ") && told.matches(MANIFEST_FILE).count() == 1, "{told}");
        assert!(!home.path().join("tools").exists());
    }

    #[test]
    fn what_a_host_has_is_the_hosts_to_say() {
        let home = tempfile::tempdir().unwrap();
        let doors = include_str!("../../../../../sdk/rust/tests/guests/doors/extension.toml");
        fs::write(home.path().join(MANIFEST_FILE), doors).unwrap();
        let told = ours().manifest(home.path()).unwrap_err().to_string();
        for name in ["`door.closed`", "`doors`", "`door.open`"] {
            assert!(told.contains(name), "{told}");
        }
        assert!(For::Any.manifest(home.path()).is_ok());
        // In other languages than Rust it is built by others.
        let toolchain = Toolchain::new(home.path().join("tools"));
        let told = build_in(home.path(), &For::Any, &toolchain).err().unwrap().to_string();
        assert!(told.contains("there is no Cargo.toml in ") && !home.path().join("tools").exists(), "{told}");
    }

    #[test]
    fn a_file_that_is_no_vocabulary_is_told_with_what_writes_one() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("host.json");
        assert!(read_vocabulary(&file).unwrap_err().to_string().contains("cannot be read"));
        fs::write(&file, "{}").unwrap();
        assert!(read_vocabulary(&file).unwrap_err().to_string().contains("it is no vocabulary of a host"));
        fs::write(&file, vocabulary().to_json().unwrap()).unwrap();
        assert_eq!(read_vocabulary(&file).unwrap(), vocabulary());
    }

    #[test]
    fn who_builds_is_told_about_building() {
        assert!(step(&DropFault::NoManifest).contains("ext build FOLDER"));
        assert!(step(&DropFault::NoHandler).contains("#[handler]"));
        assert_eq!(step(&DropFault::NotText), DropFault::NotText.next_step());
        assert!(next(Path::new("/x/guard/guard.wasm")).contains("--extensions /x/guard`"));
        assert!(next(Path::new("/x/my guard/guard.wasm")).contains("--extensions '/x/my guard'`"));
    }

    #[test]
    fn the_page_for_authors_has_a_whole_manifest_and_all_that_may_stand_in_one() {
        let page = include_str!("../../../../../sdk/README.md");
        let (_, text) = page.split_once("```toml\n").unwrap();
        let (text, tables) = text.split_once("```").unwrap();
        let vocabulary = vocabulary();
        let manifest = Manifest::parse(text, &vocabulary).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(manifest.component, "guard.wasm");
        let (asked, known) = (manifest.capabilities, vocabulary.capabilities);
        assert!(asked.keys().eq(known.keys()), "{:?}", known.keys());
        for (name, asked) in &asked {
            assert!(asked.parameters.keys().eq(known[name].parameters.keys()), "{name}");
        }
        assert!(manifest.actions.keys().eq(vocabulary.actions.keys()), "{:?}", vocabulary.actions.keys());
        assert!(manifest.handlers.keys().eq(vocabulary.handlers.keys()), "{:?}", vocabulary.handlers.keys());
        for shape in [Shape::Text, Shape::Texts, Shape::Integer, Shape::Flag, Shape::Bytes] {
            assert!(tables.contains(&format!("`{}`", shape.name())), "{}", shape.name());
        }
        assert!(page.contains(&format!("A component has at most {} MiB.", EXTENSION_COMPONENT_BYTES_MAX >> 20)));
        let most = [EXTENSION_CPU, EXTENSION_CPU_MAX, EXTENSION_WALL, EXTENSION_WALL_MAX];
        let most = most.map(|time| match time.subsec_millis() {
            0 => format!("{} s", time.as_secs()),
            _ => format!("{} ms", time.as_millis()),
        });
        let memory = [EXTENSION_MEMORY_BYTES, EXTENSION_MEMORY_BYTES_MAX].map(|bytes| format!("{} MiB", bytes >> 20));
        for most in most.iter().chain(&memory) {
            assert!(tables.contains(&format!("`\"{most}\"`")), "{most}");
        }
    }
}
