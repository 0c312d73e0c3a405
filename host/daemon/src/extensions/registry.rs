//! What this host offers to extensions: Codex's words, and ours.
//!
//! The log holds more than extensions hear of: what concerns tokens and what extensions themselves do is not in here.

use codex_manager_app_server::classify::{Class, known};
use codex_manager_app_server::normalize::normalize;
use codex_manager_extension::capability::config::{Config, Settings};
use codex_manager_extension::capability::kv::{Kept, Kv};
use codex_manager_extension::capability::log::Log;
use codex_manager_extension::capability::sessions::{SessionReader, Sessions};
use codex_manager_extension::{ActionKind, ClaimRule, EventKind, Registry, Verdict};

/// An approval was decided, or can no longer be.
pub(super) const APPROVAL_RESOLVED: &str = "approval_resolved";
/// The action that declines an approval.
pub(super) const DECLINE: &str = "approval.decline";
/// The action that accepts one.
pub(super) const ACCEPT: &str = "approval.accept";
/// The action that writes a row of a transcript.
pub(super) const UPSERT: &str = "transcript.upsert";

/// The requests that ask for an approval which extensions may decide.
const APPROVAL_REQUESTS: [&str; 4] = [
    "item/commandExecution/requestApproval",
    "item/fileChange/requestApproval",
    "execCommandApproval",
    "applyPatchApproval",
];

/// The other requests of Codex 0.169. They are answered by people or by the host, and are in the log like everything that
/// Codex says.
const OTHER_REQUESTS: [&str; 7] = [
    "item/permissions/requestApproval",
    "item/tool/requestUserInput",
    "item/tool/call",
    "mcpServer/elicitation/request",
    "account/chatgptAuthTokens/refresh",
    "attestation/generate",
    "currentTime/read",
];

/// The kinds of our own that stand in the log, each with what it tells.
const HOUSE: [(&str, &str); 9] = [
    (APPROVAL_RESOLVED, "each decision about what Codex asked to be allowed, and whose it was"),
    ("app_server_state", "when Codex starts, stops or crashes"),
    (
        "file_change.approval_requested",
        "each change to files that waits to be allowed in a session of a project, with the change, your request and the \
         turn so far",
    ),
    ("item_text", "text that Codex had written when it was cut short"),
    ("tool_call_resolved", "each call of a tool that was answered, and whose answer it was"),
    ("tool_user_input_resolved", "each question of Codex that was answered, and who answered, without the answer"),
    ("transcript_updated", "each row that is written into a transcript, with its words"),
    (
        "turn.completed",
        "each turn in a session of a project in which changes to files waited to be allowed, with all that was said",
    ),
    ("turn_interrupted", "each turn that ended before it was done"),
];

/// What Codex tells, by families. What has no sentence here is told by the one of the family around it.
const FAMILIES: [(&str, &str); 10] = [
    ("app_server.*", "everything that Codex tells of: all that is said, done and asked in every session"),
    ("app_server.account.*", "who is logged in to Codex, and when that changes"),
    ("app_server.hook.*", "what hooks of Codex run, and what becomes of it"),
    ("app_server.item.*", "everything that you, Codex and its commands say and do"),
    ("app_server.mcp_server.*", "what becomes of Codex's MCP servers"),
    ("app_server.process.*", "when commands that were run beside a turn end, and what they have written"),
    ("app_server.request.*", "each request of Codex: to be allowed something, or to be told something"),
    ("app_server.thread.*", "when sessions begin, change and end, and their names and settings"),
    ("app_server.thread.realtime.*", "what is said in sessions by voice, as text"),
    ("app_server.turn.*", "when turns begin and end, and their plans"),
];

/// What each request for an approval asks, in the order of [`APPROVAL_REQUESTS`].
const ASKS: [&str; 4] = [
    "each request of Codex to be allowed to run a command",
    "each request of Codex to be allowed to change files",
    "each request of Codex to be allowed to run a command, as older versions ask",
    "each request of Codex to be allowed to change files, as older versions ask",
];

/// Where an event that asks for an approval has its id, and an approval that was resolved.
const ASKED: &str = "/house/payload/approvalId";
const ACTED: &str = "/approvalId";
const APPROVAL: &str = "approval";

/// The kinds of events and actions, without any capability.
pub(crate) fn kinds() -> Registry {
    let told = |sentence: &str| EventKind { sentence: sentence.to_owned(), ..EventKind::default() };
    let mut registry = Registry::new()
        .withhold("extension_", "what extensions do is not for extensions")
        .withhold("token_", "who may use this daemon is not for extensions");
    for (kind, sentence) in FAMILIES.into_iter().chain(HOUSE) {
        registry = registry.event(kind, told(sentence));
    }
    for (method, class) in known() {
        let kind = EventKind { ephemeral: class != Class::Durable, ..EventKind::default() };
        registry = registry.event(format!("app_server.{}", normalize(method)), kind);
    }
    for method in OTHER_REQUESTS {
        registry = registry.event(request(method), EventKind::default());
    }
    for (kind, sentence) in interactions().zip(ASKS) {
        let asks = EventKind { interaction: Some(ClaimRule::new(APPROVAL, ASKED)), ..told(sentence) };
        registry = registry.event(kind, asks);
    }
    let decides = |sentence: &str, verdict| ActionKind {
        sentence: sentence.to_owned(),
        claim: Some(claim()),
        verdict: Some(verdict),
    };
    registry
        .action(DECLINE, decides("decline what Codex asks to be allowed", Verdict::Decline))
        .action(
            ACCEPT,
            decides(
                "allow what Codex asks to be allowed, in your place, once or for the whole session",
                Verdict::Accept,
            ),
        )
        .action(
            UPSERT,
            ActionKind { sentence: "write rows into a session's transcript".to_owned(), ..ActionKind::default() },
        )
}

