//! `/api/agents/extensions`: what there is, approving it, switching it off and on, and what it did.

mod answer;
mod doc;

use std::collections::BTreeSet;
use std::path::PathBuf;

use axum::Json;
use axum::extract::State;
use codex_manager_extension::{Approved, ExtensionId, Listed, MANIFEST_FILE, Standing};
use codex_manager_model::Role;
use serde_json::{Value, json};

use answer::{
    ApprovedExtension, DropFolder, ExtensionList, InvocationList, ReloadedExtensions, RevokedExtension, ShownExtension,
    ShownInvocation,
};

use super::{Access, Body, Path, Problem, Query, Route};
use crate::service::tokens::Bearer;
use crate::service::{Approve, ListInvocations, Require, Services};

pub(super) fn routes() -> Vec<Route> {
    let (viewer, admin) = (Access::Role(Role::Viewer), Access::Role(Role::Admin));
    vec![
        Route::get("/api/agents/extensions", viewer, list).doc(doc::list()),
        Route::post("/api/agents/extensions/reload", admin, reload).doc(doc::reload()),
        Route::get("/api/agents/extensions/{extensionId}", viewer, get).doc(doc::get()),
        Route::delete("/api/agents/extensions/{extensionId}", admin, revoke).doc(doc::revoke()),
        Route::get("/api/agents/extensions/{extensionId}/invocations", viewer, invocations).doc(doc::invocations()),
        Route::post("/api/agents/extensions/{extensionId}/approve", admin, approve).doc(doc::approve()),
        Route::post("/api/agents/extensions/{extensionId}/disable", admin, disable).doc(doc::disable()),
        Route::post("/api/agents/extensions/{extensionId}/enable", admin, enable).doc(doc::enable()),
        Route::post("/api/agents/extensions/{extensionId}/require", admin, require).doc(doc::require()),
    ]
}

async fn list(State(services): State<Services>) -> Result<Json<ExtensionList>, Problem> {
    let extensions = &services.extensions;
    let listed = extensions.list().await?;
    let snapshot = extensions.snapshot();
    Ok(Json(ExtensionList {
        status: "ok",
        snapshot_version: snapshot.version,
        loaded_at: snapshot.loaded_at,
        modules: modules(&listed),
        extensions: json!(*listed),
        roots: extensions.roots().await?.iter().map(root).collect(),
        contained: extensions.contained(),
    }))
}

async fn get(State(services): State<Services>, Path(id): Path<ExtensionId>) -> Result<Json<ShownExtension>, Problem> {
    let extensions = &services.extensions;
    let extension = extensions.get(&id).await?;
    Ok(Json(ShownExtension {
        status: "ok",
        granted: json!(extensions.granted(&extension).await?),
        extension: json!(extension),
        contained: extensions.contained(),
    }))
}

async fn reload(State(services): State<Services>, bearer: Bearer) -> Result<Json<ReloadedExtensions>, Problem> {
    let reloaded = services.extensions.reload(bearer.actor()).await?;
    let short = |approved: &Approved| {
        let (id, version) = (&approved.id, &approved.version);
        json!({ "name": id, "version": version, "agentId": id, "events": kinds(approved) })
    };
    Ok(Json(ReloadedExtensions {
        status: "ok",
        reload_id: reloaded.id.to_string(),
        loaded_count: reloaded.running.len(),
        failed_count: 0,
        snapshot_version: reloaded.snapshot.version,
        loaded_at: reloaded.snapshot.loaded_at,
        modules: reloaded.running.iter().map(short).collect(),
    }))
}

async fn approve(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<ExtensionId>,
    Body(body): Body<Approve>,
) -> Result<Json<ApprovedExtension>, Problem> {
    Ok(Json(services.extensions.approve(id, body, bearer.actor()).await?.into()))
}

async fn disable(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<ExtensionId>,
) -> Result<Json<ApprovedExtension>, Problem> {
    Ok(Json(services.extensions.disable(id, bearer.actor()).await?.into()))
}

async fn enable(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<ExtensionId>,
) -> Result<Json<ApprovedExtension>, Problem> {
    Ok(Json(services.extensions.enable(id, bearer.actor()).await?.into()))
}

