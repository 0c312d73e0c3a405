//! Settings: what a user may set of an extension.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{Shape, nearest};

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// What it looks like.
    pub shape: Shape,
    /// What holds until somebody sets it.
    pub default: Value,
    /// What it is for, in a sentence.
    pub description: String,
}

/// Why a setting was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// The extension has no such setting.
    #[error("there is no setting `{name}`; {hint}")]
    Unknown {
        /// The name that was given.
        name: String,
        /// The name that was probably meant.
        hint: String,
    },
    /// The value has another shape.
    #[error("the setting `{name}` should be {shape}")]
    Shape {
        /// The setting.
        name: String,
        /// The shape it should have.
        shape: Shape,
    },
}

pub(super) fn resolve(
    settings: &BTreeMap<String, Setting>,
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, SettingError> {
    let mut values: Map<_, _> =
        settings.iter().map(|(name, setting)| (name.clone(), setting.default.clone())).collect();
    for (name, value) in given {
        let setting = settings.get(name).ok_or_else(|| SettingError::Unknown {
            name: name.clone(),
            hint: nearest::hint(name, settings.keys().map(String::as_str)),
        })?;
        let shape = setting.shape;
        let normal = shape.normal(value).ok_or_else(|| SettingError::Shape { name: name.clone(), shape })?;
        values.insert(name.clone(), normal);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_given_lies_over_the_defaults_and_nothing_else_passes() {
        let setting = |shape, default| Setting { shape, default, description: "-".to_owned() };
        let settings = BTreeMap::from([
            ("names".to_owned(), setting(Shape::Texts, json!(["wolf"]))),
            ("strict".to_owned(), setting(Shape::Flag, json!(false))),
        ]);
        let resolve = |given: Value| resolve(&settings, given.as_object().expect("a table")).map(Value::from);
        assert_eq!(resolve(json!({})), Ok(json!({"names": ["wolf"], "strict": false})));
        assert_eq!(resolve(json!({"strict": true})), Ok(json!({"names": ["wolf"], "strict": true})));
        let refused = resolve(json!({"strct": true})).expect_err("misspelt");
        assert_eq!(refused.to_string(), "there is no setting `strct`; did you mean `strict`?");
        let refused = resolve(json!({"strict": 1})).expect_err("no flag");
        assert_eq!(refused.to_string(), "the setting `strict` should be true or false");
    }
}
