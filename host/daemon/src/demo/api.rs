//! The daemon's REST API, as any program uses it.

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::fault::{Fault, ensure};
use super::patience::{PATIENCE, soon, until};

/// A client of one daemon.
#[derive(Debug, Clone)]
pub(super) struct Api {
    http: Client,
    address: String,
    bearer: String,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// When to come back, where it says so.
    pub(super) retry_after: Option<String>,
    /// The body; `null` when it is no JSON.
    pub(super) body: Value,
}

impl Api {
    /// A client of the daemon at `address`, such as `http://127.0.0.1:4317`.
    pub(super) fn new(address: &str, bearer: &str) -> Result<Self, Fault> {
        let http = Client::builder().no_proxy().timeout(PATIENCE).build();
        let http = http.map_err(|error| Fault::because("there is no HTTP client to be had", error.into()))?;
        Ok(Self { http, address: address.to_owned(), bearer: bearer.to_owned() })
    }

    /// `http://host:port`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The secret that opens the API.
    pub(super) fn bearer(&self) -> &str {
        &self.bearer
    }

    /// `GET path`.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, Fault> {
        self.answer(self.request(Method::GET, path), path).await
    }

    /// `POST path`.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer, Fault> {
        self.answer(self.request(Method::POST, path).json(body), path).await
    }

    /// The events after the row `after`, as they come.
    pub(super) async fn stream(&self, after: u64) -> Result<Response, Fault> {
        let path = format!("/api/stream?after={after}");
        // It has no end, so the client's deadline for whole answers is not for it.
        let request = self.request(Method::GET, &path).header("accept", "text/event-stream").timeout(PATIENCE * 60);
        let response = soon("the stream", request.send()).await?.map_err(|error| unanswered(&path, error))?;
        let status = response.status();
        ensure(status.is_success(), || format!("GET {path} answered {status}"))?;
        Ok(response)
    }

    /// What health says of Codex.
    pub(super) async fn codex(&self) -> Result<Value, Fault> {
        let mut health = self.get("/api/health").await?.expect(200)?;
        Ok(health["codex"].take())
    }

    /// Waits until Codex is ready and was restarted so often at least; gives what health says of it.
    pub(super) async fn until_ready(&self, restarts: u64) -> Result<Value, Fault> {
        until("codex.state ready", async || {
            let codex = self.codex().await?;
            let hopeless = matches!(codex["state"].as_str(), Some("unusable" | "crash-loop" | "stopped"));
            ensure(!hopeless, || down(&codex))?;
            let again = codex["restarts"].as_u64().is_some_and(|seen| seen >= restarts);
            Ok((again && codex["state"] == "ready").then_some(codex))
        })
        .await
    }

    /// Makes a session and gives its id.
    pub(super) async fn session(&self, body: &Value) -> Result<String, Fault> {
        let made = self.post("/api/sessions", body).await?.expect(200)?;
        text(&made["session"]["sessionId"], "the new session's id")
    }

    /// Sends a message and gives its turn's id.
    pub(super) async fn say(&self, session: &str, message: &str) -> Result<String, Fault> {
        let path = format!("/api/sessions/{session}/messages");
        let accepted = self.post(&path, &json!({ "text": message })).await?.expect(202)?;
        text(&accepted["turnId"], "the new turn's id")
    }

    /// Whether the approval is among those that wait for a decision.
    pub(super) async fn is_pending(&self, approval: &str) -> Result<bool, Fault> {
        let waiting = self.get("/api/approvals").await?.expect(200)?;
        Ok(waiting["data"].as_array().into_iter().flatten().any(|waits| waits["approvalId"] == approval))
    }

    /// Decides about an approval.
    pub(super) async fn decide(&self, approval: &str, decision: &str) -> Result<Answer, Fault> {
        self.post(&format!("/api/approvals/{approval}/decision"), &json!({ "decision": decision })).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.address)).bearer_auth(&self.bearer)
    }

    async fn answer(&self, request: RequestBuilder, path: &str) -> Result<Answer, Fault> {
        let response = request.send().await.map_err(|error| unanswered(path, error))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let bytes = response.bytes().await.map_err(|error| unanswered(path, error))?;
        Ok(Answer { status, retry_after, body: serde_json::from_slice(&bytes).unwrap_or_default() })
    }
}

impl Answer {
    /// The body, if the status is this one.
    pub(super) fn expect(self, status: u16) -> Result<Value, Fault> {
        ensure(self.status == status, || {
            format!("the daemon answered {} instead of {status}: {}", self.status, self.body)
        })?;
        Ok(self.body)
    }

    /// The error's stable word.
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// A text that an answer must hold.
pub(super) fn text(value: &Value, what: &str) -> Result<String, Fault> {
    value.as_str().map(str::to_owned).ok_or_else(|| Fault::new(format!("{what} is missing")))
}

/// Why there is no Codex to go on with.
pub(super) fn down(codex: &Value) -> String {
    let (state, reason, exit) = (&codex["state"], &codex["reason"], &codex["lastExit"]);
    format!("Codex does not come up: it is {state}, reason {reason}, last exit {exit}")
}

fn unanswered(path: &str, error: reqwest::Error) -> Fault {
    Fault::because(format!("{path} was not answered"), error.into())
}
