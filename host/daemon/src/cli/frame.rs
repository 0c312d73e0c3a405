//! One message of the event stream, as a client has it: what it says of itself, and what of it to show to people.

use jiff::Timestamp;
use serde_json::Value;

/// What the child's own events are called, before their name.
const CHILD_PREFIX: &str = "app_server.";
/// Where the payload says what matters, the most telling first.
const SUBSTANCE: [&str; 14] = [
    "/params/error/message",
    "/params/turn/error/message",
    "/params/turn/status",
    "/params/item/type",
    "/params/status/type",
    "/params/threadName",
    "/params/message",
    "/params/summary",
    "/summary",
    "/decision",
    "/status",
    "/reason",
    "/state",
    "/itemType",
];

/// The type that is shown under this name, when Codex says it; `None` for what is a whole type already.
pub(crate) fn whole_name(name: &str) -> Option<String> {
    (!name.starts_with("app_server")).then(|| format!("{CHILD_PREFIX}{name}"))
}

/// One message of the event stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame(pub(crate) Value);

impl Frame {
    /// What happened.
    pub(crate) fn kind(&self) -> &str {
        self.0["type"].as_str().unwrap_or_default()
    }

    /// The same, as people see it: what Codex says has a long first name.
    pub(crate) fn name(&self) -> &str {
        self.kind().trim_start_matches(CHILD_PREFIX)
    }

    /// Its row in the log; `None` for what is no row.
    pub(crate) fn seq(&self) -> Option<u64> {
        if self.kind() == "ready" { None } else { self.0["seq"].as_u64() }
    }

    /// Whether it is told and not kept.
    pub(crate) fn is_ephemeral(&self) -> bool {
        self.0["ephemeral"] == true
    }

    /// What there is to say.
    pub(crate) fn payload(&self) -> &Value {
        &self.0["payload"]
    }

    /// What Codex itself said, for an event of Codex.
    pub(crate) fn params(&self) -> &Value {
        &self.payload()["params"]
    }

    /// The session it concerns.
    pub(crate) fn session(&self) -> &str {
        self.0["threadId"].as_str().unwrap_or_default()
    }

    /// The turn it concerns.
    pub(crate) fn turn(&self) -> &str {
        let payload = self.payload();
        payload["context"]["turnId"].as_str().or_else(|| payload["turnId"].as_str()).unwrap_or_default()
    }

    /// A piece of an answer: where it begins, in characters, and what it says.
    pub(crate) fn delta(&self) -> Option<(usize, &str)> {
        let params = (self.kind() == "app_server.item.agent_message.delta").then(|| self.params())?;
        Some((usize::try_from(params["offset"].as_u64()?).ok()?, params["delta"].as_str()?))
    }

    /// When the daemon heard it from Codex.
    pub(crate) fn received_at(&self) -> Option<Timestamp> {
        self.payload()["receivedAt"].as_str()?.parse().ok()
    }

    /// The last of the frames that its row has.
    pub(crate) fn is_last_view(&self) -> bool {
        self.0["view"] == self.0["views"]
    }

    /// Which of the frames of its row it is, from 1.
    pub(crate) fn view(&self) -> u64 {
        self.0["view"].as_u64().unwrap_or(1)
    }

    /// The one thing in it that a person wants to know, or nothing.
    pub(crate) fn substance(&self) -> String {
        let payload = self.payload();
        let first = || SUBSTANCE.iter().find_map(|place| payload.pointer(place)?.as_str()).unwrap_or_default();
        match self.kind() {
            "ready" => format!("the log ends at {}", self.0["seq"]),
            "gap" => format!("{} skipped", payload["skipped"]),
            "approval" => format!("{}  {}", payload["approvalId"].as_str().unwrap_or_default(), first()),
            "tool_user_input_requested" | "tool_call_requested" => {
                format!("{}  {}", payload["requestId"].as_str().unwrap_or_default(), first())
            }
            "approval_resolved" | "tool_user_input_resolved" | "tool_call_resolved" => resolved(payload),
            "transcript_updated" => [&payload["type"], &payload["entry"]["content"]].map(word).join("  "),
            "extension_invoked" => invoked(payload),
            "extension_reloaded" => reloaded(payload),
            kind if kind.starts_with("extension_") => {
                let required =
                    payload["required"].as_bool().map(|required| if required { "required" } else { "not required" });
                let about = ["extensionId", "version", "state", "reason"].map(|member| word(&payload[member]));
                let about = about.into_iter().chain(required);
                about.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("  ")
            }
            // A piece of a text may begin with a space.
            _ => payload["params"]["delta"].as_str().map_or_else(|| first().to_owned(), |delta| format!("{delta:?}")),
        }
    }
}

/// What was decided, and by whom.
fn resolved(payload: &Value) -> String {
    let what = match (word(&payload["status"]), payload["success"].as_bool()) {
        ("expired", _) => "expired",
        (_, Some(true)) => "success",
        (_, Some(false)) => "failure",
        (_, None) => word(&payload["decision"]),
    };
    match word(&payload["actor"]) {
        "" => what.to_owned(),
        actor => format!("{what}  by {actor}"),
    }
}

/// Which extension, what became of its call, what it asked for, and the sentence about it, which may begin with its name
/// too.
fn invoked(payload: &Value) -> String {
    let (extension, sentence) = (word(&payload["extensionId"]), word(&payload["sentence"]));
    let actions = payload["actions"].as_array().into_iter().flatten().map(word).collect::<Vec<_>>().join(", ");
    let sentence = sentence.strip_prefix(extension).unwrap_or(sentence).trim_start();
    let said = [extension, word(&payload["outcome"]), &actions, sentence];
    said.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("  ")
}

