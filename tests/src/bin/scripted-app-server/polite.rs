//! What the stand-in says to methods behind which it keeps nothing: as little as an answer can be.

use serde_json::{Value, json};

/// Methods that list something, of which there is nothing here.
const LISTS: [&str; 6] = [
    "app/list",
    "collaborationMode/list",
    "experimentalFeature/list",
    "mcpServerStatus/list",
    "model/list",
    "skills/list",
];

/// Methods that do what they are asked, and have nothing to tell of it.
const DONE: [&str; 9] = [
    "account/login/cancel",
    "account/logout",
    "account/rateLimits/read",
    "config/batchWrite",
    "config/mcpServer/reload",
    "config/value/write",
    "feedback/upload",
    "skills/config/write",
    "thread/compact/start",
];

/// The answer to such a method; `None` where it is none.
pub(crate) fn answer(method: &str) -> Option<Value> {
    if LISTS.contains(&method) {
        return Some(json!({ "data": [], "nextCursor": null }));
    }
    if DONE.contains(&method) {
        return Some(json!({}));
    }
    Some(match method {
        "account/read" => json!({ "account": null, "requiresOpenaiAuth": true }),
        "account/login/start" => json!({ "type": "apiKey" }),
        "command/exec" => json!({ "exitCode": 0, "stdout": "", "stderr": "" }),
        "config/read" => json!({ "config": {}, "origins": {}, "layers": null }),
        "configRequirements/read" => json!({ "requirements": null }),
        "mcpServer/oauth/login" => json!({ "authorizationUrl": "http://127.0.0.1/authorize" }),
        _ => return None,
    })
}
