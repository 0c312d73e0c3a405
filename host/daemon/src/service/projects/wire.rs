//! Projects as clients send and see them.

use codex_manager_model::{Project, ProjectId, Session, SessionId, limits};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use crate::service::controls::nullable;
use crate::service::{Error, names};

/// A project's name, and its folder.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NameProject {
    /// What people call it.
    #[schema(schema_with = name)]
    name: String,
    /// The folder that its sessions start in: an absolute path of a folder that is there; `null` for none. Where it is
    /// left out, it stays as it is.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = r"^[\s\u0085]*(/|$)")]
    working_directory: Option<Option<String>>,
}

/// Which project a session is to be in.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetProject {
    /// The project; `null` for none.
    #[serde(deserialize_with = "nullable")]
    #[schema(required = true, min_length = 1, max_length = 200)]
    project_id: Option<String>,
}

/// A project.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Project)]
pub(crate) struct ProjectShown {
    project_id: ProjectId,
    name: String,
    working_directory: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// Every project, by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ProjectList {
    pub(super) data: Vec<ProjectShown>,
}

/// A project that was made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectMade {
    #[schema(pattern = "^ok$")]
    pub(super) status: String,
    pub(super) project: ProjectShown,
    /// A project has no session of its own; this is always `null`.
    pub(super) orchestration_session: Option<String>,
}

/// A project that was renamed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ProjectRenamed {
    #[schema(pattern = "^ok$")]
    pub(super) status: &'static str,
    pub(super) project: ProjectShown,
}

/// A project that was deleted.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectDeleted {
    #[schema(pattern = "^ok$")]
    pub(super) status: &'static str,
    pub(super) project_id: ProjectId,
    /// A project with sessions is not deleted; this is always 0.
    pub(super) unassigned_session_count: usize,
}

/// The sessions of workers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AgentSessions {
    #[schema(pattern = "^ok$")]
    pub(super) status: &'static str,
    /// Whose workers they are.
    pub(super) project_id: ProjectId,
    pub(super) data: Vec<AgentSession>,
}

/// The session of a worker.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AgentSession {
    agent: String,
    session_id: SessionId,
    /// That it can be read, and not used.
    system_owned: bool,
}

/// Which project a session is in, and which it was in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectSet {
    #[schema(pattern = "^ok$")]
    pub(super) status: &'static str,
    pub(super) session_id: SessionId,
    pub(super) project_id: Option<ProjectId>,
    pub(super) previous_project_id: Option<ProjectId>,
}

impl NameProject {
    /// The name, and the folder where one is said.
    ///
    /// # Errors
    /// Invalid when one of them is too long, or the name empty or with characters that do not show.
    pub(super) fn checked(self) -> Result<(String, Option<Option<String>>), Error> {
        let name = names::checked("name", &self.name, limits::PROJECT_NAME_CHARS_MAX)?;
        let folder = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let working_directory = self.working_directory.map(|said| said.and_then(folder));
        if working_directory.iter().flatten().any(|text| text.chars().count() > limits::PROJECT_FOLDER_CHARS_MAX) {
            let message = format!("must have at most {} characters", limits::PROJECT_FOLDER_CHARS_MAX);
            return Err(Error::invalid("workingDirectory", &message));
        }
        Ok((name, working_directory))
    }
}

impl SetProject {
    /// The project that is meant. Its name may have blanks around it.
    pub(super) fn project(&self) -> Option<ProjectId> {
        self.project_id.as_deref().map(|id| ProjectId::new(id.trim()))
    }
}

impl AgentSession {
    pub(super) fn of(session: Session) -> Option<Self> {
        let worker = session.worker?;
        Some(Self { agent: worker.agent, session_id: session.id, system_owned: true })
    }
}

impl From<Project> for ProjectShown {
    fn from(project: Project) -> Self {
        Self {
            project_id: project.id,
            name: project.name,
            working_directory: project.working_directory,
            created_at: project.created_at,
            updated_at: project.updated_at,
        }
    }
}

/// A project's name as a schema says it.
fn name() -> Object {
    let says = "What people call it, in 1 to 120 characters. Blanks around it do not count; no two are the same but for \
                upper and lower case. It has no characters that do not show, nor such as turn the direction of writing.";
    names::schema(limits::PROJECT_NAME_CHARS_MAX, says)
}

/// Tells a member that is `null` from one that is not there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
