//! Projects: names for sessions that belong together. Each session is in one at most, and nothing else of it changes with
//! that.
//!
//! What is done with all sessions of a project is in [`chats`](self::chats), under the name that it has on the wire.

mod chats;
mod wire;

use codex_manager_model::{Actor, Clock, NewEvent, Project, ProjectId, Session, SessionId, Worker, limits};
use codex_manager_store::{Store, Tx, View};
use jiff::Timestamp;
use serde_json::json;

use super::keyed::Keyed;
use super::sessions::Sessions;
use super::sessions::admit::usable_in;
use super::{Deletion, Error, code, to_its_end};
use crate::deletion::{Erased, erase_in};
pub(crate) use chats::{ChatsDeleted, ChatsMoved, MoveChats};
pub(crate) use wire::{
    AgentSession, AgentSessions, NameProject, ProjectDeleted, ProjectList, ProjectMade, ProjectRenamed, ProjectSet,
    ProjectShown, SetProject,
};

/// The use cases of projects.
#[derive(Clone)]
pub(crate) struct Projects {
    store: Store,
    clock: Clock,
    sessions: Sessions,
    deletion: Deletion,
}

impl Projects {
    pub(crate) fn new(store: Store, clock: Clock, sessions: Sessions, deletion: Deletion) -> Self {
        Self { store, clock, sessions, deletion }
    }

    /// Every project, by name.
    pub(crate) async fn list(&self) -> Result<ProjectList, Error> {
        let projects = self.store.read::<_, Error, _>(|view| Ok(view.projects()?)).await?;
        Ok(ProjectList { data: projects.into_iter().map(ProjectShown::from).collect() })
    }

    /// Makes a project.
    ///
    /// # Errors
    /// Invalid when the name or the folder will not do; `duplicate_name`; `too_many_projects`.
    pub(crate) async fn create(&self, body: NameProject, actor: Actor) -> Result<ProjectMade, Error> {
        let (name, working_directory) = self.checked(body)?;
        let (now, keyed) = (self.clock.now(), Keyed::present());
        let create = move |tx: &Tx<'_>| {
            keyed.once(tx, "project", |tx| {
                require_free(tx, &name, None)?;
                if tx.projects()?.len() >= limits::PROJECTS_MAX {
                    let message = format!("there are {} projects", limits::PROJECTS_MAX);
                    return Err(Error::new(code::TOO_MANY_PROJECTS, message));
                }
                let working_directory = working_directory.flatten();
                let id = ProjectId::fresh();
                let project = Project { id, name, working_directory, created_at: now, updated_at: now };
                put_in(tx, &project, actor, now)?;
                Ok(ProjectMade { status: "ok".into(), project: project.into(), orchestration_session: None })
            })
        };
        self.store.write(create).await
    }

    /// Gives a project another name, or another folder. The sessions that workers had in the old folder are deleted.
    ///
    /// # Errors
    /// Invalid when the name or the folder will not do; `project_not_found`; `duplicate_name`.
    pub(crate) async fn rename(
        &self,
        id: &ProjectId,
        body: NameProject,
        actor: Actor,
    ) -> Result<ProjectRenamed, Error> {
        let (name, working_directory) = self.checked(body)?;
        let (id, now, keyed) = (id.clone(), self.clock.now(), Keyed::present());
        let rename = move |tx: &Tx<'_>, erased: &mut Vec<Erased>| {
            let renamed = keyed.once(tx, "project", |tx| {
                let before = require_in(tx, &id)?;
                require_free(tx, &name, Some(&id))?;
                let working_directory = working_directory.unwrap_or_else(|| before.working_directory.clone());
                let mut project = Project { name, working_directory, ..before.clone() };
                if project != before {
                    project.updated_at = now;
                }
                if project.working_directory != before.working_directory {
                    *erased = erase_workers_in(tx, id.as_str(), &actor, now)?;
                }
                put_in(tx, &project, actor, now)?;
                Ok::<_, Error>(ProjectShown::from(project))
            });
            Ok(ProjectRenamed { status: "ok", project: renamed? })
        };
        self.write(rename).await
    }

    /// Deletes a project that has no sessions, and the sessions of its workers.
    ///
    /// # Errors
    /// `project_not_found`; `project_not_empty`.
    pub(crate) async fn delete(&self, id: &ProjectId, actor: Actor) -> Result<ProjectDeleted, Error> {
        let (id, now) = (id.clone(), self.clock.now());
        let delete = move |tx: &Tx<'_>, erased: &mut Vec<Erased>| {
            require_in(tx, &id)?;
            let sessions = tx.sessions_of_project(&id)?.len();
            if sessions > 0 {
                return Err(Error::new(code::PROJECT_NOT_EMPTY, format!("project {id} has {sessions} sessions"))
                    .status("project_not_empty")
                    .with("projectId", id.as_str())
                    .with("sessionCount", sessions));
            }
            *erased = erase_workers_in(tx, id.as_str(), &actor, now)?;
            tx.drop_project(&id)?;
            let payload = json!({ "projectId": id, "sessionIds": [] });
            tx.append_event(NewEvent::new("project_deleted", None, payload, now).by(actor))?;
            Ok(ProjectDeleted { status: "ok", project_id: id, unassigned_session_count: 0 })
        };
        self.write(delete).await
    }

    /// The sessions of the workers of a project, or of a session that is in none: `session:` and its id.
    ///
    /// # Errors
    /// `project_not_found`.
    pub(crate) async fn agent_sessions(&self, owner: &ProjectId) -> Result<AgentSessions, Error> {
        let owner = owner.clone();
        let read = move |view: &View<'_>| {
            let known = match Worker::session_of(owner.as_str()) {
                Some(session) => view.session(&session)?.is_some(),
                None => view.project(&owner)?.is_some(),
            };
            if !known {
                return Err(unknown(&owner));
            }
            let data = view.sessions_of_workers(owner.as_str())?.into_iter().filter_map(AgentSession::of).collect();
            Ok(AgentSessions { status: "ok", project_id: owner, data })
        };
        self.store.read(read).await
    }

    /// Puts a session into a project, or takes it out of the one that it is in.
    ///
    /// # Errors
    /// Of a session that cannot be used; `project_not_found`.
    pub(crate) async fn assign(&self, id: &SessionId, body: SetProject, actor: Actor) -> Result<ProjectSet, Error> {
        let (id, now, keyed) = (id.clone(), self.clock.now(), Keyed::present());
        let assign = move |tx: &Tx<'_>, erased: &mut Vec<Erased>| {
            let session = usable_in(tx, &id)?;
            let next = body.project();
            let answer = |previous_project_id| ProjectSet {
                status: "ok",
                session_id: id.clone(),
                project_id: next.clone(),
                previous_project_id,
            };
            let previous = keyed.once(tx, "project of a session", |tx| {
                if let Some(next) = &next
                    && tx.project(next)?.is_none()
                {
                    return Err(unknown(next).status("project_not_found").with("sessionId", id.as_str()));
                }
                let previous = session.project.clone();
                if next != previous {
                    *erased = erase_workers_in(tx, &Worker::owner_for(&session.id), &actor, now)?;
                    move_in(tx, session, next.clone(), json!(answer(previous.clone())), actor, now)?;
                }
                Ok(previous)
            });
            Ok(answer(previous?))
        };
        self.write(assign).await
    }

    /// A name, and a folder where one is said, in which sessions may start.
    fn checked(&self, body: NameProject) -> Result<(String, Option<Option<String>>), Error> {
        let (name, folder) = body.checked()?;
        folder.iter().flatten().try_for_each(|folder| self.sessions.require_folder("workingDirectory", folder))?;
        Ok((name, folder))
    }

    /// Changes something in one transaction; has the child forget the sessions that were erased in it.
    async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Tx<'_>, &mut Vec<Erased>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (store, deletion) = (self.store.clone(), self.deletion.clone());
        let change = move |tx: &Tx<'_>| {
            let mut erased = Vec::new();
            Ok::<_, Error>((change(tx, &mut erased)?, erased))
        };
        to_its_end(async move {
            let (changed, erased) = store.write(change).await?;
            deletion.follow(erased).await;
            Ok(changed)
        })
        .await
    }
}

