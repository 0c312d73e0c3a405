//! Every code that an answer can carry: what it means, and what to do then.
//!
//! One table. Errors are made from its lines, the document of the API lists them, and `codex-manager explain` prints
//! them, so no code is told that is not explained. Codes are never renamed: clients match them.

use super::Kind;

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Code {
    /// The stable word, as clients match it.
    pub(crate) word: &'static str,
    /// Which kinds of "no" it can be; the first unless the error says otherwise.
    pub(crate) kinds: &'static [Kind],
    /// What has happened, in general.
    pub(crate) means: &'static str,
    /// The next step.
    pub(crate) then: &'static str,
}

/// The line of a word, as `code` in an answer has it, or `type`, or as somebody says it.
pub(crate) fn find(word: &str) -> Option<&'static Code> {
    let word = word.trim().rsplit('/').next().unwrap_or_default().to_ascii_lowercase().replace(['-', ' '], "_");
    ALL.iter().copied().find(|code| code.word == word)
}

/// Writes the table: each line becomes a constant, and a member of [`ALL`].
macro_rules! codes {
    ($($name:ident $word:literal [$($kind:ident),+] $means:literal $then:literal)+) => {
        $(
            #[doc = $means]
            pub(crate) const $name: &Code =
                &Code { word: $word, kinds: &[$(Kind::$kind),+], means: $means, then: $then };
        )+

        /// All of them.
        pub(crate) const ALL: &[&Code] = &[$($name),+];
    };
}

