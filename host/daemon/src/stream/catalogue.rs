//! Every kind of frame that there is, in one table: whom it reaches, how it is kept, what it says. From it the stream
//! knows what is for everybody, and the [document of the stream](super::asyncapi) is made. What Codex itself tells is in
//! the table of the app-server's own notifications, and is not written down again here.

use Keeping::{Control, Row};
use Payload::{Members, Nothing, Params, Signal};
use Scope::{Asker, Everybody, Session};

/// One kind of frame.
#[derive(Debug)]
pub(super) struct Kind {
    /// Its type.
    pub(super) name: &'static str,
    /// Whom it reaches.
    pub(super) scope: Scope,
    /// Where it stands.
    pub(super) keeping: Keeping,
    /// What its payload is.
    pub(super) payload: Payload,
    /// What it tells.
    pub(super) says: &'static str,
}

/// Whom a frame reaches. One that concerns the session of a worker reaches those alone who ask for that session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those who ask for its session, or for no session in particular.
    Session,
    /// All.
    Everybody,
    /// The one client that it answers.
    Asker,
}

/// Where a frame stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// It is a view of a row of the log: `seq`.
    Row,
    /// As its notification of Codex is kept.
    AsItsMethod(&'static str),
    /// It is about the stream itself, and is no event.
    Control,
}

/// What a payload is.
#[derive(Debug)]
pub(super) enum Payload {
    /// `null`, or none.
    Nothing,
    /// An object with these members, each with its type; a name that ends in `?` may be absent, types are parted by `|`,
    /// and one that begins with `#` is a schema by name.
    Members(&'static [(&'static str, &'static str)]),
    /// What Codex told, with what it speaks of.
    Signal,
    /// The params of Codex's message, as they were.
    Params,
}

/// Methods that have a short name.
pub(super) const ALIASES: [(&str, &str); 8] = [
    ("turn/plan/updated", "turn_plan_updated"),
    ("turn/diff/updated", "turn_diff_updated"),
    ("thread/tokenUsage/updated", "thread_token_usage_updated"),
    ("app/list/updated", "app_list_updated"),
    ("mcpServer/oauthLogin/completed", "mcp_oauth_completed"),
    ("account/updated", "account_updated"),
    ("account/login/completed", "account_login_completed"),
    ("account/rateLimits/updated", "account_rate_limits_updated"),
];

/// The short name of a method, if it has one.
pub(super) fn alias(method: &str) -> Option<&'static str> {
    ALIASES.iter().find(|(known, _)| *known == method).map(|(_, name)| *name)
}

/// Whether a frame of this type reaches everybody although it concerns one session.
pub(super) fn is_for_everybody(name: &str) -> bool {
    KINDS.iter().any(|kind| kind.name == name && kind.scope == Everybody)
}

/// The kinds that are rows of the log by their own name.
#[cfg(test)]
pub(crate) fn rows() -> impl Iterator<Item = &'static str> {
    KINDS.iter().filter(|kind| kind.keeping == Row).map(|kind| kind.name)
}

const fn kind(name: &'static str, scope: Scope, payload: Payload, says: &'static str) -> Kind {
    Kind { name, scope, keeping: Row, payload, says }
}

const fn short(name: &'static str, scope: Scope, method: &'static str, says: &'static str) -> Kind {
    Kind { name, scope, keeping: Keeping::AsItsMethod(method), payload: Params, says }
}

const fn control(name: &'static str, scope: Scope, payload: Payload, says: &'static str) -> Kind {
    Kind { name, scope, keeping: Control, payload, says }
}

const RESOLVED: &str = "resolved, or expired because its turn, its child or its session has ended";

