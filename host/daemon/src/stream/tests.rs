//! Readers against a real store.

use std::time::Duration;

use codex_manager_model::{Epoch, NewEvent, SessionId};
use codex_manager_store::{Config, EphemeralEvent, Retention};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::service::Kind;

/// No test waits longer than this for anything.
const DEADLINE: Duration = Duration::from_secs(60);

struct Fixture {
    stream: Stream,
    stop: CancellationToken,
    _folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self::with_room(4096, 1 << 23)
    }

    fn with_room(frames_max: usize, bytes_max: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().expect("a store");
        let ring = Ring::with_room(*store.head().borrow(), frames_max, bytes_max);
        let stream = Stream(Arc::new(Shared { store, ephemeral: Ephemeral::new(), ring, places: Places::default() }));
        let stop = CancellationToken::new();
        tokio::spawn(stream.clone().run(stop.clone()));
        Self { stream, stop, _folder: folder }
    }

    async fn append(&self, session: Option<&str>, count: u32) {
        append(&self.stream, session, count).await;
    }

    fn publish(&self, after: u64, key: Option<&str>, number: u64) {
        publish(&self.stream, after, key, number);
    }

    async fn reader(&self, start: Start) -> Reader {
        self.stream.open(start, Filter::everything()).await.expect("a reader")
    }

    /// Waits until the tail has brought the ring so far.
    async fn caught_up(&self, row: u64, ephemerals: u64) {
        let mut changes = self.stream.0.ring.changes();
        let there = async {
            loop {
                changes.borrow_and_update();
                let spot = self.stream.0.ring.locate(Seq(u64::MAX)).expect("the ring reaches every head");
                if self.stream.0.ring.last().0 >= row && spot.ephemerals >= ephemerals {
                    return;
                }
                changes.changed().await.expect("the ring lives");
            }
        };
        timeout(DEADLINE, there).await.expect("the tail keeps up");
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn append(stream: &Stream, session: Option<&str>, count: u32) {
    let session = session.map(SessionId::new);
    let write = move |tx: &codex_manager_store::Tx<'_>| {
        for number in 0..count {
            let payload = json!({ "number": number });
            tx.append_event(NewEvent::new("note", session.clone(), payload, Timestamp::UNIX_EPOCH))?;
        }
        Ok::<_, codex_manager_store::Error>(())
    };
    stream.0.store.write(write).await.expect("appended");
}

fn publish(stream: &Stream, after: u64, key: Option<&str>, number: u64) {
    stream.0.ephemeral.publish(EphemeralEvent {
        kind: "delta".to_owned(),
        session: None,
        turn: None,
        of_worker: false,
        payload: json!({ "number": number }),
        at: Timestamp::UNIX_EPOCH,
        after: Seq(after),
        key: key.map(ToOwned::to_owned),
    });
}

async fn next(reader: &mut Reader) -> Next {
    timeout(DEADLINE, reader.next()).await.expect("something comes")
}

async fn entry(reader: &mut Reader) -> Arc<Entry> {
    match next(reader).await {
        Next::Entry(entry) => entry,
        other => panic!("not an entry: {other:?}"),
    }
}

async fn row(reader: &mut Reader) -> u64 {
    entry(reader).await.row().expect("a row").0
}

fn shown(entry: &Entry) -> Value {
    serde_json::from_str(&entry.frames[0].text).expect("JSON")
}

fn after(seq: u64) -> Start {
    Start::After(Cursor { epoch: None, seq: Seq(seq) })
}

#[tokio::test]
async fn a_reader_begins_at_the_head_or_after_its_cursor() {
    let fixture = Fixture::new();
    fixture.append(None, 3).await;
    let mut fresh = fixture.reader(Start::Head).await;
    let mut resumed = fixture.reader(after(1)).await;
    fixture.append(None, 1).await;
    assert_eq!(row(&mut fresh).await, 4);
    for expected in 2..=4 {
        assert_eq!(row(&mut resumed).await, expected);
    }
}