codes! {
    // What the request itself gets wrong.
    INVALID_REQUEST "invalid_request" [Invalid]
        "The body, the query or the path is not what the operation takes."
        "`issues` names each member and what is wrong with it; the document at /api/openapi.json says what it should be."
    BODY_TOO_LARGE "body_too_large" [TooLarge]
        "The request's body is longer than any may be."
        "Send less at once."
    URI_TOO_LONG "uri_too_long" [AddressTooLong]
        "The request's address, path and query together, is longer than any may be."
        "Put what is long into the body."
    HEAD_TOO_LARGE "head_too_large" [HeadTooLarge]
        "The request's line and headers together are larger than any may be."
        "Send fewer or shorter headers."
    BODY_TOO_SLOW "body_too_slow" [TooSlow]
        "The request's body did not arrive in time."
        "Send the body at once, after the headers."
    UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" [WrongMedia]
        "The request has a body that is not plain JSON."
        "Send `Content-Type: application/json`, and no `Content-Encoding`."
    ROUTE_NOT_FOUND "route_not_found" [NotFound]
        "There is no such route."
        "The document at /api/openapi.json lists the routes that there are."
    METHOD_NOT_ALLOWED "method_not_allowed" [WrongMethod]
        "The route is there, and does not answer this method."
        "The header `Allow` names the methods that it answers."
    RATE_LIMITED "rate_limited" [TooMany]
        "This token has sent more requests than are taken in a while."
        "Wait as long as `Retry-After` says, then go on more slowly."
    TOO_MANY_ANSWERS "too_many_answers" [Unavailable]
        "So many large answers are under way that there is no room for another."
        "Wait as long as `Retry-After` says; read answers as they come, or ask for less at once with `limit`."

    // Who asks.
    UNAUTHENTICATED "unauthenticated" [Unauthenticated]
        "No valid token came with the request: none, a wrong one, one that has ended or was revoked."
        "Send `Authorization: Bearer <token>`; the file `token` in the data folder holds one, and a daemon that starts makes it anew if it has ended."
    INSUFFICIENT_ROLE "insufficient_role" [Forbidden]
        "The token is valid, and its role is not enough for this."
        "Use a token of one of the roles in `required`; `codex-manager tokens create` makes one."
    HOST_NOT_ALLOWED "host_not_allowed" [Misdirected]
        "The request's Host header names another machine, as that of a page does that rebinds its name."
        "Use 127.0.0.1, [::1] or localhost with the daemon's port, or a name that the daemon was told of."
    ORIGIN_NOT_ALLOWED "origin_not_allowed" [Forbidden]
        "A web page of another origin made the request."
        "Make the request from a program; pages of other origins are never let in."
    INVALID_ROLE_CLAIM "invalid_role_claim" [Forbidden]
        "The bearer is a valid JSON web token, and what it says is no role."
        "Have it made with one of the roles in `roles`, in the claim that the daemon was told of."
    MISSING_HEADER_TOKEN "missing_header_token" [Unauthenticated]
        "This daemon asks for a role in a header here, and the secret beside it is missing."
        "Send the secret as `x-codex-rbac-token`, beside your bearer token."
    INVALID_HEADER_TOKEN "invalid_header_token" [Unauthenticated]
        "The secret in `x-codex-rbac-token` is not the one that this daemon was given."
        "Ask whoever runs the daemon for the right one."
    MISSING_ROLE "missing_role" [Unauthenticated]
        "This daemon asks for a role in a header here, and there is none."
        "Send one of the roles in `roles` as `x-codex-role`; it can only take away from what your token may."
    INVALID_ROLE "invalid_role" [Invalid]
        "What `x-codex-role` says is no role."
        "Send one of those in `roles`."

    // Sessions.
    SESSION_NOT_FOUND "session_not_found" [NotFound]
        "There is no session of that id."
        "`GET /api/sessions` lists those that there are."
    SESSION_DELETED "session_deleted" [Gone]
        "The session was deleted for good."
        "Forget its id; nothing brings it back."
    ROW_NOT_FOUND "row_not_found" [NotFound]
        "The transcript has no row of that id: it never had, or the row has gone meanwhile."
        "Begin again without `before`, which tells the last rows."
    SYSTEM_SESSION "system_session" [Forbidden]
        "The session belongs to a worker of the queue; it can be read, and not used."
        "Use a session of your own."
    NOT_MATERIALIZED "not_materialized" [Conflict]
        "Codex has not written the thread down yet: no turn of it was ever accepted."
        "Send a message first."
    THREAD_MISSING "thread_missing" [Conflict]
        "Codex no longer has the thread of the session; what is left is our own record of it."
        "Read what was said in it; to go on, make a new session."
    NO_ACTIVE_TURN "no_active_turn" [Conflict]
        "No turn runs in the session, so there is nothing to interrupt or to steer."
        "Send a message to begin one."
    STEER_CONFLICT "conflict" [Conflict]
        "Another turn runs than the one that was to be steered, or none."
        "Read the session for the turn that runs, or send a message to begin one."
    STEER_NOT_ELIGIBLE "not_eligible" [Conflict]
        "The turn that runs is of a kind that cannot be steered, such as a review."
        "Wait for its end, or interrupt it."
    STEER_FAILED "failed" [Invalid]
        "Codex did not take what was to be said to the turn."
        "The message has its words."
    TURN_NOT_FOUND "turn_not_found" [NotFound]
        "The session has no such turn."
        "Read the session for its turns."
    DEFAULTS_LOCKED "defaults_locked" [Locked]
        "The defaults of new sessions are managed by whoever runs the daemon."
        "Change the session's own controls, or start the daemon without SESSION_DEFAULTS_LOCKED."
    NOT_CONTAINED "not_contained" [Forbidden]
        "Codex is not contained here: its commands could read the daemon's data folder."
        "Install bubblewrap and allow user namespaces, or start with --allow-uncontained."

    MISSING_SUGGESTION "missing_suggestion" [Invalid]
        "A suggestion that is complete has no text."
        "Send `suggestion` with it, or another status."

    // Projects.
    PROJECT_NOT_FOUND "project_not_found" [NotFound]
        "There is no project of that id."
        "`GET /api/projects` lists those that there are."
    DUPLICATE_NAME "duplicate_name" [Conflict]
        "Another project has this name; upper and lower case are the same."
        "Take another name, or use the project in `projectId`."
    PROJECT_NOT_EMPTY "project_not_empty" [Conflict]
        "The project still has sessions."
        "Move them out or delete them, then delete the project."
    TOO_MANY_PROJECTS "too_many_projects" [Conflict]
        "There are as many projects as there may be."
        "Delete one that is no longer needed."
    NOT_MATERIALIZED_SESSIONS "not_materialized_sessions" [Conflict]
        "Some sessions have no turn yet and cannot be archived; nothing was moved."
        "Send each of `sessionIds` a message, delete it, or move everything to `unassigned`."

    // Pending interactions.
    APPROVAL_NOT_FOUND "approval_not_found" [NotFound]
        "There is no approval of that id."
        "`GET /api/approvals` lists those that are pending."
    TOOL_INPUT_NOT_FOUND "tool_input_not_found" [NotFound]
        "There is no request for input of that id."
        "`GET /api/tool-input` lists those that are pending."
    TOOL_CALL_NOT_FOUND "tool_call_not_found" [NotFound]
        "There is no tool call of that id."
        "`GET /api/tool-calls` lists those that are pending."
    PAGE_GONE "page_gone" [Gone]
        "What the page before this one ended with is not there any more."
        "Begin again, without a cursor."
    ALREADY_DECIDED "already_decided" [NotFound]
        "Somebody has decided already; `decidedBy`, `decision` and `at` say who, what and when."
        "Nothing is left to do."
    EXPIRED "expired" [NotFound, Conflict]
        "Nobody can answer any more: the turn, the session or the app-server that asked is gone."
        "Nothing was sent. Begin a new turn where the question still matters."
    IN_FLIGHT "in_flight" [Conflict]
        "Another answer to this is being written to the app-server at this moment."
        "Look again in a moment; what was decided will be told with it."

    // Tokens, extensions, operations, jobs.
    TOKEN_NOT_FOUND "token_not_found" [NotFound]
        "There is no token of that id."
        "`GET /api/tokens` lists those that there are."
    MCP_SERVER_NOT_FOUND "mcp_server_not_found" [NotFound]
        "Codex knows no MCP server of that name."
        "`GET /api/mcp/servers` lists those that it knows."
    LOGIN_NOT_FOUND "login_not_found" [NotFound]
        "No login of that id is under way."
        "Nothing is left to cancel; `GET /api/account` says who is logged in."
    TOO_MANY_TOKENS "too_many_tokens" [Conflict]
        "There are as many valid tokens as there may be."
        "Revoke one that is no longer needed."
    EXTENSION_NOT_FOUND "extension_not_found" [NotFound]
        "There is no extension of that id, neither dropped nor approved."
        "`codex-manager ext list` says which there are."
    EXTENSION_CHANGED "extension_changed" [Conflict]
        "The extension's files are no longer those that were shown; nothing was approved."
        "Look at what is there now, and approve that."
    EXTENSION_FAULTY "extension_faulty" [Conflict]
        "The extension cannot be approved as it is."
        "The hint says what to mend in it."
    NOT_APPROVED "not_approved" [Conflict]
        "Nobody has approved this extension yet."
        "`codex-manager ext show` shows what it asks for; then approve it."
    RELOAD_IN_PROGRESS "reload_in_progress" [Conflict]
        "Another reload is under way."
        "Try again when it is done."
    RELOAD_FAILED "reload_failed" [Invalid]
        "Some dropped extensions are broken; what runs is unchanged."
        "`codex-manager ext list` says what is wrong with each."
    OPERATION_NOT_FOUND "operation_not_found" [NotFound]
        "There is no operation of that id, or not any more: settled ones are kept for a while."
        "Check the id; it is the `operationId` of an earlier answer."
    JOB_CONFLICT "job_conflict" [Unavailable, Conflict]
        "The queue is not available in this daemon, or nothing in it takes this job."
        "Do without it; everything else works."
    JOB_NOT_FOUND "job_not_found" [NotFound]
        "There is no job of that id."
        "Check the id; it is the `jobId` of an earlier answer."
    ALREADY_TERMINAL "already_terminal" [Conflict]
        "The job has ended, and cannot be canceled any more."
        "Nothing is left to do; `job` says how it ended."
    QUEUE_FULL "queue_full" [TooMany]
        "As many jobs wait as may wait."
        "Try again when some of them are done."
    NO_CONTEXT "no_context" [Conflict]
        "Nothing was said in the session yet that a suggestion could start from."
        "Send a message first, or send a draft along."

    // The stream.
    CURSOR_EXPIRED "cursor_expired" [Gone]
        "The log no longer has the events after this cursor, or the cursor is of another log."
        "Read the present state afresh, then go on from `oldest`, or from the head."

    // Idempotency.
    KEY_REUSED "key_reused" [Mismatch]
        "This Idempotency-Key was used before, for a request that is not this one."
        "Take a new key for each new request."
    KEY_IN_USE "key_in_use" [Conflict]
        "A request under this Idempotency-Key is under way."
        "Wait for its answer, or ask again in a moment with the same key."
    ANSWER_NOT_KEPT "answer_not_kept" [Conflict]
        "The request under this Idempotency-Key was done, and its answer is not kept: it held a secret, or is gone by now."
        "Look at what was made; to have it made anew, use a new key."
    OUTCOME_UNKNOWN "outcome_unknown" [Timeout, Conflict]
        "The request was written to the app-server, and nobody knows whether it acted on it. It is never sent twice."
        "Ask for its outcome: `GET /api/operations/{operationId}`."
    NOT_SENT "not_sent" [Conflict]
        "The request holds a secret, which is never written down, and the daemon ended before it was sent. Nothing was done."
        "Send it again, under a new Idempotency-Key if it had one."
    OPERATION_PENDING "operation_pending" [Timeout]
        "The request is recorded, and the app-server has not answered yet. It is never sent twice."
        "Ask for its outcome: `GET /api/operations/{operationId}`."

    // The child.
    METHOD_NOT_SUPPORTED "method_not_supported" [Unsupported]
        "This version of Codex does not have what the operation needs."
        "`GET /api/capabilities` says what it has."
    METHOD_NOT_LISTED "method_not_listed" [Forbidden]
        "The method of Codex is not one that this daemon passes on, or not for this role."
        "Use the operation that does it, or a token of a higher role."
    INVALID_PARAMS "invalid_params" [Invalid]
        "Codex did not take the parameters."
        "The message says what it did not like."
    INVALID_STATE "invalid_state" [Conflict]
        "Codex cannot do this now, in the state that things are in."
        "The message says why; try again when that has changed."
    AUTH_REQUIRED "auth_required" [Unauthenticated]
        "Codex is not logged in with its provider."
        "Log in with `codex login`, which `codex-manager doctor` spells out, or through POST /api/account/login/start."
    CODEX_TIMEOUT "codex_timeout" [Timeout]
        "Codex did not answer in time. Nothing was to be changed by this request."
        "Try again; health says whether it answers at all."
    CODEX_ERROR "codex_error" [Upstream]
        "Codex failed, or answered what nobody understands."
        "The message has its words; its log is `logs/app-server.log` in the data folder."
    CODEX_STARTING "codex_starting" [Unavailable]
        "The app-server is starting. Nothing was recorded."
        "Try again after the time in `Retry-After`."
    CODEX_RESTARTING "codex_restarting" [Unavailable]
        "The app-server is gone and is being started again. Nothing was recorded."
        "Try again after the time in `Retry-After`."
    CODEX_UNUSABLE "codex_unusable" [Unavailable]
        "The app-server cannot be used: it does not start, or it is not one that this daemon can speak with."
        "`codex-manager doctor` says what to mend."
    CODEX_STOPPED "codex_stopped" [Unavailable]
        "The daemon is stopping. Nothing was recorded."
        "Try again when it has been started again."

    // Ourselves.
    STORAGE_FULL "storage_full" [Full]
        "The disk that holds the data folder is full. Nothing was changed."
        "Make room, then try again."
    INTERNAL_ERROR "internal_error" [Internal]
        "A fault of this daemon. What was being done was not done."
        "The daemon's log has the cause, under the answer's `requestId`."
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_told_once_and_whole() {
        let words: HashSet<_> = ALL.iter().map(|code| code.word).collect();
        assert_eq!(words.len(), ALL.len());
        for code in ALL {
            assert!(code.word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", code.word);
            assert!(code.means.ends_with('.') && code.then.ends_with('.'), "{} has whole sentences", code.word);
        }
    }
}
