//! Sessions, as extensions read them: what the REST interface shows, as far as the grant reaches and our own log knows it.
//!
//! A grant with `which = "all"` reaches every session, any other the session of the event alone. A session that it does
//! not reach is not there.

use async_trait::async_trait;
use codex_manager_extension::capability::sessions::{Asker, Fault, Sessions};
use codex_manager_model::limits::EXTENSION_PAGE_BYTES_MAX;
use codex_manager_model::{ItemId, SessionId};
use codex_manager_store::{Error, SessionQuery, Store, View};
use serde_json::{Value, json};

use crate::service::{item_row, summary};

/// The store, as the capability `sessions` reads it.
pub(super) struct StoreSessions(pub(super) Store);

impl StoreSessions {
    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&View<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Fault> {
        self.0.read(look).await.map_err(|error: Error| {
            tracing::warn!(%error, "an extension cannot read sessions");
            Fault { code: "unavailable".to_owned(), message: "the store cannot be read now".to_owned() }
        })
    }
}

#[async_trait]
impl Sessions for StoreSessions {
    async fn get(&self, asker: &Asker, session: &str) -> Result<Option<Value>, Fault> {
        let Some(id) = reached(asker, session) else { return Ok(None) };
        let found = self.read(move |view| view.session(&id)).await?;
        Ok(found.as_ref().map(|session| json!(summary(session))))
    }

    async fn list(&self, asker: &Asker, after: Option<&str>, limit: u32) -> Result<Vec<Value>, Fault> {
        if !sees_all(asker) {
            let own = asker.session.as_deref().filter(|_| after.is_none() && limit > 0);
            let Some(own) = own else { return Ok(Vec::new()) };
            return Ok(self.get(asker, own).await?.into_iter().collect());
        }
        let after = after.map(SessionId::new);
        let sessions = self.read(move |view| {
            let after = match after {
                None => None,
                Some(id) => match view.session(&id)? {
                    Some(last) => Some((last.updated_at, id)),
                    None => return Ok(Vec::new()),
                },
            };
            view.sessions(&SessionQuery { archived: false, workers: false, limit, after })
        });
        Ok(sessions.await?.iter().map(|session| json!(summary(session))).collect())
    }

    async fn items(
        &self,
        asker: &Asker,
        session: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Option<Vec<Value>>, Fault> {
        let Some(id) = reached(asker, session) else { return Ok(None) };
        let after = after.map(ItemId::new);
        let items = self.read(move |view| match view.session(&id)? {
            Some(_) => view.items_after(&id, after.as_ref(), limit, EXTENSION_PAGE_BYTES_MAX).map(Some),
            None => Ok(None),
        });
        Ok(items.await?.map(|items| items.iter().map(|item| json!(item_row(item))).collect()))
    }
}

fn sees_all(asker: &Asker) -> bool {
    asker.parameters.get("which").and_then(Value::as_str) == Some("all")
}

/// The session, if the asker's grant reaches it.
fn reached(asker: &Asker, session: &str) -> Option<SessionId> {
    (sees_all(asker) || asker.session.as_deref() == Some(session)).then(|| SessionId::new(session))
}

#[cfg(test)]
mod tests {
    use codex_manager_model::{Item, ItemStatus, TurnId};
    use codex_manager_store::Config;
    use jiff::Timestamp;

    use super::*;

    fn item(id: &str) -> Item {
        Item {
            id: ItemId::new(id),
            session: SessionId::new("s"),
            turn: TurnId::new("t"),
            kind: "agentMessage".to_owned(),
            status: ItemStatus::Complete,
            text: id.to_owned(),
            body: json!({ "type": "agentMessage", "text": id }),
            started_at: Timestamp::UNIX_EPOCH,
            completed_at: None,
        }
    }

    fn names(found: &[Value], member: &str) -> Vec<String> {
        found.iter().map(|one| one[member].as_str().expect("it has one").to_owned()).collect()
    }

    #[tokio::test]
    async fn a_grant_reaches_its_event_s_session_or_all_of_them_page_by_page() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().expect("a store");
        let written: Result<(), Error> = store
            .write(|tx| {
                for (number, id) in ["a", "b", "s"].into_iter().enumerate() {
                    let updated = json!({ "id": id, "updatedAt": number });
                    tx.put_session(&crate::thread::session(&updated, Timestamp::UNIX_EPOCH).expect("an id"))?;
                }
                ["i1", "i2", "i3"].iter().try_for_each(|id| tx.put_item(&item(id)))
            })
            .await;
        written.expect("it is written");
        let reader = StoreSessions(store);
        let asker = |which: &str, session: Option<&str>| Asker {
            extension: "a.b".parse().expect("an id"),
            parameters: json!({ "which": which }).as_object().expect("an object").clone(),
            session: session.map(str::to_owned),
        };
        let (own, all, none) = (asker("own", Some("s")), asker("all", Some("s")), asker("", None));
        for (asker, expected) in [(&own, &["s"][..]), (&all, &["s", "b", "a"]), (&none, &[])] {
            assert_eq!(names(&reader.list(asker, None, 9).await.expect("a list"), "sessionId"), expected);
        }
        assert_eq!(names(&reader.list(&all, Some("s"), 1).await.expect("a list"), "sessionId"), ["b"]);
        assert!(reader.list(&own, Some("s"), 9).await.expect("a list").is_empty());
        for (asker, session, is_there) in [(&own, "s", true), (&own, "a", false), (&all, "a", true), (&all, "x", false)]
        {
            assert_eq!(reader.get(asker, session).await.expect("an answer").is_some(), is_there, "{session}");
            assert_eq!(reader.items(asker, session, None, 9).await.expect("an answer").is_some(), is_there);
        }
        let page = reader.items(&own, "s", Some("i1"), 1).await.expect("an answer").expect("it is there");
        assert_eq!(names(&page, "messageId"), ["i2"]);
    }
}
