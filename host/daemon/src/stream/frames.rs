//! From an event to its frames. Pure: the same event always gives the same frames.
//!
//! A frame is `{"type", "threadId", "payload"}`, as older clients know it, and says where it stands: `seq` for a row of
//! the log, and `view` of `views` (from 1) when the row has several; `ephemeral` and `after` for what is no row. A row says
//! whose doing it is (`actor`) and which row it answers (`causedBy`), where that is known.
//!
//! What the child said is one row and has up to four views, in this order: the signal under its normalized name, the
//! frame of our own that goes with it (an approval, say), the short name that older clients know, and the notification
//! raw. A row of our own making is one frame. A row whose content was deleted is `{"type":"deleted"}` with its number:
//! only who reads the past meets it, and can tell it from a gap.

use codex_manager_model::{Actor, Event, Seq, SessionId};
use codex_manager_store::EphemeralEvent;
use serde::Serialize;
use serde_json::{Value, json};

use super::entry::{Entry, Frame, Place};

/// What events of the child are called, before their normalized name.
const CHILD_PREFIX: &str = "app_server.";

/// Methods that have a short name, and whether it reaches everybody.
const ALIASES: [(&str, &str, bool); 8] = [
    ("turn/plan/updated", "turn_plan_updated", false),
    ("turn/diff/updated", "turn_diff_updated", false),
    ("thread/tokenUsage/updated", "thread_token_usage_updated", false),
    ("app/list/updated", "app_list_updated", true),
    ("mcpServer/oauthLogin/completed", "mcp_oauth_completed", true),
    ("account/updated", "account_updated", true),
    ("account/login/completed", "account_login_completed", true),
    ("account/rateLimits/updated", "account_rate_limits_updated", true),
];

/// Frames of our own that reach everybody although they concern one session.
const BROADCASTS: [&str; 4] = ["session_deleted", "session_project_updated", "project_upserted", "project_deleted"];

/// Frames about the stream itself.
pub(crate) enum Control<'a> {
    /// The first frame: what was asked for, and where the log ends now.
    Ready { thread: Option<&'a SessionId>, epoch: &'a str, head: u64 },
    /// The answer to a client's `ping`.
    Pong,
    /// The answer to what is not understood.
    Error(&'static str),
}

/// The text of a frame about the stream itself.
pub(crate) fn control(control: &Control<'_>) -> String {
    match control {
        Control::Ready { thread, epoch, head } => {
            json!({ "type": "ready", "threadId": thread, "epoch": epoch, "seq": head })
        }
        Control::Pong => json!({ "type": "pong" }),
        Control::Error(message) => json!({ "type": "error", "message": message }),
    }
    .to_string()
}

/// The frames of a row.
pub(super) fn of_row(event: &Event) -> Entry {
    let session = event.session.as_ref();
    let about =
        About { place: Place::Row(event.seq), session, actor: event.actor.as_ref(), caused_by: event.caused_by };
    let frames = match &event.payload {
        Some(payload) => encode(&about, &views(&event.kind, session, payload)),
        None => encode(&about, &[View { name: "deleted", payload: Payload::Nothing, broadcast: false }]),
    };
    Entry { place: about.place, session: event.session.clone(), frames }
}

/// The frames of an event beside the log.
pub(super) fn of_ephemeral(event: &EphemeralEvent) -> Entry {
    let session = event.session.as_ref();
    let about = About::beside(event.after, session);
    let frames = encode(&about, &views(&event.kind, session, &event.payload));
    Entry { place: about.place, session: event.session.clone(), frames }
}

/// The frame that tells a reader of ephemeral events it has missed; at most so many, for they may have been for others.
pub(super) fn of_gap(skipped: u64, after: Seq) -> Entry {
    let payload = json!({ "skipped": skipped });
    let view = View { name: "gap", payload: Payload::Whole(&payload), broadcast: true };
    let about = About::beside(after, None);
    Entry { place: about.place, session: None, frames: encode(&about, &[view]) }
}

/// Whether some frame of the event reaches everybody. Cheaper than making the frames.
pub(super) fn is_broadcast(event: &Event) -> bool {
    let Some(payload) = &event.payload else { return false };
    views(&event.kind, event.session.as_ref(), payload).iter().any(|view| view.broadcast)
}

/// What the frames of one entry have in common.
struct About<'a> {
    place: Place,
    session: Option<&'a SessionId>,
    actor: Option<&'a Actor>,
    caused_by: Option<Seq>,
}

impl<'a> About<'a> {
    fn beside(after: Seq, session: Option<&'a SessionId>) -> Self {
        Self { place: Place::Beside(after), session, actor: None, caused_by: None }
    }
}

struct View<'a> {
    name: &'a str,
    payload: Payload<'a>,
    broadcast: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    Nothing,
    Whole(&'a Value),
    Raw { method: &'a str, params: &'a Value },
}

