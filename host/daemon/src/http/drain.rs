//! Letting a client finish what it sends although it was refused. A connection that is closed upon unread bytes is reset,
//! and the reset overtakes the answer: the client would see a broken pipe instead of the reason.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::EXPECT;
use codex_manager_model::limits::{BODY_DISCARD_BYTES_MAX, BODY_DISCARD_MAX};
use http_body_util::BodyExt;

/// Reads and forgets a refused body, up to a bound. A client that asked whether to send it at all is answered instead.
pub(super) async fn drain(headers: &HeaderMap, body: Body) {
    if !headers.contains_key(EXPECT) {
        drain_rest(body).await;
    }
}

/// The same for a body of which some was read already.
pub(super) async fn drain_rest(body: Body) {
    // Whoever sends more, or for longer, gets the reset.
    let _ = tokio::time::timeout(BODY_DISCARD_MAX, discard(body)).await;
}

async fn discard(mut body: Body) {
    let mut discarded = 0;
    while let Some(Ok(frame)) = body.frame().await {
        discarded += frame.data_ref().map_or(0, bytes::Bytes::len);
        if discarded > BODY_DISCARD_BYTES_MAX {
            return;
        }
    }
}
