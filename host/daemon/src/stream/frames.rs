//! From an event to its frames. Pure: the same event always gives the same frames.
//!
//! A frame is `{"type", "threadId", "payload"}`, as older clients know it, and says where it stands: `seq` for a row of
//! the log, and `view` of `views` (from 1) when the row has several; `ephemeral` and `after` for what is no row. It says
//! when it happened (`at`), and a row whose doing it is (`actor`) and which row it answers (`causedBy`), where that is
//! known. What concerns the session of a worker is one raw frame.
//!
//! What the child said is one row and has up to four views, in this order: the signal under its normalized name, the
//! frame of our own that goes with it (an approval, say), the short name that older clients know, and the notification
//! raw. A row of our own making is one frame. A row whose content was deleted is `{"type":"deleted"}` with its number:
//! only who reads the past meets it, and can tell it from a gap.

use codex_manager_model::{Actor, Event, Seq, SessionId};
use codex_manager_store::EphemeralEvent;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::Filter;
use super::catalogue::{alias, is_for_everybody};
use super::entry::{Entry, Frame, Place, Reach};

/// What events of the child are called, before their normalized name.
const CHILD_PREFIX: &str = "app_server.";

/// Frames about the stream itself.
pub(crate) enum Control<'a> {
    /// The first frame: what was asked for, and where the log ends now.
    Ready { threads: &'a [SessionId], types: &'a [String], epoch: &'a str, head: u64 },
    /// The answer to a client's `ping`.
    Pong,
    /// The answer to what is not understood.
    Error(&'static str),
}

/// The text of a frame about the stream itself.
pub(crate) fn control(control: &Control<'_>) -> String {
    match control {
        Control::Ready { threads, types, epoch, head } => {
            let only = if let [only] = threads { Some(only) } else { None };
            let mut ready = json!({ "type": "ready", "threadId": only, "epoch": epoch, "seq": head });
            if threads.len() > 1 {
                ready["threadIds"] = json!(threads);
            }
            if !types.is_empty() {
                ready["types"] = json!(types);
            }
            ready
        }
        Control::Pong => json!({ "type": "pong" }),
        Control::Error(message) => json!({ "type": "error", "message": message }),
    }
    .to_string()
}

/// The frames of a row.
pub(super) fn of_row(event: &Event) -> Entry {
    let about = About {
        place: Place::Row(event.seq),
        session: event.session.as_ref(),
        of_worker: event.of_worker,
        at: Some(event.at),
        actor: event.actor.as_ref(),
        caused_by: event.caused_by,
    };
    about.entry(&views_of_row(event))
}

/// Whether some frame of the row is for a reader. Cheaper than making the frames.
pub(super) fn is_wanted(event: &Event, filter: &Filter) -> bool {
    let reached = filter.reach(event.session.as_ref(), event.of_worker);
    views_of_row(event).iter().any(|view| reached.has(view.reach.is_broadcast()) && filter.takes(view.name))
}

/// The frames of an event beside the log.
pub(super) fn of_ephemeral(event: &EphemeralEvent) -> Entry {
    let session = event.session.as_ref();
    let about = About { of_worker: event.of_worker, at: Some(event.at), ..About::beside(event.after, session) };
    about.entry(&views(&event.kind, session, &event.payload))
}

/// The frame that tells a reader of ephemeral events it has missed; at most so many, for they may have been for others.
pub(super) fn of_gap(skipped: u64, after: Seq) -> Entry {
    let payload = json!({ "skipped": skipped });
    About::beside(after, None).entry(&[View { name: "gap", payload: Payload::Whole(&payload), reach: Reach::Always }])
}

/// What the frames of one entry have in common.
struct About<'a> {
    place: Place,
    session: Option<&'a SessionId>,
    of_worker: bool,
    at: Option<Timestamp>,
    actor: Option<&'a Actor>,
    caused_by: Option<Seq>,
}

impl<'a> About<'a> {
    fn beside(after: Seq, session: Option<&'a SessionId>) -> Self {
        Self { place: Place::Beside(after), session, of_worker: false, at: None, actor: None, caused_by: None }
    }

