//! Extensions: where they are dropped, and how those that were stand, as the daemon that runs tells it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::Context;
use super::super::ext::rule;
use super::super::failure::Exit;
use super::check::Check;

const NAME: &str = "extensions";
const LIST: &str = "codex-manager ext list";

/// Asks the daemon. Without one nobody knows which folders the next one will be told of.
pub(super) async fn check(context: &Context) -> Check {
    let answer = match context.client() {
        Ok(client) => client.get(&["agents", "extensions"], &[]).await,
        Err(failure) => Err(failure),
    };
    match answer {
        Ok(answer) => of_list(&answer.json),
        Err(failure) if failure.exit == Exit::Unreachable => {
            Check::ok(NAME, "no daemon runs that looks for any; `serve` looks in ./extensions unless told otherwise")
        }
        Err(failure) => Check::warn(NAME, failure.to_string(), LIST),
    }
}

fn of_list(body: &Value) -> Check {
    let all = || body["extensions"].as_array().into_iter().flatten();
    let count = |is_one: fn(&Value) -> bool| all().filter(|listed| is_one(listed)).count();
    let in_state = |state: &str| all().filter(|listed| listed["state"] == state).count();
    // One that lies in two folders is listed twice.
    let ids: BTreeSet<_> =
        all().filter(|listed| !listed["runs"].is_null()).map(|listed| listed["id"].as_str()).collect();
    let running = ids.len();
    let (approved, compiling, ready) = (in_state("approved"), in_state("compiling"), in_state("ready"));
    let silent = count(|listed| rule(listed).is_some());
    let waiting = count(|listed| !listed["waiting"].is_null());
    let faulty = count(|listed| !listed["fault"].is_null());
    let quarantined = in_state("quarantined");
    let mut message = format!(
        "{running} run, {ready} are ready, {compiling} are being compiled, {approved} wait for that, {waiting} wait for a yes, {faulty} \
         faulty, {quarantined} in quarantine; dropped into {}",
        roots(body)
    );
    if silent > 0 {
        message += &format!("; {silent} that may decide and do not run");
    }
    if faulty + quarantined + silent > 0 { Check::warn(NAME, message, LIST) } else { Check::ok(NAME, message) }
}

fn roots(body: &Value) -> String {
    let told = |root: &Value| {
        let missing = if root["isThere"] == false { " (not there)" } else { "" };
        format!("{}{missing}", root["folder"].as_str().unwrap_or("?"))
    };
    body["roots"].as_array().into_iter().flatten().map(told).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::check::State;
    use super::*;

    #[test]
    fn what_runs_waits_and_fails_is_counted() {
        let runs = json!({ "version": "1.0.0" });
        let mut body = json!({
            "roots": [{ "folder": "/drops", "isThere": true }, { "folder": "/nowhere", "isThere": false }],
            "extensions": [
                { "id": "a.one", "state": "running", "runs": runs, "required": true, "waiting": {}, "fault": null },
                { "id": "a.two", "state": "compiling", "runs": runs, "required": true, "waiting": null, "fault": null },
                { "state": "pending", "runs": null, "required": false, "waiting": {}, "fault": null },
            ],
        });
        let check = of_list(&body);
        let told = "2 run, 0 are ready, 1 are being compiled, 0 wait for that, 2 wait for a yes, 0 faulty, 0 in quarantine; \
                    dropped into /drops, /nowhere (not there)";
        assert_eq!((check.state, check.message.as_str()), (State::Ok, told));
        for ill in [
            json!({ "state": "quarantined", "runs": null, "required": false, "waiting": null, "fault": null }),
            json!({ "state": "compiling", "runs": null, "required": true, "missing": true, "waiting": null, "fault": null }),
            json!({ "state": "faulty", "runs": null, "waiting": null, "fault": "there is no guard.wasm" }),
        ] {
            body["extensions"][2] = ill;
            assert_eq!(of_list(&body).state, State::Warn);
        }
    }
}