async fn require(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<ExtensionId>,
    Body(body): Body<Require>,
) -> Result<Json<ApprovedExtension>, Problem> {
    Ok(Json(services.extensions.require(id, body, bearer.actor()).await?.into()))
}

async fn revoke(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<ExtensionId>,
) -> Result<Json<RevokedExtension>, Problem> {
    let revoked = services.extensions.revoke(id, bearer.actor()).await?;
    Ok(Json(RevokedExtension { status: "ok", extension_id: revoked.id.to_string(), revoked: json!(revoked) }))
}

async fn invocations(
    State(services): State<Services>,
    Path(id): Path<ExtensionId>,
    Query(query): Query<ListInvocations>,
) -> Result<Json<InvocationList>, Problem> {
    let found = services.extensions.invocations(&id, query).await?;
    Ok(Json(InvocationList { status: "ok", data: found.into_iter().map(ShownInvocation::from).collect() }))
}

/// A folder that extensions are dropped into.
fn root((folder, is_there): &(PathBuf, bool)) -> DropFolder {
    DropFolder { folder: folder.display().to_string(), is_there: *is_there }
}

/// What runs, each once, also where it lies in two folders.
fn modules(listed: &[Listed]) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let running = listed.iter().filter_map(|listed| Some((listed.approved.as_ref()?.id.clone(), module(listed)?)));
    running.filter_map(|(id, module)| seen.insert(id).then_some(module)).collect()
}

/// What runs, as older clients know it. It has one name, its id, and one runtime, ours.
fn module(listed: &Listed) -> Option<Value> {
    let approved = listed.approved.as_ref().filter(|approved| approved.standing == Standing::Enabled)?;
    let events = kinds(approved);
    // A folder may be named in bytes that are no text, which JSON refuses.
    let folder = listed.folder.as_ref().map(|folder| folder.display().to_string());
    Some(json!({
        "moduleName": approved.id,
        "name": approved.id,
        "version": approved.version,
        "agentId": approved.id,
        "displayName": approved.id,
        "manifestPath": folder.as_ref().map(|folder| format!("{folder}/{MANIFEST_FILE}")),
        "entrypointPath": Value::Null,
        "events": events,
        "origin": { "type": "configured_root", "path": folder },
        "compatibility": {
            "apiVersion": 1,
            "apiVersionRange": Value::Null,
            "runtimeVersion": "1.0.0",
            "profileId": "codex-manager",
            "profileVersion": "1.0.0",
            "compatible": true,
            "reasons": [],
        },
        "capabilities": { "events": events, "actions": approved.grants.actions },
        "trust": { "mode": "enforced", "status": "accepted", "warnings": [], "errors": [] },
        "diagnostics": [],
    }))
}

/// The kinds of events that it hears, over all its handlers.
fn kinds(approved: &Approved) -> Vec<&str> {
    approved.grants.handlers.values().flat_map(|handler| &handler.kinds).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use codex_manager_extension::{Dropped, Lock, list};
    use codex_manager_model::Actor;
    use jiff::Timestamp;

    use super::*;
    use crate::extensions::{fixture, vocabulary};

    #[test]
    fn what_runs_is_a_module_once_also_where_two_folders_share_its_id() {
        let manifest = "manifest = 1\n[extension]\nid = \"acme.guard\"\nversion = \"1.0.0\"\nname = \"N\"\n\
                        description = \"D.\"\n[handlers.on-event]\nkinds = [\"approval_resolved\"]\n";
        let offer = fixture::offer(manifest, "one");
        let folder = tempfile::tempdir().expect("a folder");
        let mut lock = Lock::open(folder.path()).expect("it is empty");
        lock.approve(&offer, offer.candidate.digest, Actor::User, Timestamp::UNIX_EPOCH, false).expect("approved");
        let drops = ["a", "b"].map(|folder| Dropped {
            folder: folder.into(),
            id: Some(offer.candidate.manifest.id.clone()),
            found: Ok(offer.candidate.clone()),
        });
        let listed = list(&drops, lock.all(), lock.required(), &vocabulary());
        assert_eq!((listed.len(), modules(&listed).len()), (2, 1));
    }
}
