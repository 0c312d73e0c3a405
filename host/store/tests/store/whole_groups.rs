//! What an extension did on one event is kept whole or not at all.

use std::collections::BTreeMap;

use codex_manager_model::{OperationId, OperationKind, Seq, SessionId};
use codex_manager_store::{Error, InvocationQuery, Store, Tx, View};

use crate::fixture::{all_events, at, entry, event, folder, invocation, open, operation};

/// Everything that one group writes.
fn write_group(tx: &Tx<'_>, reply: &OperationId) -> Result<(), Error> {
    let written = BTreeMap::from([("a".to_owned(), Some("1".to_owned()))]);
    assert!(tx.kv_commit("e", 99, &BTreeMap::new(), Some(0), &written)?);
    assert!(tx.take_action_key("e", "k", at(1))?);
    tx.put_transcript_entry(&SessionId::new("s"), &entry("m"))?;
    let mut operation = operation(OperationKind::Call, None);
    operation.id = reply.clone();
    tx.record_operation(&operation)?;
    tx.put_invocation(&invocation("e", 1))?;
    tx.set_marks_low("e", Seq(7))?;
    tx.mark_event("e", Seq(8))?;
    tx.append_event(event("transcript_updated"))?;
    Ok(())
}

/// How much of it is there.
fn count(view: &View<'_>, reply: &OperationId) -> Result<[usize; 7], Error> {
    let query = InvocationQuery { extension: None, before: None, limit: 9 };
    Ok([
        view.kv_keys("e", "", None, 9)?.0.len(),
        view.kv_bytes("e")? as usize,
        view.transcript_entries(&SessionId::new("s"))?.len(),
        usize::from(view.operation(reply)?.is_some()),
        view.invocations(&query)?.len(),
        view.marks("e")?.len(),
        usize::from(view.marks_low("e")?.is_some()),
    ])
}

async fn counted(store: &Store, reply: &OperationId) -> [usize; 7] {
    let reply = reply.clone();
    store.read(move |view| count(view, &reply)).await.unwrap()
}

#[tokio::test]
async fn a_group_that_is_rolled_back_leaves_nothing_and_fits_again() {
    let folder = folder();
    let store = open(&folder);
    let reply = OperationId::fresh();
    let wanted = reply.clone();
    let refused = store.write(move |tx| {
        write_group(tx, &wanted)?;
        assert_eq!(count(tx, &wanted)?, [1, 2, 1, 1, 1, 1, 1], "it is there until then");
        Err::<(), _>(Error::Panicked)
    });
    refused.await.unwrap_err();
    assert_eq!(counted(&store, &reply).await, [0; 7]);
    assert_eq!(all_events(&store).await, []);

    let wanted = reply.clone();
    store.write(move |tx| write_group(tx, &wanted)).await.unwrap();
    assert_eq!(counted(&store, &reply).await, [1, 2, 1, 1, 1, 1, 1]);
    assert_eq!(all_events(&store).await.len(), 1);
}
