//! `/errors/{code}`: where the `type` of a refusal leads, for whoever follows it. In words and without a token, as
//! `codex-manager explain` has it.

use super::problem::status_of;
use super::{Access, Doc, Path, Problem, Route};
use crate::service::code::{self, Code};
use crate::service::error::Error;

pub(super) fn routes() -> Vec<Route> {
    let doc = Doc::new("explainError", "system", "What the code of a refusal means, and what to do then.")
        .says("The `type` of a refusal is an address of this.")
        .answer_as::<String>(200, "In words.", "text/plain", explained(code::SESSION_NOT_FOUND).into())
        .refuses(&[code::ROUTE_NOT_FOUND]);
    vec![Route::get("/errors/{code}", Access::Open, explain).doc(doc)]
}

/// A code in words: what it comes with, what it means, and what to do then.
pub(crate) fn explained(code: &Code) -> String {
    let statuses: Vec<_> = code.kinds.iter().map(|kind| status_of(*kind).as_str().to_owned()).collect();
    format!("{} (HTTP {})\n  {}\n  → {}\n", code.word, statuses.join(", "), code.means, code.then)
}

async fn explain(Path(word): Path<String>) -> Result<String, Problem> {
    let unknown = || Error::new(code::ROUTE_NOT_FOUND, format!("there is no code {word}")).status("not_found");
    Ok(explained(code::find(&word).ok_or_else(unknown)?))
}
