//! What a request offers beside the plain decisions. An answer that says more than a plain word has to be among it: no
//! decision widens more than the person who made it was shown.

use codex_manager_model::{Decision, Interaction};
use serde_json::{Value, json};

use crate::service::Error;

/// How much of what is offered a refusal tells, in characters.
const TOLD_CHARS_MAX: usize = 1000;

/// Where the words of commands stand in a decision, and where a rule for a host does.
const WORDS: &str = "/acceptWithExecpolicyAmendment/execpolicy_amendment";
const RULE: &str = "/applyNetworkPolicyAmendment/network_policy_amendment";

/// The decision by which commands that begin with these words are never asked for again.
///
/// # Errors
/// Invalid when the request does not offer it.
pub(super) fn with_words(asked: &Interaction, words: &[String]) -> Result<Value, Error> {
    amendment(asked, "execPolicyAmendment", for_words(&json!(words)), WORDS)
}

/// The decision by which a rule for a host holds from now on.
///
/// # Errors
/// Invalid when the request does not offer it.
pub(super) fn with_rule(asked: &Interaction, rule: &Value) -> Result<Value, Error> {
    amendment(asked, "networkPolicyAmendment", for_rule(rule), RULE)
}

/// Checks a whole answer: what it decides is a plain word or is offered, and is what was decided.
///
/// # Errors
/// Invalid when it is not.
pub(super) fn check_answer(asked: &Interaction, decision: Decision, answer: &Value) -> Result<(), Error> {
    let (said, offered) = (&answer["decision"], offered(&asked.details));
    let means = meaning(said);
    let is_plain = said.is_string() && means.is_some();
    if !is_plain && !offered.contains(said) {
        return Err(not_offered(&["response", "decision"], &offered.iter().collect::<Vec<_>>()));
    }
    if means.is_some_and(|means| means != decision) {
        return Err(Error::invalid_at(&["response", "decision"], "is not what `decision` says"));
    }
    Ok(())
}

/// Checks that what is granted is asked for, and that nothing is left out of it that the request itself denies.
///
/// # Errors
/// Invalid when it is more; `path` is where it stands.
pub(super) fn check_granted(asked: &Interaction, path: &[&str], granted: &Value) -> Result<(), Error> {
    let wanted = &asked.details["permissions"];
    if is_within(granted, wanted) && keeps_denials(granted, wanted) {
        return Ok(());
    }
    Err(Error::invalid_at(path, &format!("is more than is asked for: {}", told(&[wanted]))))
}

fn amendment(asked: &Interaction, member: &str, decision: Value, place: &str) -> Result<Value, Error> {
    let offered = offered(&asked.details);
    if offered.contains(&decision) {
        return Ok(decision);
    }
    Err(not_offered(&[member], &offered.iter().filter_map(|offered| offered.pointer(place)).collect::<Vec<_>>()))
}

/// The decisions that a request names, in the words of its answer.
fn offered(details: &Value) -> Vec<Value> {
    let list = |member: &str| details[member].as_array().into_iter().flatten();
    let mut offered: Vec<_> = list("availableDecisions").cloned().collect();
    let words = Some(&details["proposedExecpolicyAmendment"]).filter(|words| words.is_array()).map(for_words);
    let proposed = words.into_iter().chain(list("proposedNetworkPolicyAmendments").map(for_rule));
    // Most stand in both places.
    let more: Vec<_> = proposed.filter(|decision| !offered.contains(decision)).collect();
    offered.extend(more);
    offered
}

fn for_words(words: &Value) -> Value {
    json!({ "acceptWithExecpolicyAmendment": { "execpolicy_amendment": words } })
}

fn for_rule(rule: &Value) -> Value {
    json!({ "applyNetworkPolicyAmendment": { "network_policy_amendment": rule } })
}

/// What a decision in the child's words comes to; `None` for one that is not known here.
fn meaning(said: &Value) -> Option<Decision> {
    match said.as_str() {
        Some("accept" | "acceptForSession" | "approved" | "approved_for_session") => Some(Decision::Accept),
        Some("decline" | "denied") => Some(Decision::Decline),
        Some("cancel" | "abort") => Some(Decision::Cancel),
        Some(_) => None,
        None if said.pointer(WORDS).is_some() => Some(Decision::Accept),
        None => match said.pointer(RULE)?["action"].as_str()? {
            "allow" => Some(Decision::Accept),
            _ => Some(Decision::Decline),
        },
    }
}

/// Whether all of it stands in `wanted` too.
fn is_within(granted: &Value, wanted: &Value) -> bool {
    match (granted, wanted) {
        (Value::Null, _) => true,
        (Value::Object(granted), Value::Object(wanted)) => {
            granted.iter().all(|(name, value)| is_within(value, wanted.get(name).unwrap_or(&Value::Null)))
        }
        (Value::Array(granted), Value::Array(wanted)) => granted.iter().all(|value| wanted.contains(value)),
        _ => granted == wanted,
    }
}

/// Files that the request keeps from what it asks for stay kept from it.
fn keeps_denials(granted: &Value, wanted: &Value) -> bool {
    let entries = |access: &Value| access["fileSystem"]["entries"].as_array().cloned().unwrap_or_default();
    let (kept, files) = (entries(granted), &granted["fileSystem"]);
    files.is_null() || entries(wanted).iter().filter(|entry| entry["access"] == "deny").all(|deny| kept.contains(deny))
}

fn not_offered(path: &[&str], offered: &[&Value]) -> Error {
    let offers = if offered.is_empty() { "none".to_owned() } else { told(offered) };
    Error::invalid_at(path, &format!("was not offered; the request offers {offers}"))
}

fn told(values: &[&Value]) -> String {
    let told = values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    told.chars().take(TOLD_CHARS_MAX).collect()
}
