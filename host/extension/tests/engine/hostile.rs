//! Guests that do harm. Each fails alone, in its own way and with a sentence that names it, and the next is served.

use std::time::Duration;

use codex_manager_extension::{Allocation, Config, FailureKind, Limits};

use crate::guest::{EMPTY, Guest, abstainer};
use crate::host::{Host, event, record};

const SPIN: &str = "(loop $for_ever (br $for_ever)) (unreachable)";

/// Runs a guest three times on a host with two places, then one that behaves.
async fn fails(host: &Host, guest: &Guest<'_>, grants: &[&str], kind: FailureKind, sentence: &str) {
    let hostile = host.link(&guest.build(), grants).expect("it links");
    for _ in 0..3 {
        let invoked = hostile.on_event(&event("{}"), &record()).await;
        let failure = invoked.outcome.expect_err("it cannot succeed");
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.sentence.starts_with("acme.guest "), "{failure}");
        assert!(failure.sentence.contains("event 4711 (door.knocked)"), "{failure}");
        assert!(failure.sentence.contains(sentence), "{failure}");
    }
    assert_eq!(host.run(&abstainer(), &[]).await.outcome, Ok(Vec::new()), "the next event is served");
}

fn with(limits: Limits) -> Host {
    Host { limits, ..Host::new() }
}

fn short_cpu() -> Host {
    with(Limits { cpu: Duration::from_millis(30), ..Limits::default() })
}

#[tokio::test]
async fn one_that_spins_in_its_handler() {
    fails(&short_cpu(), &Guest { handle: SPIN, ..Guest::default() }, &[], FailureKind::Cpu, "longer than 30ms").await;
}

#[tokio::test]
async fn one_that_spins_while_it_starts() {
    let rest = format!("(func $spin {SPIN}) (start $spin)");
    let guest = Guest { rest: &rest, handle: EMPTY, ..Guest::default() };
    fails(&short_cpu(), &guest, &[], FailureKind::Cpu, "longer than 30ms").await;
}

#[tokio::test]
async fn one_that_fills_one_memory() {
    let handle = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
    let guest = Guest { handle, ..Guest::default() };
    fails(&Host::new(), &guest, &[], FailureKind::Memory, "more than 64 MiB of memory ([limits] memory)").await;
}

#[tokio::test]
async fn one_that_fills_many_memories_none_of_them_large() {
    let rest: String = (1..8).map(|number| format!("(memory $m{number} 1)")).collect();
    let grow: String = (1..8)
        .map(|number| format!("(br_if 0 (i32.eq (memory.grow $m{number} (i32.const 160)) (i32.const -1)))"))
        .collect();
    let handle = format!("(block {grow} (return {EMPTY})) (unreachable)");
    let guest = Guest { rest: &rest, handle: &handle, ..Guest::default() };
    fails(&Host::new(), &guest, &[], FailureKind::Memory, "more than 64 MiB of memory ([limits] memory)").await;
    let enough = with(Limits { memory_bytes: 80 << 20, ..Limits::default() });
    assert_eq!(enough.run(&guest.build(), &[]).await.outcome, Ok(Vec::new()), "the sum was it, and no single memory");
}

#[tokio::test]
async fn one_that_begins_with_too_much_memory() {
    let guest = Guest { pages: Some(2000), handle: EMPTY, ..Guest::default() };
    fails(&Host::new(), &guest, &[], FailureKind::Memory, "more than 64 MiB of memory ([limits] memory)").await;
}

#[tokio::test]
async fn one_that_traps() {
    let guest = Guest { handle: "(unreachable)", ..Guest::default() };
    fails(&Host::new(), &guest, &[], FailureKind::Trap, "trapped: wasm `unreachable`").await;
}

#[tokio::test]
async fn one_that_calls_itself_for_ever() {
    let guest = Guest {
        rest: "(func $deep (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))",
        handle: "(call $deep (local.get $event))",
        ..Guest::default()
    };
    fails(&Host::new(), &guest, &[], FailureKind::Trap, "call stack exhausted").await;
}

