//! Does what an extension should, so that it can be seen that the others disturb nobody.

use codex_manager_extension_sdk::{Action, Event, Fault, Group, Row, handler};

#[handler]
fn on_event(event: Event) -> Result<Group, Fault> {
    let row = Row {
        session: event.session.unwrap_or_default(),
        turn: event.turn.unwrap_or_default(),
        id: format!("heard-{}", event.seq),
        kind: "hostile.obeys".to_owned(),
        content: format!("heard {}", event.kind),
        after_item: None,
    };
    Ok(Group::abstain().and(Action::TranscriptUpsert(row)))
}
