//! What each setting is in effect, and who said so: a flag, else the environment, else the file, else nobody.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf, absolute};

use super::super::failure::{Exit, Failure};
use super::super::words::Word;
use super::file::{self, FileError, Said};
use super::flags::Flags;
use super::kind::{Kind, Value};
use super::setting::Setting;
use super::table::{self, ALL};
use crate::paths::{Given, Paths};

/// The file's name in the data folder.
const FILE: &str = "config.toml";

/// Who said what a setting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Flag(&'static str),
    Variable(&'static str),
    File { line: usize },
    Default,
}

/// A setting in effect.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    /// What it is; `None` when nobody sets it and it has no default of its own.
    pub(super) value: Option<Value>,
    pub(super) origin: Origin,
}

/// All of them.
#[derive(Debug)]
pub(in crate::cli) struct Settings {
    chosen: BTreeMap<&'static str, Chosen>,
    paths: Paths,
    file: PathBuf,
}

/// What there is to choose from.
pub(super) struct Sources<'a> {
    pub(super) global: &'a Flags<true>,
    pub(super) own: &'a Flags<false>,
    pub(super) variable: fn(&str) -> Option<OsString>,
    /// The file that was named, if one was.
    pub(super) file: Option<&'a Path>,
}

impl Settings {
    /// What is in effect with these flags, the process's environment and the file.
    ///
    /// # Errors
    /// When one of them says what a setting cannot be, or the file is not to be trusted.
    pub(in crate::cli) fn load(global: &Flags<true>, own: &Flags<false>, file: Option<&Path>) -> Result<Self, Failure> {
        Sources { global, own, variable: |name| env::var_os(name), file }.settings()
    }

    /// Where things lie, as far as flags and the environment say.
    pub(in crate::cli) fn paths_without_file(global: &Flags<true>) -> Result<Paths, Failure> {
        let own = Flags::default();
        Sources { global, own: &own, variable: |name| env::var_os(name), file: None }.paths(&Said::new())
    }

    /// The file that is read: the one that is named, else the one in the data folder.
    pub(in crate::cli) fn file_in(paths: &Paths, named: Option<&Path>) -> PathBuf {
        let file = named.map_or_else(|| paths.data.path().join(FILE), Path::to_owned);
        absolute(&file).unwrap_or(file)
    }

    /// Where things lie.
    pub(in crate::cli) fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The file that was read, or would be.
    pub(in crate::cli) fn file(&self) -> &Path {
        &self.file
    }

    /// Whether a switch is on.
    pub(in crate::cli) fn switch(&self, setting: &Setting) -> bool {
        matches!(self.value(setting), Some(Value::Switch(true)))
    }

    /// A text, if there is one.
    pub(in crate::cli) fn text(&self, setting: &Setting) -> Option<&str> {
        if let Some(Value::Text(text)) = self.value(setting) { Some(text) } else { None }
    }

    /// A number, if there is one.
    pub(in crate::cli) fn number(&self, setting: &Setting) -> Option<u64> {
        if let Some(Value::Number(number)) = self.value(setting) { Some(*number) } else { None }
    }

    /// A path, if there is one.
    pub(in crate::cli) fn path(&self, setting: &Setting) -> Option<&Path> {
        if let Some(Value::Path(path)) = self.value(setting) { Some(path) } else { None }
    }

    /// Paths; none where nobody names any.
    pub(in crate::cli) fn list(&self, setting: &Setting) -> &[PathBuf] {
        if let Some(Value::Paths(paths)) = self.value(setting) { paths } else { &[] }
    }

    /// One of a type's words, for a setting that always is one.
    pub(in crate::cli) fn word<T: Word>(&self, setting: &Setting) -> T {
        let word = self.text(setting).expect("it has a default");
        serde_json::from_value(word.into()).expect("the table takes the type's words alone")
    }

    pub(super) fn chosen(&self, setting: &Setting) -> &Chosen {
        &self.chosen[setting.key]
    }

    /// Whether somebody set it.
    pub(in crate::cli) fn is_set(&self, setting: &Setting) -> bool {
        self.chosen(setting).origin != Origin::Default
    }

    fn value(&self, setting: &Setting) -> Option<&Value> {
        self.chosen(setting).value.as_ref()
    }
}

