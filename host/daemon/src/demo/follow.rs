//! Following the event stream: everything that it tells is kept, in order, and can be waited for.

use std::sync::Arc;

use reqwest::Response;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::api::Api;
use super::fault::Fault;
use super::frame::Frame;
use super::patience::soon;
use crate::cli::sse::Reader;

/// One connection to the stream. Clones share it; it ends with the last of them.
#[derive(Debug, Clone)]
pub(super) struct Follow {
    seen: watch::Receiver<Seen>,
    _reading: Arc<AbortOnDropHandle<()>>,
}

/// What has come so far.
#[derive(Debug, Default)]
struct Seen {
    frames: Vec<Frame>,
    is_over: bool,
}

impl Follow {
    /// Connects, and goes on after the row `after`.
    pub(super) async fn open(api: &Api, after: u64) -> Result<Self, Fault> {
        let response = api.stream(after).await?;
        let (sender, seen) = watch::channel(Seen::default());
        let reading = AbortOnDropHandle::new(tokio::spawn(async move {
            read(response, &sender).await;
            sender.send_modify(|seen| seen.is_over = true);
        }));
        Ok(Self { seen, _reading: reading.into() })
    }

    /// How many frames have come: a place to look from.
    pub(super) fn mark(&self) -> usize {
        self.seen.borrow().frames.len()
    }

    /// The frames that have come since `mark`.
    pub(super) fn since(&self, mark: usize) -> Vec<Frame> {
        self.seen.borrow().frames[mark..].to_vec()
    }

    /// Waits for the first frame since `mark` that is `wanted`.
    pub(super) async fn find(&self, mark: usize, what: &str, wanted: impl Fn(&Frame) -> bool) -> Result<Frame, Fault> {
        self.find_last(mark, what, |frames| frames.iter().position(&wanted)).await
    }

    /// Waits until `found` finds something in the frames since `mark`.
    pub(super) async fn find_last(
        &self,
        mark: usize,
        what: &str,
        found: impl Fn(&[Frame]) -> Option<usize>,
    ) -> Result<Frame, Fault> {
        let mut seen = self.seen.clone();
        let come = seen.wait_for(|seen| seen.is_over || found(&seen.frames[mark..]).is_some());
        let over = || Fault::new(format!("the stream ended before {what}"));
        let seen = soon(what, come).await?.map_err(|_| over())?;
        found(&seen.frames[mark..]).map(|index| seen.frames[mark + index].clone()).ok_or_else(over)
    }

    /// Waits for the row that ends the turn.
    pub(super) async fn turn_end(&self, mark: usize, turn: &str) -> Result<Frame, Fault> {
        self.find(mark, "the end of the turn", |frame| {
            frame.kind() == "app_server.turn.completed" && frame.turn() == turn
        })
        .await
    }

    /// Waits until the turn is over, and gives what Codex answered in it last.
    pub(super) async fn answer(&self, mark: usize, turn: &str) -> Result<String, Fault> {
        self.turn_end(mark, turn).await?;
        let frames = self.since(mark);
        let said = frames.iter().rev().find_map(|frame| {
            let item = &frame.params()["item"];
            let is_answer = frame.kind() == "app_server.item.completed" && item["type"] == "agentMessage";
            (is_answer && frame.turn() == turn).then(|| item["text"].as_str().unwrap_or_default().to_owned())
        });
        said.ok_or_else(|| Fault::new("the turn ended without an answer"))
    }

    /// Waits for the request to decide about something in the session.
    pub(super) async fn asked(&self, mark: usize, session: &str) -> Result<Frame, Fault> {
        let wanted = |frame: &Frame| frame.kind() == "approval" && frame.session() == session;
        self.find(mark, "the request for approval", wanted).await
    }

    /// Waits for the end of an approval, and gives the row that tells it.
    pub(super) async fn resolved(&self, mark: usize, approval: &str) -> Result<Frame, Fault> {
        self.find(mark, "the end of the approval", |frame| {
            frame.kind() == "approval_resolved" && frame.payload()["approvalId"] == approval
        })
        .await
    }

    /// Waits until the connection has broken off, and gives all that had come.
    pub(super) async fn to_the_end(&self) -> Result<Vec<Frame>, Fault> {
        let mut seen = self.seen.clone();
        let over = soon("the stream to break off", seen.wait_for(|seen| seen.is_over)).await?;
        over.map(|seen| seen.frames.clone()).map_err(|_| Fault::new("the stream was dropped"))
    }
}

async fn read(mut response: Response, seen: &watch::Sender<Seen>) {
    let mut reader = Reader::default();
    while let Ok(Some(bytes)) = response.chunk().await {
        let Ok(events) = reader.take(&bytes) else { return };
        let frames = events.iter().map(|event| serde_json::from_str(&event.data).unwrap_or(Value::Null)).map(Frame);
        seen.send_modify(|seen| seen.frames.extend(frames));
    }
}
