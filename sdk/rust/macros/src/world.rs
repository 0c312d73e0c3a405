//! The world of one extension, as WIT.

use crate::package::Package;

/// A document that holds everything it needs: the packages, and a world that imports these capabilities and, with
/// `handler`, exports that of events.
pub(crate) fn world(capabilities: &[&Package], handler: bool) -> String {
    let mut text = "package extension:made;\n\n".to_owned();
    for package in [&Package::EVENTS, &Package::ACTIONS, &Package::ON_EVENT].iter().chain(capabilities) {
        text.push_str(&package.nested());
    }
    text.push_str("\nworld made {\n");
    for capability in capabilities {
        text.push_str(&format!("    include {};\n", capability.imports()));
    }
    if handler {
        text.push_str(&format!("    include {};\n", Package::ON_EVENT.world("on-event")));
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_has_what_was_declared_and_no_more() {
        let (world, without) = (world(&[&Package::KV], true), world(&[&Package::KV], false));
        assert!(without.ends_with("\nworld made {\n    include codex-manager:kv/imports@1.0.0;\n}\n"), "{without}");
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
