//! A program that embeds the extension host: a greenhouse, whose windows an extension opens and closes.
//!
//! Everything that an embedder does is in these two screens: see what was dropped, have it approved, link what was
//! approved, and tell it of events. What the greenhouse is, and what it offers, is in the two modules.

mod forecast;
mod greenhouse;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codex_manager_extension::dispatch::{Dispatch, Driver, Occurrence, Roster, Serving};
use codex_manager_extension::{
    Component, Config, Digest, Event, Header, Limits, Linked, Lock, Manifest, Registry, Review, folder,
};
use codex_manager_model::{Actor, Seq};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc;

pub use forecast::Forecast;
pub use greenhouse::{Greenhouse, registry};

/// A day in the greenhouse, with what lies in the folder `drops`; the story of it.
///
/// # Errors
///
/// What is wrong with an extension, or with the folder `data`.
pub async fn day(drops: PathBuf, data: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let registry = registry();
    let mut lock = Lock::open(data)?;
    let mut story = approve(&mut lock, drops, &registry)?;
    let greenhouse = Arc::new(Greenhouse::new(link(&lock, &registry)?));

    let roster = Roster::of(lock.all(), lock.required(), &Serving::all(lock.all()));
    let dispatch = Dispatch::new(Arc::new(registry.vocabulary().clone()), roster, BTreeMap::new(), Seq(0));
    let (send, events) = mpsc::channel(16);
    let (_news, news) = mpsc::channel(1);
    for (seq, (place, celsius)) in (1..).zip([("north", 21), ("north", 31), ("south", 31)]) {
        story.push(format!("{seq}: {celsius} degrees in the {place}"));
        greenhouse.keep(measured(seq, place, celsius));
        send.send(measured(seq, place, celsius)).await?;
    }
    drop(send);
    Driver::new(dispatch, greenhouse.clone()).run(events, news).await;
    story.append(&mut greenhouse.story());
    Ok(story)
}

/// Shows what was dropped, and says yes to what was shown. A real program asks a person in between.
fn approve(lock: &mut Lock, drops: PathBuf, registry: &Registry) -> Result<Vec<String>, Box<dyn Error>> {
    let mut shown = Vec::new();
    for dropped in folder::scan(&[drops], registry.vocabulary()) {
        let review = Review::of(&dropped.found?, None, registry.vocabulary());
        shown.push(format!("{} {} ({}): {}", review.name, review.version, review.id, review.description));
        for ask in &review.asks {
            let reason = ask.reason.as_ref().map(|reason| format!(", because: {reason}")).unwrap_or_default();
            shown.push(format!("  it may {} {}{reason}", ask.sentence, ask.parameters));
        }
        let offer = folder::read(&dropped.folder, registry.vocabulary())?;
        let required = lock.is_required_by_default(&offer, registry.vocabulary());
        lock.approve(&offer, review.digest, Actor::User, Timestamp::now(), required)?;
        shown.push("  approved".to_owned());
    }
    Ok(shown)
}

/// Links the approved copies. What was dropped is not looked at: only what a person has seen ever runs.
fn link(lock: &Lock, registry: &Registry) -> Result<BTreeMap<Digest, Linked>, Box<dyn Error>> {
    let engine = Config::default().build()?;
    let mut linked = BTreeMap::new();
    for approved in lock.all() {
        let copy = lock.copy(approved.digest)?;
        let manifest = Manifest::parse(str::from_utf8(&copy.manifest)?, registry.vocabulary())?;
        // In this process, which nothing limits: the gardener is our own. Those of others are for `CompiledCode`.
        let component = Component::compile(&engine, &copy.component)?;
        let (granted, limits) = (approved.grants.capabilities.clone(), Limits::default().within(&manifest.limits));
        let extension = Linked::new(&engine, registry, &component, approved.id.clone(), granted, limits)?;
        linked.insert(approved.digest, extension);
    }
    Ok(linked)
}

fn measured(seq: u64, place: &str, celsius: i32) -> Occurrence {
    let header = Header {
        id: format!("measured-{seq}"),
        seq,
        kind: "air.measured".to_owned(),
        session: Some(place.to_owned()),
        turn: None,
        at_ms: 0,
        caused_by: None,
        hops: 0,
    };
    let event = Event { header, payload: json!({ "celsius": celsius }).to_string() };
    Occurrence { event, by: None, pending: false, begun: BTreeMap::new() }
}
