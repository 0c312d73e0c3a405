//! What the child can do, found out without having it do anything.
//!
//! Codex answers a method that it does not know with the list of those that it knows. So one call of a method that
//! cannot be there tells them all, the ones that act included, which are never called for this. A child that keeps its
//! list to itself is asked what only tells; of what acts it is then unknown, until somebody has it called.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex as SyncMutex, MutexGuard, PoisonError};

use codex_manager_model::Generation;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use utoipa::{IntoParams, ToSchema};

use super::Codex;
use super::methods::{self, Kind};
use crate::service::{Error, code};

/// A method that no Codex has.
const NOBODYS: &str = "codexManager/whatIsThere";
/// How what Codex says of it goes on with those that it has.
const LIST_START: &str = "expected one of ";

/// The methods that are told of, by the names that clients know.
const TOLD: [&str; 29] = [
    "thread/fork",
    "thread/compact/start",
    "thread/rollback",
    "thread/backgroundTerminals/clean",
    "turn/steer",
    "review/start",
    "command/exec",
    "experimentalFeature/list",
    "collaborationMode/list",
    "skills/list",
    "skills/config/write",
    "skills/remote/read",
    "skills/remote/write",
    "app/list",
    "config/mcpServer/reload",
    "mcpServer/oauth/login",
    "item/tool/call",
    "item/tool/requestUserInput",
    "tool/requestUserInput",
    "config/read",
    "config/value/write",
    "config/batchWrite",
    "configRequirements/read",
    "feedback/upload",
    "account/read",
    "account/login/start",
    "account/login/cancel",
    "account/logout",
    "account/rateLimits/read",
];

/// Whether to find out again.
#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct ReadCapabilities {
    /// `true` finds out again instead of telling what is known.
    #[serde(default)]
    refresh: bool,
}

/// What the child can do.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Capabilities {
    /// `ok`
    #[schema(example = "ok")]
    status: &'static str,
    runtime: Runtime,
    /// By method.
    methods: BTreeMap<&'static str, Support>,
    /// By method, with the reason.
    details: BTreeMap<&'static str, Detail>,
    features: Features,
}

/// Of which child this is told.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Runtime {
    /// Whether it is ready now.
    initialized: bool,
    /// When it was found out; null when it never was.
    #[schema(value_type = Option<String>, format = DateTime)]
    capabilities_last_updated_at: Option<Timestamp>,
}

/// Whether it can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Support {
    /// It is there.
    Available,
    /// It is not there.
    Disabled,
    /// Nobody knows.
    Unknown,
}

/// Whether it can be had, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
struct Detail {
    status: Support,
    /// In words.
    reason: String,
}

/// What follows from it for clients.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Features {
    tool_user_input: bool,
    dynamic_tool_call: bool,
    thread_fork: bool,
    thread_compact: bool,
    thread_rollback: bool,
    thread_background_terminal_clean: bool,
    turn_steer: bool,
    review_start: bool,
    command_exec: bool,
    feedback_upload: bool,
    mcp_oauth: bool,
    mcp_reload: bool,
    account_lifecycle: bool,
    config_read: bool,
    config_write: bool,
    config_requirements: bool,
    apps: bool,
    skills: bool,
    collaboration_modes: bool,
    experimental_features: bool,
    plan_updates: bool,
    diff_updates: bool,
    token_usage: bool,
}

/// What is known of the present child.
#[derive(Default)]
pub(super) struct Known {
    /// Held while it is found out, so that those who come meanwhile find it there.
    found: Mutex<Option<Found>>,
    /// How often it was found out.
    times: AtomicU64,
    /// What a child said that it does not have when it was called.
    refused: SyncMutex<(Option<Generation>, HashSet<&'static str>)>,
}

/// What one child said of itself.
struct Found {
    generation: Option<Generation>,
    at: Timestamp,
    /// Every method that it knows, if it tells them.
    listed: Option<HashSet<String>>,
    /// What became of the questions that it was asked otherwise.
    asked: HashMap<&'static str, Detail>,
}

impl Codex {
    /// What the child can do, as far as it is known or can be found out. Of a child that is not ready, nothing.
    pub(crate) async fn capabilities(&self, read: ReadCapabilities) -> Capabilities {
        let times = self.known.times.load(Ordering::Acquire);
        let mut known = self.known.found.lock().await;
        let state = self.child.state();
        // What was found out while this waited for it is as fresh as it wants.
        let fresh = !read.refresh || self.known.times.load(Ordering::Acquire) > times;
        let present = known.as_ref().is_some_and(|found| found.generation == state.generation);
        if state.is_ready() && !(present && fresh) {
            match self.find_out(state.generation.clone()).await {
                Ok(found) => {
                    *known = Some(found);
                    self.known.times.fetch_add(1, Ordering::Release);
                }
                Err(error) => tracing::info!(%error, "the app-server did not say what it can do"),
            }
        }
        let found = known.as_ref().filter(|found| found.generation == state.generation && state.is_ready());
        let refused = self.known.refused_by(&state.generation);
        tell(found, &refused, state.is_ready())
    }

