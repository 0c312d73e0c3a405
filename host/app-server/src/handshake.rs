//! The handshake: `initialize`, the version, `initialized`.
//!
//! It reads the child's output itself, so nothing of a life can be heard before it is known what it is. What the child
//! says in between is kept, and told right after.

use std::collections::VecDeque;

use codex_manager_model::limits;
use serde_json::{Value, json};
use tokio::io::AsyncRead;

use crate::connection::{Connection, request};
use crate::lines::{Line, Lines};
use crate::message::{Message, Outcome};
use crate::{ClientInfo, VERSION_MIN, Version};

/// The ids that the handshake uses; calls come after them.
pub(crate) const FIRST_CALL_ID: i64 = 3;

/// A handshake that worked.
#[derive(Debug)]
pub(crate) struct Greeting {
    /// The version that the child named.
    pub(crate) version: Version,
    /// What else it said meanwhile, with the length of each line.
    pub(crate) early: VecDeque<(Message, usize)>,
}

/// Why it did not work.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Its output ended.
    Closing,
    /// Another try may work.
    Failed(String),
    /// The child is not one that this crate can use.
    Unusable(String),
}

/// Introduces us to the child. Experimental methods are asked for, and done without where a child refuses that.
pub(crate) async fn shake_hands<R: AsyncRead + Unpin>(
    lines: &mut Lines<R>,
    connection: &Connection,
    client: &ClientInfo,
) -> Result<Greeting, Failure> {
    let mut early = VecDeque::new();
    let mut outcome = initialize(1, true, lines, connection, client, &mut early).await?;
    if refuses_experimental(&outcome) {
        outcome = initialize(2, false, lines, connection, client, &mut early).await?;
    }
    let result = match outcome {
        Outcome::Result(result) => result,
        Outcome::Error { code, message, .. } => {
            return Err(Failure::Failed(format!("it refused to initialize with {code}: {message}")));
        }
        Outcome::Neither => return Err(Failure::Failed("it answered initialize with nothing".to_owned())),
    };
    let version = gate(&result)?;
    connection.post(&json!({ "method": "initialized" })).await;
    Ok(Greeting { version, early })
}

async fn initialize<R: AsyncRead + Unpin>(
    id: i64,
    experimental: bool,
    lines: &mut Lines<R>,
    connection: &Connection,
    client: &ClientInfo,
    early: &mut VecDeque<(Message, usize)>,
) -> Result<Outcome, Failure> {
    let params = json!({
        "clientInfo": { "name": client.name, "title": client.title, "version": client.version },
        "capabilities": { "experimentalApi": experimental },
    });
    connection.post(&request(id, "initialize", &params)).await;
    loop {
        let line = match lines.next().await {
            Ok(Line::Whole(line)) => line,
            Ok(Line::TooLong) => return Err(Failure::Failed("a line was longer than allowed".to_owned())),
            Ok(Line::End { .. }) => return Err(Failure::Closing),
            Err(error) => return Err(Failure::Failed(format!("its output could not be read: {error}"))),
        };
        match Message::parse(&line) {
            Ok(Message::Response { id: answered, outcome }) if answered == id => return Ok(outcome),
            Ok(_) if is_too_much(early, line.len()) => {
                return Err(Failure::Failed("it said too much before it answered initialize".to_owned()));
            }
            Ok(message) => early.push_back((message, line.len())),
            // Noise before the handshake is told if the handshake fails: by its timeout, or by the exit.
            Err(what) => tracing::debug!(%what, "noise during the handshake"),
        }
    }
}

fn is_too_much(early: &VecDeque<(Message, usize)>, more: usize) -> bool {
    let bytes: usize = early.iter().map(|(_, bytes)| bytes).sum();
    early.len() >= limits::CHILD_EARLY_MESSAGES_MAX || bytes + more > limits::CHILD_EARLY_BYTES_MAX
}

/// An older or stricter child names the capability, or only complains about the parameters.
fn refuses_experimental(outcome: &Outcome) -> bool {
    let Outcome::Error { code, message, .. } = outcome else { return false };
    let message = message.to_lowercase();
    *code == -32602 || ["experimentalapi", "unknown field", "invalid params"].iter().any(|word| message.contains(word))
}

