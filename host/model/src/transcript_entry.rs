//! Entries of a transcript that somebody else than the child wrote: an extension, a client, we ourselves.

use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond::optional as milliseconds;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{ItemStatus, TurnId, whole};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum TranscriptRole {
    /// The person.
    User,
    /// The model.
    Assistant,
    /// Everything else.
    System,
}

/// One row of a session's transcript, as it is on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TranscriptEntry {
    /// Names the row within its session. For a row that the child has too, it is the item's id.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 512))]
    pub message_id: String,
    /// The turn it belongs to. It need not be one that the child knows.
    #[cfg_attr(feature = "schema", schema(value_type = String, min_length = 1, max_length = 512))]
    pub turn_id: TurnId,
    /// Who speaks.
    pub role: TranscriptRole,
    /// What kind of row it is, in the words of whoever wrote it.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 512))]
    pub kind: String,
    /// The text.
    pub content: String,
    /// More than fits a line, often JSON text. An object with the member `anchorItemId` names the row to stand behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// Where it stands.
    pub status: ItemStatus,
    /// When it began; in milliseconds since 1970 on the wire.
    #[serde(
        default,
        serialize_with = "milliseconds::serialize",
        deserialize_with = "from_milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<i64>, minimum = 0, maximum = 253_402_207_200_000_i64))]
    pub started_at: Option<Timestamp>,
    /// When it ended; likewise.
    #[serde(
        default,
        serialize_with = "milliseconds::serialize",
        deserialize_with = "from_milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<i64>, minimum = 0, maximum = 253_402_207_200_000_i64))]
    pub completed_at: Option<Timestamp>,
}

impl TranscriptEntry {
    /// The entry after `newer` was written over it. What has ended does not begin again: such news changes nothing but
    /// the times. Details that `newer` does not have stay. It ends no earlier than it began.
    #[must_use]
    pub fn updated(self, newer: Self) -> Self {
        let started_at = [self.started_at, newer.started_at].into_iter().flatten().min();
        let completed_at = newer.completed_at.or(self.completed_at);
        let regresses = self.status != ItemStatus::Streaming && newer.status == ItemStatus::Streaming;
        let told = if regresses { self } else { Self { details: newer.details.or(self.details), ..newer } };
        Self { started_at, completed_at, ..told }.in_order()
    }

    /// The entry, ended no earlier than it began.
    #[must_use]
    pub fn in_order(self) -> Self {
        let completed_at = self.completed_at.map(|end| self.started_at.map_or(end, |begin| end.max(begin)));
        Self { completed_at, ..self }
    }
}

fn from_milliseconds<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Timestamp>, D::Error> {
    whole::optional(source)?.map(Timestamp::from_millisecond).transpose().map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(status: ItemStatus, content: &str, times: [Option<i64>; 2]) -> TranscriptEntry {
        let [started_at, completed_at] = times.map(|time| time.map(|at| Timestamp::from_millisecond(at).unwrap()));
        TranscriptEntry {
            message_id: "m".into(),
            turn_id: TurnId::new("t"),
            role: TranscriptRole::System,
            kind: "note".into(),
            content: content.into(),
            details: None,
            status,
            started_at,
            completed_at,
        }
    }

    #[cfg(feature = "schema")]
    #[test]
    fn the_latest_time_is_the_one_that_the_schema_tells() {
        let schema = json!(<TranscriptEntry as utoipa::PartialSchema>::schema());
        for member in ["startedAt", "completedAt"] {
            let latest = schema["properties"][member]["maximum"].as_i64().unwrap();
            let is_taken = |at: i64| {
                let mut written = json!(entry(ItemStatus::Complete, "a", [None, None]));
                written[member] = json!(at);
                serde_json::from_value::<TranscriptEntry>(written).is_ok()
            };
            assert!(is_taken(latest) && !is_taken(latest + 1), "{member}: {latest}");
        }
    }

    #[test]
    fn what_has_ended_does_not_begin_again() {
        use ItemStatus::{Canceled, Complete, Error, Streaming};
        for (before, newer, status, content) in [
            (Streaming, Streaming, Streaming, "new"),
            (Streaming, Complete, Complete, "new"),
            (Complete, Streaming, Complete, "old"),
            (Canceled, Streaming, Canceled, "old"),
            (Error, Streaming, Error, "old"),
            (Complete, Error, Error, "new"),
            (Error, Complete, Complete, "new"),
        ] {
            let updated = entry(before, "old", [None; 2]).updated(entry(newer, "new", [None; 2]));
            assert_eq!((updated.status, updated.content.as_str()), (status, content), "{before:?}, then {newer:?}");
        }
    }

    #[test]
    fn details_stay_until_there_are_others() {
        let detailed = |details: &str| TranscriptEntry {
            details: Some(details.into()),
            ..entry(ItemStatus::Complete, "", [None; 2])
        };
        let bare = entry(ItemStatus::Complete, "", [None; 2]);
        assert_eq!(detailed("old").updated(bare).details.as_deref(), Some("old"));
        assert_eq!(detailed("old").updated(detailed("")).details.as_deref(), Some(""));
    }

    #[test]
    fn it_began_when_it_first_did_and_ends_no_earlier() {
        for (before, newer, times) in [
            ([None, None], [Some(5), Some(3)], [Some(5), Some(5)]),
            ([Some(2), Some(3)], [Some(1), None], [Some(1), Some(3)]),
            ([Some(2), Some(3)], [Some(4), Some(9)], [Some(2), Some(9)]),
            ([Some(2), Some(9)], [None, Some(4)], [Some(2), Some(4)]),
            ([None, None], [None, Some(4)], [None, Some(4)]),
        ] {
            let updated = entry(ItemStatus::Complete, "", before).updated(entry(ItemStatus::Complete, "", newer));
            assert_eq!(updated, entry(ItemStatus::Complete, "", times), "{before:?}, then {newer:?}");
        }
    }

    #[test]
    fn on_the_wire_it_has_the_words_and_the_numbers_that_clients_know() {
        let wire = json!({
            "messageId": "m", "turnId": "t", "role": "system", "type": "note", "content": "c", "details": "d",
            "status": "streaming", "startedAt": 1_700_000_000_123_u64,
        });
        let read: TranscriptEntry = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), wire);
        let mut bare = wire;
        bare["details"] = json!(null);
        bare["completedAt"] = json!(null);
        let read: TranscriptEntry = serde_json::from_value(bare).unwrap();
        assert_eq!((read.details, read.completed_at), (None, None));
    }
}
