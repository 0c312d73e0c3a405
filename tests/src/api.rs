//! The daemon's REST API, as a client sees it.

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{PATIENCE, soon, until};

/// A client of one daemon, with one bearer.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    base: String,
    bearer: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; `null` when it is no JSON.
    pub body: Value,
}

impl Api {
    /// A client of the daemon at `base`, such as `http://127.0.0.1:4317`.
    ///
    /// # Panics
    /// When no HTTP client can be made.
    pub fn new(base: &str, bearer: &str) -> Self {
        let http = Client::builder().no_proxy().timeout(2 * PATIENCE).build().expect("a client needs no resources");
        Self { http, base: base.to_owned(), bearer: bearer.to_owned() }
    }

    /// The same daemon with another bearer.
    #[must_use]
    pub fn with_bearer(&self, bearer: &str) -> Self {
        Self { bearer: bearer.to_owned(), ..self.clone() }
    }

    /// `http://host:port`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The bearer's secret.
    pub fn bearer(&self) -> &str {
        &self.bearer
    }

    /// A request to be changed before it is [sent](Self::send).
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.bearer)
    }

    /// Sends a request; `Err` when no whole answer came back.
    ///
    /// # Errors
    /// When the daemon is gone, or goes before it has answered.
    pub async fn send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok(Answer { status, headers, body })
    }

    /// `GET path`.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await.unwrap_or_else(|error| panic!("GET {path}: {error:?}"))
    }

    /// `POST path` with a body.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        let request = self.request(Method::POST, path).json(&body);
        self.send(request).await.unwrap_or_else(|error| panic!("POST {path}: {error:?}"))
    }

    /// What health says of the child.
    ///
    /// # Panics
    /// When health does not answer.
    pub async fn codex(&self) -> Value {
        self.get("/api/health").await.expect(200)["codex"].clone()
    }

    /// Waits until health says `state` of the child; gives what it says.
    ///
    /// # Panics
    /// When it never does.
    pub async fn until_codex_is(&self, state: &str) -> Value {
        let mut last = Value::Null;
        let look = async || {
            last = self.codex().await;
            (last["state"] == state).then(|| last.clone())
        };
        until(&format!("codex.state {state}"), look).await
    }

    /// Waits until the child is ready for the `restarts`-th time after its first.
    ///
    /// # Panics
    /// When it never is.
    pub async fn until_restarted(&self, restarts: u64) -> Value {
        let look = async || {
            let codex = self.codex().await;
            let again = codex["restarts"].as_u64().is_some_and(|seen| seen >= restarts);
            (again && codex["state"] == "ready").then_some(codex)
        };
        until(&format!("restart {restarts} of the child"), look).await
    }

    /// Makes a session and gives its id.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn session(&self, body: Value) -> String {
        let made = self.post("/api/sessions", body).await;
        made.expect(200)["session"]["sessionId"].as_str().expect("a session has an id").to_owned()
    }

    /// Sends a message and gives its turn's id.
    ///
    /// # Panics
    /// When it is not accepted.
    pub async fn say(&self, session: &str, text: &str) -> String {
        let accepted = self.post(&format!("/api/sessions/{session}/messages"), json!({"text": text})).await;
        accepted.expect(202)["turnId"].as_str().expect("an accepted message has a turn").to_owned()
    }

    /// The session's transcript.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn transcript(&self, session: &str) -> Vec<Value> {
        let shown = self.get(&format!("/api/sessions/{session}")).await;
        shown.expect(200)["transcript"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until the transcript has an entry that `wanted` finds.
    ///
    /// # Panics
    /// When it never has.
    pub async fn until_transcript(&self, session: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(what, async || self.transcript(session).await.into_iter().find(|entry| wanted(entry))).await
    }

    /// The session's pending approvals.
    ///
    /// # Panics
    /// When they cannot be read.
    pub async fn approvals(&self, session: &str) -> Vec<Value> {
        let listed = self.get(&format!("/api/sessions/{session}/approvals")).await;
        listed.expect(200)["data"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until the session waits for an approval; gives its id.
    ///
    /// # Panics
    /// When it never does.
    pub async fn until_asked(&self, session: &str) -> String {
        let first = async || self.approvals(session).await.into_iter().next();
        let approval = until("a pending approval", first).await;
        approval["approvalId"].as_str().expect("an approval has an id").to_owned()
    }

    /// Decides about an approval.
    pub async fn decide(&self, approval: &str, decision: &str) -> Answer {
        soon("a decision", self.post(&format!("/api/approvals/{approval}/decision"), json!({"decision": decision})))
            .await
    }

    /// One extension, as the list shows it.
    ///
    /// # Panics
    /// When there is none of that id.
    pub async fn extension(&self, id: &str) -> Value {
        self.get(&format!("/api/agents/extensions/{id}")).await.expect(200)["extension"].clone()
    }

    /// Waits until an extension is in this state; gives what is told of it.
    ///
    /// # Panics
    /// When that does not happen within the patience.
    pub async fn until_extension_is(&self, id: &str, state: &str) -> Value {
        let look = async || Some(self.extension(id).await).filter(|extension| extension["state"] == state);
        until(&format!("{id} {state}"), look).await
    }

    /// Says yes to the extension that waits, as it is shown, and waits until it runs; gives its digest.
    ///
    /// # Panics
    /// When none of that id waits, or it does not come to run.
    pub async fn approve_extension(&self, id: &str) -> Value {
        let digest = self.say_yes_to_extension(id).await;
        self.until_extension_is(id, "running").await;
        digest
    }

    /// Says yes to the extension that waits, as it is shown; gives its digest.
    ///
    /// # Panics
    /// When none of that id waits.
    pub async fn say_yes_to_extension(&self, id: &str) -> Value {
        let digest = self.extension(id).await["waiting"]["digest"].clone();
        let path = format!("/api/agents/extensions/{id}/approve");
        self.post(&path, json!({"digest": digest})).await.expect(200);
        digest
    }

    /// What an extension did, the newest first.
    ///
    /// # Panics
    /// When nothing is known of it.
    pub async fn invocations(&self, extension_id: &str) -> Vec<Value> {
        let listed = self.get(&format!("/api/agents/extensions/{extension_id}/invocations")).await;
        listed.expect(200)["data"].as_array().cloned().unwrap_or_default()
    }
}

impl Answer {
    /// The body of an answer with that status.
    ///
    /// # Panics
    /// When the status is another.
    #[track_caller]
    pub fn expect(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{}", self.body);
        &self.body
    }

    /// The error's stable word.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}
