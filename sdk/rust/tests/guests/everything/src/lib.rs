//! Calls every capability once, with its logic written against the traits.

use codex_manager_extension_sdk::serde_json::json;
use codex_manager_extension_sdk::{Action, Config, Event, Fault, Group, Kv, Level, Log, Sessions, handler};

#[handler]
fn on_event(event: Event, host: &Host) -> Result<Group, Fault> {
    count(&event, host)
}

fn count(event: &Event, host: &(impl Log + Config + Kv + Sessions)) -> Result<Group, Fault> {
    let by = host.setting("by").and_then(|by| by.as_i64()).unwrap_or(1);
    let count = host.get("count")?.and_then(|count| count.parse().ok()).unwrap_or(0) + by;
    host.set("count", &count.to_string())?;
    let session = host.session(event.session.as_deref().unwrap_or_default())?;
    host.log(Level::Info, &format!("{count}"));
    let payload = json!({ "count": count, "session": session });
    Ok(Group::abstain().and_once("counted", Action::Other { kind: "test.counted".to_owned(), payload }))
}
