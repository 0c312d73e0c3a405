//! The file: TOML, written by a person, read once at the start. Whatever in it is not understood is refused with its line
//! and not passed over: a setting that was meant and not heeded is worse than a daemon that does not start.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::kind::{Kind, Value};
use super::setting::Setting;
use super::table::ALL;

/// More than anybody writes into it.
const BYTES_MAX: u64 = 1024 * 1024;
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// How much of a name may be mistaken before it is no slip any more, as one part in so many.
const SLIP: usize = 3;
/// Codex's own provider, which asks for a login.
const OPENAI: &str = "openai";

/// What the file says, each with its line.
pub(super) type Said = Vec<(&'static Setting, Value, usize)>;

/// Why the file is not heeded.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// It is a folder, a pipe, or too large.
    #[error("{} is not a file of at most {BYTES_MAX} bytes", path.display())]
    NotAFile { path: PathBuf },
    /// Others decide what is in it.
    #[error("{} can be changed by other users (owner {owner}, mode {mode:03o}); chown it to this user, and chmod go-w it", path.display())]
    Exposed { path: PathBuf, owner: u32, mode: u32 },
    /// A line of it is wrong.
    #[error("{}:{line}: {what}", path.display())]
    Line { path: PathBuf, line: usize, what: String },
}

/// Reads the file, if there is one.
pub(super) fn read(path: &Path) -> Result<Option<Said>, FileError> {
    let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
    let flags = OFlags::NONBLOCK.bits() as i32;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        // Where the folder is no folder there is no file either; that it is none is said elsewhere.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    };
    check(path, &file, geteuid().as_raw())?;
    let mut text = String::new();
    file.take(BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
    parse(&text).map(Some).map_err(|(at, what)| {
        let line = line_of(&text, at);
        FileError::Line { path: path.to_owned(), line, what }
    })
}

/// Whoever can write it decides what this program runs.
fn check(path: &Path, file: &File, user: u32) -> Result<(), FileError> {
    let found = file.metadata().map_err(|source| FileError::Unreadable { path: path.to_owned(), source })?;
    if !found.is_file() || found.len() > BYTES_MAX {
        return Err(FileError::NotAFile { path: path.to_owned() });
    }
    let (owner, mode) = (found.uid(), found.mode() & 0o777);
    match (owner == user || owner == 0) && mode & WRITABLE_BY_OTHERS == 0 {
        true => Ok(()),
        false => Err(FileError::Exposed { path: path.to_owned(), owner, mode }),
    }
}

/// Something wrong, and the byte where it begins.
type Wrong = (usize, String);

fn parse(text: &str) -> Result<Said, Wrong> {
    let table =
        DeTable::parse(text).map_err(|error| (error.span().unwrap_or_default().start, error.message().to_owned()))?;
    let mut said = Said::new();
    gather(text, table.get_ref(), "", &mut said)?;
    Ok(said)
}

/// Takes up a table and those in it.
fn gather(text: &str, table: &DeTable<'_>, prefix: &str, said: &mut Said) -> Result<(), Wrong> {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
        let at = name.span().start;
        match (ALL.iter().find(|setting| setting.key == key), value.get_ref()) {
            (Some(setting), _) if !setting.in_file => return Err((at, elsewhere(setting))),
            (Some(setting), found) => {
                let read = value_of(setting.kind, found, slice(text, value.span()));
                let read = read.map_err(|why| (value.span().start, format!("{key}: {why}")))?;
                said.push((setting, read, line_of(text, at)));
            }
            (None, DeValue::Table(inner)) if is_table(&key) => gather(text, inner, &key, said)?,
            (None, _) if is_table(&key) => return Err((at, no_table(&key))),
            (None, _) => return Err((at, unknown(&key))),
        }
    }
    Ok(())
}

fn is_table(key: &str) -> bool {
    ALL.iter().any(|setting| setting.in_file && setting.key.split_once('.').is_some_and(|(table, _)| table == key))
}

/// It is a setting, and not one for the file: a secret, or what says where the file lies.
fn elsewhere(setting: &Setting) -> String {
    let flag = setting.flag.map(|flag| format!("--{}", flag.name));
    let names: Vec<_> = flag.into_iter().chain(setting.variable.map(str::to_owned)).collect();
    format!("{} cannot stand in this file; set it with {}", setting.key, names.join(" or "))
}

