//! The child's standard error: always drained, kept in a log of bounded size, its end remembered for the reason of an exit.
//!
//! Codex colours what it writes; colours and other control characters are taken out before anything is kept.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use codex_manager_model::limits;
use rustix::fs::OFlags;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

/// The last lines of one life.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    /// The last lines as one text, or `None` if there were none.
    pub(crate) fn text(&self) -> Option<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = lines.iter().map(String::as_str).collect::<Vec<_>>().join(" | ");
        (!text.is_empty()).then_some(text)
    }

    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_back(line.chars().take(limits::CHILD_STDERR_TAIL_BYTES_MAX / 8).collect());
        while lines.iter().map(String::len).sum::<usize>() > limits::CHILD_STDERR_TAIL_BYTES_MAX {
            lines.pop_front();
        }
    }
}

/// Reads `source` to its end, line by line, into the log at `path` and into `tail`. The log begins with `title`.
pub(crate) async fn drain(mut source: impl AsyncRead + Unpin, path: Option<PathBuf>, title: String, tail: Tail) {
    let mut log = Log::open(path, limits::CHILD_STDERR_BYTES_MAX).await;
    log.write(&format!("--- {title}\n")).await;
    let mut buffer = vec![0; 16 * 1024];
    let mut line = Vec::new();
    while let Ok(count @ 1..) = source.read(&mut buffer).await {
        let mut text = String::new();
        for byte in &buffer[..count] {
            match byte {
                b'\n' => text.push_str(&finish(&mut line, &tail)),
                _ if line.len() < limits::CHILD_STDERR_LINE_BYTES_MAX => line.push(*byte),
                _ => {}
            }
        }
        log.write(&text).await;
    }
    log.write(&finish(&mut line, &tail)).await;
}

fn finish(line: &mut Vec<u8>, tail: &Tail) -> String {
    let mut clean = plain(&String::from_utf8_lossy(line));
    line.clear();
    if clean.trim().is_empty() {
        return String::new();
    }
    tail.push(clean.trim());
    clean.push('\n');
    clean
}

/// The text without escape sequences and control characters.
fn plain(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\t' => result.push(' '),
            c if c.is_control() => {}
            c => result.push(c),
        }
    }
    result
}

/// Skips what follows an escape: `[ … letter`, `] … bell or escape \`, or one character.
fn skip_escape(rest: &mut std::str::Chars<'_>) {
    match rest.next() {
        Some('[') => while rest.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
        Some(']') => loop {
            match rest.next() {
                Some('\u{1b}') => {
                    rest.next();
                    return;
                }
                Some('\u{7}') | None => return,
                Some(_) => {}
            }
        },
        _ => {}
    }
}

/// A file that is put aside when it is full.
struct Log {
    path: Option<PathBuf>,
    file: Option<File>,
    size: u64,
    size_max: u64,
}

impl Log {
    async fn open(path: Option<PathBuf>, size_max: u64) -> Self {
        let mut log = Self { path, file: None, size: 0, size_max };
        log.reopen().await;
        log
    }

    /// Writes what can be written. A log that cannot be is no reason to stop draining.
    async fn write(&mut self, text: &str) {
        if self.size > 0 && self.size + text.len() as u64 > self.size_max {
            self.rotate().await;
        }
        if let Some(file) = &mut self.file
            && file.write_all(text.as_bytes()).await.is_ok()
            && file.flush().await.is_ok()
        {
            self.size += text.len() as u64;
        }
    }

    async fn rotate(&mut self) {
        let Some(path) = &self.path else { return };
        self.file = None;
        let mut aside = path.clone().into_os_string();
        aside.push(".1");
        // If it cannot be put aside it is emptied: the bound holds.
        if fs::rename(path, aside).await.is_err() {
            let _ = fs::remove_file(path).await;
        }
        self.reopen().await;
    }

    async fn reopen(&mut self) {
        let Some(path) = &self.path else { return };
        match open_private(path).await {
            Ok((file, size)) => (self.file, self.size) = (Some(file), size),
            Err(error) => tracing::warn!(path = %path.display(), %error, "the app-server's log cannot be written"),
        }
    }
}

async fn open_private(path: &Path) -> std::io::Result<(File, u64)> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).await?;
    }
    // A link would have us write into somebody else's file, and a pipe would have us wait for its reader.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(flags).open(path).await?;
    let size = file.metadata().await?.len();
    Ok((file, size))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn colours_and_control_characters_go() {
        let table = [
            ("\u{1b}[2m2026\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m x", "2026 ERROR x"),
            ("a\u{1b}]0;title\u{7}b\u{1b}]8;;http://x\u{1b}\\c", "abc"),
            ("a\tb\r\u{8}\u{1b}", "a b"),
            ("\u{1b}[31", ""),
            ("Grüße", "Grüße"),
        ];
        for (text, expected) in table {
            assert_eq!(plain(text), expected);
        }
    }

    #[tokio::test]
    async fn the_end_is_remembered_and_bounded() {
        let tail = Tail::default();
        assert_eq!(tail.text(), None);
        let text = format!("{}\n\n\u{1b}[31mfirst\u{1b}[0m\nlast", "x".repeat(1_000_000));
        drain(text.as_bytes(), None, String::new(), tail.clone()).await;
        let text = tail.text().unwrap();
        assert!(text.ends_with("x | first | last") && text.len() < 4096, "{text}");
    }

    #[tokio::test]
    async fn the_log_is_private_and_keeps_at_most_two_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/app-server.log");
        let mut log = Log::open(Some(path.clone()), 100).await;
        for number in 0..50 {
            log.write(&format!("line number {number}\n")).await;
        }
        let logs = path.parent().unwrap();
        assert_eq!(std::fs::metadata(logs).unwrap().permissions().mode() & 0o777, 0o700);
        let mut files: Vec<_> = std::fs::read_dir(logs).unwrap().map(|file| file.unwrap()).collect();
        files.sort_by_key(std::fs::DirEntry::file_name);
        assert_eq!(files.len(), 2);
        for file in &files {
            let data = file.metadata().unwrap();
            assert!(data.len() <= 100 && data.permissions().mode() & 0o777 == 0o600);
        }
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("line number 49\n"));
    }

    #[tokio::test]
    async fn a_link_in_the_logs_place_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, precious) = (folder.path().join("app-server.log"), folder.path().join("precious"));
        std::fs::write(&precious, "theirs").unwrap();
        std::os::unix::fs::symlink(&precious, &path).unwrap();
        drain("said\n".as_bytes(), Some(path), String::new(), Tail::default()).await;
        assert_eq!(std::fs::read_to_string(precious).unwrap(), "theirs");
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_written_does_not_stop_the_draining() {
        let tail = Tail::default();
        drain("said\n".as_bytes(), Some("/dev/null/log".into()), String::new(), tail.clone()).await;
        assert_eq!(tail.text().as_deref(), Some("said"));
    }
}
