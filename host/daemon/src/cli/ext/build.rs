//! `ext build`: from an extension's source to a component that could be approved.

use std::path::{Path, PathBuf};

use codex_manager_extension::{DropFault, MANIFEST_FILE, Manifest, Offer, Vocabulary, folder};
use codex_manager_extension_build::Toolchain;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::super::Context;
use super::super::failure::{Exit, Failure};
use super::super::output::remark;
use crate::extensions::vocabulary;

/// What was built.
struct Built {
    component: PathBuf,
    offer: Offer,
}

/// Builds what lies in `folder` and puts its component beside the manifest, where a daemon looks for it.
pub(super) async fn build(context: &Context, folder: PathBuf) -> Result<(), Failure> {
    let toolchain = Toolchain::new(context.places.find()?.tools);
    let built = spawn_blocking(move || build_in(&folder, &toolchain)).await;
    let Built { component, offer } = built.map_err(|error| Failure::because(Exit::Failed, &error))??;
    let candidate = &offer.candidate;
    let (id, version) = (&candidate.manifest.id, &candidate.manifest.version);
    let (digest, bytes) = (candidate.digest, offer.component.len());
    let document = json!({
        "extensionId": id, "version": version, "digest": digest, "component": component, "bytes": bytes,
    });
    remark(&format!("built {id} {version}, {} KiB", bytes.div_ceil(1024)));
    for note in vocabulary().notes(&candidate.manifest) {
        remark(&format!("note: {note}"));
    }
    context.output.document(&document, || component.display().to_string())?;
    remark(&next(&component));
    Ok(())
}

fn build_in(folder: &Path, toolchain: &Toolchain) -> Result<Built, Failure> {
    let folder = folder.canonicalize().map_err(|error| {
        Failure::new(Exit::NotFound, format!("there is no folder {}: {error}", folder.display()))
            .hint("name the folder with extension.toml in it")
    })?;
    let vocabulary = vocabulary();
    // A manifest that is no good is told before anything is fetched or compiled for it.
    let component = folder.join(manifest(&folder, &vocabulary)?.component);
    let target = toolchain.target(&folder, &mut |step| remark(step));
    let target = target.map_err(|error| Failure::because(Exit::Failed, &error))?;
    remark(&format!("compiling {}", folder.display()));
    toolchain.build(&folder, &target, &component).map_err(|error| Failure::because(Exit::Failed, &error))?;
    let offer = folder::read(&folder, &vocabulary).map_err(|fault| faulty(&folder, &fault))?;
    Ok(Built { component, offer })
}

fn manifest(folder: &Path, vocabulary: &Vocabulary) -> Result<Manifest, Failure> {
    folder::manifest(folder, vocabulary).map_err(|fault| faulty(folder, &fault))
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
        other => other.next_step(),
    }
}

/// How a daemon comes to see it.
fn next(component: &Path) -> String {
    let folder = component.parent().unwrap_or(component).display();
    format!(
        "next: start the daemon with `codex-manager serve --extensions {folder}`, or copy that folder's {MANIFEST_FILE} \
         and component into a folder of their own below a drop folder; then `codex-manager ext list`"
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use codex_manager_extension::Shape;
    use codex_manager_model::limits::{
        EXTENSION_CPU, EXTENSION_CPU_MAX, EXTENSION_MEMORY_BYTES, EXTENSION_MEMORY_BYTES_MAX, EXTENSION_WALL,
        EXTENSION_WALL_MAX,
    };

    use super::*;

    #[test]
    fn what_is_wrong_with_the_manifest_is_told_before_anything_is_compiled() {
        let home = tempfile::tempdir().unwrap();
        let toolchain = Toolchain::new(home.path().join("tools"));
        let refused = |folder: &Path| build_in(folder, &toolchain).err().map(|failure| failure.to_string()).unwrap();
        assert!(refused(&home.path().join("nowhere")).contains("there is no folder"));
        assert!(refused(home.path()).contains("there is no extension.toml"));
        fs::write(home.path().join(MANIFEST_FILE), "manifest = 1\nsurprise = 2\n").unwrap();
        let told = refused(home.path());
        assert!(told.contains("line 2: ") && told.matches(MANIFEST_FILE).count() == 1, "{told}");
        assert!(!home.path().join("tools").exists());
    }

    #[test]
    fn who_builds_is_told_about_building() {
        assert!(step(&DropFault::NoManifest).contains("ext build FOLDER"));
        assert!(step(&DropFault::NoHandler).contains("#[handler]"));
        assert_eq!(step(&DropFault::NotText), DropFault::NotText.next_step());
        assert!(next(Path::new("/x/guard/guard.wasm")).contains("--extensions /x/guard`"));
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
