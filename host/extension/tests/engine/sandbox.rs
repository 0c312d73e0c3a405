//! What a guest finds around itself: nothing but its own clock, its own chance and an open ear.

use codex_manager_extension::{Level, Record};

use crate::guest::{EMPTY, Guest};
use crate::host::{Host, event, record};

/// Tells what is in the local `$n` as sixteen letters.
const TELL_N: &str = "(local.set $at (i32.const 4096))
    (loop $more
      (i32.store8 (local.get $at) (i32.add (i32.const 97) (i32.wrap_i64 (i64.and (local.get $n) (i64.const 15)))))
      (local.set $n (i64.shr_u (local.get $n) (i64.const 4)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $at) (i32.const 4112))))
    (i32.store (i32.const 2056) (i32.const 4096)) (i32.store (i32.const 2060) (i32.const 16))
    (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))";

async fn told(guest: &Guest<'_>, record: &Record) -> String {
    let linked = Host::new().link(&guest.build(), &[]).expect("it links");
    linked.on_event(&event("{}"), record).await.outcome.expect("it tells").remove(0).payload
}

#[tokio::test]
async fn chance_comes_from_the_record() {
    let handle =
        format!("(local $n i64) (local $at i32) (drop (call $chance)) (local.set $n (call $chance)) {TELL_N} {EMPTY}");
    let guest = Guest {
        imports: &["wasi:random/random@0.2.3"],
        first: r#"(import "wasi:random/random@0.2.3" "get-random-u64" (func $chance (result i64)))"#,
        handle: &handle,
        ..Guest::default()
    };
    let once = told(&guest, &record()).await;
    assert_eq!(told(&guest, &record()).await, once);
    assert_ne!(told(&guest, &Record { seed: [8; 32], ..record() }).await, once);
}

#[tokio::test]
async fn the_clock_stands_where_the_record_says_and_never_twice_at_the_same_place() {
    let seconds = |looks: &str| format!("(local $n i64) (local $at i32) {looks} {TELL_N} {EMPTY}");
    let wall = seconds("(call $now (i32.const 512)) (local.set $n (i64.load (i32.const 512)))");
    let guest = Guest {
        imports: &["wasi:clocks/wall-clock@0.2.3"],
        first: r#"(import "wasi:clocks/wall-clock@0.2.3" "now" (func $now (param i32)))"#,
        handle: &wall,
        ..Guest::default()
    };
    let letters = |n: i64| {
        (0..16).map(|i| char::from(b'a' + u8::try_from(n >> (4 * i) & 15).expect("4 bits"))).collect::<String>()
    };
    assert_eq!(told(&guest, &record()).await, letters(record().at.as_second()));

    let monotonic =
        seconds("(local.set $n (i64.sub (i64.sub (i64.const 0) (call $now)) (i64.sub (i64.const 0) (call $now))))");
    let guest = Guest {
        imports: &["wasi:clocks/monotonic-clock@0.2.3"],
        first: r#"(import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $now (result i64)))"#,
        handle: &monotonic,
        ..Guest::default()
    };
    assert_eq!(told(&guest, &record()).await, letters(1000), "a look moves it by a microsecond, on every machine");
}

#[tokio::test]
async fn there_are_no_folders_and_no_environment() {
    // Either list that is not empty traps.
    let guest = Guest {
        imports: &["wasi:filesystem/preopens@0.2.3", "wasi:cli/environment@0.2.3"],
        first: r#"(import "wasi:filesystem/preopens@0.2.3" "get-directories" (func $folders (param i32)))
                  (import "wasi:cli/environment@0.2.3" "get-environment" (func $environment (param i32)))"#,
        handle: "(call $folders (i32.const 512)) (call $environment (i32.const 520))
                 (br_if 0 (i32.const 1024) (i32.eqz (i32.or (i32.load (i32.const 516)) (i32.load (i32.const 524)))))
                 (unreachable)",
        ..Guest::default()
    };
    assert_eq!(Host::new().run(&guest.build(), &[]).await.outcome, Ok(Vec::new()));
}

#[tokio::test]
async fn standard_error_goes_to_the_log_line_by_line() {
    let guest = Guest {
        imports: &["wasi:cli/stderr@0.2.3"],
        first: r#"(import "wasi:cli/stderr@0.2.3" "get-stderr" (func $stderr (result i32)))
                  (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush"
                    (func $write (param i32 i32 i32 i32)))"#,
        rest: r#"(data (i32.const 16) "one\ntwo\nthree")"#,
        handle: "(local $out i32) (local.set $out (call $stderr))
                 (call $write (local.get $out) (i32.const 16) (i32.const 6) (i32.const 512))
                 (call $write (local.get $out) (i32.const 22) (i32.const 7) (i32.const 512))
                 (i32.const 1024)",
        ..Guest::default()
    };
    let log = Host::new().run(&guest.build(), &[]).await.log;
    let lines: Vec<&str> = log.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(lines, ["one", "two", "three"]);
    assert!(log.iter().all(|line| line.level == Level::Warn));
}