fn views<'a>(kind: &'a str, session: Option<&SessionId>, payload: &'a Value) -> Vec<View<'a>> {
    match payload.get("signal") {
        Some(signal) if kind.starts_with(CHILD_PREFIX) => views_of_signal(kind, signal, payload.get("house")),
        _ => {
            let broadcast = session.is_none() || BROADCASTS.contains(&kind);
            vec![View { name: kind, payload: Payload::Whole(payload), broadcast }]
        }
    }
}

/// An event of the child that concerns no session is for those who asked for everything, but for its short name.
fn views_of_signal<'a>(kind: &'a str, signal: &'a Value, house: Option<&'a Value>) -> Vec<View<'a>> {
    let method = signal["method"].as_str().unwrap_or_default();
    let params = &signal["params"];
    let mut views = vec![View { name: kind, payload: Payload::Whole(signal), broadcast: false }];
    if let Some(name) = house.and_then(|house| house["type"].as_str()) {
        let payload = house.map_or(Payload::Nothing, |house| Payload::Whole(&house["payload"]));
        views.push(View { name, payload, broadcast: BROADCASTS.contains(&name) });
    }
    if signal["signalType"] != "notification" {
        return views;
    }
    if let Some((_, name, broadcast)) = ALIASES.iter().find(|(known, ..)| *known == method) {
        views.push(View { name, payload: Payload::Whole(params), broadcast: *broadcast });
    }
    views.push(View { name: "notification", payload: Payload::Raw { method, params }, broadcast: false });
    views
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    r#type: &'a str,
    thread_id: Option<&'a SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    view: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    views: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ephemeral: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a Actor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caused_by: Option<Seq>,
    payload: &'a Payload<'a>,
}

