use std::fs;

use super::*;
use crate::fixture::{offer, offer_of};

fn actor() -> Actor {
    Actor::User
}

pub(super) const AT: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn locked() -> (tempfile::TempDir, Lock) {
    let folder = tempfile::tempdir().expect("a folder");
    let lock = Lock::open(folder.path().join("extensions")).expect("an empty lock");
    (folder, lock)
}

fn reopened(lock: &Lock) -> Lock {
    Lock::open(&lock.folder).expect("the lock")
}

#[test]
fn what_was_approved_is_there_after_a_restart_and_only_the_copy_counts() {
    let (_folder, mut lock) = locked();
    let offer = offer("0.1.0");
    let digest = offer.candidate.digest;
    lock.approve(&offer, digest, actor(), AT, false).expect("approved");
    let lock = reopened(&lock);
    let approved = lock.approved(&offer.candidate.manifest.id).expect("it is there");
    assert_eq!((approved.digest, &approved.by, approved.at), (digest, &Actor::User, AT));
    assert_eq!((&approved.grants, &approved.standing), (&offer.candidate.grants, &Standing::Enabled));
    let copy = lock.copy(digest).expect("it is whole");
    assert_eq!((copy.manifest, copy.component), (offer.manifest, offer.component));
}

#[test]
fn only_what_was_shown_is_approved() {
    let (_folder, mut lock) = locked();
    let (shown, now) = (offer("0.1.0"), offer("0.1.1"));
    let refused = lock.approve(&now, shown.candidate.digest, actor(), AT, false).expect_err("another one");
    assert!(matches!(refused, LockError::Changed { .. }), "{refused}");
    // Bytes that are not those of the candidate are caught as well, whoever put them together.
    let forged = Offer { component: b"other".to_vec(), ..shown.clone() };
    assert!(lock.approve(&forged, shown.candidate.digest, actor(), AT, false).is_err());
    assert!(lock.all().is_empty() && reopened(&lock).all().is_empty());
}

#[test]
fn a_copy_that_was_touched_is_refused_and_approving_again_mends_it() {
    let (_folder, mut lock) = locked();
    let offer = offer("0.1.0");
    let digest = offer.candidate.digest;
    lock.approve(&offer, digest, actor(), AT, false).expect("approved");
    let file = lock.copy_folder(digest).join(COMPONENT_FILE);
    fs::write(&file, b"other").expect("it is ours");
    assert!(matches!(lock.copy(digest), Err(LockError::Copy { .. })));
    fs::remove_file(&file).expect("it is ours");
    assert!(matches!(lock.copy(digest), Err(LockError::Copy { .. })));
    lock.approve(&offer, digest, actor(), AT, false).expect("approved again");
    assert!(lock.copy(digest).is_ok());
}

#[test]
fn a_copy_that_cannot_be_read_just_now_is_not_taken_for_another() {
    let (_folder, mut lock) = locked();
    let offer = offer("0.1.0");
    let digest = offer.candidate.digest;
    lock.approve(&offer, digest, actor(), AT, false).expect("approved");
    let file = lock.copy_folder(digest).join(COMPONENT_FILE);
    fs::remove_file(&file).expect("it is ours");
    // One that is a link to itself is not read by anybody, and so stands for a disk that does not read.
    std::os::unix::fs::symlink(&file, &file).expect("it is ours");
    assert!(matches!(lock.copy(digest), Err(LockError::Io { .. })));
    fs::remove_file(&file).expect("it is ours");
    fs::create_dir(&file).expect("it is ours");
    assert!(matches!(lock.copy(digest), Err(LockError::Copy { .. })), "no file that we have written");
    lock.approve(&offer, digest, actor(), AT, false).expect("approved again");
    assert!(lock.copy(digest).is_ok());
}

#[test]
fn standings_and_requirements_outlive_a_restart_and_another_approval_enables() {
    let (_folder, mut lock) = locked();
    let offer = offer("0.1.0");
    let id = offer.candidate.manifest.id.clone();
    let standings = [
        Standing::Quarantined { reason: "it trapped".to_owned(), at: AT },
        Standing::Disabled { by: Actor::Other("token:tok_1".to_owned()), at: AT },
    ];
    assert!(matches!(lock.stand(&id, Standing::Enabled), Err(LockError::Unapproved(_))));
    lock.require(&id, true).expect("required before it is there");
    for standing in standings {
        lock.approve(&offer, offer.candidate.digest, actor(), AT, true).expect("approved");
        assert_eq!(lock.approved(&id).expect("it").standing, Standing::Enabled);
        lock.stand(&id, standing.clone()).expect("it stands");
        let text = reopened(&lock).approved(&id).expect("it").standing.clone();
        assert_eq!(
            format!("{text:?}"),
            format!("{standing:?}").replace("Other(\"token:tok_1\")", "Token(TokenId(\"tok_1\"))")
        );
    }
    assert!(reopened(&lock).required().contains(&id), "switched off, it is required still");
    lock.revoke(&id).expect("revoked");
    let lock = reopened(&lock);
    assert!(lock.all().is_empty() && lock.required().is_empty());
}

