//! What this host offers to extensions: Codex's words, and ours.
//!
//! The log holds more than extensions hear of: what concerns tokens and what extensions themselves do is not in here. A
//! kind of a newer Codex that stands in no table here cannot be asked for by name; a family that it lies in takes it in, and
//! says so where somebody approves it.

#[cfg(test)]
mod contract;
mod told;

use codex_manager_app_server::classify::{Class, known};
use codex_manager_app_server::normalize::normalize;
use codex_manager_extension::capability::config::{Config, Settings};
use codex_manager_extension::capability::kv::{Kept, Kv};
use codex_manager_extension::capability::log::Log;
use codex_manager_extension::capability::sessions::{SessionReader, Sessions};
use codex_manager_extension::{ActionKind, ClaimRule, EventKind, Registry, Verdict};

use told::{FAMILIES, HOUSE, NOTIFICATIONS, REQUESTS};

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
    for (method, sentence) in NOTIFICATIONS {
        registry = registry.event(notification(method), told(sentence));
    }
    for (method, _) in known().filter(|(_, class)| *class != Class::Durable) {
        registry = registry.event(notification(method), EventKind { ephemeral: true, ..EventKind::default() });
    }
    for (method, sentence) in REQUESTS {
        let interaction = is_decided_by_extensions(method).then(|| ClaimRule::new(APPROVAL, ASKED));
        registry = registry.event(request(method), EventKind { interaction, ..told(sentence) });
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

/// The kind of event that tells of this notification.
fn notification(method: &str) -> String {
    format!("app_server.{}", normalize(method))
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
    fn a_kind_that_cannot_come_is_refused_by_name_with_the_nearest() {
        let meant = |kind: &str, meant: &str| format!("there are no events of kind `{kind}`; did you mean `{meant}`?");
        let none = |kind: &str, meant: &str| format!("no kind of event lies below `{kind}`; did you mean `{meant}`?");
        let ask = "app_server.request.item.command_execution.request_aproval";
        for (heard, told) in [
            (ask, meant(ask, "app_server.request.item.command_execution.request_approval")),
            ("app_server.turn.complete", meant("app_server.turn.complete", "app_server.turn.completed")),
            ("app_server.item.completed ", meant("app_server.item.completed ", "app_server.item.completed")),
            ("app_server.trun.*", none("app_server.trun.*", "app_server.turn.*")),
            ("session_rename", meant("session_rename", "session_renamed")),
            ("app_server.item.agent_message.*", "is told only to those who watch".to_owned()),
            ("app_server.bogus", "there are no events of kind `app_server.bogus`".to_owned()),
        ] {
            let refused = refused(&format!("{heard:?}")).expect(heard);
            assert!(refused.starts_with("line 8: ") && refused.contains(&told), "{refused}");
        }
        assert_eq!(refused(r#""app_server.turn.*", "app_server.request.item.tool.call", "session_renamed""#), None);
    }

    #[test]
    fn whoever_approves_reads_what_can_be_heard_and_no_more() {
        let vocabulary = kinds().vocabulary().clone();
        let later = "; and whatever is added under this name later";
        for (pattern, told) in [
            ("app_server.error", "each error that Codex tells of".to_owned()),
            ("app_server.turn.*", format!("when turns begin and end, and their plans{later}")),
            (
                "app_server.model.*",
                format!(
                    "when Codex takes another model than was asked for; what has to be verified before a model may be \
                     used{later}"
                ),
            ),
            ("app_server.thread.realtime.transcript.*", format!("what was said in a session by voice, as text{later}")),
        ] {
            assert_eq!(vocabulary.sentence_of(pattern), told, "{pattern}");
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
