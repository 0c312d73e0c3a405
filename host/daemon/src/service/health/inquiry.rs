//! What Codex itself says: whether it can use its configuration, and whether it needs a login. Asked when somebody wants to
//! know and it may have changed: there is another child, or another file in its folder.
//!
//! Codex reads its files anew for each call. With a configuration that it cannot use it is ready all the same, and then
//! refuses every thread.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use codex_manager_app_server::{AppServer, CallError};
use codex_manager_model::Generation;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::home::{CodexHome, Files};

/// How long somebody waits for what Codex says.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// How long Codex may take to say it.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What Codex was asked. Clones share it.
#[derive(Clone)]
pub(super) struct Inquiry {
    child: AppServer,
    home: CodexHome,
    said: Arc<Mutex<(Option<Occasion>, Said)>>,
    /// Held while it is asked.
    asking: Arc<tokio::sync::Mutex<()>>,
}

/// What Codex said last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    pub(super) configuration: Configuration,
    /// Whether turns would fail for want of a login.
    pub(super) lacks_login: Option<bool>,
}

/// Whether Codex can use its configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Configuration {
    /// It was not asked, or did not understand the question.
    #[default]
    Unknown,
    Ok,
    /// It cannot, and begins no thread.
    Refused,
}

/// For as long as this is the same, so is what Codex says.
type Occasion = (Option<Generation>, Files);

impl Inquiry {
    pub(super) fn new(child: AppServer, home: CodexHome) -> Self {
        Self { child, home, said: Arc::default(), asking: Arc::default() }
    }

    /// What it said last. What may be old is asked again, for whoever wants to know next.
    pub(super) fn last(&self) -> Said {
        self.ask_anew();
        self.said()
    }

    /// What it says now, if it says so soon; else what it said before. It is not asked once more for each that waits.
    pub(super) async fn now(&self) -> Said {
        let asked = async {
            // What is asked already may have been asked before something changed.
            drop(self.asking.lock().await);
            self.ask_anew();
            drop(self.asking.lock().await);
        };
        let _ = timeout(WAIT_MAX, asked).await;
        self.said()
    }

    fn said(&self) -> Said {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Asks, if there is something to ask about and nobody does. Goes on when nobody waits for it any longer.
    fn ask_anew(&self) {
        if self.due().is_some()
            && let Ok(turn) = Arc::clone(&self.asking).try_lock_owned()
        {
            let asked = self.clone();
            tokio::spawn(async move {
                asked.ask().await;
                drop(turn);
            });
        }
    }

    /// What there is to ask about, if there is and the child can be asked.
    fn due(&self) -> Option<Occasion> {
        let generation = {
            let state = self.child.state();
            let state = state.borrow();
            state.is_well().then(|| state.generation.clone())?
        };
        let occasion = (generation, self.home.look());
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        (said.0.as_ref() != Some(&occasion)).then_some(occasion)
    }

    async fn ask(&self) {
        let Some(occasion) = self.due() else { return };
        let configuration = match self.child.call_within("config/read", json!({}), ANSWER_MAX).await {
            Ok(_) => Configuration::Ok,
            Err(CallError::Rejected { message, .. }) if refuses_configuration(&message) => Configuration::Refused,
            Err(CallError::Rejected { .. } | CallError::Malformed { .. }) => Configuration::Unknown,
            // It was not asked, so this is no answer to keep.
            Err(_) => return,
        };
        let account = self.child.call_within("account/read", json!({}), ANSWER_MAX).await;
        let said = Said { configuration, lacks_login: account.ok().as_ref().and_then(lacks_login) };
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = (Some(occasion), said);
    }
}

impl Configuration {
    /// The word in health.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::Refused => "refused",
        }
    }
}

/// Codex has one number for all that goes wrong inside, so its words are looked at.
fn refuses_configuration(message: &str) -> bool {
    let message = message.to_lowercase();
    ["configuration", "model provider"].iter().any(|words| message.contains(words))
}

/// A provider may need no login, and a login may lie elsewhere than in a file.
fn lacks_login(account: &Value) -> Option<bool> {
    Some(account.get("requiresOpenaiAuth")?.as_bool()? && account.get("account").is_none_or(Value::is_null))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_of_the_configuration_when_its_words_are() {
        for (message, refuses) in [
            ("failed to read configuration layers: /h/config.toml:1:9: extra `=`, expected nothing", true),
            ("invalid configuration: invalid type: integer `5`, expected a string", true),
            ("failed to resolve feature override precedence: Model provider `nope` not found", true),
            ("method not found", false),
        ] {
            assert_eq!(refuses_configuration(message), refuses, "{message}");
        }
    }

    #[test]
    fn a_login_is_lacking_where_one_is_needed_and_nobody_is_logged_in() {
        for (account, lacks) in [
            (json!({ "account": null, "requiresOpenaiAuth": true }), Some(true)),
            (json!({ "account": null, "requiresOpenaiAuth": false }), Some(false)),
            (json!({ "account": { "type": "apiKey" }, "requiresOpenaiAuth": true }), Some(false)),
            (json!({ "account": null }), None),
            (json!([]), None),
        ] {
            assert_eq!(lacks_login(&account), lacks, "{account}");
        }
    }
}
