//! An invocation may be dropped at any moment.

use std::time::Duration;

use crate::guest::{Guest, abstainer};
use crate::host::{Host, event, record};

/// Two hundred moments, spread over starting, computing, waiting in a call of the host and computing again.
#[tokio::test]
async fn dropping_an_invocation_anywhere_leaves_nothing_behind() {
    let busy = "(local.set $n (i32.const 3000000))
        (loop $more (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))";
    let handle = format!("(local $n i32) {busy} (call $wait (i64.const 3)) {busy} (i32.const 1024)");
    let guest = Guest {
        imports: &["acme:doors/door@2.1.0"],
        first: r#"(import "acme:doors/door@2.1.0" "wait" (func $wait (param i64)))"#,
        handle: &handle,
        ..Guest::default()
    };
    let host = Host::new();
    let linked = host.link(&guest.build(), &["doors"]).expect("it links");
    let (event, record) = (event("{}"), record());
    let whole = linked.on_event(&event, &record).await;
    assert_eq!(whole.outcome, Ok(Vec::new()));

    let mut cut_short = 0;
    for moment in 0..200 {
        let after = whole.wall.mul_f64(f64::from(moment) / 200.0) + Duration::from_nanos(1);
        cut_short += u32::from(tokio::time::timeout(after, linked.on_event(&event, &record)).await.is_err());
    }
    assert!(cut_short >= 20, "only {cut_short} were cut short");
    for _ in 0..3 {
        assert_eq!(host.run(&abstainer(), &[]).await.outcome, Ok(Vec::new()), "every place was given back");
    }
}
