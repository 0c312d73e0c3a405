//! Renaming: the name is ours, and Codex is told of it when it can be.

use codex_manager_model::{Actor, Session};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::{Sessions, admit, told};
use crate::service::keyed::Keyed;
use crate::service::summary::{SessionSummary, summary};
use crate::service::{Error, names, to_its_end};

/// How long a title may be, in characters.
const TITLE_CHARS_MAX: usize = 200;

/// What a session is to be called.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(crate) struct Rename {
    /// The title.
    #[schema(schema_with = title)]
    title: String,
}

fn title() -> Object {
    names::schema(TITLE_CHARS_MAX, "What people call it. It has no characters that do not show.")
}

/// A session as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedSession {
    /// `ok`.
    status: &'static str,
    /// The session.
    session: SessionSummary,
}

impl Sessions {
    /// Gives a session a title.
    ///
    /// # Errors
    /// Invalid when the title is empty or too long, or has what does not show.
    pub(crate) async fn rename(&self, session: Session, body: Rename, actor: Actor) -> Result<ChangedSession, Error> {
        let title = names::checked("title", &body.title, TITLE_CHARS_MAX)?;
        let (id, params) = (session.id.clone(), json!({ "threadId": session.id, "name": title }));
        let tell = self.outbox.call("thread/name/set", Some(session.id), json!({ "params": params }), actor.clone());
        let (store, outbox, now) = (self.store.clone(), self.outbox.clone(), self.clock.now());
        let keyed = Keyed::present();
        // A client that leaves in between must not leave behind what is recorded and never sent.
        let renaming = to_its_end(async move {
            let renamed = store.write::<_, Error, _>(move |tx| {
                let mut session = admit::usable_in(tx, &id)?;
                // Asked once more, it takes no name back that somebody has given meanwhile.
                keyed.once(tx, "rename", |tx| {
                    if session.title.as_ref() != Some(&title) {
                        session.title = Some(title);
                        tx.put_session(&session)?;
                        tx.append_event(told::renamed(&session, now).by(actor))?;
                    }
                    tx.record_operation(&tell)
                })?;
                Ok(session)
            });
            let renamed = renamed.await?;
            outbox.wake();
            Ok(renamed)
        });
        Ok(ChangedSession { status: "ok", session: summary(&renaming.await?) })
    }
}
