//! The document of the stream, AsyncAPI 3, made from the [catalogue](super::catalogue) and from the table of what Codex
//! notifies of.

use codex_manager_app_server::classify::{Class, classify, known};
use codex_manager_app_server::normalize::normalize;
use codex_manager_model::TranscriptEntry;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use super::catalogue::{KINDS, Keeping, Kind, OF_CODEX, Payload, Scope};

const ABOUT: &str = "What happens, as frames: over a websocket, or as server-sent events. A frame with a `seq` is a view of \
a row of the log, which a client resumes after; a frame with `ephemeral` leaves no row and is told to who listens, after the \
row that it names. Of a frame whose keeping is `latest` only the newest of its session counts.";

/// The document.
pub(crate) fn document() -> Value {
    let messages = messages();
    let references =
        |at: &str| messages.keys().map(|name| json!({ "$ref": format!("{at}{name}") })).collect::<Vec<_>>();
    let (commands, frames): (Vec<_>, Vec<_>) =
        references("#/channels/stream/messages/").into_iter().partition(is_command);
    let channel: Map<_, _> = messages
        .keys()
        .map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": { "title": "Codex Manager: the stream", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
        "defaultContentType": "application/json",
        "channels": { "stream": {
            "address": "/api/stream",
            "description": "`GET`; a websocket when the request asks for an upgrade, server-sent events otherwise.",
            "messages": channel,
            "bindings": { "ws": { "method": "GET", "query": query(), "bindingVersion": "0.1.0" } },
        } },
        "operations": {
            "tell": { "action": "send", "channel": { "$ref": "#/channels/stream" }, "messages": frames,
                      "summary": "What a client is told.", "security": [{ "$ref": BEARER }] },
            "listen": { "action": "receive", "channel": { "$ref": "#/channels/stream" }, "messages": commands,
                        "summary": "What a client may say on a websocket.", "security": [{ "$ref": BEARER }] },
        },
        "components": {
            "messages": messages,
            "schemas": schemas(),
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
        },
    })
}

const BEARER: &str = "#/components/securitySchemes/bearer";

/// What a client may say, which no frame is called.
const COMMANDS: [&str; 3] = ["subscribe", "unsubscribe", "ping"];

fn is_command(reference: &Value) -> bool {
    let name = reference["$ref"].as_str().and_then(|text| text.rsplit('/').next()).unwrap_or_default();
    COMMANDS.contains(&name)
}

fn messages() -> Map<String, Value> {
    let mut messages = Map::new();
    for kind in KINDS {
        messages.insert(kind.name.to_owned(), frame(kind, kind.name, json!({ "const": kind.name })));
    }
    for kind in &OF_CODEX {
        let name = format!("{}other", kind.name);
        let start = format!("^{}", kind.name.replace('.', "\\."));
        messages.insert(name.clone(), frame(kind, &name, json!({ "type": "string", "pattern": start })));
    }
    for (method, _) in known() {
        let name = format!("app_server.{}", normalize(method));
        let kind = Kind { keeping: Keeping::AsItsMethod(method), payload: Payload::Signal, ..OF_CODEX[1] };
        let mut told = frame(&kind, &name, json!({ "const": name }));
        told["summary"] = json!(format!("`{method}` of Codex"));
        messages.insert(name, told);
    }
    for name in COMMANDS {
        messages.insert(name.to_owned(), json!({ "name": name, "payload": command(name) }));
    }
    messages
}

fn frame(kind: &Kind, name: &str, is_type: Value) -> Value {
    let keeping = match kind.keeping {
        Keeping::Row => "row",
        Keeping::Control => "none",
        Keeping::AsItsMethod(method) => match classify(method) {
            Class::Durable => "row",
            Class::Ephemeral => "ephemeral",
            Class::LatestOnly => "latest",
        },
    };
    let scope = match kind.scope {
        Scope::Session => "session",
        Scope::Everybody => "everybody",
        Scope::Asker => "asker",
    };
    let envelope = match kind.name {
        "ready" => "ReadyFrame",
        "pong" | "error" => "ControlFrame",
        _ => "Frame",
    };
    let mut own = json!({ "type": "object", "properties": { "type": is_type } });
    if envelope == "Frame" {
        own["properties"]["payload"] = payload(&kind.payload);
    }
    let whole = json!({ "allOf": [{ "$ref": format!("#/components/schemas/{envelope}") }, own] });
    json!({ "name": name, "summary": kind.says, "payload": whole, "x-scope": scope, "x-keeping": keeping })
}

fn payload(payload: &Payload) -> Value {
    match payload {
        Payload::Nothing => json!({ "type": "null" }),
        Payload::Params => json!(true),
        Payload::Signal => json!({ "$ref": "#/components/schemas/Signal" }),
        Payload::Members(members) => object(members),
    }
}