#[tokio::test]
async fn the_cursor_moves_when_the_next_is_asked_for() {
    let fixture = Fixture::new();
    fixture.append(None, 3).await;
    let mut reader = fixture.reader(after(0)).await;
    assert_eq!(row(&mut reader).await, 1);
    assert_eq!(reader.cursor(), Seq(0), "the first row may not have been written yet");
    assert_eq!(reader.more().and_then(|entry| entry.row()), Some(Seq(2)));
    assert_eq!(reader.cursor(), Seq(0), "the second is written together with the first");
    assert_eq!(row(&mut reader).await, 3);
    assert_eq!(reader.cursor(), Seq(2));
}

#[tokio::test]
async fn a_cursor_that_cannot_be_served_is_refused() {
    let fixture = Fixture::new();
    fixture.append(None, 3).await;
    let foreign = Start::After(Cursor { epoch: Some(Epoch::new("another")), seq: Seq(1) });
    let beyond = "the log ends at 3, and 4 is after that; the cursor is of another log, or mistyped";
    for (start, told) in [(after(4), beyond), (foreign, "the cursor is of another log")] {
        let refused = fixture.stream.open(start, Filter::everything()).await.err().expect("refused");
        assert_eq!((refused.kind, refused.code.word), (Kind::Gone, "cursor_expired"));
        assert!(refused.message.starts_with(told), "{}", refused.message);
        assert_eq!(refused.hint.as_deref(), Some("follow from its end: after=3"), "nothing is gone");
        assert_eq!(refused.context["oldest"], 1);
        assert_eq!(refused.context["head"], 3);
        assert_eq!(refused.context["epoch"], fixture.stream.epoch().as_str());
    }
    let ours = Start::After(Cursor { epoch: Some(fixture.stream.epoch().clone()), seq: Seq(3) });
    assert!(fixture.stream.open(ours, Filter::everything()).await.is_ok());
}

#[tokio::test]
async fn who_is_passed_by_retention_is_told() {
    let fixture = Fixture::with_room(2, 1 << 20);
    let mut slow = fixture.reader(Start::Head).await;
    fixture.append(None, 10).await;
    fixture.caught_up(10, 0).await;
    let nothing = Retention { age_max: Duration::ZERO, bytes_max: 0, held_bytes_max: 0 };
    let prune = move |tx: &codex_manager_store::Tx<'_>| tx.prune_events(&nothing, Timestamp::now());
    fixture.stream.0.store.write(prune).await.expect("pruned");
    assert!(matches!(next(&mut slow).await, Next::Expired(Seq(11))), "it is told from where the log can be read");
    assert_eq!(slow.cursor(), Seq(0));
    let late = fixture.stream.open(after(0), Filter::everything()).await.err().expect("refused");
    assert_eq!(late.code.word, "cursor_expired");
    assert!(late.hint.expect("a hint").ends_with("what lies between is gone"));
}

#[tokio::test]
async fn closing_lets_a_reader_have_what_is_there() {
    let fixture = Fixture::new();
    let mut reader = fixture.reader(Start::Head).await;
    fixture.append(None, 2).await;
    fixture.caught_up(2, 0).await;
    assert_eq!(row(&mut reader).await, 1);
    fixture.stream.close();
    assert_eq!(row(&mut reader).await, 2);
    assert!(matches!(next(&mut reader).await, Next::Closed));
    let mut late = fixture.reader(Start::Head).await;
    assert!(matches!(next(&mut late).await, Next::Closed));
}

#[tokio::test]
async fn while_nobody_reads_nothing_is_kept() {
    let fixture = Fixture::new();
    fixture.append(None, 5).await;
    fixture.publish(5, None, 0);
    fixture.caught_up(5, 1).await;
    let ring = &fixture.stream.0.ring;
    assert_eq!(ring.locate(Seq(4)), None, "row 5 is in the log only");
    assert!(matches!(ring.get(ring.locate(Seq(5)).expect("the head")), ring::Found::End));
}

#[tokio::test]
async fn an_ephemeral_event_comes_between_its_row_and_the_next() {
    let fixture = Fixture::new();
    let mut reader = fixture.reader(Start::Head).await;
    for round in 0..50 {
        fixture.append(None, 1).await;
        fixture.publish(round + 1, None, round);
        fixture.publish(round + 1, None, round);
    }
    fixture.append(None, 1).await;
    for round in 1..=50 {
        assert_eq!(row(&mut reader).await, round);
        for _ in 0..2 {
            let told = shown(&*entry(&mut reader).await);
            assert_eq!((&told["ephemeral"], &told["after"]), (&json!(true), &json!(round)));
        }
    }
}