fn encode(about: &About<'_>, views: &[View<'_>]) -> Vec<Frame> {
    let several = (views.len() > 1).then_some(views.len());
    let (seq, after) = match about.place {
        Place::Row(seq) => (Some(seq.0), None),
        Place::Beside(after) => (None, Some(after.0)),
    };
    let frame = |(index, view): (usize, &View<'_>)| {
        let envelope = Envelope {
            r#type: view.name,
            thread_id: about.session,
            seq,
            view: several.map(|_| index + 1),
            views: several,
            ephemeral: after.map(|_| true),
            after,
            actor: about.actor,
            caused_by: about.caused_by,
            payload: &view.payload,
        };
        let mut text = serde_json::to_string(&envelope).expect("JSON values and plain fields can be written");
        // It is kept for a while, by many.
        text.shrink_to_fit();
        Frame { name: view.name.to_owned(), text: text.into(), broadcast: view.broadcast }
    };
    views.iter().enumerate().map(frame).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::stream::Filter;

    fn event(kind: &str, session: Option<&str>, payload: Option<Value>) -> Event {
        Event {
            seq: Seq(7),
            kind: kind.to_owned(),
            session: session.map(SessionId::new),
            turn: None,
            payload,
            at: Timestamp::UNIX_EPOCH,
            actor: None,
            caused_by: None,
            hops: 0,
        }
    }

    fn signal(signal_type: &str, method: &str) -> Value {
        json!({ "signalType": signal_type, "method": method, "params": { "a": 1 } })
    }

    fn shown(entry: &Entry) -> Vec<Value> {
        entry.frames.iter().map(|frame| serde_json::from_str(&frame.text).expect("JSON")).collect()
    }

    fn names(entry: &Entry) -> Vec<&str> {
        entry.frames.iter().map(|frame| frame.name.as_str()).collect()
    }

    #[test]
    fn a_notification_is_one_row_of_two_views() {
        let signal = signal("notification", "turn/completed");
        let row = event("app_server.turn.completed", Some("t1"), Some(json!({ "signal": signal })));
        let expected = [
            json!({ "type": "app_server.turn.completed", "threadId": "t1", "seq": 7, "view": 1, "views": 2,
                    "payload": signal }),
            json!({ "type": "notification", "threadId": "t1", "seq": 7, "view": 2, "views": 2,
                    "payload": { "method": "turn/completed", "params": { "a": 1 } } }),
        ];
        assert_eq!(shown(&of_row(&row)), expected);
    }

    #[test]
    fn views_come_in_their_order() {
        let house = json!({ "type": "approval", "payload": { "approvalId": "apr_1" } });
        let known = json!({ "signal": signal("notification", "turn/plan/updated"), "house": house });
        let entry = of_row(&event("app_server.turn.plan.updated", Some("t1"), Some(known)));
        assert_eq!(names(&entry), ["app_server.turn.plan.updated", "approval", "turn_plan_updated", "notification"]);
        assert_eq!(shown(&entry)[1]["payload"], json!({ "approvalId": "apr_1" }));
        assert_eq!(shown(&entry)[2]["payload"], json!({ "a": 1 }));
        assert_eq!(shown(&entry)[3]["view"], 4);
    }

    #[test]
    fn a_request_has_no_raw_view() {
        let kind = "app_server.request.item.file_change.request_approval";
        let payload = json!({ "signal": signal("request", "item/fileChange/requestApproval") });
        assert_eq!(names(&of_row(&event(kind, Some("t1"), Some(payload)))), [kind]);
    }

    #[test]
    fn every_short_name_is_sent_and_only_some_reach_everybody() {
        for (method, name, broadcast) in ALIASES {
            let payload = json!({ "signal": signal("notification", method) });
            let entry = of_row(&event("app_server.any", None, Some(payload)));
            let reach: Vec<_> = entry.frames.iter().map(|frame| (frame.name.as_str(), frame.broadcast)).collect();
            assert_eq!(reach, [("app_server.any", false), (name, broadcast), ("notification", false)]);
        }
    }

    #[test]
    fn a_row_of_our_own_is_one_frame() {
        let row = event("approval_resolved", Some("t1"), Some(json!({ "approvalId": "apr_1" })));
        let expected = json!({ "type": "approval_resolved", "threadId": "t1", "seq": 7,
                               "payload": { "approvalId": "apr_1" } });
        assert_eq!(shown(&of_row(&row)), [expected]);
    }

    #[test]
    fn a_row_says_whose_doing_it_is_and_what_it_answers() {
        let row = event("transcript_updated", Some("t1"), Some(json!({})));
        let row = Event { actor: Some(Actor::Extension("acme.guard".to_owned())), caused_by: Some(Seq(4)), ..row };
        let expected = json!({ "type": "transcript_updated", "threadId": "t1", "seq": 7,
                               "actor": "extension:acme.guard", "causedBy": 4, "payload": {} });
        assert_eq!(shown(&of_row(&row)), [expected]);
    }

    #[test]
    fn a_deleted_row_keeps_its_number_and_nothing_else() {
        let entry = of_row(&event("app_server.item.completed", Some("t1"), None));
        assert_eq!(shown(&entry), [json!({ "type": "deleted", "threadId": "t1", "seq": 7, "payload": null })]);
    }

    #[test]
    fn an_ephemeral_event_says_so_and_has_no_number() {
        let event = EphemeralEvent {
            kind: "app_server.item.agent_message.delta".to_owned(),
            session: Some(SessionId::new("t1")),
            turn: None,
            payload: json!({ "signal": signal("notification", "item/agentMessage/delta") }),
            at: Timestamp::UNIX_EPOCH,
            after: Seq(9),
            key: None,
        };
        for frame in shown(&of_ephemeral(&event)) {
            assert_eq!(frame["ephemeral"], true);
            assert_eq!(frame["after"], 9);
            assert_eq!(frame.get("seq"), None);
            assert_eq!(frame["views"], 2);
        }
    }

    #[test]
    fn who_gets_which_frames() {
        let payload = || Some(json!({ "signal": signal("notification", "account/updated") }));
        let theirs = || Some(json!({ "a": 1 }));
        let (one, other) = (Filter::threads([SessionId::new("t1")]), Filter::threads([SessionId::new("t2")]));
        let table: [(Event, &Filter, &[&str]); 8] = [
            (event("approval_resolved", Some("t1"), theirs()), &one, &["approval_resolved"]),
            (event("approval_resolved", Some("t1"), theirs()), &other, &[]),
            (event("app_server_state", None, theirs()), &other, &["app_server_state"]),
            (event("session_deleted", Some("t1"), theirs()), &other, &["session_deleted"]),
            (event("app_server.account.updated", None, payload()), &other, &["account_updated"]),
            (
                event("app_server.account.updated", None, payload()),
                &Filter::everything(),
                &["app_server.account.updated", "account_updated", "notification"],
            ),
            (event("app_server.item.started", Some("t1"), None), &other, &[]),
            (event("app_server.item.started", Some("t1"), None), &one, &["deleted"]),
        ];
        for (event, filter, expected) in table {
            let entry = of_row(&event);
            let got: Vec<&str> = entry.frames_for(filter).map(|frame| frame.name.as_str()).collect();
            assert_eq!(got, expected, "{} for {filter:?}", event.kind);
            let nobody = Filter::threads([]);
            assert_eq!(is_broadcast(&event), entry.frames_for(&nobody).next().is_some(), "{}", event.kind);
        }
    }

    #[test]
    fn frames_about_the_stream_are_as_older_clients_know_them() {
        let ready = control(&Control::Ready { thread: None, epoch: "e", head: 3 });
        let ready: Value = serde_json::from_str(&ready).expect("JSON");
        assert_eq!(ready, json!({ "type": "ready", "threadId": null, "epoch": "e", "seq": 3 }));
        assert_eq!(control(&Control::Pong), r#"{"type":"pong"}"#);
    }
}
