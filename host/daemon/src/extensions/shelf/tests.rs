use std::fs;

use codex_manager_extension::MANIFEST_FILE;
use tempfile::TempDir;

use super::super::fixture::component;
use super::*;

const ID: &str = "acme.guard";

fn drop_into(folder: &Path, name: &str, code: &str) {
    let manifest = format!(
        "manifest = 1\n[extension]\nid = \"{ID}\"\nversion = \"1.0.0\"\nname = \"Guard\"\n\
         description = \"Guards.\"\n[handlers.on-event]\nkinds = [\"approval_resolved\"]\n"
    );
    let folder = folder.join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(MANIFEST_FILE), manifest).unwrap();
    fs::write(folder.join("guard.wasm"), component(code)).unwrap();
}

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn drops(&self) -> PathBuf {
        self.folder.path().join("drops")
    }

    fn shelf(&self) -> Shelf {
        let vocabulary = Arc::new(super::super::vocabulary());
        Shelf::open(&self.folder.path().join("lock"), vec![self.drops()], vocabulary).unwrap()
    }
}

fn id() -> ExtensionId {
    ID.parse().unwrap()
}

fn running(shelf: &Shelf) -> Vec<Approved> {
    shelf.lineup().running().cloned().collect()
}

fn waiting(shelf: &Shelf) -> Option<Digest> {
    let [listed] = &shelf.list()[..] else { panic!("there is one") };
    assert_eq!(listed.fault, None);
    listed.waiting.as_ref().map(|review| review.digest)
}

fn approve(shelf: &Shelf, shown: Digest) -> Result<Approved, ApproveError> {
    shelf.approve(&id(), shown, Actor::User, Timestamp::UNIX_EPOCH, None)
}

#[test]
fn what_was_shown_is_approved_and_runs_until_other_code_is_approved() {
    let place = Place::new();
    drop_into(&place.drops(), "guard", "one");
    let shelf = place.shelf();
    let changed = shelf.changed();
    let first = waiting(&shelf).expect("it waits");
    assert_eq!((running(&shelf).len(), *changed.borrow()), (0, 0));
    approve(&shelf, first).unwrap();
    assert!(shelf.lineup().ids().contains(&id()) && waiting(&shelf).is_none());
    assert_eq!(*changed.borrow(), 1);

    drop_into(&place.drops(), "guard", "two");
    let second = waiting(&shelf).expect("it waits");
    for shelf in [shelf, place.shelf()] {
        assert_eq!(running(&shelf)[0].digest, first);
        assert_eq!(shelf.copy(first).unwrap().component, component("one"));
        let refused = approve(&shelf, first).unwrap_err();
        let ApproveError::Lock(LockError::Changed { shown, found }) = refused else { panic!("{refused}") };
        assert_eq!((shown, found), (first, second));
    }
    let shelf = place.shelf();
    approve(&shelf, second).unwrap();
    assert_eq!(running(&shelf)[0].digest, second);
}

#[test]
fn what_is_switched_off_does_not_run_and_a_restart_changes_nothing_about_it() {
    let place = Place::new();
    drop_into(&place.drops(), "guard", "one");
    let shelf = place.shelf();
    assert!(matches!(shelf.stand(&id(), Standing::Enabled), Err(LockError::Unapproved(_))));
    let code = waiting(&shelf).unwrap();
    approve(&shelf, code).unwrap();
    let quarantine_of = |shelf: &Shelf, code: Digest, reason: &str| {
        shelf.quarantine(&id(), code, reason.to_owned(), Timestamp::UNIX_EPOCH).unwrap()
    };
    let quarantine = |shelf: &Shelf| quarantine_of(shelf, code, "it trapped");
    assert!(!quarantine_of(&shelf, Digest::of(b"other"), "it trapped"), "other code was approved meanwhile");
    assert!(quarantine(&shelf) && !quarantine_of(&shelf, code, "and again"));
    for shelf in [shelf, place.shelf()] {
        assert!(running(&shelf).is_empty() && !shelf.lineup().ids().contains(&id()));
    }
    let shelf = place.shelf();
    for is_new in [true, false] {
        assert_eq!(shelf.stand(&id(), Standing::Enabled).unwrap().1, is_new);
    }
    assert_eq!((running(&shelf).len(), *shelf.changed().borrow()), (1, 1));
    let disabled = Standing::Disabled { by: Actor::User, at: Timestamp::UNIX_EPOCH };
    shelf.stand(&id(), disabled.clone()).unwrap();
    assert!(!quarantine(&shelf), "a person was first");
    assert_eq!(shelf.stand(&id(), disabled.clone()).unwrap().0.standing, disabled);
}

#[test]
fn what_cannot_be_approved_says_why() {
    let place = Place::new();
    drop_into(&place.drops(), "a", "one");
    let shelf = place.shelf();
    let digest = waiting(&shelf).unwrap();
    drop_into(&place.drops(), "b", "two");
    let refused = approve(&shelf, digest).unwrap_err();
    assert!(matches!(&refused, ApproveError::Faulty { fault, .. } if matches!(**fault, DropFault::SharedId { .. })));
    assert_eq!(shelf.faulty().len(), 2);
    fs::remove_dir_all(place.drops()).unwrap();
    assert!(matches!(approve(&shelf, digest), Err(ApproveError::NotDropped(_))));
    assert!(running(&shelf).is_empty());
}

#[test]
fn what_does_not_belong_among_the_copies_keeps_nothing_from_running() {
    let place = Place::new();
    drop_into(&place.drops(), "guard", "one");
    let shelf = place.shelf();
    approve(&shelf, waiting(&shelf).unwrap()).unwrap();
    fs::write(place.folder.path().join("lock/approved/notes"), "mine").unwrap();
    assert_eq!(running(&place.shelf()).len(), 1);
}

#[test]
fn what_cannot_run_here_is_listed_with_its_next_step_until_it_can() {
    let place = Place::new();
    drop_into(&place.drops(), "guard", "one");
    let shelf = place.shelf();
    let digest = waiting(&shelf).unwrap();
    approve(&shelf, digest).unwrap();
    let unfit = Unfit { fault: "it does not compile".to_owned(), next_step: "build it again" };
    shelf.note(digest, Some(Progress::Unfit(unfit)));
    let listed = shelf.list().remove(0);
    assert_eq!(listed.next_step.as_deref(), Some("build it again"));
    assert!(listed.fault.is_some_and(|fault| fault.contains("it does not compile")));
    shelf.note(digest, None);
    assert_eq!(shelf.list()[0].fault, None);
}

#[tokio::test]
async fn a_change_is_followed_when_that_or_a_later_one_is() {
    let place = Place::new();
    drop_into(&place.drops(), "guard", "one");
    let shelf = place.shelf();
    shelf.followed().await;
    approve(&shelf, waiting(&shelf).unwrap()).unwrap();
    let followed = tokio::spawn({
        let shelf = shelf.clone();
        async move { shelf.followed().await }
    });
    tokio::task::yield_now().await;
    assert!(!followed.is_finished());
    shelf.follow(shelf.lineup().changes);
    followed.await.unwrap();
}