    fn entry(&self, views: &[View<'_>]) -> Entry {
        let (place, session, of_worker) = (self.place, self.session.cloned(), self.of_worker);
        Entry { place, session, of_worker, frames: encode(self, views) }
    }
}

struct View<'a> {
    name: &'a str,
    payload: Payload<'a>,
    reach: Reach,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    Nothing,
    Whole(&'a Value),
    Raw { method: &'a str, params: &'a Value },
}

fn views_of_row(event: &Event) -> Vec<View<'_>> {
    match &event.payload {
        Some(payload) => views(&event.kind, event.session.as_ref(), payload),
        None => vec![View { name: "deleted", payload: Payload::Nothing, reach: Reach::Session }],
    }
}

fn views<'a>(kind: &'a str, session: Option<&SessionId>, payload: &'a Value) -> Vec<View<'a>> {
    match payload.get("signal") {
        Some(signal) if kind.starts_with(CHILD_PREFIX) => views_of_signal(kind, signal, payload.get("house")),
        _ => {
            let reach = if session.is_none() { Reach::Everybody } else { reach_of(kind) };
            vec![View { name: kind, payload: Payload::Whole(payload), reach }]
        }
    }
}

/// An event of the child that concerns no session is for those who asked for everything, but for its short name.
fn views_of_signal<'a>(kind: &'a str, signal: &'a Value, house: Option<&'a Value>) -> Vec<View<'a>> {
    let method = signal["method"].as_str().unwrap_or_default();
    let params = &signal["params"];
    let mut views = vec![View { name: kind, payload: Payload::Whole(signal), reach: Reach::Session }];
    if let Some(name) = house.and_then(|house| house["type"].as_str()) {
        let payload = house.map_or(Payload::Nothing, |house| Payload::Whole(&house["payload"]));
        views.push(View { name, payload, reach: reach_of(name) });
    }
    if signal["signalType"] != "notification" {
        return views;
    }
    if let Some(name) = alias(method) {
        views.push(View { name, payload: Payload::Whole(params), reach: reach_of(name) });
    }
    views.push(View { name: "notification", payload: Payload::Raw { method, params }, reach: Reach::Session });
    views
}