#[tokio::test]
async fn one_that_exits() {
    let guest = Guest {
        imports: &["wasi:cli/exit@0.2.3"],
        first: r#"(import "wasi:cli/exit@0.2.3" "exit" (func $exit (param i32)))"#,
        handle: "(call $exit (i32.const 1)) (unreachable)",
        ..Guest::default()
    };
    fails(&Host::new(), &guest, &[], FailureKind::Trap, "exited with 1").await;
}

#[tokio::test]
async fn one_that_returns_100_mb() {
    // One action whose payload is 100 MB long.
    let handle = "(i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))
                  (i32.store (i32.const 2056) (i32.const 0)) (i32.store (i32.const 2060) (i32.const 100000000))
                  (i32.const 1024)";
    let guest = Guest { pages: Some(1700), handle, ..Guest::default() };
    let roomy = with(Limits { memory_bytes: 128 << 20, ..Limits::default() });
    fails(&roomy, &guest, &[], FailureKind::Limit, "too much data").await;
}

#[tokio::test]
async fn one_that_returns_the_same_text_a_thousand_times() {
    let handle = "(local $at i32) (local.set $at (i32.const 2048))
        (loop $more
          (i32.store offset=8 (local.get $at) (i32.const 131072))
          (i32.store offset=12 (local.get $at) (i32.const 131072))
          (local.set $at (i32.add (local.get $at) (i32.const 28)))
          (br_if $more (i32.lt_u (local.get $at) (i32.const 30048))))
        (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1000))
        (i32.const 1024)";
    fails(&Host::new(), &Guest { handle, ..Guest::default() }, &[], FailureKind::Limit, "too much data").await;
}

#[tokio::test]
async fn one_that_returns_a_little_too_much() {
    let handle = "(i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))
                  (i32.store (i32.const 2056) (i32.const 131072)) (i32.store (i32.const 2060) (i32.const 262145))
                  (i32.const 1024)";
    let guest = Guest { pages: Some(8), handle, ..Guest::default() };
    fails(&Host::new(), &guest, &[], FailureKind::Limit, "returned more than 262144 bytes").await;
}

#[tokio::test]
async fn one_that_returns_what_is_no_text() {
    let handle = "(i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))
                  (i32.store (i32.const 2056) (i32.const 4096)) (i32.store (i32.const 2060) (i32.const 1))
                  (i32.store8 (i32.const 4096) (i32.const 255)) (i32.const 1024)";
    fails(&Host::new(), &Guest { handle, ..Guest::default() }, &[], FailureKind::Limit, "invalid utf-8").await;
}

#[tokio::test]
async fn one_that_floods_the_log() {
    let guest = Guest {
        imports: &["codex-manager:log/lines@1.0.0"],
        first: r#"(import "codex-manager:log/lines@1.0.0" "write" (func $log (param i32 i32 i32 i32)))"#,
        rest: r#"(data (i32.const 16) "infofoofoofoo")"#,
        handle: "(loop $more (call $log (i32.const 16) (i32.const 4) (i32.const 20) (i32.const 9)) (br $more))
                 (unreachable)",
        ..Guest::default()
    };
    let host = Host::new();
    fails(&host, &guest, &["log"], FailureKind::Limit, "logged more than 65536 bytes or 1000 lines").await;
    assert_eq!(host.run(&guest.build(), &["log"]).await.log.len(), 1000, "what it had said is kept");
}

#[tokio::test]
async fn one_that_floods_its_standard_error() {
    let guest = Guest {
        imports: &["wasi:cli/stderr@0.2.3"],
        first: r#"(import "wasi:cli/stderr@0.2.3" "get-stderr" (func $stderr (result i32)))
                  (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush"
                    (func $write (param i32 i32 i32 i32)))"#,
        handle: "(local $out i32) (local.set $out (call $stderr))
                 (loop $more (call $write (local.get $out) (i32.const 4096) (i32.const 4096) (i32.const 512)) (br $more))
                 (unreachable)",
        ..Guest::default()
    };
    fails(&Host::new(), &guest, &[], FailureKind::Limit, "logged more than 65536 bytes").await;
}

