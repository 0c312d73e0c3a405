//! What is done with all sessions of a project at once.

use codex_manager_model::{Actor, ProjectId, Session};
use codex_manager_store::{Tx, View};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{Projects, move_in, require_in};
use crate::service::{Error, code, to_its_end};

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
    /// Those that somebody else deleted meanwhile.
    skipped_session_count: usize,
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
        let ids: Vec<_> = self.chats(id).await?.into_iter().map(|session| session.id).collect();
        let wanted = ids.len();
        let deleted = self.deletion.delete_all(ids, actor).await?.len();
        Ok(ChatsDeleted {
            status: "ok",
            project_id: id.clone(),
            deleted_session_count: deleted,
            skipped_session_count: wanted - deleted,
        })
    }

    async fn move_now(&self, id: ProjectId, destination: Destination, actor: Actor) -> Result<ChatsMoved, Error> {
        let sessions = self.chats(&id).await?;
        let (away, here): (Vec<_>, Vec<_>) = sessions.iter().cloned().partition(|session| session.archived);
        let (mut archived, mut already_archived) = (0, 0);
        if destination == Destination::Archive {
            require_materialized(&id, &here)?;
            for session in here {
                self.sessions.archive(session, actor.clone()).await?;
                archived += 1;
            }
            already_archived = away.len();
        }
        Ok(ChatsMoved {
            status: "ok",
            moved_session_count: self.take_out(&id, sessions, actor).await?,
            project_id: id,
            destination,
            archived_session_count: archived,
            already_archived_session_count: already_archived,
        })
    }

    async fn chats(&self, id: &ProjectId) -> Result<Vec<Session>, Error> {
        let id = id.clone();
        let read = move |view: &View<'_>| {
            require_in(view, &id)?;
            Ok::<_, Error>(view.sessions_of_project(&id)?)
        };
        self.store.read(read).await
    }

    /// Takes those sessions out of the project that are still in it; how many they were.
    async fn take_out(&self, id: &ProjectId, sessions: Vec<Session>, actor: Actor) -> Result<usize, Error> {
        let (id, now) = (id.clone(), self.clock.now());
        let take_out = move |tx: &Tx<'_>| {
            let mut moved = 0;
            for session in sessions {
                let Some(session) = tx.session(&session.id)?.filter(|session| session.project.as_ref() == Some(&id))
                else {
                    continue;
                };
                let told = json!({ "sessionId": session.id, "projectId": null, "previousProjectId": id });
                move_in(tx, session, None, told, actor.clone(), now)?;
                moved += 1;
            }
            Ok::<_, Error>(moved)
        };
        self.store.write(take_out).await
    }
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
