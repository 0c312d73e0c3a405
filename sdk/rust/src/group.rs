//! A group: everything that a handler asks for, together.

use crate::Action;

/// What a handler asks for. All of it is done, in order, or none of it; an empty group abstains.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    actions: Vec<(Action, Option<String>)>,
}

impl Group {
    /// Asks for nothing.
    pub fn abstain() -> Self {
        Self::default()
    }

    /// The same group with one action more.
    #[must_use]
    pub fn and(mut self, action: Action) -> Self {
        self.actions.push((action, None));
        self
    }

    /// The same group with one action more, which is done once under this name, however often it is asked for. The name
    /// is the extension's own, at most 200 bytes.
    #[must_use]
    pub fn and_once(mut self, name: impl Into<String>, action: Action) -> Self {
        self.actions.push((action, Some(name.into())));
        self
    }

    /// What it asks for, in order.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().map(|(action, _)| action)
    }

    /// What crosses the boundary: kind, payload and idempotency key of each action.
    #[doc(hidden)]
    pub fn into_parts(self) -> impl Iterator<Item = (String, String, Option<String>)> {
        self.actions
            .into_iter()
            .map(|(action, name)| (action.kind().to_owned(), action.into_payload().to_string(), name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Approval;

    #[test]
    fn a_group_crosses_in_order_with_its_keys() {
        let other = Action::Other { kind: "door.close".to_owned(), payload: json!({ "softly": true }) };
        let group = Group::abstain().and(Action::ApprovalAccept(Approval("a".to_owned()))).and_once("door", other);
        let parts: Vec<_> = group.into_parts().collect();
        assert_eq!(parts[0], ("approval.accept".to_owned(), r#"{"approvalId":"a"}"#.to_owned(), None));
        assert_eq!(parts[1], ("door.close".to_owned(), r#"{"softly":true}"#.to_owned(), Some("door".to_owned())));
    }
}
