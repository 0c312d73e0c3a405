use codex_manager_model::limits::SUGGESTIONS_KEPT_MAX;
use codex_manager_model::{ItemStatus, SessionId, Suggestion};
use codex_manager_store::Error;

use crate::fixture::{at, folder, open};

fn suggestion(key: &str, status: ItemStatus) -> Suggestion {
    Suggestion { key: key.into(), status, suggestion: Some("do".into()), error: None, updated_at: at(0) }
}

#[tokio::test]
async fn a_suggestion_stands_once_under_its_key_and_the_oldest_of_too_many_go() {
    let folder = folder();
    let store = open(&folder);
    let (first, last, other) = store
        .write(|tx| {
            let (session, other) = (SessionId::new("s"), SessionId::new("other"));
            tx.put_suggestion(&other, &suggestion("0", ItemStatus::Streaming))?;
            tx.put_suggestion(&other, &suggestion("0", ItemStatus::Complete))?;
            for key in 0..=SUGGESTIONS_KEPT_MAX {
                tx.put_suggestion(&session, &suggestion(&key.to_string(), ItemStatus::Error))?;
            }
            let last = SUGGESTIONS_KEPT_MAX.to_string();
            Ok::<_, Error>((
                tx.suggestion(&session, "0")?,
                tx.suggestion(&session, &last)?,
                tx.suggestion(&other, "0")?,
            ))
        })
        .await
        .unwrap();
    assert_eq!(first, None);
    assert_eq!(last, Some(suggestion(&SUGGESTIONS_KEPT_MAX.to_string(), ItemStatus::Error)));
    assert_eq!(other, Some(suggestion("0", ItemStatus::Complete)));
}