#[tokio::test]
async fn an_ephemeral_event_that_comes_early_waits_for_its_row() {
    let fixture = Fixture::new();
    let mut reader = fixture.reader(Start::Head).await;
    fixture.append(None, 1).await;
    assert_eq!(row(&mut reader).await, 1);
    fixture.publish(2, None, 7);
    fixture.append(None, 1).await;
    assert_eq!(row(&mut reader).await, 2);
    assert_eq!(shown(&*entry(&mut reader).await)["after"], 2);
}

#[tokio::test]
async fn who_falls_out_of_the_ring_is_told_what_it_skipped_and_given_the_latest() {
    let fixture = Fixture::with_room(4, 1 << 20);
    let mut reader = fixture.reader(Start::Head).await;
    fixture.append(None, 1).await;
    assert_eq!(row(&mut reader).await, 1);
    for number in 0..10 {
        fixture.publish(1, (number < 3).then_some("usage"), number);
    }
    fixture.caught_up(1, 10).await;
    let gap = shown(&*entry(&mut reader).await);
    assert_eq!(gap["type"], "gap");
    assert_eq!(gap["payload"], json!({ "skipped": 6 }));
    let latest = shown(&*entry(&mut reader).await);
    assert_eq!(latest["payload"], json!({ "number": 2 }), "of those with a key the newest");
    for number in 6..10 {
        assert_eq!(shown(&*entry(&mut reader).await)["payload"], json!({ "number": number }));
    }
}

#[tokio::test]
async fn a_reader_gets_its_sessions_and_what_is_for_everybody() {
    let fixture = Fixture::new();
    let mut reader = fixture.stream.open(Start::Head, Filter::threads([SessionId::new("a")])).await.expect("a reader");
    for session in [Some("a"), Some("b"), None, Some("a")] {
        fixture.append(session, 1).await;
    }
    assert_eq!([row(&mut reader).await, row(&mut reader).await, row(&mut reader).await], [1, 3, 4]);
    reader.set_filter(Filter::threads([SessionId::new("b")]));
    fixture.append(Some("a"), 1).await;
    fixture.append(Some("b"), 1).await;
    assert_eq!(row(&mut reader).await, 6);
    reader.set_filter(Filter::everything());
    fixture.append(Some("a"), 1).await;
    assert_eq!(row(&mut reader).await, 7);
}

#[tokio::test]
async fn a_filter_that_changes_within_a_page_of_the_log_holds_for_the_rest_of_it() {
    let fixture = Fixture::new();
    for session in ["a", "b", "a", "b"] {
        fixture.append(Some(session), 1).await;
    }
    let mut reader = fixture.stream.open(after(0), Filter::threads([SessionId::new("a")])).await.expect("a reader");
    assert_eq!(row(&mut reader).await, 1);
    reader.set_filter(Filter::threads([SessionId::new("b")]));
    assert_eq!([row(&mut reader).await, row(&mut reader).await], [2, 4]);
}

/// What one client saw over all its connections.
#[derive(Default)]
struct Seen {
    rows: Vec<u64>,
    ephemerals: u64,
    skipped: u64,
}

impl Seen {
    fn take(&mut self, entry: &Entry) {
        let frame = shown(entry);
        match frame["type"].as_str() {
            Some("gap") => self.skipped += frame["payload"]["skipped"].as_u64().expect("a number"),
            Some("delta") => {
                let last = self.rows.last().copied().unwrap_or_default();
                assert!(frame["after"].as_u64() <= Some(last), "told before the row it belongs after");
                self.ephemerals += 1;
            }
            _ => self.rows.push(entry.row().expect("a row").0),
        }
    }
}

/// Rows are appended in groups of one to five, with ephemeral events between them.
async fn produce(stream: Stream, seed: u64, rows: u64) -> u64 {
    let mut random = StdRng::seed_from_u64(seed);
    let mut told = 0;
    let mut head = 0;
    while head < rows {
        let count = random.random_range(1..=5).min(rows - head);
        append(&stream, None, u32::try_from(count).expect("a few")).await;
        head += count;
        for _ in 0..random.random_range(0..4) {
            publish(&stream, head, None, told);
            told += 1;
        }
    }
    told
}