fn reach_of(name: &str) -> Reach {
    if is_for_everybody(name) { Reach::Everybody } else { Reach::Session }
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
    at: Option<Timestamp>,
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
            at: about.at,
            actor: about.actor,
            caused_by: about.caused_by,
            payload: &view.payload,
        };
        let mut text = serde_json::to_string(&envelope).expect("JSON values and plain fields can be written");
        // It is kept for a while, by many.
        text.shrink_to_fit();
        Frame { name: view.name.to_owned(), text: text.into(), reach: view.reach }
    };
    views.iter().enumerate().map(frame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::catalogue::ALIASES;

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
            of_worker: false,
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
                    "at": "1970-01-01T00:00:00Z",
                    "payload": signal }),
            json!({ "type": "notification", "threadId": "t1", "seq": 7, "view": 2, "views": 2,
                    "at": "1970-01-01T00:00:00Z",
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
        for (method, name) in ALIASES {
            let payload = json!({ "signal": signal("notification", method) });
            let entry = of_row(&event("app_server.any", None, Some(payload)));
            let reach: Vec<_> = entry.frames.iter().map(|frame| (frame.name.as_str(), frame.reach)).collect();
            let everybody = !["turn_plan_updated", "turn_diff_updated", "thread_token_usage_updated"].contains(&name);
            let alias = if everybody { Reach::Everybody } else { Reach::Session };
            assert_eq!(reach, [("app_server.any", Reach::Session), (name, alias), ("notification", Reach::Session)]);
        }
    }

    #[test]
    fn a_row_of_our_own_is_one_frame() {
        let row = event("approval_resolved", Some("t1"), Some(json!({ "approvalId": "apr_1" })));
        let expected = json!({ "type": "approval_resolved", "threadId": "t1", "seq": 7,
                               "at": "1970-01-01T00:00:00Z", "payload": { "approvalId": "apr_1" } });
        assert_eq!(shown(&of_row(&row)), [expected]);
    }

    #[test]
    fn a_row_says_whose_doing_it_is_and_what_it_answers() {
        let row = event("transcript_updated", Some("t1"), Some(json!({})));
        let row = Event { actor: Some(Actor::Extension("acme.guard".to_owned())), caused_by: Some(Seq(4)), ..row };
        let expected = json!({ "type": "transcript_updated", "threadId": "t1", "seq": 7, "at": "1970-01-01T00:00:00Z",
                               "actor": "extension:acme.guard", "causedBy": 4, "payload": {} });
        assert_eq!(shown(&of_row(&row)), [expected]);
    }

    #[test]
    fn a_deleted_row_keeps_its_number_and_nothing_else() {
        let entry = of_row(&event("app_server.item.completed", Some("t1"), None));
        assert_eq!(
            shown(&entry),
            [json!({ "type": "deleted", "threadId": "t1", "seq": 7, "at": "1970-01-01T00:00:00Z",
                                           "payload": null })]
        );
    }

    #[test]
    fn an_ephemeral_event_says_so_and_has_no_number() {
        let event = EphemeralEvent {
            kind: "app_server.item.agent_message.delta".to_owned(),
            session: Some(SessionId::new("t1")),
            turn: None,
            of_worker: false,
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
            assert_eq!(is_wanted(&event, filter), !expected.is_empty(), "{} for {filter:?}", event.kind);
        }
    }

    #[test]
    fn frames_about_the_stream_are_as_older_clients_know_them() {
        let ready = |threads: &[&str], types: &[&str]| {
            let threads: Vec<_> = threads.iter().copied().map(SessionId::new).collect();
            let types: Vec<_> = types.iter().map(|text| (*text).to_owned()).collect();
            let text = control(&Control::Ready { threads: &threads, types: &types, epoch: "e", head: 3 });
            serde_json::from_str::<Value>(&text).expect("JSON")
        };
        assert_eq!(ready(&[], &[]), json!({ "type": "ready", "threadId": null, "epoch": "e", "seq": 3 }));
        assert_eq!(ready(&["a"], &[]), json!({ "type": "ready", "threadId": "a", "epoch": "e", "seq": 3 }));
        let several = json!({ "type": "ready", "threadId": null, "threadIds": ["a", "b"], "types": ["approval"],
                              "epoch": "e", "seq": 3 });
        assert_eq!(ready(&["a", "b"], &["approval"]), several);
        assert_eq!(control(&Control::Pong), r#"{"type":"pong"}"#);
    }

    #[test]
    fn a_reader_gets_the_types_it_asked_for() {
        let signal = json!({ "signal": signal("notification", "turn/plan/updated") });
        let row = event("app_server.turn.plan.updated", Some("t1"), Some(signal));
        let table: [(&[&str], &[&str]); 4] = [
            (&["app_server.turn"], &["app_server.turn.plan.updated"]),
            (&["turn_plan", "notification"], &["turn_plan_updated", "notification"]),
            (&["approval"], &[]),
            (&[], &["app_server.turn.plan.updated", "turn_plan_updated", "notification"]),
        ];
        for (types, expected) in table {
            let types = types.iter().map(|text| (*text).to_owned()).collect();
            let filter = Filter::threads([SessionId::new("t1")]).types(types);
            let entry = of_row(&row);
            let got: Vec<&str> = entry.frames_for(&filter).map(|frame| frame.name.as_str()).collect();
            assert_eq!(got, expected, "{filter:?}");
            assert_eq!(is_wanted(&row, &filter), !expected.is_empty(), "{filter:?}");
        }
        let gap = of_gap(3, Seq(1));
        let filter = Filter::everything().types(vec!["approval".to_owned()]);
        assert_eq!(gap.frames_for(&filter).count(), 1, "what was missed is told in any case");
    }

    #[test]
    fn what_concerns_a_worker_is_for_those_who_name_it() {
        let (named, other) = (Filter::threads([SessionId::new("w")]), Filter::threads([SessionId::new("t")]));
        for kind in ["notification", "session_deleted", "transcript_updated"] {
            let row = Event { of_worker: true, ..event(kind, Some("w"), Some(json!({}))) };
            for (filter, expected) in [(&named, 1), (&other, 0), (&Filter::everything(), 0)] {
                assert_eq!(of_row(&row).frames_for(filter).count(), expected, "{kind} for {filter:?}");
                assert_eq!(is_wanted(&row, filter), expected == 1, "{kind} for {filter:?}");
            }
        }
    }
}