#[test]
fn what_was_enabled_runs_until_what_was_approved_in_its_place_is_ready() {
    let (_folder, mut lock) = locked();
    let [one, two, three] = ["0.1.0", "0.1.1", "0.1.2"].map(offer);
    let id = one.candidate.manifest.id.clone();
    let runs = |lock: &Lock| reopened(lock).approved(&id).expect("it").serving().map(|version| version.digest);
    let digest = |offer: &Offer| offer.candidate.digest;
    let approve = |lock: &mut Lock, offer| lock.approve(offer, digest(offer), actor(), AT, true).map(drop);
    approve(&mut lock, &one).expect("approved");
    assert_eq!(runs(&lock), Some(digest(&one)), "there is no other");
    approve(&mut lock, &two).expect("approved");
    approve(&mut lock, &three).expect("approved");
    assert_eq!(runs(&lock), Some(digest(&one)), "neither of the others is ready");
    assert!(!lock.succeed(&id, digest(&two)).expect("it is read"), "it is not the approved one any more");
    lock.sweep(&BTreeSet::new()).expect("swept");
    assert!(lock.copy(digest(&one)).is_ok() && lock.copy(digest(&two)).is_err());
    assert!(lock.succeed(&id, digest(&three)).expect("it is written"));
    assert_eq!(runs(&lock), Some(digest(&three)));
    assert!(!lock.succeed(&id, digest(&three)).expect("it is read"), "that is no news");
    // One that is taken out leaves nothing that runs but what is not ready.
    approve(&mut lock, &two).expect("approved");
    assert!(lock.retire(&id, digest(&three)).expect("it is written"));
    assert_eq!(runs(&lock), Some(digest(&two)));
    // What is switched off does not come back by another yes.
    lock.stand(&id, Standing::Disabled { by: actor(), at: AT }).expect("it stands");
    assert_eq!(runs(&lock), None);
    approve(&mut lock, &one).expect("approved");
    assert_eq!(runs(&lock), Some(digest(&one)));
}

#[test]
fn what_may_decline_is_required_unless_its_approver_has_said_otherwise() {
    let (_folder, mut lock) = locked();
    let (guard, house) = (offer("0.1.0"), crate::fixture::house());
    let id = guard.candidate.manifest.id.clone();
    assert!(lock.is_required_by_default(&guard, &house), "it may keep the door shut");
    lock.approve(&guard, guard.candidate.digest, actor(), AT, false).expect("approved");
    assert!(!lock.is_required_by_default(&offer("0.1.1"), &house), "somebody has said otherwise");
    lock.require(&id, true).expect("required");
    assert!(lock.is_required_by_default(&offer("0.1.1"), &house));
    let opener = crate::fixture::offer_from(&crate::fixture::MANIFEST.replace("door.keep-shut", "door.open"));
    lock.revoke(&id).expect("revoked");
    assert!(!lock.is_required_by_default(&opener, &house), "it declines nothing");
}

#[test]
fn what_an_older_host_approved_and_may_decline_is_required_once_the_lock_is_brought_up_to_date() {
    let (_folder, mut lock) = locked();
    let guard = offer("0.1.0");
    lock.approve(&guard, guard.candidate.digest, actor(), AT, false).expect("approved");
    let path = lock.folder.join(LOCK_FILE);
    let older = fs::read_to_string(&path).expect("it is there").replace("lock = 2", "lock = 1");
    fs::write(&path, older).expect("it is ours");
    let mut lock = reopened(&lock);
    assert!(lock.required().is_empty(), "nobody could say so then");
    lock.upgrade(&crate::fixture::house()).expect("it is written");
    assert!(reopened(&lock).required().contains(&guard.candidate.manifest.id));
    // From then on it is as a person says.
    lock.require(&guard.candidate.manifest.id, false).expect("it is written");
    lock.upgrade(&crate::fixture::house()).expect("there is nothing to do");
    assert!(reopened(&lock).required().is_empty());
}

#[test]
fn a_sweep_leaves_what_is_approved_or_in_use() {
    let (_folder, mut lock) = locked();
    let offers = [offer("0.1.0"), offer("0.1.1"), offer("0.1.2")];
    let digests = offers.each_ref().map(|offer| offer.candidate.digest);
    for offer in &offers {
        lock.approve(offer, offer.candidate.digest, actor(), AT, false).expect("approved");
        lock.succeed(&offer.candidate.manifest.id, offer.candidate.digest).expect("it is written");
    }
    fs::create_dir(lock.folder.join(COPIES).join("left.new")).expect("a crash left it");
    lock.sweep(&BTreeSet::from([digests[1]])).expect("swept");
    assert_eq!(digests.map(|digest| lock.copy(digest).is_ok()), [false, true, true]);
    assert_eq!(fs::read_dir(lock.folder.join(COPIES)).expect("it").count(), 2);
}

#[test]
fn a_lock_that_cannot_be_understood_is_never_taken_for_an_empty_one() {
    let (_folder, mut lock) = locked();
    let (first, second) = (offer("0.1.0"), offer_of("acme.other", "0.1.0"));
    for offer in [&second, &first] {
        lock.approve(offer, offer.candidate.digest, actor(), AT, false).expect("approved");
    }
    let path = lock.folder.join(LOCK_FILE);
    let good = fs::read_to_string(&path).expect("it is there");
    let twice = good.replace("acme.other", "acme.guard");
    for bad in [
        "nonsense",
        &good[..good.len() / 2],
        &good.replace("lock = 2", "lock = 3"),
        &twice,
        &good.replace("by =", "from ="),
    ] {
        fs::write(&path, bad).expect("it is ours");
        assert!(matches!(Lock::open(&lock.folder), Err(LockError::Damaged { .. })), "{bad}");
    }
}

#[test]
fn nobody_else_can_read_the_lock_or_the_copies() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, mut lock) = locked();
    let offer = offer("0.1.0");
    lock.approve(&offer, offer.candidate.digest, actor(), AT, false).expect("approved");
    let copy = lock.copy_folder(offer.candidate.digest);
    let files = [lock.folder.clone(), lock.folder.join(LOCK_FILE), copy.clone(), copy.join(COMPONENT_FILE)];
    for path in files {
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
}
