//! What a child may do wrong, and what comes of it.

use std::time::Duration;

use codex_manager_app_server::{CallError, Config, Signal, Timeouts};
use serde_json::{Value, json};

use crate::script::{BRIEF, script, script_with};

#[tokio::test]
async fn a_character_split_between_writes_arrives_whole() {
    let mut child = script(
        r#"hello; request; printf '{"method":"m","params":"\303'; answer half | head -c 0; read -r line
        printf '\274"}\n'; serve"#,
    );
    child.started().await;
    let first = child.app.call_within("go", json!({}), BRIEF).await;
    assert!(matches!(first, Err(CallError::TimedOut { .. })), "{first:?}");
    let _ = child.app.call_within("on", json!({}), BRIEF).await;
    assert_eq!(child.notification().await, ("m".to_owned(), json!("ü")));
    child.app.stop().await;
}

#[tokio::test]
async fn noise_is_told_and_nothing_is_lost_around_it() {
    let mut child = script(
        r#"hello; printf 'garbage\n\n\r\n[]\n{"method":7}\n\377\376\n{"id":99,"result":1}\n{"id":1,"result":1}\r\n'
        printf '{"method":"after"}\n'; serve"#,
    );
    child.started().await;
    for expected in ["garbage", "[]", "method", "line of 2 bytes", "call 99", "call 1,"] {
        let what = child.noise().await;
        assert!(what.contains(expected), "{what}");
    }
    assert_eq!(child.notification().await.0, "after");
    assert_eq!(child.app.call("x", json!({})).await.unwrap(), "ok");
    child.app.stop().await;
}