/// Whether the drops are as they should be, and how many are not.
fn reloaded(payload: &Value) -> String {
    match payload["errors"].as_array().map_or(0, Vec::len) {
        0 => word(&payload["result"]).to_owned(),
        faulty => format!("{}: {faulty} faulty", word(&payload["result"])),
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Tells the frames apart that begin a row, for who wants to see each row once.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// The last frame that came.
    last: Option<Place>,
}

/// Where a frame stands in the stream.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    seq: Option<u64>,
    after: Option<u64>,
    view: u64,
}

impl Rows {
    /// Whether the frame is the one to show of its row: the first that comes. What is not kept has no number, and begins
    /// where the views do. A request that we have a frame of our own for is shown by that, which says what to decide.
    pub(crate) fn begins(&mut self, frame: &Frame) -> bool {
        if frame.payload()["signalType"] == "request" && !frame.is_last_view() {
            return false;
        }
        let place = Place { seq: frame.seq(), after: frame.0["after"].as_u64(), view: frame.view() };
        let goes_on = self.last.as_ref().is_some_and(|last| {
            (last.seq, last.after) == (place.seq, place.after) && (place.seq.is_some() || place.view > last.view)
        });
        self.last = Some(place);
        !goes_on
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(frames: &[Value]) -> Vec<usize> {
        let mut rows = Rows::default();
        let begins = |(index, frame): (usize, &Value)| rows.begins(&Frame(frame.clone())).then_some(index);
        frames.iter().enumerate().filter_map(begins).collect()
    }

    #[test]
    fn a_row_is_shown_once() {
        let view = |seq: u64, view: u64| json!({"seq": seq, "view": view, "views": 3});
        let ready = json!({"type": "ready", "seq": 4});
        let again = [view(5, 1), view(5, 2), view(5, 1), view(5, 2), view(5, 3), view(6, 3), json!({"seq": 7})];
        assert_eq!(shown(&[&[ready][..], &again].concat()), [0, 1, 6, 7]);
    }

    #[test]
    fn what_is_not_kept_is_shown_as_often_as_it_comes() {
        let view = |view: u64| json!({"ephemeral": true, "after": 5, "view": view, "views": 2});
        assert_eq!(shown(&[view(1), view(2), view(1), view(2), view(2)]), [0, 2, 4]);
    }

    #[test]
    fn a_request_is_shown_by_what_is_to_be_decided() {
        let request = json!({"seq": 5, "view": 1, "views": 2, "payload": {"signalType": "request"}});
        let approval = json!({"type": "approval", "seq": 5, "view": 2, "views": 2});
        let other = json!({"seq": 6, "payload": {"signalType": "request"}});
        assert_eq!(shown(&[request, approval, other]), [1, 2]);
    }

    #[test]
    fn the_substance_is_what_a_person_wants_to_know() {
        for (kind, payload, expected) in [
            ("app_server.item.agent_message.delta", json!({"params": {"delta": " hi\n"}}), r#"" hi\n""#),
            ("app_server.item.started", json!({"params": {"item": {"type": "reasoning"}}}), "reasoning"),
            ("app_server.error", json!({"params": {"error": {"message": "no login"}}}), "no login"),
            ("app_server.turn.completed", json!({"params": {"turn": {"status": "completed"}}}), "completed"),
            ("approval", json!({"approvalId": "apr_1", "summary": "Run: ls"}), "apr_1  Run: ls"),
            ("approval_resolved", json!({"status": "resolved", "decision": "accept"}), "accept"),
            ("approval_resolved", json!({"status": "expired", "decision": "accept"}), "expired"),
            ("tool_call_requested", json!({"requestId": "call_1", "summary": "Call x"}), "call_1  Call x"),
            (
                "tool_call_resolved",
                json!({"status": "resolved", "success": false, "actor": "user"}),
                "failure  by user",
            ),
            ("tool_user_input_resolved", json!({"status": "resolved", "decision": "cancel"}), "cancel"),
            (
                "approval_resolved",
                json!({"status": "resolved", "decision": "decline", "actor": "extension:acme.guard"}),
                "decline  by extension:acme.guard",
            ),
            (
                "transcript_updated",
                json!({"type": "guard.declined", "entry": {"content": "Declined: rm -rf"}}),
                "guard.declined  Declined: rm -rf",
            ),
            (
                "extension_invoked",
                json!({"extensionId": "a.b", "outcome": "applied", "actions": ["approval.decline", "x.y"]}),
                "a.b  applied  approval.decline, x.y",
            ),
            (
                "extension_invoked",
                json!({"extensionId": "a.b", "outcome": "failed", "actions": [], "sentence": "a.b trapped"}),
                "a.b  failed  trapped",
            ),
            ("extension_approved", json!({"extensionId": "a.b", "version": "1.0.0"}), "a.b  1.0.0"),
            (
                "extension_state_changed",
                json!({"extensionId": "a.b", "version": "1.0.0", "state": "ready"}),
                "a.b  1.0.0  ready",
            ),
            ("extension_required_changed", json!({"extensionId": "a.b", "required": false}), "a.b  not required"),
            ("extension_quarantined", json!({"extensionId": "a.b", "reason": "it trapped"}), "a.b  it trapped"),
            ("extension_reloaded", json!({"result": "success", "errors": []}), "success"),
            ("extension_reloaded", json!({"result": "failed", "errors": [{}, {}]}), "failed: 2 faulty"),
            ("turn_interrupted", json!({"reason": "the child is gone"}), "the child is gone"),
            ("app_server_state", json!({"state": "ready"}), "ready"),
            ("gap", json!({"skipped": 3}), "3 skipped"),
            ("other", json!({"params": {"a": 1}}), ""),
        ] {
            assert_eq!(Frame(json!({"type": kind, "payload": payload})).substance(), expected, "{kind}");
        }
    }
}
