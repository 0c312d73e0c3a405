//! Sessions of workers: threads that the queue has for itself, one for each owner and agent. People can read them, and
//! nothing else; what such a session is told, it is told here.

use codex_manager_model::{Actor, Controls, ProjectId, SessionId, TurnId, Worker};
use codex_manager_store::View;
use serde_json::{Value, json};

use super::admit::usable_in;
use super::overrides::{policy, sandbox_policy};
use super::{Sessions, started, unnamed};
use crate::service::{Error, code};
use crate::thread::OF_WORKER;

impl Sessions {
    /// The session of a worker, made if there is none. It starts in the folder of the project that it works for. Two that
    /// ask for the same worker must not do so at once.
    ///
    /// # Errors
    /// Not found when there is no such owner; invalid when its folder will not do; unavailable without a child;
    /// `not_contained`; the child's own refusal.
    pub(crate) async fn of_worker(&self, worker: Worker, actor: Actor) -> Result<SessionId, Error> {
        let wanted = worker.clone();
        let known = move |view: &View<'_>| {
            let sessions = view.sessions_of_workers(&wanted.owner)?;
            let made = sessions.into_iter().find(|session| session.worker.as_ref() == Some(&wanted));
            Ok::<_, Error>((made.map(|session| session.id), folder_of(view, &wanted.owner)?))
        };
        let (made, folder) = self.store.read(known).await?;
        if let Some(id) = made {
            return Ok(id);
        }
        let folder = folder.unwrap_or_else(|| self.defaults.cwd.clone());
        self.require_folder("workingDirectory", &folder)?;
        self.require_ready()?;
        self.require_contained()?;
        let controls = self.default_controls().await?;
        let body = json!({
            "params": thread(&folder, &controls),
            "controls": controls,
            "worker": { "owner": worker.owner, "agent": worker.agent },
        });
        let call = self.outbox.call("thread/start", None, body, actor.clone());
        let outcome = self.outbox.perform(call, |_| Ok(())).await?.outcome.unwrap_or_default();
        let id = started(&outcome["thread"])?;
        self.keep(&id, actor).await;
        Ok(id)
    }

    /// Sends a message to the session of a worker, and answers the turn that it began.
    ///
    /// # Errors
    /// Not found when it is not one; unavailable without a child; `not_contained`; the child's own refusal.
    pub(crate) async fn send_to_worker(&self, id: &SessionId, text: &str, actor: Actor) -> Result<TurnId, Error> {
        let session = self.readable(id).await?;
        if session.worker.is_none() {
            return Err(Error::not_found(code::SESSION_NOT_FOUND, "sessionId", id.as_str()));
        }
        self.require_ready()?;
        self.require_contained()?;
        let mut operation = self.outbox.call("turn/start", Some(session.id.clone()), Value::Null, actor);
        operation.body = json!({
            "params": {
                "threadId": session.id,
                "clientUserMessageId": operation.id,
                "input": [{ "type": "text", "text": text, "text_elements": [] }],
                "approvalPolicy": policy(session.controls.approval_policy),
                "sandboxPolicy": sandbox_policy(&session.controls),
            },
        });
        let outcome = self.outbox.perform(operation, |_| Ok(())).await?.outcome.unwrap_or_default();
        outcome["turn"]["id"].as_str().map(TurnId::new).ok_or_else(|| unnamed("turn"))
    }
}

fn thread(folder: &str, controls: &Controls) -> Value {
    json!({
        "cwd": folder,
        "model": controls.model,
        "sandbox": controls.filesystem_sandbox,
        "approvalPolicy": policy(controls.approval_policy),
        "threadSource": OF_WORKER,
    })
}

/// The folder of the project that is the owner; a session that is in none has no folder for its workers.
fn folder_of(view: &View<'_>, owner: &str) -> Result<Option<String>, Error> {
    if let Some(session) = Worker::session_of(owner) {
        usable_in(view, &session)?;
        return Ok(None);
    }
    let project = view.project(&ProjectId::new(owner))?;
    let project = project.ok_or_else(|| Error::not_found(code::PROJECT_NOT_FOUND, "projectId", owner))?;
    Ok(project.working_directory)
}
