//! What Codex itself can do beside sessions: its catalogues, account, configuration, commands.
//!
//! Each answer is Codex's own. What this adds is who may ask ([`methods`]), what is recorded, and what is kept secret.

pub(crate) mod account;
pub(crate) mod capabilities;
pub(crate) mod catalogue;
pub(crate) mod commands;
pub(crate) mod config;
pub(crate) mod mcp;
pub(crate) mod methods;
pub(crate) mod skills;

use std::path::PathBuf;
use std::sync::Arc;

use codex_manager_model::{Actor, Clock};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type};

use super::{Child, Error, code};
use crate::outbox::Outbox;
use crate::secret::Secret;
use capabilities::Known;
use methods::{Kind, Method};

/// The use cases of Codex itself. Clones share what is behind them.
#[derive(Clone)]
pub(crate) struct Codex {
    child: Child,
    outbox: Outbox,
    clock: Clock,
    known: Arc<Known>,
    /// Where nothing of a client's may begin.
    data_folder: PathBuf,
}

/// What Codex answered, as it did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub(crate) struct CodexAnswer(pub(crate) Value);

/// Something was done, and Codex said this.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Performed {
    /// `ok`
    #[schema(example = "ok")]
    status: &'static str,
    /// What Codex answered.
    result: CodexAnswer,
}

/// A method of Codex, to be called as it is.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RawCall {
    /// Its name, such as `hooks/list`.
    method: String,
    /// What it takes, as Codex's own document says; none unless said.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    params: Value,
}

impl Codex {
    pub(crate) fn new(child: Child, outbox: Outbox, clock: Clock, data_folder: PathBuf) -> Self {
        Self { child, outbox, clock, known: Arc::default(), data_folder }
    }

    /// Calls a method that only tells, as it is.
    ///
    /// # Errors
    /// `method_not_listed`, and as [`Child::ask`].
    pub(crate) async fn call(&self, call: RawCall) -> Result<CodexAnswer, Error> {
        let Some(method) = methods::raw(&call.method) else {
            let message = "this method of Codex is not passed on";
            return Err(Error::new(code::METHOD_NOT_LISTED, message).with("method", call.method));
        };
        self.ask(method, call.params).await
    }

    /// Asks what changes nothing.
    async fn ask(&self, method: &'static Method, params: Value) -> Result<CodexAnswer, Error> {
        debug_assert_eq!(method.kind, Kind::Read, "{} acts", method.name);
        let answer = self.child.ask(method.name, params).await;
        answer.map(CodexAnswer).map_err(|error| self.learn(method, error))
    }

    /// Has something done, recorded first.
    async fn act(&self, method: &'static Method, params: Value, actor: Actor) -> Result<Performed, Error> {
        debug_assert_eq!(method.kind, Kind::Act, "{} only tells", method.name);
        self.child.require_ready()?;
        let call = self.outbox.call(method.name, None, json!({ "params": params }), actor);
        let done = self.outbox.perform(call, |_| Ok(())).await.map_err(|error| self.learn(method, error))?;
        Ok(Performed::with(done.outcome))
    }

    /// The same with a secret in it: what is recorded is what is `shown`.
    async fn act_secretly(
        &self,
        method: &'static Method,
        shown: Value,
        params: Secret<Value>,
        actor: Actor,
    ) -> Result<Performed, Error> {
        self.child.require_ready()?;
        let call = self.outbox.call(method.name, None, json!({ "params": shown }), actor);
        let done = self.outbox.perform_secret(call, params).await.map_err(|error| self.learn(method, error))?;
        Ok(Performed::with(done.outcome))
    }

    /// Remembers of this child that it does not have the method.
    fn learn(&self, method: &Method, error: Error) -> Error {
        if error.code.word == code::METHOD_NOT_SUPPORTED.word {
            self.known.refused(self.child.state().generation, method.name);
        }
        error
    }
}

impl Performed {
    fn with(outcome: Option<Value>) -> Self {
        Self { status: "ok", result: CodexAnswer(outcome.unwrap_or_default()) }
    }
}

/// Says in the details of the child's refusal what it was about.
fn about(error: Error, member: &str, value: impl Into<Value>) -> Error {
    match error.context.get("details").cloned() {
        Some(mut details) => {
            details[member] = value.into();
            error.with("details", details)
        }
        None => error,
    }
}

/// A text with something in it.
/// Texts, at least one and none that is empty, as a schema says it.
fn texts() -> Array {
    let one = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
    ArrayBuilder::new().items(one).min_items(Some(1)).build()
}

fn text<'de, D: Deserializer<'de>>(source: D) -> Result<String, D::Error> {
    let text = String::deserialize(source)?;
    if text.trim().is_empty() { Err(serde::de::Error::custom("it must not be empty")) } else { Ok(text) }
}
