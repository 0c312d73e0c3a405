//! What is done with all sessions of a project at once.

use codex_manager_model::{Actor, ProjectId, Session, SessionId};
use codex_manager_store::{Tx, View};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{Projects, move_in, require_in};
use crate::deletion::{Erased, erase_with_workers_in};
use crate::service::keyed::Keyed;
use crate::service::{Error, Kind, code, to_its_end};

/// Where the sessions of a project go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ChatDestination)]
pub(crate) enum Destination {
    /// Out of the project, and nothing else.
    Unassigned,
    /// Out of the project, and put away.
    Archive,
}

/// Where to move the sessions of a project.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(crate) struct MoveChats {
    destination: Destination,
}

/// What became of the sessions of a project.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChatsMoved {
    #[schema(pattern = "^ok$")]
    status: &'static str,
    project_id: ProjectId,
    destination: Destination,
    moved_session_count: usize,
    archived_session_count: usize,
    already_archived_session_count: usize,
}

/// How many sessions of a project were deleted.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChatsDeleted {
    #[schema(pattern = "^ok$")]
    status: &'static str,
    project_id: ProjectId,
    deleted_session_count: usize,
    /// All are deleted at once; this is always 0.
    skipped_session_count: usize,
}

/// The sessions that leave a project.
#[derive(Serialize, Deserialize)]
struct Leaving {
    /// Those that were put away before.
    away: Vec<SessionId>,
    here: Vec<SessionId>,
}

impl Projects {
    /// Takes all sessions out of a project, and puts them away if that is where they go. Nothing is moved unless all can
    /// be put away.
    ///
    /// # Errors
    /// `project_not_found`; `not_materialized_sessions`; of a child that does not put one away: those before it are.
    pub(crate) async fn move_chats(&self, id: &ProjectId, body: MoveChats, actor: Actor) -> Result<ChatsMoved, Error> {
        let (projects, id) = (self.clone(), id.clone());
        to_its_end(async move { projects.move_now(id, body.destination, actor).await }).await
    }

    /// Deletes all sessions of a project for good.
    ///
    /// # Errors
    /// `project_not_found`.
    pub(crate) async fn delete_chats(&self, id: &ProjectId, actor: Actor) -> Result<ChatsDeleted, Error> {
        let (project_id, now, keyed) = (id.clone(), self.clock.now(), Keyed::present());
        let id = id.clone();
        let delete = move |tx: &Tx<'_>, erased: &mut Vec<Erased>| {
            keyed.once(tx, "sessions deleted", |tx| {
                let sessions = sessions_in(tx, &id)?;
                for session in &sessions {
                    erased.extend(erase_with_workers_in(tx, session, &actor, now)?);
                }
                Ok::<_, Error>(sessions.len())
            })
        };
        let deleted_session_count = self.write(delete).await?;
        Ok(ChatsDeleted { status: "ok", project_id, deleted_session_count, skipped_session_count: 0 })
    }

    async fn move_now(&self, id: ProjectId, destination: Destination, actor: Actor) -> Result<ChatsMoved, Error> {
        let leaving = self.leaving(&id, destination).await?;
        let (mut archived, mut already_archived) = (0, 0);
        if destination == Destination::Archive {
            for session in &leaving.here {
                let session = match self.sessions.usable(session).await {
                    // It was deleted meanwhile, so there is nothing to put away.
                    Err(error) if error.kind == Kind::Gone => continue,
                    usable => usable?,
                };
                self.sessions.archive(session, actor.clone()).await?;
                archived += 1;
            }
            already_archived = leaving.away.len();
        }
        Ok(ChatsMoved {
            status: "ok",
            moved_session_count: self.take_out(&id, leaving, actor).await?,
            project_id: id,
            destination,
            archived_session_count: archived,
            already_archived_session_count: already_archived,
        })
    }

    /// The sessions that are to leave a project: those that were in it when that was asked first.
    async fn leaving(&self, id: &ProjectId, destination: Destination) -> Result<Leaving, Error> {
        let (id, keyed) = (id.clone(), Keyed::present());
        let read = move |tx: &Tx<'_>| {
            keyed.once(tx, "sessions to move", |tx| {
                let (away, here): (Vec<_>, Vec<_>) =
                    sessions_in(tx, &id)?.into_iter().partition(|session| session.archived);
                if destination == Destination::Archive {
                    require_materialized(&id, &here)?;
                }
                let ids = |sessions: Vec<Session>| sessions.into_iter().map(|session| session.id).collect();
                Ok::<_, Error>(Leaving { away: ids(away), here: ids(here) })
            })
        };
        self.store.write(read).await
    }

    /// Takes those sessions out of the project that are still in it; how many they were.
    async fn take_out(&self, id: &ProjectId, leaving: Leaving, actor: Actor) -> Result<usize, Error> {
        let (id, now, keyed) = (id.clone(), self.clock.now(), Keyed::present());
        let take_out = move |tx: &Tx<'_>| {
            keyed.once(tx, "sessions moved", |tx| {
                let mut moved = 0;
                for session in leaving.away.iter().chain(&leaving.here) {
                    let session = tx.session(session)?.filter(|session| session.project.as_ref() == Some(&id));
                    let Some(session) = session else { continue };
                    let told = json!({ "sessionId": session.id, "projectId": null, "previousProjectId": id });
                    move_in(tx, session, None, told, actor.clone(), now)?;
                    moved += 1;
                }
                Ok::<_, Error>(moved)
            })
        };
        self.store.write(take_out).await
    }
}

/// Every session of a project, in this transaction.
///
/// # Errors
/// `project_not_found`.
fn sessions_in(view: &View<'_>, id: &ProjectId) -> Result<Vec<Session>, Error> {
    require_in(view, id)?;
    Ok(view.sessions_of_project(id)?)
}

/// That all of these can be put away.
fn require_materialized(id: &ProjectId, sessions: &[Session]) -> Result<(), Error> {
    let fresh: Vec<_> = sessions.iter().filter(|session| !session.materialized).map(|session| &session.id).collect();
    if fresh.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        code::NOT_MATERIALIZED_SESSIONS,
        format!("project {id} has sessions without a turn; nothing was moved"),
    )
    .status("not_materialized_sessions")
    .with("projectId", id.as_str())
    .with("sessionIds", json!(fresh)))
}