/// The same with the four capabilities, answered from there.
pub(super) fn registry(
    kept: impl Kept + 'static,
    sessions: impl Sessions + 'static,
    settings: impl Settings + 'static,
) -> Registry {
    kinds()
        .capability(Log)
        .capability(Config::new(settings))
        .capability(Kv::new(kept))
        .capability(SessionReader::new(sessions))
}

/// Whether extensions may decide an approval that this request asks for.
pub(super) fn is_decided_by_extensions(method: &str) -> bool {
    APPROVAL_REQUESTS.contains(&method)
}

/// The kinds of events that ask for an approval which extensions may decide.
pub(super) fn interactions() -> impl Iterator<Item = String> {
    APPROVAL_REQUESTS.into_iter().map(request)
}

/// The kind of event that tells of this request.
fn request(method: &str) -> String {
    format!("app_server.request.{}", normalize(method))
}

/// What is claimed by whatever decides an approval: an action, or the event that tells of it.
pub(super) fn claim() -> ClaimRule {
    ClaimRule::new(APPROVAL, ACTED)
}

/// Where an event has the id of the approval that it asks for.
pub(super) fn asked(payload: &serde_json::Value) -> Option<&str> {
    payload.pointer(ASKED)?.as_str()
}

#[cfg(test)]
mod tests {
    use codex_manager_extension::Manifest;

    use super::*;

    fn manifest(heard: &str) -> String {
        format!(
            "manifest = 1\n[extension]\nid = \"a.b\"\nversion = \"1.0.0\"\nname = \"B\"\ndescription = \"B.\"\n\
             [handlers.on-event]\nkinds = [{heard}]\n"
        )
    }

    fn refused(heard: &str) -> Option<String> {
        Manifest::parse(&manifest(heard), kinds().vocabulary()).err().map(|error| error.to_string())
    }

    #[test]
    fn what_is_never_in_the_log_and_what_extensions_do_themselves_is_refused_by_name() {
        for kind in ["app_server.item.agent_message.delta", "app_server.thread.token_usage.updated"] {
            let refused = refused(&format!("{kind:?}")).expect("nobody hears it");
            assert!(refused.contains(kind) && refused.contains("not in the log"), "{refused}");
        }
        for kind in ["extension_invoked", "extension_yet_to_come", "token_created"] {
            let refused = refused(&format!("{kind:?}")).expect("it is not for extensions");
            assert!(refused.contains(kind) && refused.ends_with("is not for extensions"), "{refused}");
        }
        assert_eq!(refused(r#""app_server.*", "app_server.turn.completed", "transcript_updated""#), None);
    }

    #[test]
    fn every_kind_that_can_be_heard_has_a_sentence_and_a_misspelt_one_a_note() {
        let registry = kinds();
        let vocabulary = registry.vocabulary();
        for kind in vocabulary.events.keys() {
            assert!(!vocabulary.sentence_of(kind).is_empty(), "{kind}");
        }
        let notes = |heard: &str| {
            let text = manifest(heard);
            vocabulary.notes(&Manifest::parse(&text, vocabulary).unwrap_or_else(|error| panic!("{error}")))
        };
        let meant = |name: &str, meant: &str| {
            vec![format!("`{name}`: nothing of this name is known to this version; did you mean `{meant}`?")]
        };
        for (heard, told) in [
            ("app_server.item.complete", meant("app_server.item.complete", "app_server.item.completed")),
            ("app_server.turns.*", meant("app_server.turns.*", "app_server.turn.*")),
            ("app_server.turn.*", vec![]),
            ("app_server.request.item.tool.call", vec![]),
        ] {
            assert_eq!(notes(&format!("{heard:?}")), told);
        }
    }

    #[test]
    fn an_approval_is_claimed_by_the_same_name_wherever_it_is_spoken_of() {
        let vocabulary = kinds().vocabulary().clone();
        let asked = serde_json::json!({ "house": { "type": "approval", "payload": { "approvalId": "apr_1" } } });
        let acted = serde_json::json!({ "approvalId": "apr_1" });
        let kinds: Vec<_> = interactions().collect();
        assert_eq!(kinds[0], "app_server.request.item.command_execution.request_approval");
        for kind in kinds {
            let rule = vocabulary.event(&kind).and_then(|kind| kind.interaction.clone()).expect("it asks");
            assert_eq!(rule.of(&asked), claim().of(&acted));
        }
        for (kind, verdict) in [(DECLINE, Verdict::Decline), (ACCEPT, Verdict::Accept)] {
            let action = &vocabulary.actions[kind];
            assert_eq!((action.claim.clone(), action.verdict), (Some(claim()), Some(verdict)));
        }
    }
}
