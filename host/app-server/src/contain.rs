//! Starting the child contained: in a process namespace of its own, with folders masked, through bubblewrap.
//!
//! The child runs as the same user as this program, and so do the commands of its turns. File modes keep nothing from
//! them; a mask does. And with the namespace's first process all others in it end, detached ones included.
//!
//! What it gets of the kernel is given by name (`kernel`), and looked at from within before it is promised (`probe`).
//!
//! It is no sandbox against the user's own files, and no limit on the network: those are Codex's.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::identity::Identity;
use crate::kernel::User;
use crate::mounts::{Mount, Mounts};
use crate::program;

/// What is kept from the child, and how much that matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Containment {
    /// What happens where it is not to be had.
    pub policy: ContainmentPolicy,
    /// Folders that are empty for the child. They must exist. A `CODEX_HOME` inside one is given back.
    pub mask: Vec<PathBuf>,
    /// Files and folders that the child may read and not write, also inside a masked folder.
    pub readable: Vec<PathBuf>,
    /// The bubblewrap to use. `None` takes the one in Codex's own package, else the one on `PATH`.
    pub bwrap: Option<PathBuf>,
}

/// What happens where containment is not to be had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContainmentPolicy {
    /// It is not even tried.
    Off,
    /// The child is started without it, and the state says so.
    #[default]
    Preferred,
    /// The child is not started.
    Required,
}

/// A bubblewrap that was seen to work, with what it is told before the program, and what all that relies on.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) bwrap: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    relies_on: Vec<Identity>,
}

/// What "not contained" means, for people.
const MEANING: &str = "commands of a turn can read what this program keeps, type into its terminal, and may outlive it";
/// The file by which the folder of Codex's own package is known.
const PACKAGE_MARK: &str = "codex-package.json";
impl Containment {
    /// No containment.
    pub fn off() -> Self {
        Self { policy: ContainmentPolicy::Off, ..Self::default() }
    }

    /// The capabilities that a contained child of this user may have at most, one bit each, as the kernel writes them.
    pub fn capabilities() -> u64 {
        User::current().capabilities()
    }

    /// Tries, without starting a child, whether that of `codex` would be contained: by which bubblewrap, or why not.
    ///
    /// # Errors
    ///
    /// The reason, and what it means, for people.
    pub async fn probe(&self, codex: &Path) -> Result<PathBuf, String> {
        let codex = program::find(codex, std::env::var_os("PATH").as_deref())?;
        self.plan(&codex, None).await.map(|plan| plan.bwrap)
    }

    /// Whether `home` may be given back. Not if it is a masked folder, nor if it leads into one by a link: what lies
    /// there would be shown, and who made that link is not known.
    pub(crate) fn allows_home(&self, home: &Path) -> bool {
        let (named, found) = (absolute(home), real(home));
        self.mask.iter().all(|mask| {
            let hidden = real(mask);
            let below = named.strip_prefix(absolute(mask)).or_else(|_| named.strip_prefix(&hidden));
            let is_straight = below.is_ok_and(|below| below != Path::new("") && hidden.join(below) == found);
            !found.starts_with(&hidden) || is_straight
        })
    }

    /// Finds bubblewrap and tries it with the very arguments that the child will get. The error says why the child
    /// would not be contained, and what that means.
    pub(crate) async fn plan(&self, codex: &Path, codex_home: Option<&Path>) -> Result<Plan, String> {
        let search_path = std::env::var_os("PATH");
        let tried = match self.untried(codex, codex_home, search_path.as_deref()) {
            Ok(plan) => plan.probe(User::current()).await.map(|()| plan),
            Err(why) => Err(why),
        };
        tried.map_err(|why| format!("not contained: {why}; {MEANING}"))
    }

    fn untried(&self, codex: &Path, home: Option<&Path>, search_path: Option<&OsStr>) -> Result<Plan, String> {
        if self.policy == ContainmentPolicy::Off {
            return Err("containment is switched off".to_owned());
        }
        let bwrap = self.find(codex, search_path)?;
        let (arguments, relies_on) = (self.arguments(codex, &bwrap, home)?, self.relies_on(codex, &bwrap, home)?);
        Ok(Plan { bwrap, arguments, relies_on })
    }

