//! Capabilities as a guest meets them, and what is left when it has returned.

use codex_manager_extension::capability::kv::Changes;
use codex_manager_extension::{Action, FailureKind, Level};
use serde_json::json;

use crate::guest::{EMPTY, Guest};
use crate::host::{Host, Knocks, event, record};

/// A guest that returns one action whose payload is the text that these instructions leave as address and length.
fn telling(imports: &[&str], first: &str, text: &str) -> Vec<u8> {
    let handle = format!(
        "(local $at i32) (local $long i32)
         {text} (local.set $long) (local.set $at)
         (i32.store (i32.const 2048) (i32.const 16)) (i32.store (i32.const 2052) (i32.const 4))
         (i32.store (i32.const 2056) (local.get $at)) (i32.store (i32.const 2060) (local.get $long))
         (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))
         {EMPTY}"
    );
    let rest = r#"(data (i32.const 16) "tellkeyvalueoldstrangershousewarn")"#;
    Guest { imports, first, rest, handle: &handle, ..Guest::default() }.build()
}

fn told(payload: &str) -> Result<Vec<Action>, codex_manager_extension::Failure> {
    Ok(vec![Action { kind: "tell".to_owned(), payload: payload.to_owned(), idempotency_key: None }])
}

#[tokio::test]
async fn a_handler_reads_its_event_and_returns_a_group() {
    let guest = telling(&[], "", "(i32.load offset=80 (local.get $event)) (i32.load offset=84 (local.get $event))");
    let linked = Host::new().link(&guest, &[]).expect("it links");
    let invoked = linked.on_event(&event(r#"{"times":3}"#), &record()).await;
    assert_eq!(invoked.outcome, told(r#"{"times":3}"#));
    assert!(invoked.memory_bytes >= 4 << 16 && invoked.journal.is_empty() && invoked.log.is_empty());
}

#[tokio::test]
async fn a_handler_that_refuses_says_why() {
    let handle = "(i32.store (i32.const 1024) (i32.const 1))
                  (i32.store (i32.const 1028) (i32.const 16)) (i32.store (i32.const 1032) (i32.const 4))
                  (i32.store (i32.const 1036) (i32.const 20)) (i32.store (i32.const 1040) (i32.const 6))
                  (i32.const 1024)";
    let guest = Guest { rest: r#"(data (i32.const 16) "busylater\1b")"#, handle, ..Guest::default() }.build();
    let failure = Host::new().run(&guest, &[]).await.outcome.expect_err("it refuses");
    assert_eq!(failure.kind, FailureKind::Fault("busy".to_owned()));
    assert!(!failure.kind.is_fatal());
    assert_eq!(failure.sentence, r#"acme.guest refused with "busy": later\u{1b}, on event 4711 (door.knocked)"#);
}

#[tokio::test]
async fn what_is_kept_is_seen_at_once_and_comes_out_with_the_group() {
    let first = r#"
        (import "codex-manager:kv/store@1.0.0" "get" (func $get (param i32 i32 i32)))
        (import "codex-manager:kv/store@1.0.0" "delete" (func $delete (param i32 i32 i32)))
        (import "codex-manager:kv/store@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))"#;
    // get("old"), delete("old"), set("key", "value"), and tell what get("key") answers.
    let text = "(call $get (i32.const 28) (i32.const 3) (i32.const 512))
                (call $delete (i32.const 28) (i32.const 3) (i32.const 512))
                (call $set (i32.const 20) (i32.const 3) (i32.const 23) (i32.const 5) (i32.const 512))
                (call $get (i32.const 20) (i32.const 3) (i32.const 512))
                (i32.load (i32.const 520)) (i32.load (i32.const 524))";
    let guest = telling(&["codex-manager:kv/store@1.0.0"], first, text);
    let mut invoked = Host::new().run(&guest, &["kv"]).await;
    assert_eq!(invoked.outcome, told("value"));
    let changes = invoked.effects.take::<Changes>().expect("it wrote");
    assert_eq!(changes.read.into_iter().collect::<Vec<_>>(), [("old".to_owned(), Some(3))]);
    let written = [("key".to_owned(), Some("value".to_owned())), ("old".to_owned(), None)];
    assert_eq!(changes.written.into_iter().collect::<Vec<_>>(), written);
    let first = &invoked.journal[0];
    assert_eq!(
        (first.function.as_str(), &first.arguments, &first.answer),
        ("get", &json!(["old"]), &json!({"Ok": "before"}))
    );
    assert_eq!(invoked.journal.len(), 4);
}

#[tokio::test]
async fn settings_and_sessions_are_read_as_json() {
    let config = telling(
        &["codex-manager:config/settings@1.0.0"],
        r#"(import "codex-manager:config/settings@1.0.0" "get" (func $get (param i32 i32 i32)))"#,
        "(call $get (i32.const 31) (i32.const 9) (i32.const 512))
         (i32.load (i32.const 516)) (i32.load (i32.const 520))",
    );
    assert_eq!(Host::new().run(&config, &["config"]).await.outcome, told(r#"["wolf"]"#));
    let session = telling(
        &["codex-manager:sessions/reader@1.0.0"],
        r#"(import "codex-manager:sessions/reader@1.0.0" "get" (func $get (param i32 i32 i32)))"#,
        "(call $get (i32.const 40) (i32.const 5) (i32.const 512))
         (i32.load (i32.const 520)) (i32.load (i32.const 524))",
    );
    assert_eq!(Host::new().run(&session, &["sessions"]).await.outcome, told(r#"{"id":"house"}"#));
}

#[tokio::test]
async fn what_a_failing_handler_said_is_kept_and_what_it_did_is_not() {
    let guest = Guest {
        imports: &["codex-manager:log/lines@1.0.0", "acme:doors/door@2.1.0"],
        first: r#"(import "codex-manager:log/lines@1.0.0" "write" (func $log (param i32 i32 i32 i32)))
                  (import "acme:doors/door@2.1.0" "knock" (func $knock (param i32) (result i32)))"#,
        rest: r#"(data (i32.const 16) "warnwho is there?")"#,
        handle: "(call $log (i32.const 16) (i32.const 4) (i32.const 20) (i32.const 13))
                 (drop (call $knock (i32.const 2)))
                 (br_if 0 (i32.const 1024) (i32.eqz (i32.load offset=84 (local.get $event)))) (unreachable)",
        ..Guest::default()
    }
    .build();
    let linked = Host::new().link(&guest, &["log", "doors"]).expect("it links");
    let mut good = linked.on_event(&event(""), &record()).await;
    assert_eq!((good.outcome, good.effects.take::<Knocks>()), (Ok(Vec::new()), Some(Knocks(2))));
    let mut bad = linked.on_event(&event("{}"), &record()).await;
    let failure = bad.outcome.expect_err("it traps");
    assert!(failure.sentence.ends_with(r#"its last words were "who is there?""#), "{failure}");
    assert_eq!(bad.effects.take::<Knocks>(), None);
    assert_eq!((bad.log.len(), bad.log[0].level), (1, Level::Warn));
}
