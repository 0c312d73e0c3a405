//! How a command fails: a sentence, a next step, and the exit code that scripts can rely on.

use std::process::ExitCode;
use std::{fmt, io};

use reqwest::StatusCode;
use serde_json::Value;

use super::client::Answer;
use super::output::{Output, remark};
use super::plain::plain;

/// The exit codes, as `--help` shows them.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage: the command line, or what it asks for, makes no sense
  3  not found
  4  conflict: it does not fit the state that things are in
  5  denied: no valid token, or its role does not allow this
  6  the daemon cannot be reached
  7  timeout: nobody knows yet whether it happened";

/// What a script can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Failed = 1,
    Usage = 2,
    NotFound = 3,
    Conflict = 4,
    Denied = 5,
    Unreachable = 6,
    Timeout = 7,
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    message: String,
    hint: Option<String>,
    request: Option<String>,
    /// What the API calls it.
    code: Option<Box<str>>,
    /// The document that the API refused it with, as it came.
    problem: Option<Box<str>>,
    /// The reader of our output has all that it wanted, and so is all done.
    is_enough: bool,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, request: None, code: None, problem: None, is_enough: false }
    }

    /// An error with its causes, one after the other.
    pub(super) fn because(exit: Exit, error: &dyn std::error::Error) -> Self {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        Self::new(exit, causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}")))
    }

    /// The answer of the daemon to something that it did not do.
    pub(super) fn answered(status: StatusCode, answer: &Answer) -> Self {
        let body = &answer.json;
        let text = |member: &str| body[member].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let message = text("detail").or_else(|| text("message")).or_else(|| text("title"));
        let message = message.unwrap_or_else(|| format!("the daemon answered {status}"));
        let mut failure = Self::new(exit_of(status, body), message + &issues(body));
        failure.hint = text("hint").or_else(|| operation_hint(failure.exit, body));
        failure.request = text("requestId");
        failure.code = text("code").map(String::into_boxed_str);
        failure.problem = body.is_object().then(|| answer.text.trim().into());
        failure
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Tells it on stderr. Untrusted words are in it, so nothing of it moves the cursor. A program has what the API said on
    /// stdout too, where it reads everything else.
    pub(super) fn report(&self, output: Output) -> ExitCode {
        if self.is_enough {
            return ExitCode::SUCCESS;
        }
        if let (Output::Json, Some(problem)) = (output, &self.problem) {
            // Whoever does not read it any more has the exit code.
            let _ = output.line(problem);
        }
        remark(&format!("error: {}", plain(&self.message)));
        if let Some(hint) = &self.hint {
            remark(&format!("  hint: {}", plain(hint)));
        }
        if let Some(code) = &self.code {
            let code = plain(code);
            remark(&format!("  code: {code}  (codex-manager explain {code})"));
        }
        if let Some(request) = &self.request {
            remark(&format!("  request: {}", plain(request)));
        }
        ExitCode::from(self.exit as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<io::Error> for Failure {
    /// Of writing to stdout; `codex-manager stream | head` ends here, and quietly.
    fn from(error: io::Error) -> Self {
        let is_enough = error.kind() == io::ErrorKind::BrokenPipe;
        Self { is_enough, ..Self::new(Exit::Failed, format!("cannot write to stdout: {error}")) }
    }
}

/// What was recorded and is not yet known to have happened can be asked for again.
fn operation_hint(exit: Exit, body: &Value) -> Option<String> {
    let id = body["operationId"].as_str().filter(|_| exit == Exit::Timeout)?;
    Some(format!("ask what became of it with `codex-manager operations get {id}`"))
}

/// Where the input was wrong, after the sentence that says that it was.
fn issues(body: &Value) -> String {
    let issues = body["issues"].as_array().map(Vec::as_slice).unwrap_or_default();
    issues.iter().map(|issue| place(&issue["path"]) + issue["message"].as_str().unwrap_or_default()).collect()
}

/// A path such as `["input", 0, "text"]`, as `: input.0.text: `; the body as a whole has none.
fn place(path: &Value) -> String {
    let steps = path.as_array().map(Vec::as_slice).unwrap_or_default();
    let steps: Vec<_> =
        steps.iter().map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned)).collect();
    if steps.is_empty() { ": ".to_owned() } else { format!(": {}: ", steps.join(".")) }
}

/// An approval that somebody else decided, or that ended, is "not found" in its status; only its code says that the id was
/// right.
fn exit_of(status: StatusCode, body: &Value) -> Exit {
    if matches!(body["code"].as_str(), Some("already_decided" | "expired")) {
        return Exit::Conflict;
    }
    match status.as_u16() {
        400 | 413 | 415 | 422 => Exit::Usage,
        401 | 403 | 421 => Exit::Denied,
        404 | 410 => Exit::NotFound,
        409 | 412 | 423 => Exit::Conflict,
        408 | 504 => Exit::Timeout,
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answered(status: StatusCode, body: &Value) -> Failure {
        Failure::answered(status, &Answer { text: body.to_string(), json: body.clone() })
    }

    #[test]
    fn each_status_has_its_exit_code_and_each_code_its_line_in_the_help() {
        let table = [
            (400, 2),
            (401, 5),
            (403, 5),
            (404, 3),
            (409, 4),
            (410, 3),
            (413, 2),
            (423, 4),
            (500, 1),
            (501, 1),
            (503, 1),
            (504, 7),
        ];
        for (status, exit) in table {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(exit_of(status, &Value::Null) as u8, exit, "{status}");
            assert!(EXIT_CODES.contains(&format!("\n  {exit}  ")), "{exit}");
        }
    }

    #[test]
    fn a_problem_is_told_with_its_hint_and_request() {
        let body = json!({"detail": "there is no session s", "hint": "list them", "requestId": "req_1"});
        let failure = answered(StatusCode::NOT_FOUND, &body);
        assert_eq!(failure.message, "there is no session s");
        assert_eq!((failure.hint.as_deref(), failure.request.as_deref()), (Some("list them"), Some("req_1")));
    }

    #[test]
    fn a_wrong_input_is_told_with_its_place() {
        for (path, expected) in [
            (json!(["cwd"]), "validation failed: cwd: is not there"),
            (json!(["input", 0, "text"]), "validation failed: input.0.text: is not there"),
            (json!([]), "validation failed: is not there"),
            (Value::Null, "validation failed: is not there"),
        ] {
            let body = json!({"detail": "validation failed", "issues": [{"path": path, "message": "is not there"}]});
            assert_eq!(answered(StatusCode::BAD_REQUEST, &body).message, expected);
        }
    }

    #[test]
    fn what_somebody_else_has_decided_is_a_conflict_and_no_wrong_id() {
        for (code, exit) in
            [("already_decided", Exit::Conflict), ("expired", Exit::Conflict), ("approval_not_found", Exit::NotFound)]
        {
            assert_eq!(answered(StatusCode::NOT_FOUND, &json!({ "code": code })).exit, exit, "{code}");
        }
    }

    #[test]
    fn an_answer_without_words_is_told_by_its_status() {
        let failure = answered(StatusCode::BAD_GATEWAY, &Value::Null);
        assert_eq!(failure.message, "the daemon answered 502 Bad Gateway");
    }

    #[test]
    fn what_is_unknown_names_the_operation_to_ask_for() {
        let failure = answered(StatusCode::GATEWAY_TIMEOUT, &json!({"operationId": "op_7"}));
        assert_eq!(failure.exit, Exit::Timeout);
        assert!(failure.hint.unwrap().contains("operations get op_7"));
        assert_eq!(answered(StatusCode::NOT_FOUND, &json!({"operationId": "op_7"})).hint, None);
    }

    #[test]
    fn a_reader_that_left_is_not_complained_about() {
        assert!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).is_enough);
        assert!(!Failure::from(io::Error::from(io::ErrorKind::StorageFull)).is_enough);
    }
}