    /// The bubblewrap to use, absolute: it is started from another folder.
    fn find(&self, codex: &Path, search_path: Option<&OsStr>) -> Result<PathBuf, String> {
        if let Some(given) = &self.bwrap {
            let usable = program::is_executable(given).then(|| real(given));
            return usable.ok_or_else(|| format!("{} is not an executable file", given.display()));
        }
        let packaged = real(codex).parent().map(|bin| bin.join("../codex-resources/bwrap"));
        let packaged = packaged.filter(|file| program::is_executable(file)).map(|file| real(&file));
        let found = packaged.or_else(|| program::on_path(Path::new("bwrap"), search_path));
        found.ok_or_else(|| "bubblewrap was found neither beside Codex nor on PATH".to_owned())
    }

    /// What bubblewrap is told, up to the program.
    fn arguments(&self, codex: &Path, bwrap: &Path, home: Option<&Path>) -> Result<Vec<OsString>, String> {
        let (user, unknown) = (User::current(), |error| format!("what the kernel offers cannot be told: {error}"));
        let mut mounts = self.mounts(codex, bwrap, home)?;
        user.mount(&mut mounts).map_err(unknown)?;
        let mut arguments = mounts.arguments();
        // In a session of its own it has no terminal, and cannot type into the one that this program was started from.
        let flags = ["--unshare-pid", "--die-with-parent", "--new-session"];
        arguments.extend(flags.into_iter().chain(user.arguments().map_err(unknown)?).map(OsString::from));
        Ok(arguments)
    }

    fn mounts(&self, codex: &Path, bwrap: &Path, home: Option<&Path>) -> Result<Mounts, String> {
        let mut mounts = Mounts::default();
        for folder in &self.mask {
            let real = fs::canonicalize(folder).map_err(|error| unmaskable(folder, &error))?;
            mounts.add(real, Mount::Mask);
        }
        if let Some(home) = home {
            mounts.add(real(home), Mount::Held);
        }
        // Bubblewrap and this very program are started outside, so whoever could replace them would be outside then.
        let own =
            std::env::current_exe().map_err(|error| format!("this program does not know where it lies: {error}"))?;
        let programs = [package(codex).unwrap_or_else(|| real(codex)), real(bwrap), own];
        let readable = self.readable.iter().filter(|path| path.exists()).map(|path| real(path));
        readable.chain(programs).for_each(|path| mounts.add(path, Mount::Readable));
        Ok(mounts)
    }

    /// What must be the same at each start.
    fn relies_on(&self, codex: &Path, bwrap: &Path, home: Option<&Path>) -> Result<Vec<Identity>, String> {
        let folder = |path: &Path| Identity::folder(path).map_err(|error| unmaskable(path, &error));
        let program = |path: &Path| {
            Identity::program(path).map_err(|error| format!("{} cannot be used: {error}", path.display()))
        };
        let folders = self.mask.iter().map(PathBuf::as_path).chain(home).map(folder);
        folders.chain([codex, bwrap].map(program)).collect()
    }
}

impl Plan {
    /// Whether all that it relies on is still the same. The error says, for people, what is not and what to do.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.relies_on.iter().try_for_each(Identity::check)
    }
}

/// The folder of the package that the binary `codex` belongs to, if it belongs to one.
fn package(codex: &Path) -> Option<PathBuf> {
    let folder = real(codex).parent()?.parent()?.to_owned();
    folder.join(PACKAGE_MARK).is_file().then_some(folder)
}

