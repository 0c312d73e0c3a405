//! One finding of the doctor.

use serde::Serialize;

use super::super::plain::plain;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Ok,
    /// It works, though not as well as it could.
    Warn,
    /// A daemon would not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) state: State,
    pub(super) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, state: State::Ok, message: message.into(), next: None }
    }

    pub(super) fn warn(name: &'static str, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { name, state: State::Warn, message: message.into(), next: Some(next.into()) }
    }

    pub(super) fn fail(name: &'static str, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { name, state: State::Fail, message: message.into(), next: Some(next.into()) }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let state = match self.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        let mut text = format!("{state:<5} {:<12} {}", self.name, plain(&self.message));
        if let Some(next) = &self.next {
            text.push_str(&format!("\n{:19}→ {}", "", plain(next)));
        }
        text
    }
}
