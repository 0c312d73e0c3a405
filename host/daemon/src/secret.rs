//! What must not be told: tokens, keys, and parameters that hold them.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Something that only one may see. It is neither `Debug` nor `Display` nor `Serialize`, so that it cannot slip into a
/// log, an event or an answer; [`Secret::expose`] is what to search for.
pub(crate) struct Secret<T = String>(T);

impl<T> Secret<T> {
    /// Hides it.
    pub(crate) fn new(secret: T) -> Self {
        Self(secret)
    }

    /// The secret itself, for the one whom it is for.
    pub(crate) fn expose(&self) -> &T {
        &self.0
    }
}

/// A text. What is no text is refused without being repeated, which serde's own errors would do.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        // What is no JSON, or is not there, is told without being repeated.
        match Value::deserialize(source)? {
            Value::String(text) if !text.is_empty() => Ok(Self(text)),
            _ => Err(D::Error::custom("it must be a text that is not empty")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use serde::Serialize;

    use super::*;

    /// Implemented twice for whatever can be told, so that `can_be_told` would be ambiguous and not compile.
    trait Told<By> {
        fn cannot_be_told() {}
    }
    struct ByDebug;
    struct ByDisplay;
    struct BySerialize;
    impl<T> Told<()> for T {}
    impl<T: Debug> Told<ByDebug> for T {}
    impl<T: Display> Told<ByDisplay> for T {}
    impl<T: Serialize> Told<BySerialize> for T {}

    #[test]
    fn it_cannot_be_told() {
        <Secret as Told<_>>::cannot_be_told();
        <Secret<Value> as Told<_>>::cannot_be_told();
    }

    #[test]
    fn what_is_refused_is_not_repeated() {
        for text in ["4711", "[\"sk-4711\"]", "{\"sk-4711\":1}", "true", "null", "\"\"", "\"sk-4711"] {
            let Err(error) = serde_json::from_str::<Secret>(text) else { panic!("{text} was taken") };
            assert!(!error.to_string().contains("4711"), "{error}");
        }
    }
}
