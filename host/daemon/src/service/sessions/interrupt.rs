//! Interrupting a turn.

use codex_manager_model::{Actor, Session, SessionId, TurnId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::Sessions;
use crate::service::{Error, code};

/// Which turn to interrupt: the one that runs, when it does not say.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Interrupt {
    /// Only if this turn is the one.
    turn_id: Option<TurnId>,
}

/// A turn that was interrupted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnInterrupted {
    /// `ok`.
    status: &'static str,
    /// The session.
    session_id: SessionId,
    /// The turn.
    turn_id: TurnId,
}

impl Sessions {
    /// Interrupts a turn and answers its id.
    ///
    /// # Errors
    /// `no_active_turn` when none runs.
    pub(crate) async fn interrupt(
        &self,
        session: Session,
        body: Interrupt,
        actor: Actor,
    ) -> Result<TurnInterrupted, Error> {
        let session_id = session.id;
        // Asked once more, it answers of the turn that it has interrupted: that one runs no more.
        if let Some(earlier) = self.outbox.earlier("turn/interrupt", &session_id).await? {
            let turn_id = TurnId::new(earlier.body["params"]["turnId"].as_str().unwrap_or_default());
            return Ok(TurnInterrupted { status: "ok", session_id, turn_id });
        }
        let turn_id = match body.turn_id {
            Some(turn) => turn,
            None => self.open_turn(&session_id).await?,
        };
        let params = json!({ "threadId": session_id, "turnId": turn_id });
        self.call("turn/interrupt", &session_id, json!({ "params": params }), actor).await?;
        Ok(TurnInterrupted { status: "ok", session_id, turn_id })
    }

    async fn open_turn(&self, id: &SessionId) -> Result<TurnId, Error> {
        let wanted = id.clone();
        let open = self.store.read::<_, Error, _>(move |view| Ok(view.open_turn_of(&wanted)?)).await?;
        open.map(|turn| turn.id).ok_or_else(|| {
            Error::new(code::NO_ACTIVE_TURN, format!("session {id} has no turn that runs"))
                .status("no_active_turn")
                .with("sessionId", id.as_str())
        })
    }
}
