//! The distribution's packages: looked up, fetched and unpacked in a folder of our own. Nothing is installed, and the
//! machine's own package lists stay as they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{RunError, run};
use crate::{Apt, TARGET};

/// Where Debian's archive puts newer compilers than a stable release has. Suites roll: one may have gone.
const SUITES: [&str; 5] = ["trixie-backports", "trixie", "forky", "testing", "sid"];
/// What Debian signs its archive with, where the machine has it in the usual place.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Why packages cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackageError {
    #[error("needs the packages rust-src {release} and wasi-libc; there is no apt-get here")]
    NoApt { release: String },
    #[error("needs the packages rust-src {release} and wasi-libc; {source}")]
    Run { release: String, source: RunError },
    #[error("needs the packages rust-src {release} and wasi-libc; this machine has no mirror of Debian's archive")]
    NoMirror { release: String },
    #[error("package {package} {version} is missing; looked in {}", SUITES.join(", "))]
    Missing { package: &'static str, version: String },
    #[error("package {package} {version} has no {}", path.display())]
    Other { package: &'static str, version: String, path: PathBuf },
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What was unpacked.
pub(crate) struct Sources {
    /// The source of the standard library.
    pub(crate) library: PathBuf,
    /// The C library for the target.
    pub(crate) libc: PathBuf,
}

/// Unpacks the source of the standard library of exactly this `release`, and the newest C library, below `folder`.
pub(crate) fn fetch(
    apt: Option<&Apt>,
    release: &str,
    folder: &Path,
    say: &mut dyn FnMut(&str),
) -> Result<Sources, PackageError> {
    let apt = apt.ok_or_else(|| PackageError::NoApt { release: release.to_owned() })?;
    let failed = |source| PackageError::Run { release: release.to_owned(), source };
    say("looking for the standard library's source in the distribution");
    let archive = Archive { apt, folder };
    let mirror = archive.mirror().map_err(failed)?;
    let mirror = mirror.ok_or_else(|| PackageError::NoMirror { release: release.to_owned() })?;
    archive.read_lists(&mirror)?;
    let of_release = |version: &str| version.starts_with(&format!("{release}+")) || version == release;
    let source = archive.version("rust-src", of_release).map_err(failed)?;
    let source = source.ok_or(PackageError::Missing { package: "rust-src", version: release.to_owned() })?;
    let libc = archive.version("wasi-libc", |_| true).map_err(failed)?;
    let libc = libc.ok_or(PackageError::Missing { package: "wasi-libc", version: "(any version)".to_owned() })?;
    say(&format!("fetching rust-src {source} and wasi-libc {libc} from the distribution"));
    archive.unpack("rust-src", &source).map_err(failed)?;
    archive.unpack("wasi-libc", &libc).map_err(failed)?;
    let there = |package, version, path: PathBuf| {
        if path.exists() { Ok(path) } else { Err(PackageError::Other { package, version, path }) }
    };
    Ok(Sources {
        library: there("rust-src", source, folder.join(format!("usr/src/rustc-{release}/library")))?,
        libc: there("wasi-libc", libc, folder.join("usr/lib").join(TARGET))?,
    })
}

/// The distribution's archive, seen with private lists.
struct Archive<'a> {
    apt: &'a Apt,
    folder: &'a Path,
}

impl Archive<'_> {
    /// The mirror of Debian's main archive that the machine itself uses.
    fn mirror(&self) -> Result<Option<String>, RunError> {
        let mut command = Command::new(&self.apt.get);
        let targets = run(command.args([
            "--no-release-info",
            "indextargets",
            "--format",
            "$(REPO_URI)",
            "Created-By: Packages",
        ]))?;
        let mirror = targets.lines().find(|line| line.trim_end_matches('/').ends_with("/debian"));
        Ok(mirror.map(str::to_owned))
    }

    /// Reads the lists of those suites that there are.
    fn read_lists(&self, mirror: &str) -> std::io::Result<()> {
        for folder in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(self.folder.join(folder))?;
        }
        let signed = if Path::new(KEYRING).exists() { format!("[signed-by={KEYRING}] ") } else { String::new() };
        let sources: String = SUITES.iter().map(|suite| format!("deb {signed}{mirror} {suite} main\n")).collect();
        fs::write(self.folder.join("sources.list"), sources)?;
        // It fails as soon as one suite is not there; what counts is what is found in the others afterwards.
        drop(run(self.private(&self.apt.get).arg("update")));
        Ok(())
    }

    /// The first version of `package` that is `wanted`, in the order in which apt tells them: the newest first.
    fn version(&self, package: &str, wanted: impl Fn(&str) -> bool) -> Result<Option<String>, RunError> {
        let told = run(self.private(&self.apt.cache).args(["madison", package]))?;
        let mut versions = told.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim);
        Ok(versions.find(|version| wanted(version)).map(str::to_owned))
    }

    fn unpack(&self, package: &str, version: &str) -> Result<(), RunError> {
        run(self.private(&self.apt.get).arg("download").arg(format!("{package}={version}")))?;
        let files = self.folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
        let mut of_package = files.filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&format!("{package}_")) && name.ends_with(".deb")
        });
        match of_package.next() {
            Some(file) => run(Command::new(&self.apt.dpkg_deb).arg("-x").arg(file).arg(self.folder)).map(drop),
            None => Ok(()),
        }
    }

    /// A program of apt that sees our lists alone and writes nowhere else.
    fn private(&self, program: &Path) -> Command {
        let place = |option: &str, path: &str| format!("-oDir::{option}={}", self.folder.join(path).display());
        let mut command = Command::new(program);
        command.current_dir(self.folder).args([
            place("State::Lists", "lists"),
            place("Cache", "cache"),
            place("Etc::sourcelist", "sources.list"),
            "-oDir::Etc::sourceparts=/dev/null".to_owned(),
            "-oAPT::Sandbox::User=root".to_owned(),
            "-oAcquire::http::Timeout=20".to_owned(),
        ]);
        command
    }
}