fn object(members: &[(&str, &str)]) -> Value {
    let required: Vec<_> = members.iter().filter(|(name, _)| !name.ends_with('?')).map(|(name, _)| *name).collect();
    let properties: Map<_, _> =
        members.iter().map(|(name, is)| (name.trim_end_matches('?').to_owned(), of_type(is))).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

fn of_type(is: &str) -> Value {
    match (is, is.strip_prefix('#')) {
        ("any", _) => json!(true),
        (_, Some(schema)) => json!({ "$ref": format!("#/components/schemas/{schema}") }),
        _ if is.contains('|') => json!({ "type": is.split('|').collect::<Vec<_>>() }),
        _ => json!({ "type": is }),
    }
}

fn command(name: &str) -> Value {
    let mut members = object(&[("type", "string")]);
    members["properties"]["type"] = json!({ "const": name });
    if name == "subscribe" {
        let texts = json!({ "type": "array", "items": { "type": "string" } });
        members["properties"]["threadId"] = json!({ "type": "string" });
        members["properties"]["threadIds"] = texts.clone();
        members["properties"]["types"] = texts;
    }
    members
}

fn query() -> Value {
    json!({ "type": "object", "properties": {
        "threadId": { "type": "string", "description": "Only these sessions, several parted by commas, and what is for everybody." },
        "types": { "type": "string", "description": "Only frames whose type begins with one of these, parted by commas." },
        "after": { "type": "string", "description": "Begin after this row: `<seq>`, or `<epoch>.<seq>`. At the end of the log unless said." },
    } })
}

fn schemas() -> Value {
    let mut named = Vec::new();
    TranscriptEntry::schemas(&mut named);
    named.push(("TranscriptEntry".to_owned(), TranscriptEntry::schema()));
    let mut schemas: Map<_, _> = named.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    let mut frame = object(&[
        ("type", "string"),
        ("threadId", "string|null"),
        ("payload", "any"),
        ("seq?", "number"),
        ("view?", "number"),
        ("views?", "number"),
        ("ephemeral?", "boolean"),
        ("after?", "number"),
        ("at?", "string"),
        ("actor?", "string"),
        ("causedBy?", "number"),
    ]);
    frame["description"] = json!(
        "`view` of `views` where a row has several; `seq` for a row, `ephemeral` and `after` for what is none; \
        `at` when it happened; `actor` whose doing it is; `causedBy` the row that it answers."
    );
    schemas.insert("Frame".to_owned(), frame);
    schemas.insert(
        "ReadyFrame".to_owned(),
        object(&[
            ("type", "string"),
            ("threadId", "string|null"),
            ("epoch", "string"),
            ("seq", "number"),
            ("threadIds?", "array"),
            ("types?", "array"),
        ]),
    );
    schemas.insert("ControlFrame".to_owned(), object(&[("type", "string"), ("message?", "string")]));
    schemas.insert(
        "Signal".to_owned(),
        object(&[
            ("source", "string"),
            ("signalType", "string"),
            ("eventType", "string"),
            ("method", "string"),
            ("receivedAt", "string"),
            ("context", "object"),
            ("params", "any"),
            ("session", "object|null"),
            ("requestId?", "string"),
            ("paramsLeftOut?", "object"),
        ]),
    );
    Value::Object(schemas)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Set to have the file written anew.
    const WRITE: &str = "CODEX_MANAGER_WRITE_DOCUMENTS";

    #[test]
    fn the_file_beside_the_manifest_is_what_the_catalogue_comes_to() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("asyncapi.json");
        let told = document();
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&file, serde_json::to_string_pretty(&told).unwrap() + "\n").unwrap();
        }
        let written: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert!(
            written == told,
            "asyncapi.json is not what the catalogue comes to; run this test with {WRITE}=1 and look at it"
        );
    }

    #[test]
    fn all_that_codex_notifies_of_is_told_with_how_it_is_kept() {
        let told = document();
        let messages = told["components"]["messages"].as_object().unwrap();
        for (method, class) in known() {
            let keeping = ["row", "ephemeral", "latest"][class as usize];
            assert_eq!(messages[&format!("app_server.{}", normalize(method))]["x-keeping"], keeping, "{method}");
        }
        assert_eq!(messages["turn_diff_updated"]["x-keeping"], "latest");
        assert_eq!(messages["project_upserted"]["x-scope"], "everybody");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let told = document();
        let text = told.to_string();
        for place in text.split("\"#/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(told.pointer(&format!("/{place}")).is_some(), "nothing is at {place}");
        }
    }
}
