//! `stream`: events as they happen, without losing one to a broken connection or a restarted daemon.

use std::time::Duration;

use clap::Args;
use reqwest::Response;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::Context;
use super::client::Client;
use super::failure::{Exit, Failure};
use super::frame::{Frame, Rows, whole_name};
use super::output::{Output, remark};
use super::plain::{line, tail};
use super::sse::{Event, Reader};

/// How long to wait before connecting again.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// How long a connection may say nothing; the daemon sends a comment more often than that.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How much of what an event says a line shows.
const SUBSTANCE_WIDTH: usize = 120;
/// How much of the end of a session's id a line shows: its beginning is a time, and alike for all of a day.
const SESSION_WIDTH: usize = 8;
/// How wide the names of events are, but for a few.
const NAME_WIDTH: usize = 32;

/// Show events as they happen
#[derive(Debug, Args)]
pub(super) struct Stream {
    /// Begin after this event: its seq, or epoch and seq with a dot between [default: with what happens next]
    #[arg(long, value_name = "SEQ")]
    after: Option<String>,
    #[command(flatten)]
    which: Which,
}

/// Which events to show.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Only this session's events, and the daemon's own
    #[arg(long, value_name = "SESSION")]
    thread: Option<String>,
    /// Only events whose type begins with this: as it is shown, such as approval or turn.completed, or whole, such as
    /// app_server.turn.completed; may be said more than once
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
}

impl Which {
    /// In the words of the API, to which what Codex says has a longer name than is shown.
    pub(super) fn query(&self) -> impl Iterator<Item = (&'static str, String)> {
        let named = self.types.iter().flat_map(|types| types.split(',').map(str::trim).filter(|name| !name.is_empty()));
        let types = named.flat_map(|name| [Some(name.to_owned()), whole_name(name)]).flatten();
        self.thread.iter().map(|thread| ("threadId", thread.clone())).chain(types.map(|name| ("types", name)))
    }

    /// What is said of a log without any.
    pub(super) fn nothing(&self) -> &'static str {
        match self.types.is_empty() {
            true => "nothing of this kind is in the log",
            false => "nothing of this kind is in the log; without --type it shows which types there are",
        }
    }

    /// Fails for a session that is not there.
    pub(super) async fn check(&self, client: &Client) -> Result<(), Failure> {
        match &self.thread {
            Some(session) => client.find_session(session).await,
            None => Ok(()),
        }
    }
}

impl Stream {
    /// Goes on until it is interrupted, or the daemon refuses.
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        self.which.check(&context.client()?).await?;
        let (mut last, mut rows) = (None, Rows::default());
        let mut response = self.connect(context, None).await?;
        loop {
            let why = follow(response, &mut last, &mut rows, context.output).await?;
            remark(&format!("the stream broke off ({why}); connecting again"));
            response = self.reconnect(context, last.as_deref()).await?;
        }
    }

    /// The address is looked up each time: a daemon that was started again may listen elsewhere.
    async fn connect(&self, context: &Context, last: Option<&str>) -> Result<Response, Failure> {
        let mut query: Vec<_> = self.which.query().collect();
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
async fn follow(
    mut response: Response,
    last: &mut Option<String>,
    rows: &mut Rows,
    output: Output,
) -> Result<String, Failure> {
    let mut reader = Reader::default();
    loop {
        let bytes = match timeout(SILENCE_MAX, response.chunk()).await {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => return Ok("the daemon closed it".to_owned()),
            Ok(Err(error)) => return Ok(error.to_string()),
            Err(_) => return Ok("nothing came".to_owned()),
        };
        for event in reader.take(&bytes).map_err(|error| Failure::because(Exit::Failed, &error))? {
            write(&event, rows, output)?;
        }
        *last = reader.last_id().map(str::to_owned).or(last.take());
    }
}

/// For programs every frame as it came, for people one line for each row.
fn write(event: &Event, rows: &mut Rows, output: Output) -> Result<(), Failure> {
    if output == Output::Json {
        return output.line(&event.data);
    }
    let frame = Frame(serde_json::from_str(&event.data).unwrap_or(Value::Null));
    if rows.begins(&frame) { output.line(&text(&frame)) } else { Ok(()) }
}

/// An event as a line.
pub(super) fn text(frame: &Frame) -> String {
    let seq = frame.seq().map_or_else(|| "-".to_owned(), |seq| seq.to_string());
    let session = match frame.session() {
        "" => "-".to_owned(),
        id => tail(id, SESSION_WIDTH),
    };
    let (name, substance) = (line(frame.name(), SUBSTANCE_WIDTH), line(&frame.substance(), SUBSTANCE_WIDTH));
    format!("{seq:>8}  {session:<SESSION_WIDTH$}  {name:<NAME_WIDTH$}  {substance}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_type_is_sought_as_it_is_shown_and_as_it_is() {
        let which = |types: &[&str]| Which { thread: None, types: types.iter().map(ToString::to_string).collect() };
        for (said, asked) in [
            (&["turn.completed"][..], &["turn.completed", "app_server.turn.completed"][..]),
            (&["app_server.turn", "app_server_state"], &["app_server.turn", "app_server_state"]),
            (&["approval, item", ""], &["approval", "app_server.approval", "item", "app_server.item"]),
        ] {
            let query: Vec<_> = which(said).query().collect();
            assert_eq!(query, asked.iter().map(|name| ("types", name.to_string())).collect::<Vec<_>>(), "{said:?}");
        }
    }

    #[test]
    fn an_event_is_one_line_that_begins_with_its_place() {
        let session = "0197a2b4-0000-7000-8000-0123456789ab";
        let frame = json!({"type": "approval", "threadId": session, "seq": 7,
                           "payload": {"approvalId": "apr_1", "summary": "Run: x\n\u{1b}[2J"}});
        let expected = format!("       7  456789ab  {:<32}  apr_1 Run: x \u{fffd}[2J", "approval");
        assert_eq!(text(&Frame(frame)), expected);
        let frame = json!({"type": "app_server.item.agent_message.delta", "ephemeral": true, "threadId": null});
        assert_eq!(text(&Frame(frame)), "       -  -         item.agent_message.delta");
    }
}
