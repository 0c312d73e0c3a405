//! What becomes of each notification: one table for all that Codex 0.169 knows, and a rule for those to come.
//!
//! The question is what a client has lost who missed it. If something changed, the notification is a fact and is kept.
//! If it was a piece of something whose whole comes later anyway, or news of a moment, it is passed on and forgotten. If
//! it said how a thing stands as a whole, only the newest matters, and is kept in place of the one before.

/// What becomes of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Something changed: a row of the log, told to everybody in order.
    Durable,
    /// A piece or a moment: passed on to whoever listens now.
    Ephemeral,
    /// How something stands, as a whole: only the newest counts.
    LatestOnly,
}

/// The class of a notification. Unknown ones are ephemeral if they are named like pieces or progress, else durable:
/// keeping too much costs space, keeping too little loses facts.
pub fn classify(method: &str) -> Class {
    match TABLE.iter().find(|(known, _)| *known == method) {
        Some((_, class)) => *class,
        None => by_name(method),
    }
}

/// Every notification that Codex 0.169 knows, with its class.
pub fn known() -> impl Iterator<Item = (&'static str, Class)> {
    TABLE.iter().copied()
}

/// Every request that Codex 0.169 makes of its client.
pub const REQUESTS: [&str; 11] = [
    "item/commandExecution/requestApproval",
    "item/fileChange/requestApproval",
    "item/permissions/requestApproval",
    "item/tool/requestUserInput",
    "item/tool/call",
    "mcpServer/elicitation/request",
    "account/chatgptAuthTokens/refresh",
    "attestation/generate",
    "currentTime/read",
    // As older versions ask.
    "execCommandApproval",
    "applyPatchApproval",
];

fn by_name(method: &str) -> Class {
    let last = method.rsplit('/').next().unwrap_or(method).to_ascii_lowercase();
    if last.ends_with("delta") || last.ends_with("progress") { Class::Ephemeral } else { Class::Durable }
}

use Class::{Durable, Ephemeral, LatestOnly};

