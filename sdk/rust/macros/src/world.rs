//! The world of one extension, as WIT.

use crate::package::Package;

/// A document that holds everything it needs: the packages, and a world that imports these capabilities and exports
/// the handler of events.
pub(crate) fn world(capabilities: &[&Package]) -> String {
    let mut text = "package extension:made;\n\n".to_owned();
    for package in [&Package::EVENTS, &Package::ACTIONS, &Package::ON_EVENT].iter().chain(capabilities) {
        text.push_str(&package.nested());
    }
    text.push_str("\nworld made {\n");
    for capability in capabilities {
        text.push_str(&format!("    include {};\n", capability.imports()));
    }
    text.push_str(&format!("    include {};\n}}\n", Package::ON_EVENT.world("on-event")));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_has_what_was_declared_and_no_more() {
        let world = world(&[&Package::KV]);
        let (packages, made) = world.split_once("\nworld made {\n").unwrap();
        assert_eq!(
            made,
            "    include codex-manager:kv/imports@1.0.0;\n    include codex-manager:on-event/on-event@1.0.0;\n}\n"
        );
        for (name, expected) in [("events", 1), ("actions", 1), ("on-event", 1), ("kv", 1), ("log", 0)] {
            assert_eq!(packages.matches(&format!("package codex-manager:{name}@1.0.0 {{")).count(), expected, "{name}");
        }
    }
}
