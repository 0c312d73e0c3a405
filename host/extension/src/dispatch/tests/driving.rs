//! The driver with a host that keeps what it is given.

use std::future::Future;
use std::sync::{Mutex, Weak};

use tokio::sync::{mpsc, watch};
use tokio::time;

use super::stage::page;
use super::*;

/// Who, what was settled, and what the call had left.
type Kept = (String, Settled, Option<Arc<str>>);

/// A host whose extensions answer after a while.
struct House {
    /// By name: after how long it returns, and what.
    manners: BTreeMap<&'static str, (Duration, Answered)>,
    /// What was committed, with what the call had left.
    committed: Mutex<Vec<Kept>>,
    quarantined: Mutex<Vec<String>>,
    /// Whether a quarantine is durable, once that is known.
    durable: watch::Sender<Option<bool>>,
    /// How far the extensions had come, and when that was told.
    advanced: Mutex<Vec<(time::Instant, BTreeMap<ExtensionId, Seq>)>>,
    /// What the calls have left, as far as somebody still has it.
    left: Arc<Mutex<Vec<Weak<str>>>>,
    /// What was told, as a log has it.
    log: Mutex<Vec<Occurrence>>,
}

impl House {
    fn new(manners: &[(&'static str, u64, Answered)]) -> Arc<Self> {
        let manner =
            |(name, millis, answered): &(_, u64, Answered)| (*name, (Duration::from_millis(*millis), answered.clone()));
        let manners = manners.iter().map(manner).collect();
        Arc::new(Self {
            manners,
            committed: Mutex::default(),
            quarantined: Mutex::default(),
            durable: watch::Sender::new(Some(true)),
            advanced: Mutex::default(),
            left: Arc::default(),
            log: Mutex::default(),
        })
    }

    fn lines(&self) -> Vec<String> {
        let committed = self.committed.lock().expect("nobody panicked in it");
        let line = |(who, settled, remains): &Kept| {
            let what = format!("{settled:?}");
            let what = what.split(['(', ' ']).next().unwrap_or("").to_owned();
            format!("{who} {what} {}", remains.as_deref().unwrap_or("-"))
        };
        committed.iter().map(line).collect()
    }
}

impl Host for House {
    type Remains = Arc<str>;

    fn call(&self, run: Run) -> impl Future<Output = (Answered, Arc<str>)> + Send + 'static {
        let name = run.seat.rank.extension.name().to_owned();
        let manner = self.manners.get(name.as_str()).cloned();
        let left = self.left.clone();
        async move {
            let (after, answered) = manner.expect("an extension without manners makes the host itself fail");
            time::sleep(after).await;
            let remains = Arc::from(format!("log of {name}"));
            left.lock().expect("nobody panicked in it").push(Arc::downgrade(&remains));
            (answered, remains)
        }
    }

    fn commit(&self, settle: Settle, remains: Option<Arc<str>>) -> impl Future<Output = Committed> + Send + 'static {
        let who = format!("{} {}", settle.seat.seq, settle.seat.rank.extension.name());
        self.committed.lock().expect("nobody panicked in it").push((who, settle.settled, remains));
        async { Committed::Applied }
    }

    fn quarantine(&self, quarantine: Quarantine) -> impl Future<Output = bool> + Send + 'static {
        self.quarantined.lock().expect("nobody panicked in it").push(quarantine.extension.to_string());
        let mut durable = self.durable.subscribe();
        async move { *durable.wait_for(Option::is_some).await.expect("the house stands") == Some(true) }
    }

    fn read(&self, read: Read) -> impl Future<Output = Page> + Send + 'static {
        let page = page(&self.log.lock().expect("nobody panicked in it"), &read, 16);
        async move { page }
    }

    fn advance(&self, low: BTreeMap<ExtensionId, Seq>) -> impl Future<Output = ()> + Send + 'static {
        self.advanced.lock().expect("nobody panicked in it").push((time::Instant::now(), low));
        async {}
    }
}