    async fn find_out(&self, generation: Option<Generation>) -> Result<Found, Error> {
        let at = self.clock.now();
        let listed = match self.child.ask(NOBODYS, json!({})).await {
            Err(error) if error.code.word == code::METHOD_NOT_SUPPORTED.word => list_in(&error.message),
            Err(error) if unanswered(&error) => return Err(error),
            _ => None,
        };
        let asked = if listed.is_none() { self.ask_each().await } else { HashMap::new() };
        self.known.forget(&generation);
        Ok(Found { generation, at, listed, asked })
    }

    /// Asks what only tells, all at once.
    async fn ask_each(&self) -> HashMap<&'static str, Detail> {
        let harmless = methods::ALL.iter().filter(|method| method.kind == Kind::Read && TOLD.contains(&method.name));
        let asked = harmless.map(|method| async {
            let answer = self.child.ask(method.name, json!({})).await;
            (method.name, Detail::of(&answer))
        });
        join_all(asked).await.into_iter().collect()
    }
}

impl Known {
    /// A child said that it does not have this method.
    pub(super) fn refused(&self, generation: Option<Generation>, method: &'static str) {
        let mut refused = self.lock();
        if refused.0 != generation {
            *refused = (generation, HashSet::new());
        }
        refused.1.insert(method);
    }

