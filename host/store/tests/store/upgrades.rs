//! A file that an earlier version made keeps what is in it: each schema that was ever released, with rows in its tables.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use codex_manager_model::{
    Controls, InteractionId, InteractionState, OperationId, OperationState, Seq, SessionId, TurnId, TurnStatus,
};
use codex_manager_store::{Error, Store};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::fixture::{append, event, folder, open};

const FIRST: &str = include_str!("../../migrations/1-foundation.sql");
const SECOND: &str = include_str!("../../migrations/2-extensions.sql");

/// Rows as the first version wrote them; the controls are put in where they belong.
const ROWS_OF_FIRST: &str = r#"
    INSERT INTO log VALUES (1, 'an-epoch', 1, 40);
    INSERT INTO events (seq, kind, session, turn, payload, bytes, at, caused_by, hops)
        VALUES (1, 'turn_interrupted', 's', 't', '{"said":"before"}', 40, 1000000, NULL, 0);
    INSERT INTO sessions VALUES ('s', 'A title', 'a question', '/w', 'cli', 'openai', 1, 0, 'CONTROLS', 1000000, 2000000);
    INSERT INTO turns VALUES (1, 't', 's', 'gen_1', 'interrupted', 1000000, 2000000);
    INSERT INTO items VALUES (1, 'i', 's', 't', 'agentMessage', 'complete', 'an answer', '{}', 1000000, 2000000);
    INSERT INTO approvals VALUES (1, 'apr_1', 'gen_1', '7', 'item/commandExecution/requestApproval', 's', 't', NULL, 'ls',
        '{}', 'performed', 'accept', 'turn', 'user', 1000000, 2000000);
    INSERT INTO operations (position, id, kind, method, session, approval, generation, body, state, actor, created_at, updated_at)
        VALUES (1, 'op_1', 'reply', 'm', 's', 'apr_1', 'gen_1', '{}', 'answered', 'token:tok_1', 1000000, 2000000);
    INSERT INTO tokens VALUES ('tok_1', 'mine', 'admin', zeroblob(32), 1000000, NULL, NULL);"#;

/// What only the second has.
const ROWS_OF_SECOND: &str = r#"
    UPDATE events SET actor = 'extension:e';
    INSERT INTO transcript_entries VALUES (1, 's', 'm1', 't', 'system', 'note', 'a note', NULL, 'complete', NULL, NULL, 6);
    INSERT INTO transcripts VALUES ('s', 1, 6);
    INSERT INTO kv_stores VALUES ('e', 1, 2);
    INSERT INTO kv VALUES ('e', 'k', 'v', 1);
    INSERT INTO marks VALUES ('e', 1);
    INSERT INTO action_keys VALUES ('e', 'key', 1000000);"#;

fn made_by(version: u32, sql: &[&str]) -> TempDir {
    let data = folder();
    let file = data.path().join("store.sqlite3");
    let old = Connection::open(&file).unwrap();
    let controls = serde_json::to_string(&Controls::default()).unwrap();
    for part in sql {
        old.execute_batch(&part.replace("CONTROLS", &controls)).unwrap();
    }
    old.pragma_update(None, "user_version", version).unwrap();
    drop(old);
    set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    data
}

/// A data folder as the first version left it.
pub(crate) fn of_the_first_version() -> TempDir {
    made_by(1, &[FIRST, ROWS_OF_FIRST])
}

/// That everything of the first version is there.
async fn check(store: &Store) {
    assert_eq!((store.epoch().as_str(), *store.head().borrow()), ("an-epoch", Seq(1)));
    let read: Result<(), Error> = store
        .read(|view| {
            let (session, events) = (SessionId::new("s"), view.events(Seq(0), 9)?);
            assert_eq!((events.len(), &events[0].payload), (1, &Some(json!({ "said": "before" }))));
            let found = view.session(&session)?.unwrap();
            assert_eq!((found.title.as_deref(), found.controls), (Some("A title"), Controls::default()));
            assert_eq!(view.turn(&session, &TurnId::new("t"))?.unwrap().status, TurnStatus::Interrupted);
            assert_eq!(view.items_of(&session)?[0].text, "an answer");
            let interaction = view.interaction(&InteractionId::new("apr_1"))?.unwrap();
            assert_eq!((interaction.state, interaction.summary.as_str()), (InteractionState::Performed, "ls"));
            let operation = view.operation(&OperationId::new("op_1"))?.unwrap();
            assert_eq!(operation.state, OperationState::Answered);
            assert_eq!(view.tokens()?[0].name, "mine");
            Ok(())
        })
        .await;
    read.unwrap();
    assert_eq!(append(store, event("after")).await.unwrap(), Seq(2));
}

#[tokio::test]
async fn what_the_first_version_wrote_is_kept() {
    let data = of_the_first_version();
    let store = open(&data);
    check(&store).await;
    store.close().await;
    // The second start finds nothing left to do.
    assert_eq!(*open(&data).head().borrow(), Seq(2));
}

#[tokio::test]
async fn what_the_second_version_wrote_is_kept() {
    let data = made_by(2, &[FIRST, SECOND, ROWS_OF_FIRST, ROWS_OF_SECOND]);
    let store = open(&data);
    check(&store).await;
    let read: Result<(), Error> = store
        .read(|view| {
            assert_eq!(view.kv_get("e", "k")?, Some(("v".to_owned(), 1)));
            assert!(view.marks("e")?.contains(&Seq(1)));
            assert_eq!(view.events(Seq(0), 1)?[0].actor.as_ref().unwrap().to_string(), "extension:e");
            Ok(())
        })
        .await;
    read.unwrap();
}
