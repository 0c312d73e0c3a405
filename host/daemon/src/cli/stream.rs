//! `stream`: events as they happen, without losing one to a broken connection or a restarted daemon.

use std::time::Duration;

use clap::Args;
use reqwest::Response;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::Context;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::plain::{cell, line};
use super::sse::{Event, Reader};

/// How long to wait before connecting again.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// How long a connection may say nothing; the daemon sends a comment more often than that.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How much of an event's payload a line shows.
const PAYLOAD_WIDTH: usize = 120;

/// Show events as they happen
#[derive(Debug, Args)]
pub(super) struct Stream {
    /// Begin after this event: its seq, or epoch and seq with a dot between [default: with what happens next]
    #[arg(long, value_name = "SEQ")]
    after: Option<String>,
    /// Only those of this session
    #[arg(long, value_name = "SESSION")]
    thread: Option<String>,
}

impl Stream {
    /// Goes on until it is interrupted, or the daemon refuses.
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let mut last = None;
        let mut response = self.connect(context, None).await?;
        loop {
            let why = follow(response, &mut last, context.output).await?;
            eprintln!("the stream broke off ({why}); connecting again");
            response = self.reconnect(context, last.as_deref()).await?;
        }
    }

    /// The address is looked up each time: a daemon that was started again may listen elsewhere.
    async fn connect(&self, context: &Context, last: Option<&str>) -> Result<Response, Failure> {
        let mut query = Vec::new();
        query.extend(self.thread.iter().map(|thread| ("threadId", thread.clone())));
        if last.is_none() {
            query.extend(self.after.iter().map(|after| ("after", after.clone())));
        }
        context.client()?.stream(&query, last).await
    }

    async fn reconnect(&self, context: &Context, last: Option<&str>) -> Result<Response, Failure> {
        loop {
            sleep(RETRY_DELAY).await;
            match self.connect(context, last).await {
                Err(failure) if matches!(failure.exit, Exit::Unreachable | Exit::Timeout | Exit::Failed) => {}
                other => return other,
            }
        }
    }
}

/// Writes events until the connection ends, and says why it did.
async fn follow(mut response: Response, last: &mut Option<String>, output: Output) -> Result<String, Failure> {
    let mut reader = Reader::default();
    loop {
        let bytes = match timeout(SILENCE_MAX, response.chunk()).await {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => return Ok("the daemon closed it".to_owned()),
            Ok(Err(error)) => return Ok(error.to_string()),
            Err(_) => return Ok("nothing came".to_owned()),
        };
        for event in reader.take(&bytes).map_err(|error| Failure::because(Exit::Failed, &error))? {
            write(&event, output)?;
        }
        *last = reader.last_id().map(str::to_owned).or(last.take());
    }
}

fn write(event: &Event, output: Output) -> Result<(), Failure> {
    match output {
        Output::Json => output.line(&event.data),
        Output::Text => output.line(&event_text(&event.data)),
    }
}

fn event_text(data: &str) -> String {
    let frame: Value = serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.to_owned()));
    let [seq, kind, thread] = ["seq", "type", "threadId"].map(|member| cell(&frame[member]));
    let payload = match &frame["payload"] {
        Value::Null => String::new(),
        payload => line(&payload.to_string(), PAYLOAD_WIDTH),
    };
    format!("{seq:>8}  {kind:<40}  {thread}  {payload}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_that_begins_with_its_place() {
        let text = event_text(r#"{"type":"approval","threadId":"t","seq":7,"payload":{"a":"x\ny"}}"#);
        assert!(text.starts_with("       7  approval ") && text.ends_with(r#"  t  {"a":"x\ny"}"#), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
