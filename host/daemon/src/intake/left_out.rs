//! Params of the child that no event carries: the event is told without them, and says why and how large they were.
//! State is still made of params that are only too large.

use codex_manager_model::limits;
use serde::Serialize;
use serde_json::Value;

/// What an event was told without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct LeftOut {
    pub(super) reason: Reason,
    /// How large the params are as JSON text.
    pub(super) bytes: usize,
}

/// Why it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    /// They could be written and never read, so no state can be made of them either.
    TooDeep,
    /// Everybody who reads the log would have to take them whole.
    TooLarge,
}

impl LeftOut {
    /// What an event with these params has to leave out.
    pub(super) fn of(params: &Value) -> Option<Self> {
        let bytes = params.to_string().len();
        let reason = if !is_nested_within(limits::CHILD_NESTING_MAX, params) {
            Reason::TooDeep
        } else if bytes > limits::EVENT_PAYLOAD_BYTES_MAX {
            Reason::TooLarge
        } else {
            return None;
        };
        Some(Self { reason, bytes })
    }
}

/// Whether nothing in it is nested deeper than that many levels.
pub(crate) fn is_nested_within(levels: usize, value: &Value) -> bool {
    let inside = |value| levels > 0 && is_nested_within(levels - 1, value);
    match value {
        Value::Array(values) => values.iter().all(inside),
        Value::Object(members) => members.values().all(inside),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, _| json!([inner]))
    }

    #[test]
    fn params_that_no_row_could_be_read_back_with_are_left_out() {
        let kept = nested(limits::CHILD_NESTING_MAX);
        assert_eq!(LeftOut::of(&kept), None);
        let row = json!({ "house": { "type": "approval", "payload": { "details": kept } } });
        assert!(serde_json::from_str::<Value>(&row.to_string()).is_ok());
        let left_out = LeftOut::of(&nested(limits::CHILD_NESTING_MAX + 1)).unwrap();
        assert_eq!(left_out.reason, Reason::TooDeep);
    }

    #[test]
    fn params_are_measured_as_json_text() {
        // The quotes are part of it, and what is escaped takes more than it says.
        let fits = json!("x".repeat(limits::EVENT_PAYLOAD_BYTES_MAX - 2));
        assert_eq!(LeftOut::of(&fits), None);
        let bytes = limits::EVENT_PAYLOAD_BYTES_MAX + 2;
        let escaped = json!("\n".repeat(limits::EVENT_PAYLOAD_BYTES_MAX / 2));
        assert_eq!(LeftOut::of(&escaped), Some(LeftOut { reason: Reason::TooLarge, bytes }));
    }
}
