//! The gardener: opens a window when it is hot, unless rain is near.

use codex_manager_extension_sdk::serde_json::json;
use codex_manager_extension_sdk::{Action, Event, Fact, Fault, Group, Level, Log, handler};

/// From here on it is hot.
const HOT_CELSIUS: i64 = 28;

/// `greenhouse` is what the manifest's `forecast` brings: its package lies in `wit/forecast.wit`.
#[handler]
fn on_event(event: Event, host: &Host) -> Result<Group, Fault> {
    answer(&event, host, greenhouse::forecast::rain::in_hours)
}

/// What to do about a measurement, where `rain` tells when it rains.
///
/// # Errors
///
/// When the payload is no JSON.
pub fn answer(event: &Event, log: &impl Log, rain: impl FnOnce() -> Option<u32>) -> Result<Group, Fault> {
    let Fact::Other(measured) = event.fact()? else { return Ok(Group::abstain()) };
    if measured["celsius"].as_i64().is_none_or(|celsius| celsius < HOT_CELSIUS) {
        return Ok(Group::abstain());
    }
    let kind = match rain() {
        None => "window.open",
        Some(hours) => {
            log.log(Level::Info, &format!("it is hot, and it rains in {hours} h"));
            "window.close"
        }
    };
    Ok(Group::abstain().and(Action::Other { kind: kind.to_owned(), payload: json!({ "window": event.session }) }))
}

#[cfg(test)]
mod tests {
    use codex_manager_extension_sdk::fake;

    use super::*;

    fn kinds(celsius: i64, rain: Option<u32>) -> Vec<String> {
        let payload = json!({ "celsius": celsius }).to_string();
        let event = Event { kind: "air.measured".to_owned(), payload, ..Event::default() };
        let group = answer(&event, &fake::Log::default(), || rain).expect("it is JSON");
        group.actions().map(|action| action.kind().to_owned()).collect()
    }

    #[test]
    fn a_window_is_opened_when_it_is_hot_and_dry() {
        assert_eq!(kinds(27, None), [""; 0]);
        assert_eq!(kinds(28, None), ["window.open"]);
        assert_eq!(kinds(28, Some(3)), ["window.close"]);
    }
}