fn gate(result: &Value) -> Result<Version, Failure> {
    let user_agent = result.get("userAgent").and_then(Value::as_str).unwrap_or_default();
    let unusable = |found: &str| {
        Failure::Unusable(format!("this is {found}, and at least Codex {VERSION_MIN} is needed; install a newer one"))
    };
    match Version::of_user_agent(user_agent) {
        Some(version) if version >= VERSION_MIN => Ok(version),
        Some(version) => Err(unusable(&format!("Codex {version}"))),
        None => Err(unusable("a program that names no version in its handshake")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use codex_manager_model::Generation;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

    use super::*;
    use crate::outbound;
    use crate::silence::Silence;

    /// Shakes hands with a child that writes these lines, one batch for each request; gives what came of it, and what
    /// the child was sent.
    async fn with_child(batches: &[&str]) -> (Result<Greeting, Failure>, Vec<Value>) {
        let (near, far) = tokio::io::duplex(1024);
        let (input, output) = tokio::io::split(near);
        let (connection, queue) = Connection::new(Generation::fresh(), FIRST_CALL_ID, Silence::new(Duration::MAX));
        let writer = tokio::spawn(outbound::write(output, queue, Duration::from_secs(1)));
        let batches: Vec<String> = batches.iter().map(|batch| (*batch).to_owned()).collect();
        let child = tokio::spawn(async move {
            let (input, mut output) = tokio::io::split(far);
            let mut requests = BufReader::new(input).lines();
            let mut seen = Vec::new();
            for batch in batches {
                seen.push(serde_json::from_str(&requests.next_line().await.unwrap().unwrap()).unwrap());
                // Whoever has heard enough hangs up.
                let _ = output.write_all(batch.as_bytes()).await;
            }
            let _ = output.shutdown().await;
            while let Ok(Some(line)) = requests.next_line().await {
                seen.push(serde_json::from_str(&line).unwrap());
            }
            seen
        });
        let mut lines = Lines::new(input, 10_000);
        let result = shake_hands(&mut lines, &connection, &ClientInfo::default()).await;
        drop(connection);
        writer.await.unwrap();
        drop(lines);
        (result, child.await.unwrap())
    }

    fn agent(id: u64, version: &str) -> String {
        format!("{}\n", json!({"id": id, "result": {"userAgent": format!("codex_manager/{version} (X)")}}))
    }

    #[tokio::test]
    async fn what_comes_before_the_answer_is_kept_in_order() {
        let batch = format!("noise\n{{\"method\":\"a\"}}\n{{\"id\":0,\"method\":\"b\"}}\n{}", agent(1, "0.169.0"));
        let (greeting, sent) = with_child(&[&batch]).await;
        let greeting = greeting.unwrap();
        assert_eq!(greeting.version, VERSION_MIN);
        let early: Vec<Message> = greeting.early.into_iter().map(|(message, _)| message).collect();
        let notification = Message::Notification { method: "a".into(), params: Value::Null };
        assert_eq!(early, [notification, Message::Request { id: json!(0), method: "b".into(), params: Value::Null }]);
        assert_eq!(sent[0]["params"]["capabilities"]["experimentalApi"], true);
        assert_eq!(sent[1], json!({"method": "initialized"}));
    }

    #[tokio::test]
    async fn a_child_that_refuses_the_experimental_is_asked_without() {
        let refusal = "{\"id\":1,\"error\":{\"code\":-32600,\"message\":\"unknown field `experimentalApi`\"}}\n";
        let (greeting, sent) = with_child(&[refusal, &agent(2, "0.170.1")]).await;
        assert!(greeting.is_ok());
        assert_eq!(sent[1]["params"]["capabilities"]["experimentalApi"], false);
    }

    #[tokio::test]
    async fn a_child_that_is_too_old_is_named_with_what_is_needed() {
        let (greeting, sent) = with_child(&[&agent(1, "0.168.0")]).await;
        let Err(Failure::Unusable(reason)) = greeting else { panic!("{greeting:?}") };
        assert!(reason.contains("0.168.0") && reason.contains("0.169.0"), "{reason}");
        assert_eq!(sent.len(), 1);
    }

    #[tokio::test]
    async fn other_failures_may_be_tried_again() {
        let flood = "{\"method\":\"a\"}\n".repeat(limits::CHILD_EARLY_MESSAGES_MAX + 1);
        let long = "x".repeat(20_000);
        for batch in ["{\"id\":1,\"error\":{\"code\":-32000,\"message\":\"no\"}}\n", "{\"id\":1}\n", &flood, &long] {
            let (greeting, _) = with_child(&[batch]).await;
            assert!(matches!(greeting, Err(Failure::Failed(_))), "{greeting:?}");
        }
        let (greeting, _) = with_child(&["{\"id\":1,\"resu"]).await;
        assert!(matches!(greeting, Err(Failure::Closing)), "{greeting:?}");
    }
}
