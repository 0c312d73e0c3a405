//! An extension is linked with what it was granted and with nothing else.

use codex_manager_extension::LinkError;

use crate::guest::{EMPTY, Guest};
use crate::host::Host;

/// A guest that imports this interface and calls this function of it.
fn importing(interface: &str, function: &str, signature: &str) -> Vec<u8> {
    let first = format!(r#"(import "{interface}" "{function}" (func {signature}))"#);
    Guest { imports: &[interface], first: &first, handle: EMPTY, ..Guest::default() }.build()
}

fn refused(component: &[u8], grants: &[&str]) -> LinkError {
    match Host::new().link(component, grants) {
        Ok(_) => panic!("it links"),
        Err(error) => error,
    }
}

#[test]
fn what_was_not_granted_is_refused_by_name_before_anything_runs() {
    for (interface, function, signature, capability) in [
        ("codex-manager:log/lines@1.0.0", "write", "(param i32 i32 i32 i32)", "log"),
        ("codex-manager:kv/store@1.0.0", "get", "(param i32 i32 i32)", "kv"),
        ("codex-manager:config/settings@1.0.0", "all", "(param i32)", "config"),
        ("codex-manager:sessions/reader@1.0.0", "get", "(param i32 i32 i32)", "sessions"),
        ("acme:doors/door@2.1.0", "wait", "(param i64)", "doors"),
    ] {
        let guest = importing(interface, function, signature);
        let error = refused(&guest, &[]);
        assert!(matches!(&error, LinkError::NotGranted { capability: named, .. } if named == capability), "{error}");
        assert_eq!(
            error.to_string(),
            format!("acme.guest imports {interface}, which belongs to {capability}: that was not granted")
        );
        assert!(Host::new().link(&guest, &[capability]).is_ok(), "{capability} was granted");
    }
}

#[test]
fn what_no_extension_gets_is_refused_whatever_was_granted() {
    let sockets = importing("wasi:sockets/instance-network@0.2.3", "instance-network", "(result i32)");
    let error = refused(&sockets, &["log", "kv", "doors"]);
    assert!(matches!(error, LinkError::NotOffered { .. }), "{error}");
    assert!(error.to_string().contains("wasi:sockets/instance-network@0.2.3"), "{error}");
}

#[test]
fn another_major_version_is_refused_with_the_version_that_is_here() {
    let old = r#"(component
        (import "acme:doors/door@1.9.0" (instance (export "wait" (func (param "ms" u64))))))"#;
    let error = refused(&wat::parse_str(old).expect("it parses"), &["doors"]);
    assert_eq!(error.to_string(), "acme.guest imports acme:doors/door@1.9.0, and this host has version 2.3.0");
}

#[test]
fn a_function_that_this_host_does_not_have_yet_is_refused_by_name() {
    let newer = r#"(component
        (import "acme:doors/door@2.4.0" (instance (export "slam" (func)))))"#;
    let error = refused(&wat::parse_str(newer).expect("it parses"), &["doors"]);
    assert!(matches!(error, LinkError::Unfit { .. }), "{error}");
    assert!(error.to_string().contains("slam"), "{error}");
}

#[test]
fn one_that_was_built_against_newer_packages_starts_if_it_uses_nothing_newer() {
    let newer = r#"(component
        (import "acme:doors/door@2.4.0" (instance (export "wait" (func (param "ms" u64))))))"#;
    assert!(Host::new().link(&wat::parse_str(newer).expect("it parses"), &["doors"]).is_ok());
}

#[test]
fn a_grant_that_this_host_cannot_give_is_told() {
    let error = refused(&Guest { handle: EMPTY, ..Guest::default() }.build(), &["windows"]);
    assert_eq!(error.to_string(), "acme.guest was granted windows, which this host does not have");
}
