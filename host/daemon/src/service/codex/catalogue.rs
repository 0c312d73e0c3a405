//! What Codex offers, page by page: models, apps, features, ways to work together.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::methods::{APPS_LIST, COLLABORATION_MODES_LIST, FEATURES_LIST, MODELS_LIST, Method};
use super::{Codex, CodexAnswer};
use crate::service::{Error, taken};

/// How many entries one page holds when nobody says, and at most.
const PAGE: u32 = 100;
const PAGE_MAX: u32 = 200;

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct Page {
    /// Where the last page ended, as `nextCursor` told it.
    pub(super) cursor: Option<String>,
    /// How many entries at most; 100 unless said.
    #[serde(default, deserialize_with = "limit")]
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<u32>,
}

/// Which apps.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListApps {
    /// Where the last page ended, as `nextCursor` told it.
    cursor: Option<String>,
    /// How many entries at most; 100 unless said.
    #[serde(default, deserialize_with = "limit")]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The session for which they are listed.
    thread_id: Option<String>,
    /// Whether Codex is to look again instead of telling what it remembers.
    #[serde(default)]
    force_refetch: bool,
}

/// A page of what Codex knows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listed {
    /// As Codex tells it.
    data: Vec<CodexAnswer>,
    /// Where the next page begins; null after the last.
    next_cursor: Option<String>,
}

impl Codex {
    /// The models.
    ///
    /// # Errors
    /// As [`Child::ask`](crate::service::Child::ask); so with all of these.
    pub(crate) async fn models(&self, page: Page) -> Result<CodexAnswer, Error> {
        self.page(MODELS_LIST, page).await
    }

    /// The experimental features.
    pub(crate) async fn features(&self, page: Page) -> Result<CodexAnswer, Error> {
        self.page(FEATURES_LIST, page).await
    }

    /// The ways to work together.
    pub(crate) async fn collaboration_modes(&self, page: Page) -> Result<Listed, Error> {
        self.page(COLLABORATION_MODES_LIST, page).await.map(Listed::from)
    }

    /// The apps.
    pub(crate) async fn apps(&self, list: ListApps) -> Result<CodexAnswer, Error> {
        let params = json!({
            "cursor": list.cursor,
            "limit": list.limit.unwrap_or(PAGE),
            "threadId": list.thread_id,
            "forceRefetch": list.force_refetch,
        });
        self.ask(APPS_LIST, params).await
    }

    /// One page of whatever comes in pages.
    pub(super) async fn page(&self, method: &'static Method, page: Page) -> Result<CodexAnswer, Error> {
        let params = json!({ "cursor": page.cursor, "limit": page.limit.unwrap_or(PAGE) });
        self.ask(method, params).await
    }
}

impl From<CodexAnswer> for Listed {
    /// Of an answer without entries or without a cursor, a page all the same.
    fn from(CodexAnswer(mut answer): CodexAnswer) -> Self {
        let data = match taken(&mut answer, "data") {
            Value::Array(data) => data.into_iter().map(CodexAnswer).collect(),
            _ => Vec::new(),
        };
        Self { data, next_cursor: answer["nextCursor"].as_str().map(str::to_owned) }
    }
}

fn limit<'de, D: Deserializer<'de>>(source: D) -> Result<Option<u32>, D::Error> {
    let limit = u32::deserialize(source)?;
    if (1..=PAGE_MAX).contains(&limit) {
        return Ok(Some(limit));
    }
    Err(serde::de::Error::custom(format!("it must be between 1 and {PAGE_MAX}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_codex_lists_is_a_page() {
        for (answer, page) in [
            (json!({"data": [{"name": "Plan"}]}), json!({"data": [{"name": "Plan"}], "nextCursor": null})),
            (json!({"data": [1], "nextCursor": "n"}), json!({"data": [1], "nextCursor": "n"})),
            (json!({}), json!({"data": [], "nextCursor": null})),
        ] {
            assert_eq!(json!(Listed::from(CodexAnswer(answer))), page);
        }
    }
}