/// Every kind of frame but what Codex tells under its own names.
#[rustfmt::skip]
pub(super) const KINDS: &[Kind] = &[
    // The stream itself.
    control("ready", Asker, Nothing, "the first frame: what was asked for, and where the log ends"),
    control("pong", Asker, Nothing, "the answer to a ping"),
    control("error", Asker, Nothing, "the answer to a command that is not understood; the connection stays"),
    control("gap", Asker, Members(&[("skipped", "number")]), "so many events that leave no row were missed at most; what they were pieces of comes as rows"),
    kind("deleted", Session, Nothing, "a row whose content was deleted with its session; the number stays"),

    // Codex, as it wrote.
    kind("notification", Session, Members(&[("method", "string"), ("params", "any")]), "a notification of Codex, raw; for a row with several views the last of them, for the session of a worker the only one"),
    kind("server_request", Session, Members(&[("id", "string"), ("method", "string"), ("params", "any")]), "a request of Codex that nobody here can answer: it is shown, and refused"),
    short("turn_plan_updated", Session, "turn/plan/updated", "a turn's plan"),
    short("turn_diff_updated", Session, "turn/diff/updated", "what a turn has changed so far, as one diff"),
    short("thread_token_usage_updated", Session, "thread/tokenUsage/updated", "how many tokens a session has used"),
    short("app_list_updated", Everybody, "app/list/updated", "the apps that there are"),
    short("mcp_oauth_completed", Everybody, "mcpServer/oauthLogin/completed", "a login at an MCP server is over"),
    short("account_updated", Everybody, "account/updated", "who is logged in"),
    short("account_login_completed", Everybody, "account/login/completed", "a login is over"),
    short("account_rate_limits_updated", Everybody, "account/rateLimits/updated", "how much of the account's limits is used"),

    // The child.
    kind("app_server_state", Everybody, Members(&[
        ("state", "string"), ("generation?", "string"), ("pid?", "number|null"), ("exit?", "object"), ("attempt?", "number"),
        ("retryAt?", "string"), ("reason?", "string"), ("lastExit?", "object|null"),
    ]), "Codex is ready, exited, restarting, in a crash-loop, or unusable"),

    // Pending interactions.
    kind("approval", Session, Members(APPROVAL), "Codex waits to be allowed something"),
    kind("approval_resolved", Session, Members(&[
        ("approvalId", "string"), ("status", "string"), ("decision?", "string|null"), ("scope?", "string|null"), ("response?", "object"),
        ("actor?", "string|null"),
    ]), RESOLVED),
    kind("tool_user_input_requested", Session, Members(REQUEST), "Codex, or an MCP server through it, asks a person"),
    kind("tool_user_input_resolved", Session, Members(&[
        ("requestId", "string"), ("status", "string"), ("decision?", "string|null"), ("actor?", "string|null"),
    ]), RESOLVED),
    kind("tool_call_requested", Session, Members(REQUEST), "Codex calls a tool that is the client's to run"),
    kind("tool_call_resolved", Session, Members(&[
        ("requestId", "string"), ("status", "string"), ("success?", "boolean|null"), ("decision?", "string|null"), ("actor?", "string|null"),
    ]), RESOLVED),

    // Turns and transcripts.
    kind("item_text", Session, Members(&[
        ("threadId", "string"), ("turnId", "string"), ("itemId", "string"), ("itemType", "string"), ("text", "string"), ("offset", "number"),
    ]), "what an item that still goes on has said so far; offset is where its next piece begins, in characters"),
    kind("turn_interrupted", Session, Members(&[
        ("threadId", "string"), ("turnId", "string"), ("reason", "string"), ("items", "array"),
    ]), "a turn was cut short because its child is gone"),
    kind("file_change.approval_requested", Session, Members(&[
        ("context", "object"), ("summary", "string"), ("details", "string"), ("sourceEvent", "string"), ("fileChangeStatus", "string"),
    ]), "a change of files waits for approval in a session of a project: what it is, and what led to it"),
    kind("turn.completed", Session, Members(&[
        ("context", "object"), ("hadFileChangeRequests", "boolean"), ("fileChangeRequestCount", "number"), ("turnTranscriptSnapshot", "string"),
    ]), "a turn is over, in a session of a project, in which changes of files waited for approval"),
    kind("transcript_updated", Session, Members(&[
        ("threadId", "string"), ("turnId", "string"), ("messageId", "string"), ("type", "string"), ("entry", "#TranscriptEntry"),
    ]), "somebody else than Codex wrote a row of a transcript"),
    kind("suggested_request_updated", Session, Members(&[
        ("sessionId", "string"), ("requestKey", "string"), ("status", "string"), ("suggestion?", "string"), ("error?", "string"),
    ]), "a suggestion for what to ask next"),

    // Sessions, projects, controls.
    kind("session_created", Session, Members(&[("session", "object"), ("sourceSessionId?", "string")]), "a session is there that was not before"),
    kind("session_renamed", Session, Members(&[("sessionId", "string"), ("title", "string")]), "a session is called something else"),
    kind("session_archived", Session, Members(&[("sessionId", "string")]), "a session was put away"),
    kind("session_unarchived", Session, Members(&[("sessionId", "string")]), "a session is back"),
    kind("session_rolled_back", Session, Members(&[("sessionId", "string"), ("turnIds", "array")]), "turns of a session were taken back"),
    kind("session_thread_missing", Session, Members(&[("sessionId", "string"), ("missing", "boolean")]), "Codex has lost the thread of a session, or has it again"),
    kind("session_controls_updated", Session, Members(&[("sessionId", "string"), ("scope", "string"), ("controls", "object")]), "what a session lets Codex do"),
    kind("session_settings_updated", Session, Members(&[("sessionId", "string"), ("scope", "string"), ("settings", "object")]), "the settings of a session"),
    kind("session_deleted", Everybody, Members(&[
        ("status", "string"), ("code", "string"), ("sessionId", "string"), ("title?", "string|null"), ("message", "string"), ("deletedAt", "string"),
    ]), "a session was deleted for good"),
    kind("session_erased", Session, Members(&[("sessionId", "string")]), "Codex has forgotten the thread of a deleted session too"),
    kind("session_kept_for_fork", Session, Members(&[("sessionId", "string")]), "Codex keeps the thread of a deleted session until the sessions that were forked from it are deleted too"),
    kind("session_project_updated", Everybody, Members(&[("sessionId", "string"), ("projectId", "string|null")]), "a session is in another project, or in none"),
    kind("project_upserted", Everybody, Members(&[("project", "object")]), "a project was made or changed"),
    kind("project_deleted", Everybody, Members(&[("projectId", "string"), ("sessionIds", "array")]), "a project is gone, and its sessions are in none"),
    kind("defaults_updated", Everybody, Members(&[("controls", "object")]), "the controls of sessions whose creator says nothing"),

    // Extensions.
    kind("extension_approved", Everybody, Members(EXTENSION), "somebody said yes to an extension, as it lies there"),
    kind("extension_enabled", Everybody, Members(EXTENSION), "an extension runs again"),
    kind("extension_disabled", Everybody, Members(EXTENSION), "an extension does not run for now"),
    kind("extension_revoked", Everybody, Members(EXTENSION), "somebody took their yes to an extension back"),
    kind("extension_quarantined", Everybody, Members(&[
        ("extensionId", "string"), ("digest", "string"), ("reason", "string"), ("at", "string"), ("durable", "boolean"),
    ]), "an extension failed too often, and does not run until somebody says so"),
    kind("extension_state_changed", Everybody, Members(&[
        ("extensionId", "string"), ("version", "string"), ("digest", "string"), ("state", "string"), ("reason", "string|null"),
    ]), "how far an approved version has come: compiling, ready, running, or unfit, which has a reason"),
    kind("extension_required_changed", Everybody, Members(&[
        ("extensionId", "string"), ("required", "boolean"), ("actor", "string"),
    ]), "whether the word of an extension is needed before anybody but a person accepts"),
    kind("extension_missed", Everybody, Members(&[("extensionId", "string"), ("from", "number"), ("to", "number")]), "retention has taken rows that an extension had yet to be told of"),
    kind("extension_reloaded", Everybody, Members(&[
        ("reloadId", "string"), ("result", "string"), ("snapshotVersion", "string"), ("errors", "array"), ("actor", "string"),
    ]), "the folders of extensions were looked at"),
    kind("extension_invoked", Session, Members(&[
        ("extensionId", "string"), ("version", "string"), ("digest", "string"), ("invocationId", "string"), ("event", "number"),
        ("outcome", "string"), ("sentence", "string|null"), ("actions", "array"),
    ]), "an extension was told of a row, and this came of it"),

    // Tokens.
    kind("token_created", Everybody, Members(&[
        ("tokenId", "string"), ("name", "string|null"), ("role", "string"), ("actor", "string"),
    ]), "a token was made"),
    kind("token_revoked", Everybody, Members(&[("tokenId", "string"), ("actor", "string")]), "a token is no longer valid"),
];

#[rustfmt::skip]
const APPROVAL: &[(&str, &str)] = &[
    ("approvalId", "string"), ("method", "string"), ("threadId", "string"), ("turnId", "string|null"), ("itemId", "string|null"),
    ("summary", "string"), ("details", "object"), ("createdAt", "string"), ("status", "string"),
];

#[rustfmt::skip]
const REQUEST: &[(&str, &str)] = &[
    ("requestId", "string"), ("method", "string"), ("threadId", "string"), ("turnId", "string|null"), ("itemId", "string|null"),
    ("summary", "string"), ("details", "object"), ("createdAt", "string"), ("status", "string"), ("questions?", "array"),
    ("callId?", "string|null"), ("tool?", "string"), ("arguments?", "any"),
];

const EXTENSION: &[(&str, &str)] =
    &[("extensionId", "string"), ("version", "string"), ("digest", "string"), ("actor", "string")];

/// What is told of Codex under its own names, by the beginning of the type, for messages that are not known yet too.
pub(super) const OF_CODEX: [Kind; 2] = [
    kind("app_server.request.", Session, Signal, "a request of Codex, under its normalized name"),
    kind("app_server.", Session, Signal, "a notification of Codex, under its normalized name"),
];

#[cfg(test)]
mod tests;
