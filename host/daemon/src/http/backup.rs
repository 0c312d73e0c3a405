//! `GET /api/backup`: a copy of all that cannot be made again, for administrators.

use std::fs::File;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::IntoResponse;
use bytes::Bytes;
use codex_manager_model::Role;
use futures_util::stream::try_unfold;
use serde_json::json;
use tokio::io::AsyncReadExt;

use super::{Access, Doc, Problem, Route};
use crate::service::Services;
use crate::service::error::Error;

/// An SQLite database, for anybody who wants to look into it.
const MEDIA: &str = "application/vnd.sqlite3";
/// How much is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

pub(super) fn routes() -> Vec<Route> {
    let doc = Doc::new("getBackup", "system", "A copy of all that cannot be made again, made while the daemon works.")
        .says("The store as it is at one moment, and the approved extensions. `codex-manager restore` takes it.")
        .answer_as::<String>(200, "The backup, an SQLite database.", MEDIA, json!("SQLite format 3"));
    vec![Route::get("/api/backup", Access::Role(Role::Admin), get).doc(doc)]
}

async fn get(State(services): State<Services>) -> Result<impl IntoResponse, Problem> {
    let file = services.backups.make().await?;
    let bytes = file.metadata().map_err(Error::internal)?.len();
    let headers = [
        (CONTENT_TYPE, MEDIA.to_owned()),
        (CONTENT_LENGTH, bytes.to_string()),
        (CONTENT_DISPOSITION, "attachment; filename=\"codex-manager.backup\"".to_owned()),
    ];
    Ok((headers, body(file)))
}

fn body(file: File) -> Body {
    Body::from_stream(try_unfold(tokio::fs::File::from_std(file), async |mut file| {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = (&mut file).take(CHUNK as u64).read_to_end(&mut chunk).await?;
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(chunk), file)))
    }))
}
