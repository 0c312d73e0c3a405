//! From an extension's source to its component.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::run::{RunError, run};
use crate::{TARGET, Target, Toolchain, origin};

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The source does not build.
    #[error("{} does not build: {why}", folder.display())]
    Cargo {
        /// Where it lies.
        folder: PathBuf,
        /// What cargo said.
        why: RunError,
    },
    /// It builds, but makes no component.
    #[error("{} builds, but makes no component: its Cargo.toml needs `[lib] crate-type = [\"cdylib\"]`", folder.display())]
    NoComponent {
        /// Where it lies.
        folder: PathBuf,
    },
    /// A file, such as the component, cannot be put in its place.
    #[error("{}: {why}", path.display())]
    Place {
        /// Its place.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
}

impl Toolchain {
    /// Builds the package in `folder` and puts its component at `component`: all of it at once, so that nobody sees half
    /// a file. It is the same wherever `folder` lies, and names no folder of this machine.
    ///
    /// # Errors
    ///
    /// [`BuildError`]; the place is as it was then.
    pub fn build(&self, folder: &Path, target: &Target, component: &Path) -> Result<(), BuildError> {
        let failed = |why| BuildError::Cargo { folder: folder.to_owned(), why };
        let compile = origin::compile(&self.tools);
        let compile = compile.map_err(|why| BuildError::Place { path: self.tools.clone(), why })?;
        let messages = run(&mut self.cargo(folder, target, &compile)).map_err(failed)?;
        let made = made(&messages).ok_or_else(|| BuildError::NoComponent { folder: folder.to_owned() })?;
        place(&made, component).map_err(|why| BuildError::Place { path: component.to_owned(), why })
    }

    fn cargo(&self, folder: &Path, target: &Target, compile: &Path) -> Command {
        let mut flags = origin::flags(self, folder);
        if let Target::Private(sysroot) = target {
            flags.push(format!("--sysroot={}", sysroot.display()));
        }
        let mut command = Command::new(&self.programs.cargo);
        command
            .args(["build", "--lib", "--release", "--target", TARGET, "--message-format=json-render-diagnostics"])
            // For the target alone: macros and build scripts keep the toolchain's own libraries. In words of TOML, for a
            // variable would break them at each space.
            .args(["--config", &format!("target.{TARGET}.rustflags={}", Value::from(flags))])
            .current_dir(folder)
            // Either would keep cargo from reading these flags.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTC_WRAPPER", compile)
            // The same source is the same component, however whoever builds it works on other things.
            .env("CARGO_INCREMENTAL", "0");
        command
    }
}

/// The component among what cargo says it made; the package's own comes last.
fn made(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let files = messages.filter_map(|message| message["filenames"].as_array().cloned()).flatten();
    files
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .find(|file| file.extension().is_some_and(|end| end == "wasm"))
}

fn place(made: &Path, component: &Path) -> std::io::Result<()> {
    let folder = component.parent().unwrap_or(Path::new("."));
    // Whoever runs it may be another user: it can be read as any file that this one makes.
    let mut file = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder)?;
    std::io::copy(&mut fs::File::open(made)?, &mut file)?;
    file.persist(component)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_is_what_was_made_last() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","filenames":["/t/libother.rlib","/t/other.wasm"]}"#,
            "\nnot json\n",
            r#"{"reason":"compiler-artifact","filenames":["/t/guard.wasm","/t/libguard.rlib"]}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(made(messages), Some(PathBuf::from("/t/guard.wasm")));
        assert_eq!(made("{}"), None);
    }
}
