//! The payload of an event that the child caused, and what a message speaks of.

use codex_manager_app_server::normalize::normalize;
use codex_manager_model::{Session, SessionId, TurnId};
use serde_json::{Value, json};

use super::change::{Card, Told};

/// The event's kind: `app_server.item.started`, `app_server.request.…`.
fn kind(told: &Told) -> String {
    let name = normalize(&told.method);
    if told.request_id.is_some() { format!("app_server.request.{name}") } else { format!("app_server.{name}") }
}

/// What it is told as: its kind, and the payload from which the stream makes its frames. `house` is the frame of our own
/// that goes with it. What concerns a worker is told raw, and no event of the child: extensions do not hear of it.
pub(super) fn event(told: &Told, card: Option<&Card>, house: Option<Value>) -> (String, Value) {
    match (card, &told.request_id) {
        (Some(card), None) if card.of_worker => ("notification".to_owned(), raw(told)),
        (Some(card), Some(_)) if card.of_worker => ("server_request".to_owned(), raw(told)),
        _ => (kind(told), payload(told, card.map(|card| &card.shown), house)),
    }
}

/// The message as the child wrote it.
pub(super) fn raw(told: &Told) -> Value {
    match &told.request_id {
        Some(id) => json!({ "id": request_text(id), "method": told.method, "params": told.shown() }),
        None => json!({ "method": told.method, "params": told.shown() }),
    }
}

fn payload(told: &Told, session: Option<&Value>, house: Option<Value>) -> Value {
    let mut signal = json!({
        "source": "app_server",
        "signalType": if told.request_id.is_some() { "request" } else { "notification" },
        "eventType": kind(told),
        "method": told.method,
        "receivedAt": told.at.to_string(),
        "context": { "threadId": told.session, "turnId": told.turn },
        "params": told.shown(),
        "session": session.cloned().unwrap_or_default(),
    });
    if let Some(id) = &told.request_id {
        signal["requestId"] = json!(request_text(id));
    }
    if let Some(left_out) = &told.left_out {
        signal["paramsLeftOut"] = json!(left_out);
    }
    match house {
        Some(house) => json!({ "signal": signal, "house": house }),
        None => json!({ "signal": signal }),
    }
}

/// How an event introduces its session.
pub(super) fn card(session: &Session) -> Card {
    let shown = json!({ "id": session.id, "title": session.title, "projectId": session.project });
    Card { session: session.id.clone(), shown, of_worker: session.worker.is_some() }
}

/// A JSON-RPC id as text.
pub(super) fn request_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// The thread that params speak of.
pub(super) fn thread_of(params: &Value) -> Option<SessionId> {
    first_text(params, &["/threadId", "/conversationId", "/thread/id"]).map(SessionId::new)
}

/// The turn that params speak of.
pub(super) fn turn_of(params: &Value) -> Option<TurnId> {
    first_text(params, &["/turnId", "/turn_id", "/turn/id", "/item/turnId", "/parentTurnId"]).map(TurnId::new)
}

fn first_text<'a>(params: &'a Value, pointers: &[&str]) -> Option<&'a str> {
    pointers.iter().find_map(|pointer| params.pointer(pointer)?.as_str().filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_id_is_none_and_hides_no_other() {
        let params = json!({ "threadId": "", "thread": { "id": "t" }, "turn_id": 7, "item": { "turnId": "u" } });
        assert_eq!(thread_of(&params), Some(SessionId::new("t")));
        assert_eq!(turn_of(&params), Some(TurnId::new("u")));
        assert_eq!((thread_of(&json!(["t"])), turn_of(&Value::Null)), (None, None));
    }
}