/// Drives these events to their end.
async fn drive(house: &Arc<House>, extensions: &[Approved], events: Vec<Occurrence>) -> Dispatch {
    let (send, receive) = mpsc::channel(1);
    let (_news, news) = mpsc::channel(1);
    let driver = Driver::new(dispatch(roster(extensions, &[])), house.clone());
    let driven = tokio::spawn(driver.run(receive, news));
    for event in events {
        house.log.lock().expect("nobody panicked in it").push(event.clone());
        send.send(event).await.expect("it takes them all");
    }
    drop(send);
    driven.await.expect("it comes to an end")
}

fn says(actions: Vec<Action>) -> Answered {
    Answered::Actions(actions)
}

#[tokio::test(start_paused = true)]
async fn what_is_late_is_dropped_with_all_it_left_and_the_rest_is_committed_with_it() {
    let (yes, no) = (says(vec![act(OPEN, "1")]), says(vec![act(SHUT, "1")]));
    let house = House::new(&[("yes", 10, yes), ("slow", 60_000, no)]);
    let extensions = [approved("a.slow", 1, &[SHUT]), approved("a.yes", 2, &[OPEN])];
    let begun = time::Instant::now();
    let dispatch = drive(&house, &extensions, vec![knock(1)]).await;
    assert_eq!(house.lines(), ["1 slow Late -", "1 yes Apply log of yes"]);
    assert_eq!(dispatch.low(&id("a.slow")), Some(Seq(1)));
    assert_eq!(begun.elapsed(), Duration::from_secs(60), "it waited for what it had called");
}

