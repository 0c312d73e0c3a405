//! Feeling a child's pulse: one that has gone quiet while calls wait is asked something harmless, and counts as answering
//! again as soon as a line comes.
//!
//! What takes long looks the same from outside as a child that hangs, and only an answer tells them apart. It ends
//! nothing: that is for [`Silence`](crate::silence::Silence) to decide, after a much longer time.

use std::convert::Infallible;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

use crate::connection::Connection;
use crate::shared::Shared;
use crate::timeouts::Timeouts;

/// Lists what is in memory, changes nothing, and needs nobody else to answer.
const METHOD: &str = "thread/loaded/list";

/// How often it is looked, as one part in so many of [`Timeouts::pulse`].
const LOOKS: u32 = 5;

/// Feels it for as long as the life goes on.
pub(crate) async fn feel(connection: &Connection, shared: &Shared, timeouts: &Timeouts) -> Infallible {
    let mut waits_since: Option<Instant> = None;
    loop {
        sleep(timeouts.pulse / LOOKS).await;
        if connection.pending().is_empty() && shared.state.borrow().answers {
            waits_since = None;
            continue;
        }
        let waits_since = *waits_since.get_or_insert_with(Instant::now);
        let quiet = connection.silence().quiet_since(waits_since);
        if quiet.is_some_and(|since| since.elapsed() >= timeouts.pulse) {
            ask(connection, shared, timeouts).await;
        }
    }
}

/// Asks, and shows whether an answer comes. One that is late is waited for all the same, so that it is no surprise.
async fn ask(connection: &Connection, shared: &Shared, timeouts: &Timeouts) {
    let asked = Instant::now();
    let params = json!({ "limit": 1 });
    let answer = connection.call(METHOD, &params, asked + timeouts.silence.max(timeouts.pulse));
    tokio::pin!(answer);
    let heard = || connection.silence().quiet_since(asked).is_none_or(|since| since > asked);
    let look_every = timeouts.pulse / LOOKS;
    let mut look = asked + timeouts.pulse;
    loop {
        tokio::select! {
            // Whatever it says: a child that refuses to list its threads is there.
            _ = &mut answer => break,
            () = sleep_until(look) => {
                let answers = heard();
                shared.answers(answers);
                look = Instant::now() + look_every.max(Duration::from_millis(1));
            }
        }
    }
    shared.answers(heard());
}
