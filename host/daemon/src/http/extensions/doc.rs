//! What the document of the API says about extensions.

use serde_json::{Value, json};

use super::answer::{
    ApprovedExtension, ExtensionList, InvocationList, ReloadedExtensions, RevokedExtension, ShownExtension,
};
use crate::http::Doc;
use crate::service::code::{self, Code};
use crate::service::{Approve, ListInvocations, Require};

const ID: &str = "acme.guard";
const SNAPSHOT: &str = "0192f0c8-a5b9-7c3e-8d1f-2a3b4c5d6e7f";
const AT: &str = "2026-01-02T03:04:05Z";
const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Where the operator has asked for a role in a header beside the token.
const OF_HEADER_MODE: &[&Code] =
    &[code::MISSING_HEADER_TOKEN, code::INVALID_HEADER_TOKEN, code::MISSING_ROLE, code::INVALID_ROLE];

fn of(id: &'static str, summary: &'static str) -> Doc {
    Doc::new(id, "extensions", summary)
}

pub(super) fn list() -> Doc {
    of("listAgentExtensions", "What was dropped, what was approved, and what runs.").answer::<ExtensionList>(
        200,
        "All of them, after a fresh look at the folders.",
        json!({
            "status": "ok", "snapshotVersion": SNAPSHOT, "loadedAt": AT, "modules": [], "extensions": [],
            "roots": [{ "folder": "/home/me/work/extensions", "isThere": true }], "contained": { "state": "contained" },
        }),
    )
    .refuses(OF_HEADER_MODE)
}

pub(super) fn reload() -> Doc {
    of("reloadAgentExtensions", "Looks at the folders again, and fails when something in them is broken.")
        .answer::<ReloadedExtensions>(
            200,
            "What runs.",
            json!({
                "status": "ok", "reloadId": SNAPSHOT, "loadedCount": 0, "failedCount": 0,
                "snapshotVersion": SNAPSHOT, "loadedAt": AT, "modules": [],
            }),
        )
        .refuses(&[code::RELOAD_FAILED, code::RELOAD_IN_PROGRESS])
        .refuses(OF_HEADER_MODE)
}

pub(super) fn get() -> Doc {
    of("getAgentExtension", "One extension: what it asks for, what it was given, what has changed.")
        .answer::<ShownExtension>(
            200,
            "The extension.",
            json!({ "status": "ok", "granted": null, "extension": { "id": ID }, "contained": { "state": "contained" } }),
        )
        .refuses(&[code::EXTENSION_NOT_FOUND])
}

pub(super) fn revoke() -> Doc {
    of("revokeAgentExtension", "Takes an approval back. What it has kept stays with its id.")
        .answer::<RevokedExtension>(
            200,
            "The approval that was.",
            json!({ "status": "ok", "extensionId": ID, "revoked": approval() }),
        )
        .refuses(&[code::EXTENSION_NOT_FOUND, code::NOT_APPROVED])
}

pub(super) fn invocations() -> Doc {
    of("listExtensionInvocations", "What an extension did, the newest first.")
        .query::<ListInvocations>()
        .answer::<InvocationList>(
            200,
            "A page of its calls, with what they logged.",
            json!({ "status": "ok", "data": [invocation()] }),
        )
        .refuses(&[code::EXTENSION_NOT_FOUND])
}

pub(super) fn approve() -> Doc {
    of("approveAgentExtension", "Approves an extension as it was shown, by its digest.")
        .body::<Approve>(json!({ "digest": DIGEST, "required": true }))
        .answer::<ApprovedExtension>(200, "The approval.", approved())
        .refuses(&[code::EXTENSION_NOT_FOUND, code::EXTENSION_CHANGED, code::EXTENSION_FAULTY])
}

pub(super) fn disable() -> Doc {
    of("disableAgentExtension", "Stops an extension, also in the next start.")
        .answer::<ApprovedExtension>(200, "The approval.", approved())
        .refuses(&[code::EXTENSION_NOT_FOUND, code::NOT_APPROVED])
}

pub(super) fn enable() -> Doc {
    of("enableAgentExtension", "Lets an extension run again, from the head of the log.")
        .answer::<ApprovedExtension>(200, "The approval.", approved())
        .refuses(&[code::EXTENSION_NOT_FOUND, code::NOT_APPROVED])
}

pub(super) fn require() -> Doc {
    of("requireAgentExtension", "Says whether the word of an extension is needed before anybody but a person accepts.")
        .body::<Require>(json!({ "required": true }))
        .answer::<ApprovedExtension>(200, "The approval.", approved())
        .refuses(&[code::EXTENSION_NOT_FOUND, code::NOT_APPROVED])
}

fn approval() -> Value {
    json!({ "id": ID, "version": "1.0.0", "digest": DIGEST })
}

fn approved() -> Value {
    json!({ "status": "ok", "extensionId": ID, "approved": approval(), "state": "running", "required": true })
}

fn invocation() -> Value {
    json!({
        "invocationId": "inv_0192f0c8a5b97c3e8d1f2a3b4c5d6e7f", "extensionId": ID, "version": "1.0.0", "digest": DIGEST,
        "handler": "on-event", "event": 4711, "sessionId": SNAPSHOT, "at": AT, "outcome": "applied", "sentence": null,
        "actions": [], "log": [], "cpuUs": 210, "wallUs": 340, "memoryBytes": 1_114_112,
    })
}
