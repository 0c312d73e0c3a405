//! Sessions: create, list, read, send a message, interrupt.

use std::path::PathBuf;

use codex_manager_app_server::{AppServer, Contained};
use codex_manager_model::{
    Actor, ApprovalPolicy, Clock, Controls, FilesystemSandbox, NetworkAccess, Operation, Session, SessionId, TurnId,
};
use codex_manager_store::{SessionQuery, Store};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::cwd;
use super::health::NOT_CONTAINED;
use super::history::History;
use super::summary::summary;
use super::{Error, Kind, require_ready};
use crate::outbox::Outbox;
use crate::thread;

/// How many sessions one page holds at most, and when nothing is said.
const PAGE_MAX: u32 = 200;
const PAGE: u32 = 100;
/// How many tools a session may be given.
const TOOLS_MAX: usize = 128;

/// What a session starts with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateSession {
    pub(crate) cwd: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) approval_policy: Option<ApprovalPolicy>,
    pub(crate) network_access: Option<NetworkAccess>,
    pub(crate) filesystem_sandbox: Option<FilesystemSandbox>,
    #[serde(default)]
    pub(crate) dynamic_tools: Vec<Map<String, Value>>,
}

/// Which sessions to list.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ListSessions {
    #[serde(default)]
    pub(crate) archived: bool,
    pub(crate) limit: Option<u32>,
    /// Where the last page ended, as `nextCursor` told it.
    pub(crate) cursor: Option<String>,
}

/// A message, and what changes with it from here on.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendMessage {
    pub(crate) text: String,
    pub(crate) model: Option<String>,
    pub(crate) effort: Option<Effort>,
    pub(crate) approval_policy: Option<ApprovalPolicy>,
    pub(crate) network_access: Option<NetworkAccess>,
    pub(crate) filesystem_sandbox: Option<FilesystemSandbox>,
}

/// How hard the model thinks.
#[derive(Debug, Clone, Copy, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
}

/// Which turn to interrupt: the one that runs, when it does not say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Interrupt {
    pub(crate) turn_id: Option<TurnId>,
}

/// How sessions are made when their creator says nothing.
#[derive(Debug, Clone)]
pub(crate) struct Defaults {
    pub(crate) controls: Controls,
    pub(crate) cwd: String,
    /// Where no session may start.
    pub(crate) data_folder: PathBuf,
    /// The operator has said that sessions may run although nothing keeps them out of the data folder.
    pub(crate) allow_uncontained: bool,
}

/// The use cases of sessions.
#[derive(Clone)]
pub(crate) struct Sessions {
    store: Store,
    outbox: Outbox,
    child: AppServer,
    history: History,
    clock: Clock,
    defaults: Defaults,
}

impl Sessions {
    pub(crate) fn new(store: Store, outbox: Outbox, child: AppServer, clock: Clock, defaults: Defaults) -> Self {
        let history = History::new(store.clone(), child.clone());
        Self { store, outbox, child, history, clock, defaults }
    }

    /// Starts a thread and answers `{session, thread}`.
    ///
    /// # Errors
    /// Invalid when a tool lacks something or the folder will not do; unavailable without a child; `not_contained`; the child's own refusal.
    pub(crate) async fn create(&self, body: CreateSession, actor: Actor) -> Result<Value, Error> {
        check_tools(&body.dynamic_tools)?;
        let named = body.cwd.as_deref().map_or(Ok(()), |cwd| cwd::check(cwd, &self.defaults.data_folder));
        named.map_err(|wrong| Error::invalid("cwd", wrong))?;
        require_ready(&self.child, &self.clock)?;
        self.require_contained()?;
        let mut controls = self.defaults.controls.clone();
        controls.model = body.model.or(controls.model);
        overlay(&mut controls, body.approval_policy, body.network_access, body.filesystem_sandbox);
        let mut params = json!({
            "cwd": body.cwd.as_ref().unwrap_or(&self.defaults.cwd),
            "model": controls.model,
            "sandbox": controls.filesystem_sandbox,
            "approvalPolicy": policy(controls.approval_policy),
        });
        if !body.dynamic_tools.is_empty() {
            params["dynamicTools"] = json!(body.dynamic_tools);
        }
        let body = json!({ "params": params, "controls": controls });
        let started =
            self.outbox.perform(self.outbox.call("thread/start", None, body, actor.clone()), |_| Ok(())).await?;
        let thread = started.outcome.unwrap_or_default().get_mut("thread").map(Value::take).unwrap_or_default();
        let id = thread["id"].as_str().filter(|id| !id.is_empty()).map(SessionId::new);
        let id = id.ok_or_else(|| unnamed("thread"))?;
        self.keep(&id, actor).await;
        let session = self.require(&id).await?;
        Ok(json!({ "session": summary(&session), "thread": thread }))
    }

