//! `explain`: what a code of an answer means, and what to do then. Needs no daemon.

use clap::Args;
use serde_json::{Value, json};

use super::Context;
use super::failure::{Exit, Failure};
use crate::http::errors::explained;
use crate::http::status_of;
use crate::service::code::{self, ALL, Code};

/// How much of a word may be mistaken before it is no slip any more, as one part in so many.
const SLIP: usize = 2;

/// Explain a code that the API answered with; all of them without one
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The code, as `code` in the answer has it, or `type`
    code: Option<String>,
}

impl Explain {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let Some(word) = self.code else {
            let document = json!({ "codes": ALL.iter().map(|code| document(code)).collect::<Vec<_>>() });
            return context
                .output
                .document(&document, || ALL.iter().map(|code| line(code)).collect::<Vec<_>>().join("\n"));
        };
        let code = find(&word)?;
        context.output.document(&document(code), || explained(code).trim_end().to_owned())
    }
}

fn find(word: &str) -> Result<&'static Code, Failure> {
    if let Some(code) = code::find(word) {
        return Ok(code);
    }
    let sought = word.trim().to_ascii_lowercase();
    let near = ALL.iter().map(|code| (strsim::osa_distance(&sought, code.word), code.word)).min();
    let hint = match near {
        Some((distance, near)) if distance <= (sought.len() / SLIP).max(1) => format!("did you mean {near}?"),
        _ => "`codex-manager explain` lists the codes that there are".to_owned(),
    };
    Err(Failure::new(Exit::NotFound, format!("there is no code {word}")).hint(hint))
}

/// The statuses that it comes with, as in `404, 409`.
fn statuses(code: &Code) -> Vec<u16> {
    code.kinds.iter().map(|kind| status_of(*kind).as_u16()).collect()
}

fn document(code: &Code) -> Value {
    json!({ "code": code.word, "statuses": statuses(code), "means": code.means, "then": code.then })
}

fn line(code: &Code) -> String {
    format!("{:<26} {:<9} {}", code.word, told(code), code.means)
}

fn told(code: &Code) -> String {
    statuses(code).iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_however_it_is_written_and_a_slip_is_recognised() {
        for word in ["session_deleted", "session-deleted", "Session_Deleted", "/errors/session-deleted"] {
            assert_eq!(find(word).unwrap().word, "session_deleted");
        }
        assert_eq!(find("sesion_deleted").unwrap_err().exit, Exit::NotFound);
        assert!(explained(find("expired").unwrap()).starts_with("expired (HTTP 404, 409)\n"));
    }
}
