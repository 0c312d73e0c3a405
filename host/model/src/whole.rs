//! Whole numbers from a client. In JSON `31.0` is as whole as `31`, and some clients write it so.

use serde::{Deserialize, Deserializer, de};
use serde_json::Number;

/// A whole number that may be left out.
///
/// # Errors
/// When it is no whole number, or not one of `T`.
pub fn optional<'de, D: Deserializer<'de>, T: TryFrom<i64>>(source: D) -> Result<Option<T>, D::Error> {
    Option::<Number>::deserialize(source)?.map(|number| whole(&number)).transpose()
}

/// A whole number.
///
/// # Errors
/// As [`optional`].
pub fn required<'de, D: Deserializer<'de>, T: TryFrom<i64>>(source: D) -> Result<T, D::Error> {
    whole(&Number::deserialize(source)?)
}

fn whole<T: TryFrom<i64>, E: de::Error>(number: &Number) -> Result<T, E> {
    let written = || number.as_f64().filter(|number| number.fract() == 0.0)?.to_string().parse().ok();
    let whole = number.as_i64().or_else(written).and_then(|number| T::try_from(number).ok());
    whole.ok_or_else(|| E::custom(format_args!("{number} is not a whole number within its bounds")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        for (written, expected) in [
            (json!(31), Some(31)),
            (json!(31.0), Some(31)),
            (json!(3.1e1), Some(31)),
            (json!(31.5), None),
            (json!(-1.0), None),
            (json!(1e300), None),
            (json!(4_294_967_296.0), None),
            (json!("31"), None),
            (json!(null), None),
        ] {
            assert_eq!(required::<_, u32>(&written).ok(), expected, "{written}");
        }
        assert_eq!(optional::<_, u32>(&json!(null)).unwrap(), None);
        assert_eq!(optional::<_, u32>(&json!(7.0)).unwrap(), Some(7));
    }
}