/// Every notification that Codex 0.169 knows, with its class.
#[rustfmt::skip]
pub(crate) const TABLE: [(&str, Class); 86] = [
    // Threads: their making, naming, moving and ending are facts.
    ("thread/started", Durable),
    ("thread/archived", Durable),
    ("thread/unarchived", Durable),
    ("thread/deleted", Durable),
    ("thread/closed", Durable),
    ("thread/reverted", Durable),
    ("thread/compacted", Durable),
    ("thread/name/updated", Durable),
    ("thread/section/changed", Durable),
    ("thread/project/updated", Durable),
    ("thread/attachment/updated", Durable),
    ("thread/goal/updated", Durable),
    ("thread/goal/cleared", Durable),
    ("thread/queue/changed", Durable),
    ("thread/settings/updated", Durable),
    ("thread/environment/connected", Durable),
    ("thread/environment/disconnected", Durable),
    ("project/changed", Durable),
    // Active, idle, waiting for approval: automation waits for these turns of state, each of them.
    ("thread/status/changed", Durable),
    // Where the reader stands, and a guess at what comes next: replaced as a whole, and of no use once replaced.
    ("thread/readState/changed", LatestOnly),
    ("thread/prediction/updated", LatestOnly),
    // A running total; the last one holds all before it.
    ("thread/tokenUsage/updated", LatestOnly),

    // Turns.
    ("turn/started", Durable),
    ("turn/completed", Durable),
    // The whole diff each time, and it grows with every patch: keeping each would be quadratic.
    ("turn/diff/updated", LatestOnly),
    // The whole plan, but its steps' course is part of what happened, it is small, and no item repeats it.
    ("turn/plan/updated", Durable),
    ("turn/moderationMetadata", Durable),
    ("error", Durable),

    // Items. Their ends carry the whole; what comes between are pieces.
    ("item/started", Durable),
    ("item/completed", Durable),
    ("item/agentMessage/delta", Ephemeral),
    ("item/plan/delta", Ephemeral),
    ("item/reasoning/summaryTextDelta", Ephemeral),
    ("item/reasoning/summaryPartAdded", Ephemeral),
    ("item/reasoning/textDelta", Ephemeral),
    ("item/commandExecution/outputDelta", Ephemeral),
    ("item/fileChange/outputDelta", Ephemeral),
    ("item/mcpToolCall/progress", Ephemeral),
    // The item's changes so far, as a whole; its end carries the last.
    ("item/fileChange/patchUpdated", LatestOnly),
    // What was typed into a running command acts, and is in no other message.
    ("item/commandExecution/terminalInteraction", Durable),
    ("item/autoApprovalReview/started", Durable),
    ("item/autoApprovalReview/completed", Durable),
    ("autoApprovalReview/strictReviewRequired", Durable),
    ("serverRequest/resolved", Durable),
    ("hook/started", Durable),
    ("hook/completed", Durable),

    // Commands that a client runs outside of turns.
    ("command/exec/outputDelta", Ephemeral),
    ("process/outputDelta", Ephemeral),
    ("process/exited", Durable),

    // Models and their providers.
    ("model/rerouted", Durable),
    ("model/verification", Durable),
    // Whether a waiting sign is to be shown at this moment.
    ("model/safetyBuffering/updated", LatestOnly),
    ("modelProvider/authRecoveryStarted", Durable),
    ("modelProvider/authRecoveryCompleted", Durable),

    // The account. Who is logged in is a fact; how much is left is a gauge.
    ("account/updated", Durable),
    ("account/login/completed", Durable),
    ("account/gatewayOAuth/changed", Durable),
    ("account/rateLimits/updated", LatestOnly),

    // MCP servers, apps, skills, remote control.
    ("mcpServer/oauthLogin/completed", Durable),
    ("mcpServer/startupStatus/updated", LatestOnly),
    // What a server sends over its own stream is of its own kind, and is not ours to keep.
    ("mcpServer/event/stream/notification", Ephemeral),
    ("app/list/updated", LatestOnly),
    // It says nothing but "ask again"; the last such call holds those before it.
    ("skills/changed", LatestOnly),
    ("remoteControl/status/changed", LatestOnly),
    ("externalAgentConfig/import/progress", Ephemeral),
    ("externalAgentConfig/import/completed", Durable),

    // Files and searches that a client watches.
    ("fs/changed", Ephemeral),
    // The results so far, as a whole, for who is typing now.
    ("fuzzyFileSearch/sessionUpdated", Ephemeral),
    ("fuzzyFileSearch/sessionCompleted", Ephemeral),

    // Warnings are told once and explain what follows.
    ("warning", Durable),
    ("guardianWarning", Durable),
    ("deprecationNotice", Durable),
    ("configWarning", Durable),
    ("windows/worldWritableWarning", Durable),
    ("windowsSandbox/setupCompleted", Durable),

    // Realtime. What was said is kept by its items and transcripts; sound and connection set-up are of the moment.
    ("thread/realtime/started", Durable),
    ("thread/realtime/closed", Durable),
    ("thread/realtime/error", Durable),
    ("thread/realtime/itemAdded", Durable),
    ("thread/realtime/item/started", Durable),
    ("thread/realtime/item/completed", Durable),
    ("thread/realtime/transcript/done", Durable),
    ("thread/realtime/item/transcript/delta", Ephemeral),
    ("thread/realtime/transcript/delta", Ephemeral),
    ("thread/realtime/outputAudio/delta", Ephemeral),
    ("thread/realtime/sdp", Ephemeral),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_method_stands_in_the_table_once() {
        let methods: HashSet<&str> = TABLE.iter().map(|(method, _)| *method).collect();
        assert_eq!(methods.len(), TABLE.len());
    }

    #[test]
    fn whatever_is_named_a_delta_is_ephemeral_by_the_table_too() {
        for (method, class) in TABLE {
            assert!(by_name(method) == Durable || class == Ephemeral, "{method}");
        }
    }

    #[test]
    fn facts_pieces_and_gauges_are_told_apart() {
        for (method, class) in [
            ("turn/completed", Durable),
            ("serverRequest/resolved", Durable),
            ("item/agentMessage/delta", Ephemeral),
            ("thread/tokenUsage/updated", LatestOnly),
        ] {
            assert_eq!(classify(method), class, "{method}");
        }
    }

    #[test]
    fn unknown_methods_go_by_their_names() {
        for (method, class) in [
            ("thread/teleported", Durable),
            ("item/hologram/delta", Ephemeral),
            ("item/hologram/frameDelta", Ephemeral),
            ("import/progress", Ephemeral),
            ("delta/removed", Durable),
            ("", Durable),
        ] {
            assert_eq!(classify(method), class, "{method}");
        }
    }
}
