//! Interrupting a turn that comes to its own end meanwhile. Codex does not answer then, and the session's next messages
//! would wait as long as the call does.

use std::time::Duration;

use codex_manager_app_server::CallError;
use codex_manager_model::{SessionId, TurnId, TurnStatus};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::Inner;

/// How long an answer is waited for once the turn is over.
const GRACE: Duration = Duration::from_secs(1);

/// Calls `turn/interrupt`. When there is no answer although the turn is over, what Codex says to whoever comes too late
/// stands in for it.
pub(super) async fn interrupt(inner: &Inner, session: &SessionId, params: Value) -> Result<Value, CallError> {
    let turn = TurnId::new(params["turnId"].as_str().unwrap_or_default());
    let over = async {
        let status = ended(inner, session, &turn).await;
        sleep(GRACE).await;
        status
    };
    tokio::select! {
        biased;
        answer = inner.child.call("turn/interrupt", params) => answer,
        status = over => match status {
            TurnStatus::Interrupted => Ok(json!({})),
            _ => Err(CallError::Rejected {
                method: "turn/interrupt".to_owned(),
                code: -32600,
                message: "no active turn to interrupt".to_owned(),
                data: None,
            }),
        },
    }
}

/// Resolves when the turn is over, with how it ended. Never for a turn that nobody has heard of.
async fn ended(inner: &Inner, session: &SessionId, turn: &TurnId) -> TurnStatus {
    let store = inner.storage.store();
    let mut head = store.head();
    loop {
        head.borrow_and_update();
        let (of, id) = (session.clone(), turn.clone());
        let known = store.read(move |view| view.turn(&of, &id)).await;
        if let Ok(Some(turn)) = known
            && turn.status != TurnStatus::InProgress
        {
            return turn.status;
        }
        if head.changed().await.is_err() {
            // The store is closing, and everything with it.
            return std::future::pending().await;
        }
    }
}