    /// A page of sessions, the most lately used first.
    pub(crate) async fn list(&self, query: ListSessions) -> Result<Value, Error> {
        let limit = query.limit.unwrap_or(PAGE);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Error::invalid("limit", &format!("must be between 1 and {PAGE_MAX}")));
        }
        let after = query.cursor.as_deref().map(read_cursor).transpose()?;
        let wanted = SessionQuery { archived: query.archived, limit, after };
        let page: Vec<Session> = self.store.read::<_, Error, _>(move |view| Ok(view.sessions(&wanted)?)).await?;
        let full = page.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        let next = page.last().filter(|_| full).map(write_cursor);
        let data: Vec<Value> = page.iter().map(summary).collect();
        Ok(json!({ "data": data, "nextCursor": next, "archived": query.archived }))
    }

    /// A session with its thread and its transcript: the child's history, and what only our log knows.
    pub(crate) async fn get(&self, id: &SessionId) -> Result<Value, Error> {
        let session = self.require(id).await?;
        require_ready(&self.child, &self.clock)?;
        let (thread, transcript) = self.history.read(&session).await?;
        Ok(json!({ "session": summary(&session), "thread": thread, "transcript": transcript }))
    }

    /// Sends a message and answers the turn's id.
    ///
    /// # Errors
    /// `session_not_found`; invalid when the text is empty; unavailable without a child, and then nothing was recorded;
    /// a timeout with an `operationId` when nobody knows whether it arrived.
    pub(crate) async fn send(&self, id: &SessionId, body: SendMessage, actor: Actor) -> Result<TurnId, Error> {
        let session = self.require(id).await?;
        if body.text.trim().is_empty() {
            return Err(Error::invalid("text", "must not be empty"));
        }
        require_ready(&self.child, &self.clock)?;
        self.require_contained()?;
        let mut controls = session.controls;
        controls.model = body.model.or(controls.model);
        overlay(&mut controls, body.approval_policy, body.network_access, body.filesystem_sandbox);
        let mut operation = self.outbox.call("turn/start", Some(id.clone()), Value::Null, actor);
        operation.body = json!({
            "params": {
                "threadId": id,
                "clientUserMessageId": operation.id,
                "input": [{ "type": "text", "text": body.text, "text_elements": [] }],
                "model": controls.model,
                "effort": body.effort,
                "approvalPolicy": policy(controls.approval_policy),
                "sandboxPolicy": sandbox_policy(&controls),
            },
            "controls": controls,
        });
        let started = self.outbox.perform(operation, |_| Ok(())).await?;
        turn_of(&started)
    }

    /// Interrupts a turn and answers its id.
    ///
    /// # Errors
    /// `no_active_turn` when none runs.
    pub(crate) async fn interrupt(&self, id: &SessionId, body: Interrupt, actor: Actor) -> Result<TurnId, Error> {
        self.require(id).await?;
        require_ready(&self.child, &self.clock)?;
        let turn = match body.turn_id {
            Some(turn) => turn,
            None => self.open_turn(id).await?,
        };
        let body = json!({ "params": { "threadId": id, "turnId": turn } });
        self.outbox.perform(self.outbox.call("turn/interrupt", Some(id.clone()), body, actor), |_| Ok(())).await?;
        Ok(turn)
    }

    /// The session, or `session_not_found`.
    pub(crate) async fn require(&self, id: &SessionId) -> Result<Session, Error> {
        let wanted = id.clone();
        let found: Option<Session> = self.store.read::<_, Error, _>(move |view| Ok(view.session(&wanted)?)).await?;
        found.ok_or_else(|| Error::not_found("session_not_found", "sessionId", id.as_str()))
    }

    async fn open_turn(&self, id: &SessionId) -> Result<TurnId, Error> {
        let wanted = id.clone();
        let open = self.store.read::<_, Error, _>(move |view| Ok(view.open_turn_of(&wanted)?)).await?;
        open.map(|turn| turn.id).ok_or_else(|| {
            Error::new(Kind::Conflict, "no_active_turn", format!("session {id} has no turn that runs"))
                .status("no_active_turn")
                .with("sessionId", id.as_str())
        })
    }

    /// Has Codex write the new thread down: until it has a name or a turn, it would not survive the child.
    async fn keep(&self, id: &SessionId, actor: Actor) {
        let body = json!({ "params": { "threadId": id, "name": thread::UNNAMED } });
        let named = self.outbox.perform(self.outbox.call("thread/name/set", Some(id.clone()), body, actor), |_| Ok(()));
        if let Err(error) = named.await {
            tracing::warn!(%error, session = %id, "a new thread is kept in the child's memory only until its first turn");
        }
    }

    /// Not contained, every sandbox mode can read the data folder: that takes the operator's word.
    fn require_contained(&self) -> Result<(), Error> {
        let state = self.child.state().borrow().clone();
        match state.contained {
            Contained::No { .. } if !self.defaults.allow_uncontained => Err(Error::new(
                Kind::Forbidden,
                "not_contained",
                format!("the app-server is not contained: {NOT_CONTAINED}"),
            )
            .hint("install bubblewrap and allow user namespaces, or start with --allow-uncontained")),
            _ => Ok(()),
        }
    }
}

