//! The shapes that a value in a manifest may have: a capability's parameter, or a setting.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Flag,
    /// A number of bytes: a whole number, or a text such as `"4 MiB"`. Kept as the number.
    Bytes,
}

impl Shape {
    /// The value in its one normal form, so that two spellings of the same thing compare equal; `None` if it has not
    /// this shape.
    pub fn normal(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Text, Value::String(_)) | (Self::Flag, Value::Bool(_)) => Some(value.clone()),
            (Self::Texts, Value::Array(items)) if items.iter().all(Value::is_string) => Some(value.clone()),
            (Self::Integer, Value::Number(number)) if !number.is_f64() => Some(value.clone()),
            (Self::Bytes, Value::Number(number)) => number.as_u64().map(Value::from),
            (Self::Bytes, Value::String(text)) => parse_bytes(text).map(Value::from),
            _ => None,
        }
    }

    /// The shape of that name in a manifest.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shape| shape.name() == name)
    }

    /// Its name in a manifest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Texts => "texts",
            Self::Integer => "integer",
            Self::Flag => "flag",
            Self::Bytes => "bytes",
        }
    }

    pub(crate) const ALL: [Self; 5] = [Self::Text, Self::Texts, Self::Integer, Self::Flag, Self::Bytes];
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a text",
            Self::Texts => "a list of texts",
            Self::Integer => "a whole number",
            Self::Flag => "true or false",
            Self::Bytes => "a number of bytes, such as 4096 or \"4 MiB\"",
        })
    }
}

/// Reads `"4 MiB"`, `"512KiB"`, `"100 B"`.
pub(crate) fn parse_bytes(text: &str) -> Option<u64> {
    let (count, unit) = split_unit(text)?;
    let factor = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    // TOML and the lock have no greater numbers.
    count.checked_mul(factor).filter(|bytes| i64::try_from(*bytes).is_ok())
}

/// Splits `"250 ms"` into the number and its unit. There is no default unit: a bare number has been misread too often.
pub(crate) fn split_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at(digits);
    Some((count.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_taken_in_one_normal_form_or_not_at_all() {
        let cases = [
            (Shape::Text, json!("a"), Some(json!("a"))),
            (Shape::Text, json!(1), None),
            (Shape::Texts, json!(["a", "b"]), Some(json!(["a", "b"]))),
            (Shape::Texts, json!(["a", 1]), None),
            (Shape::Integer, json!(-3), Some(json!(-3))),
            (Shape::Integer, json!(1.5), None),
            (Shape::Flag, json!(true), Some(json!(true))),
            (Shape::Flag, json!("true"), None),
            (Shape::Bytes, json!(4096), Some(json!(4096))),
            (Shape::Bytes, json!("4 KiB"), Some(json!(4096))),
            (Shape::Bytes, json!("4KiB"), Some(json!(4096))),
            (Shape::Bytes, json!("4 kB"), None),
            (Shape::Bytes, json!("4"), None),
            (Shape::Bytes, json!(-1), None),
            (Shape::Bytes, json!("99999999999 GiB"), None),
        ];
        for (shape, value, normal) in cases {
            assert_eq!(shape.normal(&value), normal, "{shape:?} of {value}");
        }
    }

    #[test]
    fn every_shape_is_found_by_its_name() {
        for shape in Shape::ALL {
            assert_eq!(Shape::named(shape.name()), Some(shape));
        }
    }
}
