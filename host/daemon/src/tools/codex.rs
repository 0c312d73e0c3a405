//! Codex: where it is, in the order in which the user would expect it to be looked for.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, create_dir_all};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf, absolute};

use super::npm::{self, Package};
use super::{Progress, ToolError};

/// The version that is fetched when there is none: the one that the tests run.
pub const VERSION: &str = "0.169.0";

/// Where to look for Codex.
#[derive(Debug, Clone)]
pub struct Codex {
    given: Option<PathBuf>,
    search: OsString,
    tools: PathBuf,
}

/// A program that is there and can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// As it was named or found, absolute. The supervisor starts the program itself where this is npm's launcher of it.
    pub path: PathBuf,
    /// Where it was found.
    pub origin: Origin,
}

/// Where a tool was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Where the user said.
    Given,
    /// On `PATH`.
    SearchPath,
    /// In the tools folder: fetched now, or earlier.
    Tools,
}

impl Codex {
    /// Looks at `given` (`--codex-bin` or `CODEX_BIN`) alone if there is such a path, else on `PATH`, else in `tools`.
    pub fn new(given: Option<PathBuf>, tools: impl Into<PathBuf>) -> Self {
        Self { given, search: env::var_os("PATH").unwrap_or_default(), tools: tools.into() }
    }

    /// Looks on this list of folders instead of on `PATH`.
    #[must_use]
    pub fn search(mut self, list: impl Into<OsString>) -> Self {
        self.search = list.into();
        self
    }

    /// Finds Codex; fetches nothing. `None` when there is none.
    ///
    /// # Errors
    /// When a path was given and is not a program that can be run.
    pub fn find(&self) -> Result<Option<Tool>, ToolError> {
        if let Some(given) = &self.given {
            return self.given_program(given).map(|path| Some(Tool { path, origin: Origin::Given }));
        }
        let on_path = program("codex", &self.search).map(|path| Tool { path, origin: Origin::SearchPath });
        Ok(on_path.or_else(|| self.fetched()))
    }

    /// Finds Codex, or fetches it into the tools folder and says so on `progress`. Blocks, for minutes on a slow line.
    ///
    /// Whoever comes while another process fetches waits for it and takes what it got.
    ///
    /// # Errors
    /// When a path was given and cannot be run, and when Codex is missing and cannot be fetched.
    pub fn find_or_fetch(&self, progress: &Progress) -> Result<Tool, ToolError> {
        match self.find()? {
            Some(tool) => Ok(tool),
            None => self.fetch(progress),
        }
    }

    fn fetch(&self, progress: &Progress) -> Result<Tool, ToolError> {
        let package = Package::of_this_machine()?;
        let npm = program("npm", &self.search).ok_or(ToolError::NoNpm)?;
        let lock = self.lock(progress)?;
        if let Some(tool) = self.fetched() {
            return Ok(tool);
        }
        progress.say(&format!(
            "codex is not on PATH: fetching @openai/codex {VERSION} from npm into {}",
            self.tools.display()
        ));
        npm::fetch(&npm, &self.folder(), &lock, progress)?;
        let path = package.program(&self.folder());
        self.fetched().ok_or(ToolError::Incomplete { path })
    }

    /// One process fetches at a time. The lock goes with the last handle of the file.
    fn lock(&self, progress: &Progress) -> Result<File, ToolError> {
        let path = self.tools.join(".lock");
        let failed = |source| ToolError::Io { doing: "use", path: path.clone(), source };
        create_dir_all(&self.tools).map_err(failed)?;
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
        if file.try_lock().is_err() {
            progress.say("another process is fetching codex: waiting for it");
            file.lock().map_err(failed)?;
        }
        Ok(file)
    }

    fn fetched(&self) -> Option<Tool> {
        let path = Package::of_this_machine().ok()?.program(&self.folder());
        is_program(&path).then_some(Tool { path, origin: Origin::Tools })
    }

    /// A name alone is one on `PATH`.
    fn given_program(&self, given: &Path) -> Result<PathBuf, ToolError> {
        let name = given.to_str().filter(|name| !name.contains('/'));
        name.and_then(|name| program(name, &self.search)).map_or_else(|| given_program(given), Ok)
    }

    fn folder(&self) -> PathBuf {
        self.tools.join(format!("codex-{VERSION}"))
    }
}

fn given_program(given: &Path) -> Result<PathBuf, ToolError> {
    let path = absolute(given).map_err(|_| ToolError::Missing { path: given.to_owned() })?;
    if !path.exists() {
        return Err(ToolError::Missing { path });
    }
    if is_program(&path) { Ok(path) } else { Err(ToolError::NotExecutable { path }) }
}