fn overlay(
    controls: &mut Controls,
    approval_policy: Option<ApprovalPolicy>,
    network_access: Option<NetworkAccess>,
    filesystem_sandbox: Option<FilesystemSandbox>,
) {
    controls.approval_policy = approval_policy.unwrap_or(controls.approval_policy);
    controls.network_access = network_access.unwrap_or(controls.network_access);
    controls.filesystem_sandbox = filesystem_sandbox.unwrap_or(controls.filesystem_sandbox);
}

/// The policy in Codex's words; it no longer knows `on-failure`, and `on-request` is the nearest it has.
fn policy(policy: ApprovalPolicy) -> ApprovalPolicy {
    if policy == ApprovalPolicy::OnFailure { ApprovalPolicy::OnRequest } else { policy }
}

/// The sandbox of a turn, in Codex's words.
fn sandbox_policy(controls: &Controls) -> Value {
    let network = controls.network_access == NetworkAccess::Enabled;
    match controls.filesystem_sandbox {
        FilesystemSandbox::ReadOnly => json!({ "type": "readOnly", "networkAccess": network }),
        FilesystemSandbox::WorkspaceWrite => json!({ "type": "workspaceWrite", "networkAccess": network }),
        FilesystemSandbox::DangerFullAccess => json!({ "type": "dangerFullAccess" }),
    }
}

fn turn_of(operation: &Operation) -> Result<TurnId, Error> {
    let id = operation.outcome.as_ref().and_then(|result| result["turn"]["id"].as_str());
    id.map(TurnId::new).ok_or_else(|| unnamed("turn"))
}

fn unnamed(what: &str) -> Error {
    Error::new(Kind::Upstream, "codex_error", format!("the app-server started a {what} and did not say which"))
}

/// What a tool must have to be offered to Codex.
fn check_tools(tools: &[Map<String, Value>]) -> Result<(), Error> {
    if tools.len() > TOOLS_MAX {
        return Err(Error::invalid("dynamicTools", &format!("must be at most {TOOLS_MAX}")));
    }
    let named = |tool: &Map<String, Value>, member: &str| {
        tool.get(member).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
    };
    let whole = |tool: &Map<String, Value>| {
        named(tool, "name") && named(tool, "description") && tool.get("inputSchema").is_some_and(Value::is_object)
    };
    if tools.iter().all(whole) {
        return Ok(());
    }
    Err(Error::invalid("dynamicTools", "must each have a name, a description, and an inputSchema that is an object"))
}

/// Where a page ended: the last session's place in the order.
fn write_cursor(session: &Session) -> String {
    format!("{}.{}", session.updated_at.as_microsecond(), session.id)
}

fn read_cursor(text: &str) -> Result<(Timestamp, SessionId), Error> {
    let place = text.split_once('.').and_then(|(at, id)| {
        let at = Timestamp::from_microsecond(at.parse().ok()?).ok()?;
        Some((at, SessionId::new(id)))
    });
    place.ok_or_else(|| Error::invalid("cursor", "is not one that a list has given"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_is_told_in_the_words_of_the_child() {
        let mut controls = Controls::default();
        assert_eq!(sandbox_policy(&controls), json!({"type": "readOnly", "networkAccess": false}));
        controls.network_access = NetworkAccess::Enabled;
        controls.filesystem_sandbox = FilesystemSandbox::WorkspaceWrite;
        assert_eq!(sandbox_policy(&controls), json!({"type": "workspaceWrite", "networkAccess": true}));
        controls.filesystem_sandbox = FilesystemSandbox::DangerFullAccess;
        assert_eq!(sandbox_policy(&controls), json!({"type": "dangerFullAccess"}));
    }

    #[test]
    fn a_page_cursor_reads_back_and_nonsense_does_not() {
        let now = Timestamp::from_microsecond(1_500_007).unwrap();
        let session = thread::session(&json!({ "id": "a.b" }), now).unwrap();
        assert_eq!(read_cursor(&write_cursor(&session)).unwrap(), (now, session.id), "as exact as the store keeps it");
        for nonsense in ["", "abc", "x.y", "99999999999999999999.z"] {
            assert!(read_cursor(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn a_tool_is_whole_or_refused() {
        let whole = json!({ "name": "n", "description": "d", "inputSchema": {}, "more": 1 });
        let tool = |value: &Value| value.as_object().unwrap().clone();
        assert!(check_tools(&[tool(&whole)]).is_ok());
        for (member, value) in [("name", json!("")), ("description", json!(7)), ("inputSchema", json!([]))] {
            let mut broken = tool(&whole);
            broken.insert(member.to_owned(), value);
            assert!(check_tools(&[tool(&whole), broken.clone()]).is_err(), "{member}");
            broken.remove(member);
            assert!(check_tools(&[broken]).is_err(), "no {member}");
        }
        assert!(check_tools(&vec![tool(&whole); TOOLS_MAX + 1]).is_err());
    }
}