/// The project, in this transaction.
///
/// # Errors
/// `project_not_found`.
fn require_in(view: &View<'_>, id: &ProjectId) -> Result<Project, Error> {
    view.project(id)?.ok_or_else(|| unknown(id))
}

fn unknown(id: &ProjectId) -> Error {
    Error::not_found(code::PROJECT_NOT_FOUND, "projectId", id.as_str())
}

/// That no other project has this name.
fn require_free(view: &View<'_>, name: &str, own: Option<&ProjectId>) -> Result<(), Error> {
    match view.project_named(name, own)? {
        None => Ok(()),
        Some(other) => Err(Error::new(code::DUPLICATE_NAME, format!("project {} has this name", other.id))
            .status("duplicate_name")
            .with("projectId", other.id.as_str())),
    }
}

/// Writes a project and tells of it.
fn put_in(tx: &Tx<'_>, project: &Project, actor: Actor, now: Timestamp) -> Result<(), Error> {
    tx.put_project(project)?;
    let payload = json!({ "project": ProjectShown::from(project.clone()) });
    tx.append_event(NewEvent::new("project_upserted", None, payload, now).by(actor))?;
    Ok(())
}

/// Moves a session into another project, or out of the one that it is in, and tells of it.
fn move_in(
    tx: &Tx<'_>,
    session: Session,
    next: Option<ProjectId>,
    told: serde_json::Value,
    actor: Actor,
    now: Timestamp,
) -> Result<(), Error> {
    tx.put_session(&Session { project: next, ..session.clone() })?;
    tx.append_event(NewEvent::new("session_project_updated", Some(session.id), told, now).by(actor))?;
    Ok(())
}

/// Erases the sessions of the workers of an owner.
fn erase_workers_in(tx: &Tx<'_>, owner: &str, actor: &Actor, now: Timestamp) -> Result<Vec<Erased>, Error> {
    let sessions = tx.sessions_of_workers(owner)?;
    sessions.iter().map(|session| Ok(erase_in(tx, session, actor.clone(), now)?)).collect()
}
