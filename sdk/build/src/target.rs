//! Finding the target's standard library, or getting it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::compiler::Compiler;
use crate::run::{RunError, run};
use crate::{AUTO_INSTALL, TARGET, Toolchain, installs_nothing, sysroot};

/// Where the target's standard library is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// In the user's toolchain.
    Installed,
    /// In this sysroot of our own.
    Private(PathBuf),
}

/// Why there is no standard library for the target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// There is no compiler to have one for.
    #[error("there is no Rust compiler here ({0}); install Rust 1.95 or later")]
    NoCompiler(RunError),
    /// It is not there and cannot be had.
    #[error(
        "Rust {release} has no standard library for {TARGET} here. \
         By rustup (`rustup target add {TARGET}`): {rustup}. From the distribution: {distribution}"
    )]
    Unavailable {
        /// The compiler's version.
        release: String,
        /// Why rustup did not add it.
        rustup: String,
        /// Why the distribution's packages did not do, with their names and versions.
        distribution: String,
    },
    /// The folder for sysroots cannot be used.
    #[error("{}: {why}", path.display())]
    Folder {
        /// Where.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
}

impl Toolchain {
    /// The standard library for the compiler that builds what lies in `folder`: found, or else made; then it takes a
    /// minute, and `say` hears each step. Whoever else makes the same one meanwhile is waited for.
    ///
    /// # Errors
    ///
    /// [`TargetError`], which says what is missing and how to get it.
    pub fn target(&self, folder: &Path, say: &mut dyn FnMut(&str)) -> Result<Target, TargetError> {
        let compiler = Compiler::ask(self, folder).map_err(TargetError::NoCompiler)?;
        if compiler.has_target() {
            return Ok(Target::Installed);
        }
        let home = self.tools.join(TARGET);
        let private = home.join(&compiler.key);
        if private.is_dir() {
            return Ok(Target::Private(private));
        }
        let _turn = take_turn(&home).map_err(|why| TargetError::Folder { path: home.clone(), why })?;
        if private.is_dir() {
            return Ok(Target::Private(private));
        }
        let rustup = match self.add_by_rustup(folder, say) {
            Ok(()) if compiler.has_target() => return Ok(Target::Installed),
            Ok(()) => "it added it to another toolchain than that of this compiler".to_owned(),
            Err(why) => why,
        };
        match sysroot::make(self, &compiler, &private, say) {
            Ok(()) => Ok(Target::Private(private)),
            Err(why) => {
                let distribution = why.to_string();
                Err(TargetError::Unavailable { release: compiler.release, rustup, distribution })
            }
        }
    }

    fn add_by_rustup(&self, folder: &Path, say: &mut dyn FnMut(&str)) -> Result<(), String> {
        let Some(rustup) = &self.programs.rustup else { return Err(left_out()) };
        say("asking rustup for the target wasm32-wasip2");
        let mut command = Command::new(rustup);
        command.args(["target", "add", TARGET]).current_dir(folder).env("RUSTUP_MAX_RETRIES", "0");
        run(&mut command).map(drop).map_err(|error| error.to_string())
    }
}

/// Why rustup is not asked.
fn left_out() -> String {
    if installs_nothing() {
        return format!("it was not asked, for {AUTO_INSTALL}=0 says that it is to install nothing by itself");
    }
    "it is left out here".to_owned()
}

/// Waits until nobody else makes a sysroot in `home`. The turn ends with the file.
fn take_turn(home: &Path) -> std::io::Result<File> {
    fs::create_dir_all(home)?;
    let file = File::create(home.join("lock"))?;
    file.lock()?;
    Ok(file)
}