/// Reads to the last row; dawdles, and now and then reconnects where it was.
async fn consume(stream: Stream, seed: u64, rows: u64, reconnects: bool) -> Seen {
    let mut random = StdRng::seed_from_u64(seed);
    let mut seen = Seen::default();
    let mut reader = stream.open(after(0), Filter::everything()).await.expect("a reader");
    while seen.rows.last() != Some(&rows) {
        let first = entry(&mut reader).await;
        seen.take(&first);
        while random.random_bool(0.5)
            && let Some(more) = reader.more()
        {
            seen.take(&more);
        }
        for _ in 0..random.random_range(0..20) {
            tokio::task::yield_now().await;
        }
        if reconnects && random.random_bool(0.02) {
            let seq = Seq(seen.rows.last().copied().unwrap_or_default());
            let cursor = Cursor { epoch: Some(stream.epoch().clone()), seq };
            reader = stream.open(Start::After(cursor), Filter::everything()).await.expect("a reader");
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_pace_no_row_is_missed_or_repeated() {
    const ROWS: u64 = 1500;
    for seed in 0..4 {
        // A ring so small that everybody falls out of it all the time.
        let fixture = Fixture::with_room(8, 4096);
        let readers: Vec<_> = (0..6)
            .map(|number| tokio::spawn(consume(fixture.stream.clone(), seed * 100 + number, ROWS, number % 2 == 0)))
            .collect();
        let told = produce(fixture.stream.clone(), seed, ROWS).await;
        for (number, reader) in readers.into_iter().enumerate() {
            let seen = reader.await.expect("a reader that ends");
            assert!(seen.rows.iter().copied().eq(1..=ROWS), "seed {seed}, reader {number}");
            assert!(seen.ephemerals + seen.skipped <= told || number % 2 == 0, "seed {seed}, reader {number}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_ephemeral_event_is_told_or_counted_as_skipped() {
    let fixture = Fixture::with_room(8, 4096);
    let mut reader = fixture.reader(Start::Head).await;
    let told = produce(fixture.stream.clone(), 7, 600).await;
    fixture.append(None, 1).await;
    let mut seen = Seen::default();
    let mut random = StdRng::seed_from_u64(7);
    while seen.rows.last() != Some(&601) {
        seen.take(&*entry(&mut reader).await);
        if random.random_bool(0.1) {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(seen.ephemerals + seen.skipped, told);
    assert!(seen.skipped > 0, "the ring holds eight");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_readers_of_a_thousand_events_lose_nothing() {
    const ROWS: u64 = 1000;
    let fixture = Fixture::new();
    let readers: Vec<_> =
        (0..100).map(|seed| tokio::spawn(consume(fixture.stream.clone(), seed, ROWS, false))).collect();
    produce(fixture.stream.clone(), 42, ROWS).await;
    for reader in readers {
        let seen = reader.await.expect("a reader that ends");
        assert!(seen.rows.iter().copied().eq(1..=ROWS));
    }
}

#[tokio::test]
async fn a_reader_that_lags_does_not_get_from_the_ring_what_was_deleted_meanwhile() {
    let fixture = Fixture::new();
    let mut reader = fixture.reader(Start::Head).await;
    fixture.append(Some("gone"), 2).await;
    fixture.append(Some("other"), 1).await;
    fixture.caught_up(3, 0).await;
    let gone = SessionId::new("gone");
    let erased: Result<_, codex_manager_store::Error> = {
        let gone = gone.clone();
        fixture.stream.0.store.write(move |tx| tx.erase_session(&gone)).await
    };
    erased.expect("erased");
    fixture.stream.forget(&gone);
    let purged = async {
        let mut changes = fixture.stream.0.ring.changes();
        while fixture.stream.0.ring.locate(Seq(0)).is_some() {
            changes.changed().await.expect("the ring lives");
        }
    };
    timeout(DEADLINE, purged).await.expect("the ring forgets");
    for expected in ["deleted", "deleted", "note"] {
        assert_eq!(shown(&*entry(&mut reader).await)["type"], expected);
    }
    fixture.append(Some("other"), 1).await;
    assert_eq!(row(&mut reader).await, 4, "and goes on");
}
