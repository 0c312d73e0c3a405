//! One line of the child, read as JSON-RPC. The `jsonrpc` member is not required: Codex leaves it out.

use serde_json::{Map, Value};

/// What a line says.
#[derive(Debug, PartialEq)]
pub(crate) enum Message {
    /// An answer to a call of ours.
    Response {
        /// The call's id.
        id: i64,
        /// What came of it.
        outcome: Outcome,
    },
    /// A request of the child.
    Request {
        /// The child's id for it.
        id: Value,
        method: String,
        params: Value,
    },
    /// Something that wants no answer.
    Notification { method: String, params: Value },
}

/// What came of a call.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Result(Value),
    Error {
        code: i64,
        message: String,
        data: Option<Value>,
    },
    /// An answer with neither a result nor an error.
    Neither,
}

impl Message {
    /// Reads a line. The error says what it is instead, for people, without carrying the line along.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(line).map_err(|error| not_understood(line, &error.to_string()))?;
        let Value::Object(object) = value else { return Err(not_understood(line, "it is not an object")) };
        Self::from_object(object).map_err(|why| not_understood(line, why))
    }

    fn from_object(mut object: Map<String, Value>) -> Result<Self, &'static str> {
        let id = object.remove("id");
        let method = match object.remove("method") {
            Some(Value::String(method)) => Some(method),
            Some(_) => return Err("its method is not text"),
            None => None,
        };
        let params = object.remove("params").unwrap_or(Value::Null);
        match (method, id) {
            (Some(method), None) => Ok(Self::Notification { method, params }),
            (Some(method), Some(id)) if id.is_string() || id.is_i64() || id.is_u64() => {
                Ok(Self::Request { id, method, params })
            }
            (Some(_), Some(_)) => Err("its id is neither an integer nor text"),
            (None, Some(id)) => match id.as_i64() {
                Some(id) => Ok(Self::Response { id, outcome: Outcome::from_object(object) }),
                None => Err("it answers an id that was never given out"),
            },
            (None, None) => Err("it has neither a method nor an id"),
        }
    }
}

impl Outcome {
    fn from_object(mut object: Map<String, Value>) -> Self {
        if let Some(error) = object.remove("error").filter(|error| !error.is_null()) {
            let code = error.get("code").and_then(Value::as_i64).unwrap_or(0);
            let message = match error.get("message").and_then(Value::as_str) {
                Some(message) => message.to_owned(),
                None => error.to_string(),
            };
            return Self::Error { code, message, data: error.get("data").cloned() };
        }
        match object.remove("result") {
            Some(result) => Self::Result(result),
            None => Self::Neither,
        }
    }
}

/// Describes a line that is no message: how long it is, why, and how it begins.
fn not_understood(line: &[u8], why: &str) -> String {
    let start = String::from_utf8_lossy(&line[..line.len().min(80)]);
    let start: String = start.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("a line of {} bytes was not understood ({why}): {start}", line.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_are_told_apart_by_method_and_id() {
        let table = [
            (r#"{"id":1,"result":{"a":1}}"#, Message::Response { id: 1, outcome: Outcome::Result(json!({"a": 1})) }),
            (r#"{"id":1,"result":null}"#, Message::Response { id: 1, outcome: Outcome::Result(Value::Null) }),
            (r#"{"id":1}"#, Message::Response { id: 1, outcome: Outcome::Neither }),
            (
                r#"{"error":{"code":-32600,"message":"no","data":[1]},"id":2}"#,
                Message::Response {
                    id: 2,
                    outcome: Outcome::Error { code: -32600, message: "no".into(), data: Some(json!([1])) },
                },
            ),
            (
                r#"{"id":3,"error":"odd"}"#,
                Message::Response { id: 3, outcome: Outcome::Error { code: 0, message: "\"odd\"".into(), data: None } },
            ),
            (
                r#"{"method":"warning","params":{"message":"m"},"emittedAtMs":1}"#,
                Message::Notification { method: "warning".into(), params: json!({"message": "m"}) },
            ),
            (r#"{"method":"x"}"#, Message::Notification { method: "x".into(), params: Value::Null }),
            (
                r#"{"jsonrpc":"2.0","method":"ask","id":0,"params":{}}"#,
                Message::Request { id: json!(0), method: "ask".into(), params: json!({}) },
            ),
            (
                r#"{"method":"ask","id":"s"}"#,
                Message::Request { id: json!("s"), method: "ask".into(), params: Value::Null },
            ),
        ];
        for (line, message) in table {
            assert_eq!(Message::parse(line.as_bytes()), Ok(message), "{line}");
        }
    }

    #[test]
    fn anything_else_is_noise_that_does_not_carry_the_line() {
        let long = format!("\u{1b}[31m{}", "x".repeat(1_000_000));
        let deep = "[".repeat(100_000);
        let lines = [
            "[]",
            "{}",
            "7",
            "hello",
            r#"{"method":7}"#,
            r#"{"method":"m","id":null}"#,
            r#"{"method":"m","id":1.5}"#,
            r#"{"id":"abc","result":1}"#,
            r#"{"id":1,"result":"#,
            &long,
            &deep,
        ];
        for line in lines {
            let what = Message::parse(line.as_bytes()).unwrap_err();
            assert!(what.len() < 400 && !what.contains('\u{1b}'), "{what}");
        }
    }
}
