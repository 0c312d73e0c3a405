//! What is about to run: noted before a handler is called, so that the crash of the host is laid at its door.
//!
//! An append-only file, one line a beginning and one an end. It is written and not synced: it has to survive our own
//! crash and not the power's. A beginning without an end is one that a life of the host did not outlive.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use codex_manager_extension::ExtensionId;
use codex_manager_model::Seq;

/// How many lines may have become meaningless before the file is written anew.
const DEAD_LINES_MAX: usize = 4096;

/// What has begun and not ended.
pub(super) struct Begun(Mutex<Inner>);

struct Inner {
    path: PathBuf,
    file: File,
    lines: usize,
    open: Open,
}

/// By event and extension.
type Open = BTreeMap<Seq, BTreeMap<ExtensionId, Count>>;

/// How often something has begun without an end.
#[derive(Default, Clone, Copy)]
struct Count {
    /// In lives of the host that are over.
    earlier: u32,
    /// In this one.
    now: bool,
}

impl Begun {
    /// Reads what earlier lives have left, without what `is_done` by now, and writes it anew.
    ///
    /// # Errors
    /// When the file cannot be read or written. Lines that make no sense are passed over.
    pub(super) fn open(path: &Path, is_done: impl Fn(&ExtensionId, Seq) -> bool) -> io::Result<Self> {
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut open = Open::new();
        for (sign, seq, extension) in text.lines().filter_map(parse) {
            let of_event = open.entry(seq).or_default();
            match sign {
                '+' => of_event.entry(extension).or_default().earlier += 1,
                _ => drop(of_event.remove(&extension)),
            }
        }
        keep(&mut open, |extension, seq, _| !is_done(extension, seq));
        let file = write_anew(path, &open)?;
        Ok(Self(Mutex::new(Inner { path: path.to_owned(), file, lines: open.len(), open })))
    }

    /// How often each extension has begun with this event in earlier lives and not ended.
    pub(super) fn earlier(&self, seq: Seq) -> BTreeMap<ExtensionId, u32> {
        let inner = self.inner();
        let of_event = inner.open.get(&seq).into_iter().flatten().filter(|(_, count)| count.earlier > 0);
        of_event.map(|(extension, count)| (extension.clone(), count.earlier)).collect()
    }

    /// A handler is about to be called.
    pub(super) fn begin(&self, extension: &ExtensionId, seq: Seq) {
        let mut inner = self.inner();
        let count = inner.open.entry(seq).or_default().entry(extension.clone()).or_default();
        // One that runs again in the same life has begun once.
        if !std::mem::replace(&mut count.now, true) {
            inner.note('+', extension, seq);
        }
    }

    /// What came of it is recorded.
    pub(super) fn end(&self, extension: &ExtensionId, seq: Seq) {
        let mut inner = self.inner();
        let Some(of_event) = inner.open.get_mut(&seq) else { return };
        let begun = of_event.remove(extension).is_some();
        if of_event.is_empty() {
            inner.open.remove(&seq);
        }
        if begun {
            inner.note('-', extension, seq);
        }
    }

    /// This life ends as it should: whatever it has begun and leaves is nobody's fault.
    pub(super) fn leave(&self) {
        let mut inner = self.inner();
        keep(&mut inner.open, |_, _, count| {
            count.now = false;
            count.earlier > 0
        });
        inner.renew();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// A mark that cannot be written costs no more than that a crash is laid at nobody's door.
    fn note(&mut self, sign: char, extension: &ExtensionId, seq: Seq) {
        if let Err(error) = self.file.write_all(line(sign, seq, extension).as_bytes()) {
            tracing::warn!(%error, %extension, "what is about to run could not be noted");
        }
        self.lines += 1;
        if self.lines > DEAD_LINES_MAX + 2 * self.open.len() {
            self.renew();
        }
    }

    fn renew(&mut self) {
        match write_anew(&self.path, &self.open) {
            Ok(file) => self.file = file,
            Err(error) => tracing::warn!(%error, "the list of what is about to run could not be written anew"),
        }
        self.lines = self.open.len();
    }
}

fn keep(open: &mut Open, mut is_kept: impl FnMut(&ExtensionId, Seq, &mut Count) -> bool) {
    open.retain(|seq, of_event| {
        of_event.retain(|extension, count| is_kept(extension, *seq, count));
        !of_event.is_empty()
    });
}

/// Puts a file with nothing but what is open in place of the one that is there.
fn write_anew(path: &Path, open: &Open) -> io::Result<File> {
    let fresh = path.with_extension("new");
    let mut text = String::new();
    for (seq, of_event) in open {
        for (extension, count) in of_event {
            for _ in 0..count.earlier + u32::from(count.now) {
                text.push_str(&line('+', *seq, extension));
            }
        }
    }
    fs::remove_file(&fresh)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    let mut file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&fresh, path)?;
    Ok(file)
}

fn line(sign: char, seq: Seq, extension: &ExtensionId) -> String {
    format!("{sign} {seq} {extension}\n")
}

fn parse(line: &str) -> Option<(char, Seq, ExtensionId)> {
    let mut words = line.split(' ');
    let sign = words.next()?.chars().next().filter(|sign| matches!(sign, '+' | '-'))?;
    let seq = words.next()?.parse().ok()?;
    let extension = words.next()?.parse().ok()?;
    words.next().is_none().then_some((sign, Seq(seq), extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ExtensionId {
        text.parse().expect("an id")
    }

    fn open(folder: &tempfile::TempDir) -> Begun {
        Begun::open(&folder.path().join("begun"), |_, seq| seq == Seq(9)).expect("it is ours")
    }

    #[test]
    fn what_a_life_did_not_outlive_is_counted_and_what_ended_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        for life in 0..3 {
            let begun = open(&folder);
            let count = |seq| begun.earlier(Seq(seq)).get(&id("a.bad")).copied().unwrap_or(0);
            assert_eq!((count(7), count(8), count(9)), (life, 0, 0));
            for seq in [7, 8, 9] {
                begun.begin(&id("a.bad"), Seq(seq));
            }
            // A conflict: it runs again.
            begun.begin(&id("a.bad"), Seq(7));
            begun.end(&id("a.bad"), Seq(8));
        }
        let begun = open(&folder);
        assert_eq!(begun.earlier(Seq(7)), BTreeMap::from([(id("a.bad"), 3)]));
        begun.begin(&id("a.good"), Seq(7));
        begun.leave();
        assert_eq!(open(&folder).earlier(Seq(7)), BTreeMap::from([(id("a.bad"), 3)]), "it was left in good order");
        open(&folder).end(&id("a.bad"), Seq(7));
        assert!(open(&folder).earlier(Seq(7)).is_empty());
    }

    #[test]
    fn the_file_stays_small_and_lines_that_make_no_sense_are_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("begun");
        fs::write(&path, "+ 1 a.one\nnonsense\n+ 2\n- x a.one\n+ 3 a.one more\n+ 4 a.o").expect("it is ours");
        let begun = open(&folder);
        assert_eq!(begun.earlier(Seq(1)).len() + begun.earlier(Seq(2)).len() + begun.earlier(Seq(3)).len(), 1);
        for seq in 10..20_000 {
            begun.begin(&id("a.one"), Seq(seq));
            begun.end(&id("a.one"), Seq(seq));
        }
        assert!(fs::metadata(&path).expect("it is there").len() < 100_000);
        assert_eq!(open(&folder).earlier(Seq(1)).len(), 1);
    }
}
