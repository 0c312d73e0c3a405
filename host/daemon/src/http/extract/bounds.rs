//! How deep and how wide the JSON of a request may be, looked at before anything is built from it.

use codex_manager_model::limits::{JSON_DEPTH_MAX, JSON_ELEMENTS_MAX};

use super::invalid;
use crate::service::error::Error;

/// Counts levels, and the commas of each. What is no JSON is for the parser to say.
pub(super) fn check(bytes: &[u8]) -> Result<(), Error> {
    let mut commas: Vec<usize> = Vec::new();
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => skip_text(&mut rest),
            b'[' | b'{' if commas.len() == JSON_DEPTH_MAX => {
                return Err(invalid(format!("the body is nested deeper than {JSON_DEPTH_MAX} levels")));
            }
            b'[' | b'{' => commas.push(0),
            b']' | b'}' => {
                commas.pop();
            }
            b',' => {
                let Some(seen) = commas.last_mut() else { continue };
                *seen += 1;
                if *seen >= JSON_ELEMENTS_MAX {
                    return Err(invalid(format!(
                        "an array or object of the body has more than {JSON_ELEMENTS_MAX} elements"
                    )));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Moves behind the end of a text, of which the beginning was read.
fn skip_text(rest: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                rest.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    fn elements(count: usize) -> String {
        format!("[{}]", vec!["0"; count].join(","))
    }

    #[test]
    fn what_is_deep_or_wide_is_refused_before_it_is_parsed() {
        for good in [
            String::new(),
            nested(JSON_DEPTH_MAX),
            "{\"a\":".repeat(JSON_DEPTH_MAX) + "1" + &"}".repeat(JSON_DEPTH_MAX),
            elements(JSON_ELEMENTS_MAX),
            format!("[{},{}]", elements(JSON_ELEMENTS_MAX), elements(JSON_ELEMENTS_MAX)),
            format!("[{}]", vec!["[]"; 1000].join(",")),
            format!("\"{}\"", "[,".repeat(100_000)),
            format!("\"\\\"{}\"", "[,".repeat(100_000)),
            "]]]],,,,".to_owned(),
            "\"unfinished".to_owned(),
            "\"\\".to_owned(),
        ] {
            check(good.as_bytes()).unwrap_or_else(|error| panic!("{error}: {:.80}", good));
        }
        for bad in [
            nested(JSON_DEPTH_MAX + 1),
            nested(100_000),
            "[".repeat(1_000_000),
            "{\"a\":".repeat(JSON_DEPTH_MAX + 1),
            elements(JSON_ELEMENTS_MAX + 1),
            elements(400_000),
            format!("{{\"a\\\\\":{}}}", elements(JSON_ELEMENTS_MAX + 1)),
        ] {
            assert!(check(bad.as_bytes()).is_err(), "{:.80}", bad);
        }
    }
}
