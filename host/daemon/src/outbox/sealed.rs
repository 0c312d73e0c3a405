//! Parameters that hold a secret. They are never written down: the row shows them without it, and what is sent is held
//! here until it was. What a crash takes away is not sent, and its row says so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use codex_manager_model::{Operation, OperationId};
use serde_json::{Value, json};

use crate::secret::Secret;
use crate::service::{Error, code};

/// The member of a row's body that says that what is sent is not in it.
const SEALED: &str = "sealed";
/// What stands in the place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";
/// Shorter texts are no secrets, and looking for them would garble what the child says.
const SECRET_BYTES_MIN: usize = 4;

/// What is to be sent, by operation.
#[derive(Default)]
pub(super) struct Sealed(Mutex<HashMap<OperationId, Arc<Secret<Value>>>>);

/// What an operation sends.
pub(super) enum Params {
    /// What its row says.
    Open(Value),
    /// What only we know.
    Sealed(Arc<Secret<Value>>),
    /// What nobody knows any more.
    Lost,
}

impl Sealed {
    /// Holds what `operation` sends, and marks its row.
    pub(super) fn hold(&self, operation: &mut Operation, params: Secret<Value>) {
        operation.body[SEALED] = true.into();
        self.lock().insert(operation.id.clone(), Arc::new(params));
    }

    /// What `operation` sends.
    pub(super) fn of(&self, operation: &Operation) -> Params {
        if operation.body[SEALED] != true {
            return Params::Open(operation.body["params"].clone());
        }
        self.lock().get(&operation.id).map_or(Params::Lost, |held| Params::Sealed(Arc::clone(held)))
    }

    /// It was sent, or never will be.
    pub(super) fn forget(&self, id: &OperationId) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OperationId, Arc<Secret<Value>>>> {
        // Entries come and go as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Params {
    /// What the child answers to these, fit to be written down: what it repeats of a secret is taken out.
    pub(super) fn scrub(&self, outcome: Value, shown: &Value) -> Value {
        let Self::Sealed(params) = self else { return outcome };
        let mut open = Vec::new();
        texts(shown, &mut open);
        let mut secrets = Vec::new();
        texts(params.expose(), &mut secrets);
        secrets.retain(|text| text.len() >= SECRET_BYTES_MIN && !open.contains(text));
        scrubbed(outcome, &secrets)
    }
}

/// Why an operation whose parameters are lost was not sent.
const LOST: &str = "the daemon ended before this was sent, and what it holds is never written down; it was not sent";

/// How an operation is settled whose parameters are lost.
pub(super) fn lost() -> Value {
    json!({ "notSent": true, "message": LOST })
}

/// What that means to the one who asked for it, if it is how this was settled.
pub(super) fn was_lost(outcome: &Value) -> Option<Error> {
    (outcome["notSent"] == true).then(|| Error::new(code::NOT_SENT, LOST))
}

/// All texts in `value`.
fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(all) => all.iter().for_each(|one| texts(one, found)),
        Value::Object(members) => members.values().for_each(|one| texts(one, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn scrubbed(value: Value, secrets: &[&str]) -> Value {
    match value {
        Value::String(text) => secrets.iter().fold(text, |text, secret| text.replace(secret, REDACTED)).into(),
        Value::Array(all) => all.into_iter().map(|one| scrubbed(one, secrets)).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, one)| (name, scrubbed(one, secrets)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_child_repeats_of_a_secret_is_taken_out_and_nothing_else() {
        let sent = json!({ "keyPath": "model", "value": { "key": "sk-4711", "short": "ok", "list": ["canary"] } });
        let params = Params::Sealed(Arc::new(Secret::new(sent)));
        let shown = json!({ "keyPath": "model", "value": REDACTED });
        let said = json!({ "message": "ok: model `sk-4711` is no canary", "data": [{ "sk": "xsk-4711x" }, 1, null] });
        let scrubbed = params.scrub(said, &shown);
        let expected = json!({ "message": "ok: model `[redacted]` is no [redacted]",
                               "data": [{ "sk": "x[redacted]x" }, 1, null] });
        assert_eq!(scrubbed, expected);
    }
}