#[tokio::test(start_paused = true)]
async fn what_a_late_call_leaves_is_not_kept() {
    let house = House::new(&[("slow", 3_000, says(vec![]))]);
    let (send, receive) = mpsc::channel(1);
    let (_news, news) = mpsc::channel(1);
    let driver = Driver::new(dispatch(roster(&[approved("a.slow", 1, &[SHUT])], &[])), house.clone());
    let driven = tokio::spawn(driver.run(receive, news));
    send.send(knock(1)).await.expect("it takes it");
    // The time is a test's own: this is after the call has returned, and the driver has done with it.
    time::sleep(Duration::from_secs(4)).await;
    let left = house.left.lock().expect("nobody panicked in it").clone();
    assert_eq!((left.len(), left[0].strong_count()), (1, 0));
    drop(send);
    driven.await.expect("it comes to an end");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_fails_in_one_call_tries_it_again_and_then_fails_that_call_alone() {
    let house = House::new(&[("good", 10, says(vec![act(BELL, "")]))]);
    let extensions = [approved("a.bad", 1, &[BELL]), approved("a.good", 2, &[BELL])];
    drive(&house, &extensions, vec![window(1), window(2)]).await;
    let expected = ["1 good Apply log of good", "2 good Apply log of good", "1 bad Failed -", "2 bad Failed -"];
    assert_eq!(house.lines(), expected, "it is tried again, and holds up nobody");
    assert!(house.quarantined.lock().expect("nobody panicked in it").is_empty(), "it is not its fault");
}

#[tokio::test(start_paused = true)]
async fn more_events_than_can_be_under_way_are_all_told_in_order() {
    let house = House::new(&[("one", 1, says(vec![]))]);
    let events = 1..=2 * EXTENSION_ROUNDS_MAX as u64;
    drive(&house, &[approved("a.one", 1, &[])], events.clone().map(window).collect()).await;
    let expected: Vec<_> = events.map(|seq| format!("{seq} one Abstained log of one")).collect();
    assert_eq!(house.lines(), expected);
}

#[tokio::test(start_paused = true)]
async fn repeated_failure_is_made_durable() {
    let house = House::new(&[("bad", 1, failed())]);
    drive(&house, &[approved("a.bad", 1, &[])], (1..=9).map(window).collect()).await;
    assert_eq!(*house.quarantined.lock().expect("nobody panicked in it"), ["a.bad"]);
    assert_eq!(house.lines().iter().filter(|line| line.contains("Failed")).count(), 5);
}

/// A house in which `a.bad` has just failed too often.
struct Ailing {
    house: Arc<House>,
    seq: u64,
    events: mpsc::Sender<Occurrence>,
    news: mpsc::Sender<News>,
    driven: tokio::task::JoinHandle<Dispatch>,
}

impl Ailing {
    async fn new(durable: Option<bool>) -> Self {
        let house = House::new(&[("bad", 1, failed())]);
        house.durable.send_replace(durable);
        let ((events, receive), (news, hear)) = (mpsc::channel(1), mpsc::channel(1));
        let driver = Driver::new(dispatch(roster(&[approved("a.bad", 1, &[])], &[])), house.clone());
        let mut ailing = Self { house, seq: 0, events, news, driven: tokio::spawn(driver.run(receive, hear)) };
        assert_eq!(ailing.calls(9).await, 5);
        ailing
    }

    /// Tells of these extensions.
    async fn replace(&self, extensions: &[Approved]) {
        self.tell_of(roster(extensions, &[])).await;
    }

    async fn tell_of(&self, roster: Roster) {
        self.news.send(News::Replaced(Box::new(roster))).await.expect("it takes them");
        self.settle().await;
    }

    /// How often it is called for so many events more.
    async fn calls(&mut self, events: u64) -> usize {
        let before = self.house.left.lock().expect("nobody panicked in it").len();
        for _ in 0..events {
            self.seq += 1;
            self.house.log.lock().expect("nobody panicked in it").push(window(self.seq));
            self.events.send(window(self.seq)).await.expect("it takes them all");
            self.settle().await;
        }
        self.house.left.lock().expect("nobody panicked in it").len() - before
    }

    /// The time is a test's own: this is after everything that could happen has happened.
    async fn settle(&self) {
        time::sleep(Duration::from_millis(100)).await;
    }

    async fn end(self) {
        drop(self.events);
        self.driven.await.expect("it comes to an end");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_enabled_again_before_the_quarantine_is_done_runs_when_it_is() {
    let mut ailing = Ailing::new(None).await;
    ailing.replace(&[approved("a.bad", 1, &[])]).await;
    assert_eq!(ailing.calls(1).await, 0, "it may be a roster from before the quarantine");
    ailing.house.durable.send_replace(Some(true));
    ailing.settle().await;
    assert_eq!(ailing.calls(1).await, 1, "no other roster comes");
    ailing.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_quarantine_that_cannot_be_written_holds_for_that_code_until_somebody_switches_it_off() {
    let mut ailing = Ailing::new(Some(false)).await;
    let bad = approved("a.bad", 1, &[]);
    ailing.replace(std::slice::from_ref(&bad)).await;
    assert_eq!(ailing.calls(1).await, 0, "the lock says that it runs, and it does not");
    ailing.replace(&[]).await;
    ailing.replace(std::slice::from_ref(&bad)).await;
    assert_eq!(ailing.calls(9).await, 5, "somebody has enabled it, and it fails again");
    ailing.replace(&[approved("a.bad", 1, &[BELL])]).await;
    assert_eq!(ailing.calls(1).await, 1, "other code has not failed");
    ailing.end().await;
}

#[tokio::test(start_paused = true)]
async fn how_far_extensions_have_come_is_told_at_most_once_a_second_and_at_the_end() {
    let house = House::new(&[("one", 10, says(vec![])), ("slow", 700, says(vec![]))]);
    let extensions = [approved("a.one", 1, &[]), approved("a.slow", 1, &[])];
    let begun = time::Instant::now();
    drive(&house, &extensions, (1..=3).map(window).collect()).await;
    let advanced = house.advanced.lock().expect("nobody panicked in it");
    let told: Vec<_> = advanced
        .iter()
        .map(|(at, low)| {
            let low = low.iter().map(|(extension, low)| format!("{} {low}", extension.name()));
            (at.duration_since(begun).as_millis(), low.collect::<Vec<_>>())
        })
        .collect();
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let expected = [
        (0, lines(&["one 0", "slow 0"])),
        (1000, lines(&["one 3", "slow 1"])),
        (2000, lines(&["slow 2"])),
        (2100, lines(&["slow 3"])),
    ];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn an_idle_driver_tells_nothing() {
    let house = House::new(&[("one", 10, says(vec![]))]);
    let (send, receive) = mpsc::channel(1);
    let (_news, news) = mpsc::channel(1);
    let driver = Driver::new(dispatch(roster(&[approved("a.one", 1, &[])], &[])), house.clone());
    let driven = tokio::spawn(driver.run(receive, news));
    send.send(window(1)).await.expect("it takes it");
    time::sleep(Duration::from_secs(60)).await;
    assert_eq!(house.advanced.lock().expect("nobody panicked in it").len(), 2);
    drop(send);
    driven.await.expect("it comes to an end");
    assert_eq!(house.advanced.lock().expect("nobody panicked in it").len(), 2, "nothing is left to tell");
}

#[tokio::test(start_paused = true)]
async fn one_that_sleeps_beside_others_holds_up_none_of_them_in_any_session() {
    let house = House::new(&[("sleeps", 900_000, says(vec![act(BELL, "")])), ("works", 10, says(vec![act(BELL, "")]))]);
    let extensions = [approved("a.sleeps", 1, &[BELL]), approved("a.works", 2, &[BELL])];
    let events: Vec<_> = (1..=100).map(|seq| event(seq, "window.opened", &(seq % 10).to_string())).collect();
    let driven = tokio::spawn({
        let house = Arc::clone(&house);
        async move { drive(&house, &extensions, events).await }
    });
    // The time is a test's own: long after the neighbour has done with everything, and long before the sleeper has.
    time::sleep(Duration::from_secs(60)).await;
    let lines = house.lines();
    assert_eq!(lines.iter().filter(|line| line.ends_with("works Apply log of works")).count(), 100, "{lines:?}");
    assert_eq!(lines.len(), 100, "the other sleeps");
    let dispatch = driven.await.expect("it comes to an end");
    assert_eq!(house.lines().len(), 200);
    assert_eq!(dispatch.low(&id("a.sleeps")), Some(Seq(100)));
}

#[tokio::test(start_paused = true)]
async fn one_that_falls_far_behind_reads_the_log_until_it_has_heard_all_in_order() {
    let house = House::new(&[("slow", 1_000, says(vec![])), ("works", 1, says(vec![]))]);
    let extensions = [approved("a.slow", 1, &[]), approved("a.works", 2, &[])];
    let events = 1..=3 * EXTENSION_ROUNDS_MAX as u64;
    let dispatch = drive(&house, &extensions, events.clone().map(window).collect()).await;
    for name in ["slow", "works"] {
        let lines = house.lines().into_iter().filter(|line| line.ends_with(&format!("log of {name}")));
        let expected: Vec<_> = events.clone().map(|seq| format!("{seq} {name} Abstained log of {name}")).collect();
        assert_eq!(lines.collect::<Vec<_>>(), expected);
        assert_eq!(dispatch.low(&id(&format!("a.{name}"))), Some(Seq(*events.end())));
    }
}

#[tokio::test(start_paused = true)]
async fn code_that_fails_while_it_serves_for_what_was_approved_is_not_called_again_whatever_the_rosters_say() {
    let mut ailing = Ailing::new(Some(true)).await;
    let (failed, approved) = (approved("a.bad", 1, &[]), approved("a.bad", 1, &[BELL]));
    let (other, quarantined) = (approved.clone(), standing(&failed, quarantined()));
    ailing.replace(std::slice::from_ref(&quarantined)).await;
    // A person approves other code, and until that is ready the one before it would serve.
    ailing.tell_of(roster_serving(&[approved], &[], &[&failed])).await;
    assert_eq!(ailing.calls(3).await, 0);
    ailing.replace(&[other]).await;
    let calls = ailing.house.left.lock().expect("nobody panicked in it").len();
    assert_eq!(calls, EXTENSION_FAILURES_MAX + 3, "what was approved goes on from where it begins");
    assert_eq!(ailing.calls(1).await, 1);
    ailing.end().await;
}