/// One value was written where there is a table of them.
fn no_table(table: &str) -> String {
    let keys = in_file().filter_map(|known| known.split_once('.')).filter(|(known, _)| *known == table);
    let keys: Vec<_> = keys.map(|(_, key)| key).collect();
    format!("{table} is no setting but a table of them; write [{table}], and below it {}", keys.join(", "))
}

fn unknown(key: &str) -> String {
    let tables = ALL.iter().filter_map(|setting| setting.key.split_once('.')).map(|(table, _)| table);
    let nearest = in_file().chain(tables).map(|known| (strsim::osa_distance(key, known), known)).min();
    // One that was written outside of its table is no slip of the pen.
    let namesake = in_file().find(|known| known.split_once('.').is_some_and(|(_, name)| name == key));
    match (namesake, nearest) {
        (Some(near), _) => format!("there is no setting {key}; did you mean {near}?"),
        (None, Some((distance, near))) if distance <= (key.len() / SLIP).max(1) => {
            format!("there is no setting {key}; did you mean {near}?")
        }
        _ => format!("there is no setting {key}"),
    }
}

/// The keys that the file may have.
fn in_file() -> impl Iterator<Item = &'static str> {
    ALL.iter().filter(|setting| setting.in_file).map(|setting| setting.key)
}

fn value_of(kind: Kind, found: &DeValue<'_>, raw: &str) -> Result<Value, String> {
    match (kind, found) {
        (Kind::Switch, DeValue::Boolean(on)) => Ok(Value::Switch(*on)),
        (Kind::Number { .. }, DeValue::Integer(number)) => {
            let number = u64::from_str_radix(number.as_str(), number.radix()).map_err(|_| kind.wants(raw))?;
            kind.number(number)
        }
        (Kind::Paths, DeValue::Array(paths)) => {
            let each =
                paths.iter().map(|path| path.get_ref().as_str().ok_or_else(|| kind.wants(raw)).and_then(absolute));
            each.collect::<Result<_, _>>().map(Value::Paths)
        }
        (Kind::Path, DeValue::String(path)) => absolute(path).map(Value::Path),
        (Kind::Program, DeValue::String(name)) if !name.contains('/') => Ok(Value::Path(name.as_ref().into())),
        (Kind::Program, DeValue::String(path)) => absolute(path).map(Value::Path),
        (Kind::Text | Kind::Words(_), DeValue::String(text)) => kind.read(text.as_ref().as_ref()),
        _ => Err(kind.wants(raw)),
    }
}

/// The file has no folder of its own to start from that its writer would think of.
fn absolute(path: &str) -> Result<PathBuf, String> {
    if Path::new(path).is_absolute() { Ok(path.into()) } else { Err(format!("{path:?} is not an absolute path")) }
}

fn slice(text: &str, span: Range<usize>) -> &str {
    text.get(span).unwrap_or_default().trim_matches(['"', '\''])
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// What a `config.toml` of Codex says of its model's provider, which is nothing where it names none; `Err` is what is wrong
/// with the text, and its line.
pub(in crate::cli) fn codex_provider(text: &str) -> Result<Option<CodexProvider>, (usize, String)> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().unwrap_or_default().start;
        (line_of(text, at), error.message().to_owned())
    })?;
    let top = table.get_ref();
    let inner = |name: &str, key: &str| top.get(name)?.get_ref().as_table()?.get(key)?.get_ref().as_table();
    let profile = named(top, "profile").and_then(|name| inner("profiles", &name));
    let name = profile.and_then(|profile| named(profile, "model_provider")).or_else(|| named(top, "model_provider"));
    Ok(name.map(|name| {
        let asks = inner("model_providers", &name).and_then(|provider| provider.get("requires_openai_auth"));
        let needs_login = name == OPENAI || asks.and_then(|asks| asks.get_ref().as_bool()) == Some(true);
        CodexProvider { name, needs_login }
    }))
}

/// The provider of Codex's model.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct CodexProvider {
    pub(in crate::cli) name: String,
    /// Whether it is asked with a login.
    pub(in crate::cli) needs_login: bool,
}

fn named(table: &DeTable<'_>, key: &str) -> Option<String> {
    table.get(key).and_then(string)
}