fn unmaskable(folder: &Path, error: &io::Error) -> String {
    format!("the folder {} cannot be masked or held: {error}", folder.display())
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The path without links, or as it is where it does not exist.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn links_are_followed_and_programs_can_only_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (data, package) = (root.join("data"), root.join("package"));
        fs::create_dir_all(package.join("bin")).unwrap();
        fs::create_dir_all(data.join("home")).unwrap();
        let (codex, bwrap) = (package.join("bin/codex"), root.join("bwrap"));
        for file in [&codex, &bwrap, &package.join(PACKAGE_MARK)] {
            fs::write(file, "").unwrap();
        }
        symlink(&data, root.join("link")).unwrap();
        let mask = vec![root.join("link")];
        let containment = Containment { mask, readable: vec![root.join("nowhere")], ..Containment::default() };
        let arguments = containment.arguments(&codex, &bwrap, Some(&data.join("home"))).unwrap();
        let told = arguments.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let parts = [
            "--dev /dev",
            "--bind {root} {root}",
            "--tmpfs {root}/data",
            "--ro-bind-try {root}/package {root}/package",
            "--ro-bind-try {root}/bwrap {root}/bwrap",
            "--bind {root}/data/home {root}/data/home",
            "--unshare-pid --die-with-parent --new-session",
        ];
        let places: Vec<_> =
            parts.iter().map(|part| told.find(&part.replace("{root}", &root.to_string_lossy()))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{told}: {places:?}");
        let own = std::env::current_exe().unwrap();
        assert!(told.contains(&format!("--ro-bind-try {0} {0}", own.display())), "{told}");
    }

    #[test]
    fn a_home_may_lie_in_a_mask_and_not_lead_into_one() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let data = root.join("data");
        fs::create_dir_all(data.join("home")).unwrap();
        fs::create_dir_all(data.join("logs")).unwrap();
        fs::create_dir_all(root.join("other")).unwrap();
        symlink(&data, root.join("link")).unwrap();
        symlink(data.join("logs"), root.join("to-logs")).unwrap();
        symlink(data.join("logs"), data.join("to-logs")).unwrap();
        let containment = Containment { mask: vec![root.join("link")], ..Containment::default() };
        let table = [
            ("data/home", true),
            ("link/home", true),
            ("other", true),
            ("data", false),
            ("link", false),
            ("to-logs", false),
            ("data/to-logs", false),
        ];
        for (home, allowed) in table {
            assert_eq!(containment.allows_home(&root.join(home)), allowed, "{home}");
        }
    }

    #[test]
    fn bubblewrap_is_the_given_one_else_the_packaged_one_else_on_path() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let executable = |name: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy("/bin/true", &path).unwrap();
            path
        };
        let codex = executable("bin/codex");
        let search_path = root.join("system").into_os_string();
        let find =
            |bwrap: Option<PathBuf>| Containment { bwrap, ..Containment::default() }.find(&codex, Some(&search_path));
        assert!(find(None).unwrap_err().contains("neither"));
        let system = executable("system/bwrap");
        assert_eq!(find(None), Ok(system.clone()));
        let packaged = executable("codex-resources/bwrap");
        assert_eq!(find(None), Ok(packaged));
        assert_eq!(find(Some(system.clone())), Ok(system));
        assert!(find(Some(root.join("nowhere"))).unwrap_err().contains("nowhere is not an executable file"));
    }

    #[tokio::test]
    async fn a_bubblewrap_that_starts_the_program_and_contains_nothing_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let bwrap = folder.path().join("bwrap");
        fs::write(&bwrap, "#!/bin/sh\nuntil [ \"$1\" = -- ]; do shift; done; shift; exec \"$@\"\n").unwrap();
        fs::set_permissions(&bwrap, fs::Permissions::from_mode(0o755)).unwrap();
        let containment = Containment { bwrap: Some(bwrap), ..Containment::default() };
        let reason = containment.probe(Path::new("/bin/true")).await.unwrap_err();
        assert!(reason.contains("does not work here (commands ") && reason.contains(MEANING), "{reason}");
    }

    #[tokio::test]
    async fn without_a_working_bubblewrap_the_reason_says_what_that_means() {
        let folder = tempfile::tempdir().unwrap();
        let broken = Containment { bwrap: Some("/bin/false".into()), ..Containment::default() };
        let gone = Containment { mask: vec![folder.path().join("gone")], ..broken.clone() };
        for (containment, why) in
            [(Containment::off(), "switched off"), (broken, "does not work here"), (gone, "cannot be masked")]
        {
            let reason = containment.plan(Path::new("/bin/true"), None).await.unwrap_err();
            assert!(reason.contains(why) && reason.contains(MEANING), "{reason}");
        }
    }
}
