//! What an extension may call, one small trait a capability. `Host` implements those that the manifest declares; what
//! [`fake`](crate::fake) has implements them for tests.

use serde_json::Value;

use crate::Fault;

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever follows every step.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// For whoever looks.
    Info,
    /// Something that should be looked at.
    Warn,
    /// Something that went wrong.
    Error,
}

impl Level {
    /// Its name at the boundary.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Lines for whoever looks after the extension, kept also when the handler fails afterwards.
#[diagnostic::on_unimplemented(
    message = "this extension has no capability `log`",
    note = "declare it in extension.toml: [capabilities.log] with a `reason`"
)]
pub trait Log {
    /// Writes one line.
    fn log(&self, level: Level, message: &str);
}

/// The extension's settings, as the operator set them.
#[diagnostic::on_unimplemented(
    message = "this extension has no capability `config`",
    note = "declare it in extension.toml: [capabilities.config] with a `reason`"
)]
pub trait Config {
    /// The value of a setting, or its default; none if it has neither.
    fn setting(&self, name: &str) -> Option<Value>;
}

/// What the extension keeps between invocations. What a handler writes is kept together with its group, or not at all.
#[diagnostic::on_unimplemented(
    message = "this extension has no capability `kv`",
    note = "declare it in extension.toml: [capabilities.kv] with a `reason`"
)]
pub trait Kv {
    /// The value under `key`.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn get(&self, key: &str) -> Result<Option<String>, Fault>;

    /// Puts `value` under `key`: 1 to 512 bytes, and at most 256 KiB.
    ///
    /// # Errors
    ///
    /// When either is too long or the quota is full.
    fn set(&self, key: &str, value: &str) -> Result<(), Fault>;

    /// Removes what is under `key`, if anything is.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn delete(&self, key: &str) -> Result<(), Fault>;

    /// At most `limit` of the keys that begin with `prefix`, in the order of their bytes, those behind `after`.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn keys(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Fault>;
}

/// The sessions that the extension may look at. Answers have the shapes of the daemon's REST interface.
#[diagnostic::on_unimplemented(
    message = "this extension has no capability `sessions`",
    note = "declare it in extension.toml: [capabilities.sessions] with a `reason`"
)]
pub trait Sessions {
    /// One session, without its items.
    ///
    /// # Errors
    ///
    /// When there is no answer now.
    fn session(&self, session: &str) -> Result<Option<Value>, Fault>;

    /// At most `limit` sessions, the most recently changed first, those behind the session `after`.
    ///
    /// # Errors
    ///
    /// When there is no answer now.
    fn sessions(&self, after: Option<&str>, limit: u32) -> Result<Vec<Value>, Fault>;

    /// At most `limit` items of a session, the oldest first, those behind the item `after`; none without such a session.
    ///
    /// # Errors
    ///
    /// When there is no answer now.
    fn items(&self, session: &str, after: Option<&str>, limit: u32) -> Result<Option<Vec<Value>>, Fault>;
}
