//! Asking Codex for something in a session that is done with its answer: compaction, a review, an end to commands that
//! run in the background.

use codex_manager_model::{Actor, Session, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Sessions;
use crate::service::Error;

/// What Codex was asked for is done, or has begun.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionCalled {
    /// `ok`.
    status: &'static str,
    /// The session.
    session_id: SessionId,
    /// What Codex answered.
    #[schema(value_type = Object)]
    result: Value,
}

/// What to review, and where to tell of it.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Review {
    /// Where the review goes. Codex 0.169 knows `inline` only.
    #[serde(default)]
    delivery: Delivery,
    /// What is reviewed.
    #[serde(default)]
    target_type: TargetType,
    /// The branch to compare with, for `baseBranch`; `main` when it does not say.
    branch: Option<String>,
    /// The commit, for `commit`, which needs it.
    sha: Option<String>,
    /// The commit's title, for `commit`.
    title: Option<String>,
    /// What to look at, for `custom`.
    instructions: Option<String>,
}

/// Where a review goes.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Delivery {
    /// Into the session.
    #[default]
    Inline,
    /// Into a thread of its own.
    Detached,
}

/// What is reviewed.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TargetType {
    /// What is changed and not committed.
    UncommittedChanges,
    /// What is changed since another branch.
    BaseBranch,
    /// A commit.
    Commit,
    /// What the instructions say.
    #[default]
    Custom,
}

/// What a review looks at when nobody says.
const INSTRUCTIONS: &str = "Review the current changes for correctness, clarity and missing tests.";

impl Sessions {
    /// Has Codex replace what was said so far with a summary. The work is a turn of its own.
    ///
    /// # Errors
    /// The child's own refusal.
    pub(crate) async fn compact(&self, session: Session, actor: Actor) -> Result<SessionCalled, Error> {
        self.require_contained()?;
        self.called("thread/compact/start", session.id, json!({}), actor).await
    }

    /// Has Codex end the commands that run on in the background.
    ///
    /// # Errors
    /// The child's own refusal.
    pub(crate) async fn clean_terminals(&self, session: Session, actor: Actor) -> Result<SessionCalled, Error> {
        self.called("thread/backgroundTerminals/clean", session.id, json!({}), actor).await
    }

    /// Has Codex review something. The work is a turn of its own.
    ///
    /// # Errors
    /// Invalid when a commit is to be reviewed and none is named; the child's own refusal, `invalid_params` of a delivery
    /// that it does not know.
    pub(crate) async fn review(&self, session: Session, body: Review, actor: Actor) -> Result<SessionCalled, Error> {
        let delivery = body.delivery;
        let target = target(body)?;
        self.require_contained()?;
        self.called("review/start", session.id, json!({ "delivery": delivery, "target": target }), actor).await
    }

    async fn called(
        &self,
        method: &str,
        session_id: SessionId,
        mut params: Value,
        actor: Actor,
    ) -> Result<SessionCalled, Error> {
        params["threadId"] = json!(session_id);
        let result = self.call(method, &session_id, json!({ "params": params }), actor).await?;
        Ok(SessionCalled { status: "ok", session_id, result })
    }
}

/// The target in Codex's words.
fn target(body: Review) -> Result<Value, Error> {
    let said = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    Ok(match body.target_type {
        TargetType::UncommittedChanges => json!({ "type": "uncommittedChanges" }),
        TargetType::BaseBranch => {
            json!({ "type": "baseBranch", "branch": said(body.branch).unwrap_or_else(|| "main".to_owned()) })
        }
        TargetType::Commit => {
            let sha = said(body.sha).ok_or_else(|| Error::invalid("sha", "must name the commit to review"))?;
            json!({ "type": "commit", "sha": sha, "title": said(body.title) })
        }
        TargetType::Custom => {
            let instructions = said(body.instructions).unwrap_or_else(|| INSTRUCTIONS.to_owned());
            json!({ "type": "custom", "instructions": instructions })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_told_in_the_words_of_the_child() {
        let target = |body: Value| target(serde_json::from_value(body).unwrap());
        for (body, told) in [
            (json!({}), json!({ "type": "custom", "instructions": INSTRUCTIONS })),
            (json!({ "instructions": "this" }), json!({ "type": "custom", "instructions": "this" })),
            (json!({ "targetType": "uncommittedChanges" }), json!({ "type": "uncommittedChanges" })),
            (json!({ "targetType": "baseBranch" }), json!({ "type": "baseBranch", "branch": "main" })),
            (json!({ "targetType": "commit", "sha": "abc" }), json!({ "type": "commit", "sha": "abc", "title": null })),
        ] {
            assert_eq!(target(body.clone()).unwrap(), told, "{body}");
        }
        assert!(target(json!({ "targetType": "commit", "sha": " " })).is_err());
    }
}
