//! Recovery: what an earlier life of the host left unfinished, ended before anything new begins.

use codex_manager_model::{OperationKind, OperationState};
use codex_manager_store::{Error, ExpireScope, Store};
use jiff::Timestamp;

use crate::ending::{bury, expire};

/// Ends, in one transaction, the turns, approvals and operations whose child died with the host.
///
/// What may have been written becomes unknown, calls for the next child to be asked about; calls that were only recorded
/// stay, and go to it. Replies were for the child that is gone, and their approvals with it.
pub(crate) async fn recover(store: &Store, now: Timestamp) -> Result<(), Error> {
    store
        .write(move |tx| {
            bury(tx, None, "daemon_restarted", now)?;
            for state in [OperationState::Recorded, OperationState::Sending] {
                for operation in tx.operations_in(state)? {
                    let to = match (operation.kind, state) {
                        (_, OperationState::Sending) => OperationState::Unknown,
                        (OperationKind::Reply, _) => OperationState::Void,
                        (OperationKind::Call, _) => continue,
                    };
                    tx.set_operation_state(&operation.id, &[state], to, None, None, now)?;
                    if let Some(approval) = &operation.approval {
                        expire(tx, ExpireScope::One(approval), now)?;
                    }
                }
            }
            Ok(())
        })
        .await
}
