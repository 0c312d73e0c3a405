//! Sessions.

use codex_manager_model::{ProjectId, Session, SessionId, Worker};
use jiff::Timestamp;
use rusqlite::{Row, params};

use crate::column::{At, Json, at, id, json, maybe_id};
use crate::{Error, Tx, View};

/// Which sessions, and from where on.
#[derive(Debug, Clone)]
pub struct SessionQuery {
    /// Those that were put away, or those that were not.
    pub archived: bool,
    /// Those of workers too.
    pub workers: bool,
    /// How many at most.
    pub limit: u32,
    /// The `updated_at` and the id of the last one seen.
    pub after: Option<(Timestamp, SessionId)>,
}

impl View<'_> {
    /// The session of that id.
    pub fn session(&self, id: &SessionId) -> Result<Option<Session>, Error> {
        self.one("SELECT * FROM sessions WHERE id = ?1", [id.as_str()], session)
    }

    /// Sessions, the last updated first; of those updated together the newest first.
    pub fn sessions(&self, query: &SessionQuery) -> Result<Vec<Session>, Error> {
        let Some((updated_at, id)) = &query.after else {
            return self.all(
                "SELECT * FROM sessions WHERE archived = ?1 AND (?3 OR worker_owner IS NULL)
                 ORDER BY updated_at DESC, created_at DESC, id DESC LIMIT ?2",
                params![query.archived, query.limit, query.workers],
                session,
            );
        };
        self.all(
            "SELECT * FROM sessions WHERE archived = ?1 AND (?5 OR worker_owner IS NULL)
             AND (updated_at, created_at, id) < (?3, (SELECT created_at FROM sessions WHERE id = ?4), ?4)
             ORDER BY updated_at DESC, created_at DESC, id DESC LIMIT ?2",
            params![query.archived, query.limit, At(*updated_at), id.as_str(), query.workers],
            session,
        )
    }
}

impl Tx<'_> {
    /// Writes a session, new or not. To change a part of one, read it in the same operation: nobody comes between.
    pub fn put_session(&self, session: &Session) -> Result<(), Error> {
        self.execute(
            "INSERT OR REPLACE INTO sessions (id, title, preview, cwd, source, model_provider, materialized, archived,
                 controls, created_at, updated_at, project, worker_owner, worker_agent,
                 thread_missing)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            params![
                session.id.as_str(),
                session.title,
                session.preview,
                session.cwd,
                session.source,
                session.model_provider,
                session.materialized,
                session.archived,
                Json(&session.controls),
                At(session.created_at),
                At(session.updated_at),
                session.project.as_ref().map(ProjectId::as_str),
                session.worker.as_ref().map(|worker| &worker.owner),
                session.worker.as_ref().map(|worker| &worker.agent),
                session.thread_missing,
            ],
        )?;
        Ok(())
    }
}

pub(crate) fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: id(row, "id", SessionId::new)?,
        title: row.get("title")?,
        preview: row.get("preview")?,
        cwd: row.get("cwd")?,
        source: row.get("source")?,
        model_provider: row.get("model_provider")?,
        materialized: row.get("materialized")?,
        archived: row.get("archived")?,
        controls: json(row, "controls")?,
        created_at: at(row, "created_at")?,
        updated_at: at(row, "updated_at")?,
        project: maybe_id(row, "project", ProjectId::new)?,
        worker: worker(row)?,
        thread_missing: row.get("thread_missing")?,
    })
}

fn worker(row: &Row<'_>) -> rusqlite::Result<Option<Worker>> {
    let owner: Option<String> = row.get("worker_owner")?;
    owner.map(|owner| Ok(Worker { owner, agent: row.get("worker_agent")? })).transpose()
}
