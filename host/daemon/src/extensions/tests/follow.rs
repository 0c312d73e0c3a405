//! Dispatch follows the shelf.

use std::sync::Arc;
use std::time::Duration;

use codex_manager_extension::dispatch::{News, Roster};
use codex_manager_model::Clock;
use codex_manager_store::{Error, Tx};
use tokio::sync::mpsc;

use super::super::fixture::{compiled_code, component};
use super::super::follow::Follow;
use super::super::versions::Versions;
use super::super::vocabulary;
use super::*;

async fn next(news: &mut mpsc::Receiver<News>) -> Roster {
    let heard = tokio::time::timeout(Duration::from_secs(30), news.recv()).await;
    match heard.expect("it is told in time") {
        Some(News::Replaced(roster)) => *roster,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn while_the_store_takes_nothing_who_goes_goes_and_who_comes_waits() {
    let stage = Stage::new().await;
    stage.approve("a.goes", &[TURN], &component("one"));
    stage.approve("b.stays", &[TURN], &component("two"));
    let (changed, opened) = (stage.shelf.changed(), stage.shelf.lineup());
    let code = compiled_code(stage.folder.path()).await;
    let versions =
        Versions::new(code, Arc::new(vocabulary()), stage.storage.clone(), stage.shelf.clone(), Clock::system());
    versions.run(&opened);
    let follow = Follow::new(stage.shelf.clone(), changed, &opened, Arc::new(versions), stage.storage.clone());
    let (listener, mut news) = mpsc::channel(4);
    let following = tokio::spawn(follow.run(listener));
    let (goes, comes) = ("a.goes".parse().expect("an id"), "c.comes".parse().expect("an id"));

    let (entered, inside) = tokio::sync::oneshot::channel();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let store = stage.store.clone();
    let holding = tokio::spawn(async move {
        let hold = move |_: &Tx<'_>| {
            entered.send(()).expect("it is waited for");
            held.recv().map_err(|_| Error::Panicked)
        };
        store.write(hold).await
    });
    inside.await.expect("the writer is held");
    stage.approve("c.comes", &[TURN], &component("three"));
    assert!(!next(&mut news).await.has(&comes));
    stage.stand("a.goes", disabled());
    let roster = next(&mut news).await;
    assert!(!roster.has(&goes) && !roster.has(&comes) && roster.has(&"b.stays".parse().expect("an id")));

    release.send(()).expect("it is held");
    holding.await.expect("it does not panic").expect("it is written");
    assert!(next(&mut news).await.has(&comes));
    // Taken by nobody before, the room is there again now.
    tokio::time::timeout(Duration::from_secs(30), stage.shelf.followed()).await.expect("it is told");
    assert_eq!(stage.look(|view| view.marked()).await, ["c.comes"]);
    following.abort();
}