/// A relative folder on `PATH` is passed over: what it holds depends on where one happens to stand.
fn program(name: &str, search: &OsString) -> Option<PathBuf> {
    let folders = env::split_paths(search).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;

    use tempfile::TempDir;

    use super::*;

    /// Does what `npm ci` does to a folder, as far as anybody here can tell; each run leaves a line in `runs`.
    const GOOD_NPM: &str = r#"
        echo run >> "$(dirname "$0")/runs"
        [ "$1" = ci ] && [ -f package.json ] && [ -f package-lock.json ] || exit 9
        case "$*" in *--ignore-scripts*--cache*"$(dirname "$PWD")"/cache*) ;; *) exit 8 ;; esac
        case "$(readlink /proc/$$/fd/0)" in */tools/.lock) ;; *) exit 7 ;; esac
        mkdir -p "$(dirname "$PWD")/cache"
        for part in codex-linux-x64/vendor/x86_64 codex-linux-arm64/vendor/aarch64; do
            bin="node_modules/@openai/$part-unknown-linux-musl/bin"
            mkdir -p "$bin" && echo '#!/bin/sh' > "$bin/codex" && chmod 755 "$bin/codex"
        done"#;

    /// A machine with nothing but what a test puts on its `PATH`.
    struct Machine {
        folder: TempDir,
    }

    impl Machine {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            create_dir_all(folder.path().join("bin")).unwrap();
            Self { folder }
        }

        fn with(self, name: &str, script: &str) -> Self {
            self.program(&format!("bin/{name}"), script);
            self
        }

        /// Written by a process of its own: a file that is open for writing anywhere, be it in a child that another
        /// test is just starting, cannot be run.
        fn program(&self, path: &str, script: &str) -> PathBuf {
            let path = self.folder.path().join(path);
            create_dir_all(path.parent().unwrap()).unwrap();
            let write = r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod 755 "$1""#;
            let written = Command::new("sh").args(["-c", write, "sh"]).arg(&path).arg(script).status().unwrap();
            assert!(written.success());
            fs::canonicalize(path).unwrap()
        }

        fn codex(&self, given: Option<PathBuf>) -> Codex {
            Codex::new(given, self.folder.path().join("tools")).search(self.folder.path().join("bin"))
        }

        fn fetch(&self) -> Result<Tool, ToolError> {
            self.codex(None).find_or_fetch(&Progress::Lines)
        }

        /// What lies in the tools folder, the lock left out.
        fn tools(&self) -> Vec<String> {
            let entries = fs::read_dir(self.folder.path().join("tools")).into_iter().flatten();
            entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| name != ".lock")
                .collect()
        }

        fn runs(&self) -> usize {
            fs::read_to_string(self.folder.path().join("bin/runs")).map_or(0, |text| text.lines().count())
        }
    }

    #[test]
    fn the_given_path_wins_over_path() {
        let machine = Machine::new().with("codex", "");
        let given = machine.program("elsewhere/codex", "");
        let found = machine.codex(Some(given.clone())).find().unwrap();
        assert_eq!(found, Some(Tool { path: given, origin: Origin::Given }));
    }

    #[test]
    fn a_given_path_that_is_no_program_is_an_error_though_codex_is_on_path() {
        let machine = Machine::new().with("codex", "");
        let missing = machine.codex(Some("/nowhere/codex".into())).find_or_fetch(&Progress::Lines).unwrap_err();
        assert_eq!(missing.to_string(), "there is no /nowhere/codex");
        let text = machine.folder.path().join("text");
        fs::write(&text, "codex").unwrap();
        let text = machine.codex(Some(text)).find_or_fetch(&Progress::Lines).unwrap_err();
        assert!(matches!(text, ToolError::NotExecutable { .. }), "{text}");
        assert!(!text.is_absence() && text.hint().contains("--codex-bin"));
    }

    #[test]
    fn codex_on_path_is_taken_and_nothing_is_fetched() {
        let machine = Machine::new().with("codex", "").with("npm", GOOD_NPM);
        assert_eq!(machine.fetch().unwrap().origin, Origin::SearchPath);
        assert_eq!((machine.runs(), machine.tools().len()), (0, 0));
    }

    #[test]
    fn what_is_missing_is_fetched_once() {
        let machine = Machine::new().with("npm", GOOD_NPM);
        assert_eq!(machine.codex(None).find().unwrap(), None);
        let fetched = machine.fetch().unwrap();
        assert!(is_program(&fetched.path));
        assert_eq!(machine.fetch().unwrap(), fetched);
        assert_eq!((machine.runs(), machine.tools()), (1, vec![format!("codex-{VERSION}")]));
    }

    #[test]
    fn many_at_once_fetch_once() {
        let machine = Machine::new().with("npm", GOOD_NPM);
        let tools: Vec<Tool> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| machine.fetch().unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(tools.iter().all(|tool| *tool == tools[0]));
        assert_eq!(machine.runs(), 1);
    }

    #[test]
    fn without_npm_the_error_says_what_to_install() {
        let error = Machine::new().fetch().unwrap_err();
        assert!(matches!(error, ToolError::NoNpm) && error.is_absence());
        assert!(error.hint().contains("install Node with npm") && error.hint().contains("CODEX_BIN"));
    }

    #[test]
    fn a_failing_npm_is_quoted_and_leaves_nothing() {
        let machine = Machine::new().with("npm", "echo 'npm error code ENOTFOUND' >&2; touch node_modules; exit 1");
        let error = machine.fetch().unwrap_err();
        assert!(
            error.is_absence() && error.to_string().ends_with("(exit status: 1)\n  npm error code ENOTFOUND"),
            "{error}"
        );
        assert!(machine.tools().is_empty());
    }

    #[test]
    fn a_package_without_its_program_is_refused_and_leaves_nothing() {
        let machine = Machine::new().with("npm", "mkdir node_modules");
        assert!(matches!(machine.fetch().unwrap_err(), ToolError::Incomplete { .. }));
        assert!(machine.tools().is_empty());
    }

    #[test]
    fn what_a_killed_fetch_left_is_never_found_and_goes_with_the_next() {
        let machine = Machine::new().with("npm", GOOD_NPM);
        let half = Package::of_this_machine().unwrap().program(Path::new("tools/.fetch-0/package"));
        machine.program(half.to_str().unwrap(), "");
        assert_eq!(machine.codex(None).find().unwrap(), None);
        machine.fetch().unwrap();
        assert_eq!(machine.tools(), [format!("codex-{VERSION}")]);
    }

    #[test]
    fn a_damaged_package_is_fetched_again() {
        let machine = Machine::new().with("npm", GOOD_NPM);
        let program = machine.fetch().unwrap().path;
        fs::remove_file(&program).unwrap();
        assert_eq!(machine.fetch().unwrap().path, program);
        assert_eq!(machine.runs(), 2);
    }
}
