//! Plays an act as server-sent events of the Responses API.

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::script::{Act, Call};

/// The listener is gone, or the model is told to stop: nothing more is to be said.
#[derive(Debug)]
pub(crate) struct Cut;

/// How far the held answers may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Gate {
    /// How often the held answers were released.
    pub(crate) releases: u64,
    /// Nothing more is to be said by anybody.
    pub(crate) stopped: bool,
}

/// One answer on its way: a response id, the listener and the gate.
pub(crate) struct Player {
    /// Names the response, its items and its calls; never used twice.
    pub(crate) id: String,
    /// Takes the encoded events.
    pub(crate) out: mpsc::Sender<String>,
    /// Holds and cuts.
    pub(crate) gate: watch::Receiver<Gate>,
}

impl Player {
    /// Plays `act` to its end. [`Act::Refuse`] has no events: the server answers it with a status.
    pub(crate) async fn play(mut self, act: Act) -> Result<(), Cut> {
        self.send("response.created", json!({"response": {"id": self.id}})).await?;
        match act {
            Act::Say { deltas, pause } => {
                self.begin_message().await?;
                for delta in &deltas {
                    self.wait(tokio::time::sleep(pause)).await?;
                    self.say(delta).await?;
                }
                self.end_message(deltas.concat()).await?;
            }
            Act::Hold { mut deltas } => {
                self.begin_message().await?;
                for delta in &deltas {
                    self.say(delta).await?;
                }
                self.hold().await?;
                deltas.push("released.".to_owned());
                self.say("released.").await?;
                self.end_message(deltas.concat()).await?;
            }
            Act::Call(calls) => {
                for (index, call) in calls.into_iter().enumerate() {
                    self.call(index, call).await?;
                }
            }
            Act::Refuse(_) => {}
        }
        let usage = json!({"input_tokens": 100, "output_tokens": 10, "total_tokens": 110});
        self.send("response.completed", json!({"response": {"id": self.id, "usage": usage}})).await
    }

    async fn begin_message(&mut self) -> Result<(), Cut> {
        let item = json!({"type": "message", "id": self.message_id(), "role": "assistant", "content": []});
        self.send("response.output_item.added", json!({"output_index": 0, "item": item})).await
    }

    async fn say(&mut self, delta: &str) -> Result<(), Cut> {
        let event = json!({"item_id": self.message_id(), "output_index": 0, "content_index": 0, "delta": delta});
        self.send("response.output_text.delta", event).await
    }

    async fn end_message(&mut self, text: String) -> Result<(), Cut> {
        let content = json!([{"type": "output_text", "text": text}]);
        let item = json!({"type": "message", "id": self.message_id(), "role": "assistant", "content": content});
        self.send("response.output_item.done", json!({"output_index": 0, "item": item})).await
    }

    async fn call(&mut self, index: usize, call: Call) -> Result<(), Cut> {
        let id = format!("call_{}_{index}", self.id);
        let item = match call {
            // Arguments travel as JSON inside a string.
            Call::Function { name, arguments } => {
                json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments.to_string()})
            }
            Call::Custom { name, input } => {
                json!({"type": "custom_tool_call", "call_id": id, "name": name, "input": input})
            }
        };
        self.send("response.output_item.done", json!({"output_index": index, "item": item})).await
    }

    /// Codex makes the message's id the id of its item.
    fn message_id(&self) -> String {
        format!("msg_{}", self.id)
    }

    async fn hold(&mut self) -> Result<(), Cut> {
        let releases = self.gate.borrow().releases;
        let mut gate = self.gate.clone();
        self.wait(async move {
            // An error means that the server is gone, which `wait` notices by itself.
            let _ = gate.wait_for(|gate| gate.releases > releases).await;
        })
        .await
    }

    /// Waits for `moment`, unless the listener leaves or the model is stopped first.
    async fn wait(&mut self, moment: impl Future<Output = ()>) -> Result<(), Cut> {
        tokio::select! {
            () = moment => Ok(()),
            () = self.out.closed() => Err(Cut),
            _ = self.gate.wait_for(|gate| gate.stopped) => Err(Cut),
        }
    }

    async fn send(&mut self, kind: &str, mut event: Value) -> Result<(), Cut> {
        event["type"] = kind.into();
        self.out.send(format!("event: {kind}\ndata: {event}\n\n")).await.map_err(|_| Cut)
    }
}
