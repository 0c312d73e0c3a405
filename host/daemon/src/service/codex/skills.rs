//! Skills: which there are, and which are on.

use codex_manager_model::Actor;
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::catalogue::Listed;
use super::methods::{SKILLS_CONFIG_WRITE, SKILLS_LIST, SKILLS_REMOTE_READ, SKILLS_REMOTE_WRITE};
use super::{Codex, Performed, about, text};
use crate::service::Error;

/// Which skills.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListSkills {
    /// Whether Codex is to read them from the disk again.
    #[serde(default)]
    force_reload: bool,
    /// The folder for which they are listed; Codex's own unless said.
    cwd: Option<String>,
}

/// A skill, and whether it is on.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SkillConfig {
    /// Where the skill lies: an absolute path.
    #[serde(deserialize_with = "text")]
    #[schema(min_length = 1, pattern = r"[^\s\u0085]")]
    path: String,
    /// Whether Codex may use it.
    enabled: bool,
}

/// A remote skill.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RemoteSkill {
    /// Its id.
    #[serde(deserialize_with = "text")]
    #[schema(min_length = 1, pattern = r"[^\s\u0085]")]
    hazelnut_id: String,
    /// Whether it is loaded beforehand.
    is_preload: bool,
}

impl Codex {
    /// The skills.
    ///
    /// # Errors
    /// As [`Child::ask`](crate::service::Child::ask).
    pub(crate) async fn skills(&self, list: ListSkills) -> Result<Listed, Error> {
        let mut params = json!({ "forceReload": list.force_reload });
        if let Some(cwd) = list.cwd {
            params["cwds"] = json!([cwd]);
        }
        self.ask(SKILLS_LIST, params).await.map(Listed::from)
    }

    /// Turns a skill on or off.
    ///
    /// # Errors
    /// As [`Outbox::perform`](crate::outbox::Outbox::perform).
    pub(crate) async fn configure_skill(&self, skill: SkillConfig, actor: Actor) -> Result<Performed, Error> {
        let params = json!({ "path": skill.path, "enabled": skill.enabled });
        let written = self.act(SKILLS_CONFIG_WRITE, params, actor).await;
        written.map_err(|error| about(error, "path", skill.path))
    }

    /// The remote skills. Codex 0.169 has none.
    ///
    /// # Errors
    /// As [`Child::ask`](crate::service::Child::ask).
    pub(crate) async fn remote_skills(&self) -> Result<Performed, Error> {
        let read = self.ask(SKILLS_REMOTE_READ, json!({})).await?;
        Ok(Performed::with(Some(read.0)))
    }

    /// Chooses a remote skill. Codex 0.169 has none.
    ///
    /// # Errors
    /// As [`Outbox::perform`](crate::outbox::Outbox::perform).
    pub(crate) async fn choose_remote_skill(&self, skill: RemoteSkill, actor: Actor) -> Result<Performed, Error> {
        let params = json!({ "hazelnutId": skill.hazelnut_id, "isPreload": skill.is_preload });
        self.act(SKILLS_REMOTE_WRITE, params, actor).await
    }
}