#[tokio::test]
async fn one_that_sleeps_for_ever_in_a_call_of_the_host() {
    let brief = with(Limits { wall: Duration::from_millis(100), ..Limits::default() });
    let own = Guest {
        imports: &["acme:doors/door@2.1.0"],
        first: r#"(import "acme:doors/door@2.1.0" "wait" (func $wait (param i64)))"#,
        handle: "(call $wait (i64.const 86400000)) (unreachable)",
        ..Guest::default()
    };
    fails(&brief, &own, &["doors"], FailureKind::Wall, "took longer than 100ms").await;
    let wasi = Guest {
        imports: &["wasi:clocks/monotonic-clock@0.2.3", "wasi:io/poll@0.2.3"],
        first: r#"(import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration"
                    (func $in (param i64) (result i32)))
                  (import "wasi:io/poll@0.2.3" "[method]pollable.block" (func $block (param i32)))"#,
        handle: "(call $block (call $in (i64.const 86400000000000))) (unreachable)",
        ..Guest::default()
    };
    fails(&brief, &wasi, &[], FailureKind::Wall, "took longer than 100ms").await;
}

#[tokio::test]
async fn one_that_hoards_handles() {
    let guest = Guest {
        imports: &["wasi:clocks/monotonic-clock@0.2.3"],
        first: r#"(import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration"
                    (func $in (param i64) (result i32)))"#,
        handle: "(loop $more (drop (call $in (i64.const 86400000000000))) (br $more)) (unreachable)",
        ..Guest::default()
    };
    fails(&Host::new(), &guest, &[], FailureKind::Limit, "handle").await;
}

#[tokio::test]
async fn one_that_calls_the_host_without_end() {
    let guest = Guest {
        imports: &["acme:doors/door@2.1.0"],
        first: r#"(import "acme:doors/door@2.1.0" "knock" (func $knock (param i32) (result i32)))"#,
        handle: "(loop $more (drop (call $knock (i32.const 1))) (br $more)) (unreachable)",
        ..Guest::default()
    };
    fails(&Host::new(), &guest, &["doors"], FailureKind::Limit, "called the host more than 1000 times").await;
}

#[tokio::test]
async fn one_that_makes_a_capability_panic() {
    let guest = Guest {
        imports: &["acme:doors/door@2.1.0"],
        first: r#"(import "acme:doors/door@2.1.0" "knock" (func $knock (param i32) (result i32)))"#,
        handle: "(drop (call $knock (i32.const 13))) (i32.const 1024)",
        ..Guest::default()
    };
    fails(&Host::new(), &guest, &["doors"], FailureKind::Host, "a capability of the host panicked").await;
}

#[tokio::test]
async fn one_that_waits_pays_no_processor_time_for_it() {
    let guest = Guest {
        imports: &["acme:doors/door@2.1.0"],
        first: r#"(import "acme:doors/door@2.1.0" "wait" (func $wait (param i64)))"#,
        handle: "(call $wait (i64.const 120)) (i32.const 1024)",
        ..Guest::default()
    };
    let invoked = short_cpu().run(&guest.build(), &["doors"]).await;
    assert_eq!(invoked.outcome, Ok(Vec::new()));
    assert!(invoked.wall >= Duration::from_millis(120) && invoked.cpu < Duration::from_millis(30));
}

#[tokio::test]
async fn without_a_pool_they_fail_just_so() {
    let engine = Config { invocations_max: 1_000_000 }.build().expect("an engine");
    assert!(matches!(engine.allocation(), Allocation::OnDemand { .. }));
    let host = Host { engine: engine.clone(), ..short_cpu() };
    fails(&host, &Guest { handle: SPIN, ..Guest::default() }, &[], FailureKind::Cpu, "longer than 30ms").await;
    let greedy = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
    let host = Host { engine, ..Host::new() };
    fails(&host, &Guest { handle: greedy, ..Guest::default() }, &[], FailureKind::Memory, "64 MiB").await;
}