impl Sources<'_> {
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let file = Settings::file_in(&self.paths(&Said::new())?, self.file);
        let said = self.read(&file)?;
        let mut chosen = BTreeMap::new();
        for setting in ALL {
            chosen.insert(setting.key, self.choose(setting, &said)?);
        }
        Ok(Settings { chosen, paths: self.paths(&said)?, file })
    }

    fn paths(&self, said: &Said) -> Result<Paths, Failure> {
        let path = |setting| self.choose(setting, said).map(|chosen| path(&chosen));
        let given = Given {
            data: path(table::DATA_DIR)?,
            codex_home: path(table::CODEX_HOME)?,
            tools: path(table::TOOLS_DIR)?,
        };
        Paths::find(given).map_err(|error| Failure::because(Exit::Usage, &error))
    }

    /// A file that was named has to be there.
    fn read(&self, file: &Path) -> Result<Said, Failure> {
        match file::read(file) {
            Ok(Some(said)) => Ok(said),
            Ok(None) if self.file.is_none() => Ok(Said::new()),
            Ok(None) => Err(Failure::new(Exit::Usage, format!("there is no file {}", file.display()))
                .hint("name another with --config, or leave it out for the one in the data folder")),
            Err(ref error @ FileError::Line { ref path, line, .. }) => {
                let failure = Failure::because(Exit::Usage, error);
                Err(failure.hint(format!(
                    "mend line {line} of {}, or take it out; `codex-manager config keys` lists each key and what it may be",
                    path.display()
                )))
            }
            Err(error) => Err(Failure::because(Exit::Usage, &error)),
        }
    }

    fn choose(&self, setting: &'static Setting, said: &Said) -> Result<Chosen, Failure> {
        if let Some(chosen) = self.flag(setting)? {
            return Ok(chosen);
        }
        // A variable that is set to nothing counts as not set.
        let variable = setting.variable.and_then(|name| Some((name, (self.variable)(name)?)));
        if let Some((name, raw)) = variable.filter(|(_, raw)| !raw.is_empty()) {
            let value = setting.kind.read(&raw).map_err(|why| refused(name, setting, &why))?;
            return Ok(Chosen { value: Some(value), origin: Origin::Variable(name) });
        }
        if let Some((_, value, line)) = said.iter().find(|(said, ..)| said.key == setting.key) {
            return Ok(Chosen { value: Some(value.clone()), origin: Origin::File { line: *line } });
        }
        let value = setting.default.map(|text| setting.kind.read(OsStr::new(text)).expect("a default is of its kind"));
        Ok(Chosen { value, origin: Origin::Default })
    }

    fn flag(&self, setting: &'static Setting) -> Result<Option<Chosen>, Failure> {
        let Some(flag) = setting.flag else { return Ok(None) };
        let said = if flag.is_global { self.global.said(flag.name) } else { self.own.said(flag.name) };
        let Some([first, ..]) = said else { return Ok(None) };
        let name = format!("--{}", flag.name);
        let value = match (setting.kind, flag.part) {
            (Kind::Paths, _) => Ok(Value::Paths(said.unwrap_or_default().iter().map(PathBuf::from).collect())),
            (kind, Some(part)) => part(&first.to_string_lossy()).and_then(|part| kind.read(OsStr::new(&part))),
            (_, None) if first.is_empty() => return Ok(None),
            (kind, None) => kind.read(first),
        };
        let value = value.map_err(|why| refused(&name, setting, &why))?;
        Ok(Some(Chosen { value: Some(value), origin: Origin::Flag(flag.name) }))
    }
}

fn path(chosen: &Chosen) -> Option<PathBuf> {
    if let Some(Value::Path(path)) = &chosen.value { Some(path.clone()) } else { None }
}

/// A secret is not repeated, wrong as it may be.
fn refused(name: &str, setting: &Setting, why: &str) -> Failure {
    let why = if setting.is_secret { "it is not text" } else { why };
    Failure::new(Exit::Usage, format!("{name}: {why}")).hint(format!("it sets {}: {}", setting.key, setting.says))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;

    fn settings(line: &str, variable: fn(&str) -> Option<OsString>, file: &Path) -> Result<Settings, Failure> {
        let command = Flags::<true>::augment_args(Flags::<false>::augment_args(Command::new("serve")));
        let matches = command.try_get_matches_from(line.split(' ')).unwrap();
        let (global, own) = (Flags::from_arg_matches(&matches).unwrap(), Flags::from_arg_matches(&matches).unwrap());
        Sources { global: &global, own: &own, variable, file: Some(file) }.settings()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file_and_that_over_the_default() {
        let file = file("[listen]\nport = 1\n[log]\nlevel = \"warn\"\n[defaults]\nlocked = true\n[codex]\nbin = \"c\"");
        let variable = |name: &str| match name {
            "PORT" => Some("2".into()),
            "DEFAULT_SANDBOX_MODE" => Some("workspace-write".into()),
            "LOG_LEVEL" => Some("".into()),
            _ => None,
        };
        let found =
            settings("serve --listen 127.0.0.1:3 --session-defaults-locked=false", variable, file.path()).unwrap();
        let port = found.chosen(table::PORT);
        assert_eq!((port.value.clone(), port.origin.clone()), (Some(Value::Number(3)), Origin::Flag("listen")));
        assert!(!found.switch(table::DEFAULTS_LOCKED));
        assert_eq!(found.text(table::SANDBOX_MODE), Some("workspace-write"));
        assert_eq!(found.chosen(table::LOG_LEVEL).origin, Origin::File { line: 4 });
        assert_eq!(found.path(table::CODEX_BIN), Some(Path::new("c")));
        assert_eq!(found.text(table::APPROVAL_POLICY), Some("untrusted"));
        assert!(!found.is_set(table::APPROVAL_POLICY));

        let found = settings("serve", variable, file.path()).unwrap();
        assert_eq!(found.chosen(table::PORT).origin, Origin::Variable("PORT"));
        assert!(found.switch(table::DEFAULTS_LOCKED));
    }

    #[test]
    fn what_is_malformed_is_refused_by_its_name_and_a_secret_is_not_repeated() {
        let file = file("");
        let variable = |name: &str| (name == "ORCHESTRATOR_QUEUE_MAX_ATTEMPTS").then(|| "-1".into());
        let refused = settings("serve", variable, file.path()).unwrap_err().to_string();
        assert_eq!(refused, "ORCHESTRATOR_QUEUE_MAX_ATTEMPTS: \"-1\" is not a whole number from 1");
        let refused = settings("serve --listen nonsense", |_| None, file.path()).unwrap_err().to_string();
        assert!(refused.starts_with("--listen: "), "{refused}");
        let missing = settings("serve", |_| None, Path::new("/no/such/file")).unwrap_err().to_string();
        assert!(missing.contains("/no/such/file"), "{missing}");
    }
}