    fn refused_by(&self, generation: &Option<Generation>) -> HashSet<&'static str> {
        let refused = self.lock();
        if refused.0 == *generation { refused.1.clone() } else { HashSet::new() }
    }

    /// What it said is found out afresh.
    fn forget(&self, generation: &Option<Generation>) {
        *self.lock() = (generation.clone(), HashSet::new());
    }

    fn lock(&self) -> MutexGuard<'_, (Option<Generation>, HashSet<&'static str>)> {
        // It is changed as a whole.
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Detail {
    fn new(status: Support, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }

    /// What an answer says of the method. A refusal for another reason than that it is not there says that it is.
    fn of(answer: &Result<Value, Error>) -> Self {
        match answer {
            Ok(_) => Self::new(Support::Available, "it answers"),
            Err(error) if error.code.word == code::METHOD_NOT_SUPPORTED.word => {
                Self::new(Support::Disabled, "this Codex does not have it")
            }
            Err(error) if unanswered(error) => Self::new(Support::Unknown, error.message.clone()),
            Err(_) => Self::new(Support::Available, "it answers, with a refusal"),
        }
    }
}

/// Whether the child said nothing at all.
fn unanswered(error: &Error) -> bool {
    let silent = [code::CODEX_TIMEOUT, code::CODEX_STARTING, code::CODEX_RESTARTING, code::CODEX_STOPPED];
    silent.iter().any(|code| error.code.word == code.word)
}

/// The methods in `unknown variant …, expected one of …`.
fn list_in(message: &str) -> Option<HashSet<String>> {
    let (_, list) = message.split_once(LIST_START)?;
    let names: HashSet<String> = list.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    // A list in which not even this stands is no list of methods.
    names.contains("thread/start").then_some(names)
}

fn tell(found: Option<&Found>, refused: &HashSet<&str>, initialized: bool) -> Capabilities {
    let details: BTreeMap<&'static str, Detail> =
        TOLD.iter().map(|name| (*name, detail(name, found, refused))).collect();
    let methods = details.iter().map(|(name, detail)| (*name, detail.status)).collect();
    let features = Features::of(&methods);
    let runtime = Runtime { initialized, capabilities_last_updated_at: found.map(|found| found.at) };
    Capabilities { status: "ok", runtime, methods, details, features }
}

fn detail(name: &'static str, found: Option<&Found>, refused: &HashSet<&str>) -> Detail {
    match name {
        "item/tool/call" | "item/tool/requestUserInput" => {
            Detail::new(Support::Available, "Codex asks this, and this daemon has it answered")
        }
        "tool/requestUserInput" => Detail::new(Support::Disabled, "Codex asks item/tool/requestUserInput instead"),
        "thread/rollback" => match own_detail("thread/revert", found, refused) {
            Detail { status: Support::Available, .. } => Detail::new(Support::Available, "through thread/revert"),
            _ => own_detail(name, found, refused),
        },
        _ => own_detail(name, found, refused),
    }
}

fn own_detail(name: &'static str, found: Option<&Found>, refused: &HashSet<&str>) -> Detail {
    let Some(found) = found else { return Detail::new(Support::Unknown, "the app-server has not said so yet") };
    if refused.contains(name) {
        return Detail::new(Support::Disabled, "this Codex refused it as one that it does not have");
    }
    match &found.listed {
        Some(listed) if listed.contains(name) => Detail::new(Support::Available, "this Codex lists it"),
        Some(_) => Detail::new(Support::Disabled, "this Codex does not list it"),
        None => found.asked.get(name).cloned().unwrap_or_else(|| {
            Detail::new(
                Support::Unknown,
                "this Codex does not list its methods, and what acts is not called to find out",
            )
        }),
    }
}

impl Features {
    fn of(methods: &BTreeMap<&'static str, Support>) -> Self {
        let has = |name: &str| methods.get(name) == Some(&Support::Available);
        Self {
            tool_user_input: true,
            dynamic_tool_call: true,
            thread_fork: has("thread/fork"),
            thread_compact: has("thread/compact/start"),
            thread_rollback: has("thread/rollback"),
            thread_background_terminal_clean: has("thread/backgroundTerminals/clean"),
            turn_steer: has("turn/steer"),
            review_start: has("review/start"),
            command_exec: has("command/exec"),
            feedback_upload: has("feedback/upload"),
            mcp_oauth: has("mcpServer/oauth/login"),
            mcp_reload: has("config/mcpServer/reload"),
            account_lifecycle: ["account/read", "account/login/start", "account/logout"].iter().all(|name| has(name)),
            config_read: has("config/read"),
            config_write: has("config/value/write") || has("config/batchWrite"),
            config_requirements: has("configRequirements/read"),
            apps: has("app/list"),
            skills: has("skills/list"),
            collaboration_modes: has("collaborationMode/list"),
            experimental_features: has("experimentalFeature/list"),
            plan_updates: true,
            diff_updates: true,
            token_usage: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(listed: Option<&[&str]>) -> Found {
        let listed = listed.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let asked = HashMap::from([("config/read", Detail::of(&Ok(json!({}))))]);
        Found { generation: None, at: Timestamp::UNIX_EPOCH, listed, asked }
    }

    #[test]
    fn codex_own_words_are_the_list() {
        let words = "the app-server refused: Invalid request: unknown variant `a/b`, expected one of `initialize`, \
                     `thread/start`, `turn/steer`";
        let listed = list_in(words).unwrap();
        assert_eq!(listed.len(), 3);
        assert!(listed.contains("turn/steer") && !listed.contains("a/b"));
        for other in ["method not found", "expected one of `low`, `high`", "expected one of "] {
            assert!(list_in(other).is_none(), "{other}");
        }
    }

    #[test]
    fn what_is_listed_is_available_and_what_was_refused_is_not() {
        let found = found(Some(&["thread/start", "thread/revert", "account/logout"]));
        let told = tell(Some(&found), &HashSet::from(["account/logout"]), true);
        assert_eq!(told.methods["thread/rollback"], Support::Available);
        assert_eq!(told.details["thread/rollback"].reason, "through thread/revert");
        assert_eq!(told.methods["account/logout"], Support::Disabled);
        assert_eq!(told.methods["config/read"], Support::Disabled);
        assert!(told.features.thread_rollback && !told.features.config_read);
    }

    #[test]
    fn of_a_child_that_lists_nothing_what_acts_is_unknown() {
        let told = tell(Some(&found(None)), &HashSet::new(), true);
        assert_eq!(told.methods["config/read"], Support::Available);
        assert_eq!(told.methods["account/logout"], Support::Unknown);
        let none = tell(None, &HashSet::new(), false);
        assert_eq!(none.methods["config/read"], Support::Unknown);
        assert_eq!(none.methods.len(), TOLD.len());
    }

    #[test]
    fn everything_told_of_is_in_the_table_or_not_in_this_codex() {
        let not_called = ["item/tool/call", "item/tool/requestUserInput", "tool/requestUserInput", "thread/rollback"];
        for name in TOLD {
            let listed = methods::ALL.iter().any(|method| method.name == name);
            assert!(listed || not_called.contains(&name), "{name}");
        }
    }
}
