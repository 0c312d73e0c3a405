//! Tokens over a real store and a real folder.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicI64, Ordering};

use codex_manager_store::Config;
use tempfile::TempDir;

use super::*;
use crate::service::Kind;

struct Fixture {
    tokens: Tokens,
    now: Arc<AtomicI64>,
    folder: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let now = Arc::new(AtomicI64::new(1_000));
        let tokens = open(&folder, &now).await;
        Self { tokens, now, folder }
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("token")
    }

    fn data(&self) -> DataFolder {
        DataFolder::new(self.folder.path())
    }

    fn file_secret(&self) -> String {
        std::fs::read_to_string(self.file()).expect("the token file").trim().to_owned()
    }
}

async fn open(folder: &TempDir, now: &Arc<AtomicI64>) -> Tokens {
    let store = Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().expect("a store");
    let now = Arc::clone(now);
    let clock = Clock::new(move || Timestamp::from_second(now.load(Ordering::SeqCst)).expect("a time"));
    Tokens::open(store, clock).await.expect("tokens")
}

fn bearer_of(token: &Token) -> Bearer {
    Bearer { token: token.id.clone(), role: token.role, ends_at: None }
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

#[tokio::test]
async fn a_token_opens_until_it_is_revoked() {
    let Fixture { tokens, .. } = Fixture::new().await;
    let (token, secret) = tokens.create("ci", Role::Operator, None, Actor::User).await.expect("made");
    let bearer = tokens.authenticate(secret.expose()).expect("known");
    assert_eq!(bearer, Bearer { token: token.id.clone(), role: Role::Operator, ends_at: None });
    assert_eq!(tokens.authenticate("cmgr_00"), None);
    assert_eq!(tokens.authenticate(&format!("{}x", secret.expose())), None);

    let revoked = tokens.revoke(&token.id, Actor::User).await.expect("revoked");
    assert!(revoked.revoked_at.is_some());
    assert_eq!(tokens.authenticate(secret.expose()), None);
    assert_eq!(tokens.revoke(&token.id, Actor::User).await.expect("again").revoked_at, revoked.revoked_at);
    tokens.ended(&bearer_of(&token)).await;
}

#[tokio::test]
async fn a_revocation_holds_although_nobody_waits_for_its_answer() {
    let Fixture { tokens, .. } = Fixture::new().await;
    let (token, secret) = tokens.create("ci", Role::Viewer, None, Actor::User).await.expect("made");
    let mut revoking = Box::pin(tokens.revoke(&token.id, Actor::User));
    assert!(futures_util::poll!(&mut revoking).is_pending());
    drop(revoking);
    tokio::time::timeout(Duration::from_secs(60), tokens.ended(&bearer_of(&token))).await.expect("ended");
    assert_eq!(tokens.authenticate(secret.expose()), None);
}

#[tokio::test]
async fn whoever_waits_for_the_end_is_told_of_a_revocation_at_once() {
    let Fixture { tokens, .. } = Fixture::new().await;
    let (token, _) = tokens.create("ci", Role::Viewer, None, Actor::User).await.expect("made");
    let (other, _) = tokens.create("other", Role::Viewer, None, Actor::User).await.expect("made");
    let bearer = bearer_of(&token);
    let mut waiting = Box::pin(tokens.ended(&bearer));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    tokens.revoke(&other.id, Actor::User).await.expect("revoked");
    assert!(futures_util::poll!(&mut waiting).is_pending(), "another token was revoked");
    tokens.revoke(&token.id, Actor::User).await.expect("revoked");
    assert!(futures_util::poll!(&mut waiting).is_ready());
}

#[tokio::test]
async fn a_token_expires_by_itself() {
    let Fixture { tokens, now, .. } = Fixture::new().await;
    let (token, secret) = tokens.create("ci", Role::Viewer, Some(second(2_000)), Actor::User).await.expect("made");
    assert!(tokens.authenticate(secret.expose()).is_some());
    now.store(2_000, Ordering::SeqCst);
    assert_eq!(tokens.authenticate(secret.expose()), None);
    tokens.ended(&bearer_of(&token)).await;
    let late = tokens.create("ci", Role::Viewer, Some(second(2_000)), Actor::User).await;
    assert_eq!(late.err().expect("refused").code.word, "invalid_request");
}

#[tokio::test]
async fn a_bearer_whom_somebody_else_vouches_for_ends_as_they_said() {
    let Fixture { tokens, now, .. } = Fixture::new().await;
    let bearer = Bearer { token: TokenId::new("jwt:alice"), role: Role::Viewer, ends_at: Some(second(2_000)) };
    let mut waiting = Box::pin(tokens.ended(&bearer));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    now.store(2_000, Ordering::SeqCst);
    tokens.ended(&bearer).await;
}

#[tokio::test]
async fn the_token_file_is_private_and_kept() {
    let fixture = Fixture::new().await;
    let folder = &fixture.data();
    fixture.tokens.ensure_admin(folder).await.expect("written");
    let mode = std::fs::metadata(fixture.file()).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let secret = fixture.file_secret();
    assert_eq!(fixture.tokens.authenticate(&secret).expect("known").role, Role::Admin);

    fixture.tokens.ensure_admin(folder).await.expect("kept");
    assert_eq!(fixture.file_secret(), secret);
    assert_eq!(fixture.tokens.list().await.expect("a list").len(), 1);
}

#[tokio::test]
async fn a_lost_or_foreign_token_file_is_replaced_and_the_old_token_ended() {
    let fixture = Fixture::new().await;
    let folder = &fixture.data();
    fixture.tokens.ensure_admin(folder).await.expect("written");
    let first = fixture.file_secret();
    std::fs::remove_file(fixture.file()).expect("removed");
    fixture.tokens.ensure_admin(folder).await.expect("written anew");
    let second = fixture.file_secret();
    assert_ne!(second, first);
    assert_eq!(fixture.tokens.authenticate(&first), None);

    std::fs::write(fixture.file(), "cmgr_forged\n").expect("forged");
    fixture.tokens.ensure_admin(folder).await.expect("written anew");
    assert_eq!(fixture.tokens.authenticate("cmgr_forged"), None);
    assert!(fixture.tokens.authenticate(&fixture.file_secret()).is_some());
}

#[tokio::test]
async fn a_link_in_the_place_of_the_token_file_is_not_followed() {
    let fixture = Fixture::new().await;
    let elsewhere = fixture.folder.path().join("elsewhere");
    std::fs::write(&elsewhere, "not ours\n").expect("written");
    std::fs::set_permissions(&elsewhere, std::fs::Permissions::from_mode(0o644)).expect("its mode");
    std::os::unix::fs::symlink(&elsewhere, fixture.file()).expect("a link");
    fixture.tokens.ensure_admin(&fixture.data()).await.expect("written");
    assert!(fixture.tokens.authenticate(&fixture.file_secret()).is_some());
    assert!(std::fs::symlink_metadata(fixture.file()).expect("the file").is_file());
    assert_eq!(std::fs::read_to_string(&elsewhere).expect("untouched"), "not ours\n");
    assert_eq!(std::fs::metadata(&elsewhere).expect("it").permissions().mode() & 0o777, 0o644);
}

#[tokio::test]
async fn what_is_no_file_or_no_secret_is_replaced_and_not_waited_for() {
    let fixture = Fixture::new().await;
    let pipe = std::process::Command::new("mkfifo").arg(fixture.file()).status().expect("a pipe");
    assert!(pipe.success());
    fixture.tokens.ensure_admin(&fixture.data()).await.expect("written");
    assert!(fixture.tokens.authenticate(&fixture.file_secret()).is_some());

    let padded = format!("{}{}", fixture.file_secret(), " ".repeat(1 << 20));
    std::fs::write(fixture.file(), padded).expect("written");
    fixture.tokens.ensure_admin(&fixture.data()).await.expect("written");
    assert!(std::fs::metadata(fixture.file()).expect("the file").len() < 1024);
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_token_file_is_told_before_a_token_is_made() {
    let fixture = Fixture::new().await;
    std::fs::create_dir(fixture.file()).expect("a folder");
    let refused = fixture.tokens.ensure_admin(&fixture.data()).await.expect_err("refused");
    assert!(matches!(refused, TokenFileError::File(_)), "{refused:?}");
    assert!(fixture.tokens.list().await.expect("a list").is_empty());
}

#[tokio::test]
async fn tokens_outlive_the_daemon_and_their_secrets_are_not_stored() {
    let fixture = Fixture::new().await;
    let (token, secret) = fixture.tokens.create("ci", Role::Viewer, None, Actor::User).await.expect("made");
    let (gone, gone_secret) = fixture.tokens.create("old", Role::Admin, None, Actor::User).await.expect("made");
    fixture.tokens.revoke(&gone.id, Actor::User).await.expect("revoked");
    fixture.tokens.0.store.clone().close().await;

    for file in std::fs::read_dir(fixture.folder.path()).expect("the folder") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("its bytes");
        let secret = secret.expose().as_bytes();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
    let again = open(&fixture.folder, &fixture.now).await;
    assert_eq!(again.authenticate(secret.expose()).expect("known").token, token.id);
    assert_eq!(again.authenticate(gone_secret.expose()), None);
}

#[tokio::test]
async fn names_are_checked_and_the_number_is_bounded() {
    let Fixture { tokens, .. } = Fixture::new().await;
    for name in ["", "  ", "a\nb", FILE_TOKEN_NAME, &"x".repeat(TOKEN_NAME_CHARS_MAX + 1)] {
        let refused = tokens.create(name, Role::Viewer, None, Actor::User).await.err().expect("refused");
        assert_eq!(refused.kind, Kind::Invalid, "{name:?}");
    }
    let unknown = tokens.revoke(&TokenId::new("tok_none"), Actor::User).await.expect_err("unknown");
    assert_eq!(unknown.kind, Kind::NotFound);
    for number in 0..TOKENS_MAX {
        tokens.create(&format!("t{number}"), Role::Viewer, None, Actor::User).await.expect("made");
    }
    let refused = tokens.create("one more", Role::Viewer, None, Actor::User).await.err().expect("refused");
    assert_eq!(refused.code.word, "too_many_tokens");
}

#[tokio::test]
async fn making_and_ending_are_told_without_the_secret() {
    let Fixture { tokens, .. } = Fixture::new().await;
    let (token, secret) = tokens.create("ci", Role::Viewer, None, Actor::User).await.expect("made");
    tokens.revoke(&token.id, Actor::Token(token.id.clone())).await.expect("revoked");
    let events = tokens.0.store.read(|view| view.events(codex_manager_model::Seq(0), 10)).await;
    let events = events.expect("events");
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["token_created", "token_revoked"]);
    let payload = events[1].payload.as_ref().expect("a payload");
    assert_eq!(payload["actor"], format!("token:{}", token.id));
    assert!(!format!("{events:?}").contains(secret.expose()));
}
