//! `codex-manager:sessions`: reading sessions.
//!
//! What a session is, and which ones an extension may see, is known to whoever registers it: this is the door alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use codex_manager_model::limits;
use semver::Version;
use serde::Serialize;
use serde_json::{Map, Value, json};
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, Lower};

use crate::{Capability, CapabilityKind, ExtensionId, Invocation, Package, Shape, Wider};

/// Who asks, and what was granted.
#[derive(Debug, Clone)]
pub struct Asker {
    /// The extension.
    pub extension: ExtensionId,
    /// The parameters of its grant.
    pub parameters: Map<String, Value>,
    /// The session that the event concerns, if it concerns one.
    pub session: Option<String>,
}

/// Where sessions are read from. Each answer shows what the asker may see and nothing else.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// One session without its items.
    async fn get(&self, asker: &Asker, session: &str) -> Result<Option<Value>, Fault>;

    /// Up to `limit` sessions after this one, the most recently changed first.
    async fn list(&self, asker: &Asker, after: Option<&str>, limit: u32) -> Result<Vec<Value>, Fault>;

    /// Up to `limit` items of a session after this one, the oldest first; `None` if there is no such session.
    async fn items(
        &self,
        asker: &Asker,
        session: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Option<Vec<Value>>, Fault>;
}

/// Why there is no answer, as the guest is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ComponentType, Lower)]
#[component(record)]
pub struct Fault {
    /// What kind of fault: `unavailable`, `invalid`.
    pub code: String,
    /// The same for a reader.
    pub message: String,
}

/// The capability `sessions`.
#[derive(Clone)]
pub struct SessionReader(Arc<dyn Sessions>);

impl SessionReader {
    /// The capability, reading from there.
    pub fn new(sessions: impl Sessions + 'static) -> Self {
        Self(Arc::new(sessions))
    }
}

impl Capability for SessionReader {
    fn name(&self) -> &str {
        "sessions"
    }

    fn kind(&self) -> CapabilityKind {
        CapabilityKind {
            package: Package::new("codex-manager:sessions", Version::new(1, 0, 0)),
            sentence: "read the session that an event is about, with all that was said and done in it".to_owned(),
            parameters: BTreeMap::from([("which".to_owned(), Shape::Text)]),
            wider: vec![Wider {
                parameter: "which".to_owned(),
                value: json!("all"),
                sentence: "read all sessions, with all that was said and done in them".to_owned(),
            }],
        }
    }

    fn link(&self, linker: &mut Linker<Invocation>) -> wasmtime::Result<()> {
        let mut interface = linker.instance("codex-manager:sessions/reader@1.0.0")?;
        let sessions = Arc::clone(&self.0);
        interface.func_wrap_async("get", move |mut store: StoreContextMut<'_, Invocation>, (id,): (String,)| {
            let sessions = Arc::clone(&sessions);
            Box::new(async move {
                let found = sessions.get(&asker(store.data()), &id).await;
                let answer = found.map(|session| session.map(|session| session.to_string()));
                store.data_mut().journal("sessions", "get", json!([id]), &answer)?;
                Ok((answer,))
            })
        })?;
        let sessions = Arc::clone(&self.0);
        interface.func_wrap_async(
            "list",
            move |mut store: StoreContextMut<'_, Invocation>, (after, limit): (Option<String>, u32)| {
                let sessions = Arc::clone(&sessions);
                Box::new(async move {
                    let found = sessions.list(&asker(store.data()), after.as_deref(), page(limit)).await;
                    let answer = found.map(texts);
                    store.data_mut().journal("sessions", "list", json!([after, limit]), &answer)?;
                    Ok((answer,))
                })
            },
        )?;
        let sessions = Arc::clone(&self.0);
        interface.func_wrap_async(
            "items",
            move |mut store: StoreContextMut<'_, Invocation>, (id, after, limit): (String, Option<String>, u32)| {
                let sessions = Arc::clone(&sessions);
                Box::new(async move {
                    let found = sessions.items(&asker(store.data()), &id, after.as_deref(), page(limit)).await;
                    let answer = found.map(|items| items.map(texts));
                    store.data_mut().journal("sessions", "items", json!([id, after, limit]), &answer)?;
                    Ok((answer,))
                })
            },
        )
    }
}

fn asker(invocation: &Invocation) -> Asker {
    Asker {
        extension: invocation.extension().clone(),
        parameters: invocation.parameters("sessions").cloned().unwrap_or_default(),
        session: invocation.session().map(str::to_owned),
    }
}

fn page(limit: u32) -> u32 {
    limit.min(limits::EXTENSION_PAGE_MAX)
}

fn texts(values: Vec<Value>) -> Vec<String> {
    values.iter().map(Value::to_string).collect()
}
