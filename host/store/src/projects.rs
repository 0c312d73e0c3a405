//! Projects, and which sessions belong to them.

use codex_manager_model::{Project, ProjectId, Session};
use rusqlite::{Row, params};

use crate::column::{At, at, id};
use crate::sessions::session;
use crate::{Error, Tx, View};

impl View<'_> {
    /// The project of that id.
    pub fn project(&self, id: &ProjectId) -> Result<Option<Project>, Error> {
        self.one("SELECT * FROM projects WHERE id = ?1", [id.as_str()], project)
    }

    /// A project of that name, however it is written, other than `own`.
    pub fn project_named(&self, name: &str, own: Option<&ProjectId>) -> Result<Option<Project>, Error> {
        // Not by the column: names that were written down long ago are folded there as they were then.
        let folded = Project::folded(name);
        let is_it = |other: &Project| Some(&other.id) != own && Project::folded(&other.name) == folded;
        Ok(self.projects()?.into_iter().find(is_it))
    }

    /// Every project, by name.
    pub fn projects(&self) -> Result<Vec<Project>, Error> {
        self.all("SELECT * FROM projects ORDER BY folded_name", [], project)
    }

    /// The sessions of a project, archived ones too, the last updated first. Those of its workers are not among them.
    pub fn sessions_of_project(&self, project: &ProjectId) -> Result<Vec<Session>, Error> {
        let sql = "SELECT * FROM sessions WHERE project = ?1 AND worker_owner IS NULL
                   ORDER BY updated_at DESC, created_at DESC, id DESC";
        self.all(sql, [project.as_str()], session)
    }

    /// The sessions of the workers of an owner (a project's id, or `session:` and the id of a session), by agent.
    pub fn sessions_of_workers(&self, owner: &str) -> Result<Vec<Session>, Error> {
        self.all("SELECT * FROM sessions WHERE worker_owner = ?1 ORDER BY worker_agent", [owner], session)
    }
}

impl Tx<'_> {
    /// Writes a project, new or not. Its name must be free, or its own.
    pub fn put_project(&self, project: &Project) -> Result<(), Error> {
        self.execute(
            "INSERT INTO projects (id, name, folded_name, working_directory, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, folded_name = excluded.folded_name,
                 working_directory = excluded.working_directory, updated_at = excluded.updated_at",
            params![
                project.id.as_str(),
                project.name,
                Project::folded(&project.name),
                project.working_directory,
                At(project.created_at),
                At(project.updated_at),
            ],
        )?;
        Ok(())
    }

    /// Forgets a project; whether there was one. It must have no sessions any more.
    pub fn drop_project(&self, id: &ProjectId) -> Result<bool, Error> {
        self.change("DELETE FROM projects WHERE id = ?1", [id.as_str()])
    }
}

fn project(row: &Row<'_>) -> rusqlite::Result<Project> {
    Ok(Project {
        id: id(row, "id", ProjectId::new)?,
        name: row.get("name")?,
        working_directory: row.get("working_directory")?,
        created_at: at(row, "created_at")?,
        updated_at: at(row, "updated_at")?,
    })
}
