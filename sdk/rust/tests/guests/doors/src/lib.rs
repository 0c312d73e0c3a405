//! Uses a capability that the SDK does not know, in the way in which it uses those that it does: a trait for the logic,
//! the host's implementation in one line, and another for the test.

use acme::doors::door;
use codex_manager_extension_sdk::serde_json::json;
use codex_manager_extension_sdk::{Action, Event, Fault, Group, handler};

#[handler]
fn on_event(event: Event, host: &Host) -> Result<Group, Fault> {
    Ok(answer(&event, host))
}

trait Doors {
    fn knock(&self, name: &str) -> bool;
}

impl Doors for Host {
    fn knock(&self, name: &str) -> bool {
        door::knock(name)
    }
}

fn answer(event: &Event, doors: &impl Doors) -> Group {
    if doors.knock(&event.payload) {
        return Group::abstain();
    }
    Group::abstain().and(Action::Other { kind: "door.open".to_owned(), payload: json!({ "door": event.payload }) })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Answers(bool);

    impl Doors for Answers {
        fn knock(&self, _name: &str) -> bool {
            self.0
        }
    }

    #[test]
    fn a_door_at_which_nobody_answers_is_opened() {
        let event = Event { payload: "front".to_owned(), ..Event::default() };
        assert_eq!(answer(&event, &Answers(true)), Group::abstain());
        assert_eq!(answer(&event, &Answers(false)).actions().map(Action::kind).collect::<Vec<_>>(), ["door.open"]);
    }
}
