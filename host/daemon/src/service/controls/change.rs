//! One change of controls: made, told, and written down, in one transaction.

use codex_manager_model::{
    Actor, Controls, ItemStatus, NewEvent, Session, TranscriptEntry, TranscriptRole, TurnId, limits,
};
use codex_manager_store::{Error as StoreError, Tx};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use utoipa::openapi::schema::Object;
use uuid::Uuid;

use super::{Changed, Scope};
use crate::service::{Error, names, transcripts};

/// The turn that such rows of a transcript stand in. No turn of Codex is named so.
const TURN: &str = "session-controls";

/// What a client says of who changes something, and where. It is shown; it proves nothing.
#[derive(Debug, Clone)]
pub(in crate::service) struct Label {
    actor: String,
    source: String,
}

/// Other controls in the place of the previous ones.
pub(in crate::service) struct Change {
    pub(in crate::service) scope: Scope,
    pub(in crate::service) previous: Controls,
    pub(in crate::service) next: Controls,
    pub(in crate::service) actor: Actor,
    pub(in crate::service) now: Timestamp,
}

/// Who changes something, as a schema says it.
pub(in crate::service) fn actor_label() -> Object {
    let says = "Who changes it, in the words of the client. Whose token it was is recorded beside it.";
    names::optional(limits::ACTOR_LABEL_CHARS_MAX, says)
}

/// Where something is changed, as a schema says it.
pub(in crate::service) fn source_label() -> Object {
    names::optional(limits::SOURCE_LABEL_CHARS_MAX, "Where it is changed, in the words of the client.")
}

impl Label {
    /// # Errors
    /// Invalid when one of them is empty or too long.
    pub(in crate::service) fn new(actor: Option<String>, source: Option<String>) -> Result<Self, Error> {
        let check = |member: &str, text: Option<String>, unless: &str, chars_max: usize| match text {
            None => Ok(unless.to_owned()),
            Some(text) => names::checked(member, &text, chars_max),
        };
        Ok(Self {
            actor: check("actor", actor, "user", limits::ACTOR_LABEL_CHARS_MAX)?,
            source: check("source", source, "ui", limits::SOURCE_LABEL_CHARS_MAX)?,
        })
    }
}

impl Change {
    /// Makes the change, in the session or for new ones, tells of it as an event of that `kind` (of the session's), and
    /// writes it into the session's transcript if it has a label. Controls that are as they were stay untold.
    pub(in crate::service) fn make(
        &self,
        tx: &Tx<'_>,
        session: &Session,
        kind: &str,
        label: Option<&Label>,
    ) -> Result<Changed, StoreError> {
        if self.previous == self.next {
            return Ok(Changed::Unchanged);
        }
        let event = match self.scope {
            Scope::Session => {
                tx.put_session(&Session { controls: self.next.clone(), ..session.clone() })?;
                NewEvent::new(kind, Some(session.id.clone()), self.told_as(kind, session), self.now)
            }
            Scope::Default => {
                tx.put_default_controls(&self.next)?;
                NewEvent::new("defaults_updated", None, json!({ "controls": self.next }), self.now)
            }
        };
        tx.append_event(event.by(self.actor.clone()))?;
        if let Some(label) = label {
            transcripts::put_in(tx, &session.id, self.row(label), self.actor.clone(), None, self.now)?;
        }
        Ok(Changed::Ok)
    }

    fn told_as(&self, kind: &str, session: &Session) -> Value {
        let mut payload = json!({ "sessionId": session.id, "scope": self.scope });
        if kind == "session_settings_updated" {
            payload["settings"] = json!(self.next.settings);
        } else {
            payload["controls"] = json!(self.next);
        }
        payload
    }

    /// The row that stays in the transcript: who changed what, where, from what to what.
    fn row(&self, label: &Label) -> TranscriptEntry {
        let of = match self.scope {
            Scope::Session => "of this session",
            Scope::Default => "of new sessions",
        };
        let (previous, next) = (line(&self.previous), line(&self.next));
        let what = if previous == next { "settings only".to_owned() } else { format!("{previous} -> {next}") };
        let details = json!({
            "occurredAt": self.now.to_string(),
            "actor": label.actor,
            "source": label.source,
            "by": self.actor,
            "scope": self.scope,
            "previous": self.previous,
            "next": self.next,
        });
        TranscriptEntry {
            message_id: format!("{TURN}-{}", Uuid::now_v7().simple()),
            turn_id: TurnId::new(TURN),
            role: TranscriptRole::System,
            kind: "session.controls.updated".to_owned(),
            content: format!("Controls {of} changed by {} via {}: {what}", label.actor, label.source),
            details: Some(details.to_string()),
            status: ItemStatus::Complete,
            started_at: Some(self.now),
            completed_at: Some(self.now),
        }
    }
}

/// Controls in one line, without their settings.
pub(super) fn line(controls: &Controls) -> String {
    let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
    [
        controls.model.clone().unwrap_or_else(|| "default".to_owned()),
        word(json!(controls.approval_policy)),
        word(json!(controls.network_access)),
        word(json!(controls.filesystem_sandbox)),
    ]
    .join(" | ")
}

/// Reads a member that may be `null` and must be there.
pub(in crate::service) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}