#[tokio::test]
async fn endless_noise_is_counted_and_not_told() {
    let mut child = script(r#"hello; yes garbage | head -n 5000; printf '{"method":"after"}\n'; serve"#);
    child.started().await;
    let mut told = 0;
    while let Signal::Noise { .. } = child.next().await {
        told += 1;
    }
    assert_eq!(told, 20);
    child.app.stop().await;
}

#[tokio::test]
async fn answers_that_are_repeated_late_or_made_up_reach_nobody() {
    let mut child = script(
        r#"hello; request; printf '{"id":%s,"result":1}\n{"id":%s,"result":2}\n' $id $id
        request; late=$id; request; printf '{"id":%s,"result":"late"}\n' $late; answer own; serve"#,
    );
    child.started().await;
    assert_eq!(child.app.call("twice", json!({})).await.unwrap(), 1);
    let late = child.app.call_within("late", json!({}), BRIEF).await;
    assert!(matches!(late, Err(CallError::TimedOut { .. })) && late.unwrap_err().was_written());
    assert_eq!(child.app.call("own", json!({})).await.unwrap(), "own");
    for _ in 0..2 {
        assert!(child.noise().await.contains("nobody waits for"));
    }
    child.app.stop().await;
}

#[tokio::test]
async fn an_odd_answer_is_an_error_of_that_call_alone() {
    let mut child = script(
        r#"hello; request; printf '{"id":%s}\n' $id
        request; printf '{"id":%s,"error":{"code":-32600,"message":"no","data":{"a":1}}}\n' $id; serve"#,
    );
    child.started().await;
    let empty = child.app.call("empty", json!({})).await;
    assert!(matches!(empty, Err(CallError::Malformed { .. })), "{empty:?}");
    match child.app.call("refused", json!({})).await {
        Err(CallError::Rejected { code: -32600, data: Some(data), .. }) => assert_eq!(data, json!({"a": 1})),
        other => panic!("{other:?}"),
    }
    assert_eq!(child.app.call("fine", Value::Null).await.unwrap(), "ok");
    child.app.stop().await;
}

#[tokio::test]
async fn an_overloaded_child_is_asked_again_and_no_other_refusal_is() {
    let mut child = script(
        r#"hello; for n in 1 2; do request; printf '{"id":%s,"error":{"code":-32001,"message":"busy"}}\n' $id; done
        request; answer third; while request; do printf '{"id":%s,"error":{"code":-32001,"message":"busy"}}\n' $id; done"#,
    );
    child.started().await;
    assert_eq!(child.app.call("x", json!({})).await.unwrap(), "third");
    let never = child.app.call_within("y", json!({}), 4 * BRIEF).await;
    assert!(matches!(never, Err(CallError::Rejected { code: -32001, .. })), "{never:?}");
    child.app.stop().await;
}

#[tokio::test]
async fn half_a_line_and_then_nothing_is_told_as_noise_and_the_end() {
    let mut child = script(r#"hello; request; printf '{"id":%s,"resu' $id; exit 3"#);
    child.started().await;
    let answer = child.app.call("x", json!({})).await;
    assert!(matches!(answer, Err(CallError::Gone { .. })), "{answer:?}");
    assert!(child.noise().await.contains("middle of a line"));
    assert!(child.exited().await.contains("code 3"));
    child.started().await;
    child.app.stop().await;
}

#[tokio::test]
async fn what_a_child_said_before_it_died_is_heard() {
    let mut child = script(
        r#"hello; request; printf '{"id":%s,"result":"last words"}\n' $id; yes '{"method":"m"}' | head -n 3000; exit 0"#,
    );
    child.started().await;
    assert_eq!(child.app.call("x", json!({})).await.unwrap(), "last words");
    for _ in 0..3000 {
        assert_eq!(child.notification().await.0, "m");
    }
    child.exited().await;
    child.app.stop().await;
}

#[tokio::test]
async fn a_line_that_is_too_long_ends_the_child_with_the_reason() {
    let mut child = script_with(r#"hello; head -c 70000000 /dev/zero | tr '\0' x; serve"#, |config| {
        config.line_bytes_max = 1_000_000;
    });
    child.started().await;
    assert!(child.exited().await.contains("longer than 1000000 bytes"));
    child.started().await;
    child.app.stop().await;
}

#[tokio::test]
async fn a_flood_waits_in_the_pipe_while_nobody_listens() {
    let mut child = script_with(
        r#"hello; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo '{"method":"m"}'; done; echo x >done; serve"#,
        |config| {
            config.signals_max = 10;
        },
    );
    child.ready().await;
    // 20 000 lines are 300 kB: more than the pipe and our buffer hold.
    let stuck = child.app.call_within("x", json!({}), BRIEF).await;
    assert!(stuck.is_err() && !child.file("done").exists());
    child.started().await;
    for _ in 0..20_000 {
        assert_eq!(child.notification().await.0, "m");
    }
    assert_eq!(child.app.call("x", json!({})).await.unwrap(), "ok");
    assert!(child.file("done").exists());
    child.app.stop().await;
}

#[tokio::test]
async fn a_child_that_closes_its_output_or_input_is_replaced() {
    for body in ["hello; exec >&-; while read -r line; do :; done", "hello; exec <&-; sleep 600 >/dev/null 2>&1"] {
        let mut child = script_with(body, |config| config.timeouts.close = Duration::from_millis(50));
        child.started().await;
        // A closed input is noticed by the first write that finds it closed.
        let call = || child.app.call_within("x", json!({}), BRIEF);
        while matches!(call().await, Err(CallError::TimedOut { .. } | CallError::NotWritten)) {}
        let reason = child.exited().await;
        assert!(reason.contains("closed its"), "{reason}");
        child.started().await;
        child.app.stop().await;
    }
}

#[tokio::test]
async fn a_child_that_hangs_is_replaced() {
    let mut child = script_with("hello; while read -r line; do :; done", |config| {
        config.timeouts.silence = Duration::from_millis(100);
    });
    child.started().await;
    let answer = child.app.call_within("x", json!({}), BRIEF).await;
    assert!(matches!(answer, Err(CallError::TimedOut { .. })), "{answer:?}");
    assert!(child.exited().await.contains("said nothing for"));
    child.started().await;
    child.app.stop().await;
}

#[tokio::test]
async fn signals_of_a_life_stand_between_its_start_and_its_end() {
    let mut child = script(
        r#"printf '{"method":"early"}\n{"id":0,"method":"ask"}\n'; hello; printf '{"method":"late"}\n'; exit 0"#,
    );
    let mut lives = Vec::new();
    for _ in 0..2 {
        let generation = child.started().await;
        let mut seen = Vec::new();
        loop {
            match child.next().await {
                Signal::Notification { generation: from, method, .. }
                | Signal::Request { generation: from, method, .. } => {
                    assert_eq!(from, generation);
                    seen.push(method);
                }
                Signal::Exited { generation: from, .. } => break assert_eq!(from, generation),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen, ["early", "ask", "late"]);
        lives.push(generation);
    }
    assert_ne!(lives[0], lives[1]);
    child.app.stop().await;
}

#[tokio::test]
async fn a_child_that_lets_calls_wait_and_says_nothing_is_told_from_one_that_takes_long() {
    let timeouts = Timeouts { pulse: BRIEF, ..Timeouts::default() };
    let quick = |config: &mut Config| config.timeouts = timeouts;
    // It answers what it is asked meanwhile, and then what was asked first.
    let slow = script_with(
        r#"hello; request; first=$id; request; answer well; echo "$line" > asked; id=$first; answer late; serve"#,
        quick,
    );
    slow.ready().await;
    let mut seen = slow.app.state();
    assert_eq!(slow.app.call("long", json!({})).await.unwrap(), "late");
    assert!(std::fs::read_to_string(slow.file("asked")).unwrap().contains("thread/loaded/list"));
    assert!(seen.borrow_and_update().answers);
    slow.app.stop().await;

    let hung = script_with(
        r#"hello; request; first=$id; while ! [ -e go ]; do sleep 0.02; done; id=$first; answer back; serve"#,
        quick,
    );
    hung.ready().await;
    let app = hung.app.clone();
    let waiting = tokio::spawn(async move { app.call("hang", json!({})).await });
    let state = hung.state(|state| !state.answers).await;
    assert!(state.is_ready() && !state.is_well());
    std::fs::write(hung.file("go"), "").unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), "back");
    hung.state(|state| state.answers).await;
    hung.app.stop().await;
}