fn string(value: &Spanned<DeValue<'_>>) -> Option<String> {
    value.get_ref().as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn written(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn what_is_said_is_taken_with_its_line() {
        let text = "# mine\n[listen]\nport = 4_000\n\n[codex]\nbin = 'codex'\nallow_uncontained = true\n\
                    [extensions]\nfolders = [\"/a\", \"/b\"]\n";
        let mut said: Vec<_> = parse(text).unwrap().into_iter().map(|(s, value, line)| (line, s.key, value)).collect();
        said.sort_by_key(|(line, ..)| *line);
        let expected = [
            (3, "listen.port", Value::Number(4000)),
            (6, "codex.bin", Value::Path("codex".into())),
            (7, "codex.allow_uncontained", Value::Switch(true)),
            (9, "extensions.folders", Value::Paths(vec!["/a".into(), "/b".into()])),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_line() {
        for (text, line, part) in [
            ("[codex]\nbim = \"x\"", 2, "no setting codex.bim; did you mean codex.bin?"),
            ("\n[lisen]\nport = 1", 2, "did you mean listen?"),
            ("port = 1", 1, "there is no setting port; did you mean listen.port?"),
            ("weather = 1", 1, "there is no setting weather"),
            ("codex = 1", 1, "codex is no setting but a table of them; write [codex], and below it bin, home,"),
            ("listen = \"127.0.0.1:1\"", 1, "write [listen], and below it host, port,"),
            ("[listen]\nport = 70000", 2, "listen.port: \"70000\" is not a whole number from 0 to 65535"),
            ("[listen]\nport = \"1\"", 2, "listen.port"),
            ("[codex]\nbin = \"bin/codex\"", 2, "not an absolute path"),
            ("data_dir = \"/x\"", 1, "--data-dir or DATA_DIR"),
            ("[codex]\nopenai_api_key = \"sk-1\"", 2, "set it with OPENAI_API_KEY"),
            ("[defaults]\nsandbox_mode = \"none\"", 2, "one of read-only, workspace-write"),
            ("[listen]\nport = 1\nport = 2", 3, "duplicate"),
            ("a = = 1", 1, ""),
        ] {
            let (_folder, path) = written(text, 0o600);
            let refused = read(&path).unwrap_err();
            assert!(matches!(&refused, FileError::Line { line: found, .. } if *found == line), "{text}: {refused}");
            assert!(refused.to_string().contains(part), "{text}: {refused}");
            assert!(!refused.to_string().contains("sk-1"), "{refused}");
        }
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        for mode in [0o620, 0o602, 0o666] {
            let (_folder, path) = written("", mode);
            assert!(matches!(read(&path), Err(FileError::Exposed { .. })), "{mode:o}");
        }
        let (folder, path) = written("", 0o644);
        assert!(read(&path).unwrap().is_some_and(|said| said.is_empty()));
        let theirs = geteuid().as_raw() + 1;
        let foreign = check(&path, &File::open(&path).unwrap(), theirs);
        assert_eq!(foreign.is_err(), geteuid().as_raw() != 0);
        assert!(matches!(read(folder.path()), Err(FileError::NotAFile { .. })));
        assert!(read(&folder.path().join("nothing")).unwrap().is_none());
    }

    #[test]
    fn the_provider_is_that_of_the_profile_in_use() {
        for (text, provider) in [
            ("model_provider = \"ollama\"", Some(("ollama", false))),
            ("model_provider = \"openai\"", Some(("openai", true))),
            ("model_provider = \"a\"\nprofile = \"p\"\n[profiles.p]\nmodel_provider = \"b\"", Some(("b", false))),
            ("model_provider = \"a\"\n[profiles.p]\nmodel_provider = \"b\"", Some(("a", false))),
            ("model_provider = \"a\"\n[model_providers.a]\nrequires_openai_auth = true", Some(("a", true))),
            ("[profiles.p]\nmodel_provider = \"b\"", None),
        ] {
            let found = codex_provider(text).unwrap().map(|found| (found.name, found.needs_login));
            assert_eq!(found, provider.map(|(name, needs)| (name.to_owned(), needs)), "{text}");
        }
        assert_eq!(codex_provider("model = 'm'\nmodel_provider = = 1").unwrap_err().0, 2);
    }
}
