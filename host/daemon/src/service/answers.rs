//! What large answers may cost together: memory, and turns at making them.
//!
//! An answer that may be large is made piece by piece, off the thread that serves requests, a few at a time. What is made
//! and not yet taken by its client is counted here, and so is what an answer under way has to remember. Whoever finds no
//! room waits, and is refused after a while. Two rules keep those who wait from waiting for each other: a turn at making is
//! never held while a client or the child is waited for, and nobody waits for a share of one kind while they hold one of
//! that kind.

use std::sync::Arc;
use std::thread::available_parallelism;

use bytes::Bytes;
use codex_manager_model::limits::{
    ANSWER_WAIT_MAX, ANSWERS_ASKING_MAX, ANSWERS_MADE_MAX, ANSWERS_REMEMBERED_BYTES_MAX, ANSWERS_UNTAKEN_BYTES_MAX,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Error, code};

/// What memory is counted in, in bytes.
const UNIT: usize = 1024;

/// The bounds. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    making: Arc<Semaphore>,
    asking: Arc<Semaphore>,
    remembered: Arc<Semaphore>,
    untaken: Arc<Semaphore>,
}

/// A part of a bound, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Share(OwnedSemaphorePermit);

impl Answers {
    pub(crate) fn new() -> Self {
        // The others are for whoever asks for little.
        let making = available_parallelism().map_or(1, |processors| processors.get() / 2);
        Self {
            making: Arc::new(Semaphore::new(making.clamp(1, ANSWERS_MADE_MAX))),
            asking: Arc::new(Semaphore::new(ANSWERS_ASKING_MAX)),
            remembered: Arc::new(Semaphore::new(ANSWERS_REMEMBERED_BYTES_MAX / UNIT)),
            untaken: Arc::new(Semaphore::new(ANSWERS_UNTAKEN_BYTES_MAX / UNIT)),
        }
    }

    /// A turn at making a piece.
    ///
    /// # Errors
    /// `too_many_answers`.
    pub(crate) async fn turn(&self) -> Result<Share, Error> {
        share(&self.making, 1).await
    }

    /// A turn at asking the child for what is long. A child that does not answer holds up those who ask it, and nobody
    /// else.
    ///
    /// # Errors
    /// `too_many_answers`.
    pub(crate) async fn asking(&self) -> Result<Share, Error> {
        share(&self.asking, 1).await
    }

    /// Room for what an answer remembers from its beginning to its end.
    ///
    /// # Errors
    /// `too_many_answers`.
    pub(crate) async fn remember(&self, bytes: usize) -> Result<Share, Error> {
        share(&self.remembered, units(bytes, ANSWERS_REMEMBERED_BYTES_MAX)).await
    }

    /// The same, if there is room now.
    pub(crate) fn remember_now(&self, bytes: usize) -> Option<Share> {
        let units = units(bytes, ANSWERS_REMEMBERED_BYTES_MAX);
        Arc::clone(&self.remembered).try_acquire_many_owned(units).ok().map(Share)
    }

    /// Room for something that a client has yet to take.
    ///
    /// # Errors
    /// `too_many_answers`.
    pub(crate) async fn room(&self, bytes: usize) -> Result<Share, Error> {
        share(&self.untaken, units(bytes, ANSWERS_UNTAKEN_BYTES_MAX)).await
    }

    /// A share of that size in the place of `held`, without waiting.
    ///
    /// # Errors
    /// `too_many_answers`.
    pub(crate) fn resize(&self, mut held: Share, bytes: usize) -> Result<Share, Error> {
        let (has, wanted) = (held.0.num_permits(), units(bytes, ANSWERS_UNTAKEN_BYTES_MAX));
        match u32::try_from(wanted as usize - has.min(wanted as usize)) {
            Ok(more) if more > 0 => {
                let more = Arc::clone(&self.untaken).try_acquire_many_owned(more).map_err(|_| refused())?;
                held.0.merge(more);
            }
            _ => drop(held.0.split(has - wanted as usize)),
        }
        Ok(held)
    }
}

impl Share {
    /// Bytes that hold this share for as long as there is any part of them.
    pub(crate) fn of(self, bytes: impl AsRef<[u8]> + Send + 'static) -> Bytes {
        Bytes::from_owner(Counted { bytes, _share: self })
    }
}

struct Counted<T> {
    bytes: T,
    _share: Share,
}

impl<T: AsRef<[u8]>> AsRef<[u8]> for Counted<T> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

/// What is larger than all of it takes all of it.
fn units(bytes: usize, most: usize) -> u32 {
    u32::try_from(bytes.min(most).div_ceil(UNIT).max(1)).expect("the bounds are some megabytes")
}

async fn share(of: &Arc<Semaphore>, units: u32) -> Result<Share, Error> {
    match timeout(ANSWER_WAIT_MAX, Arc::clone(of).acquire_many_owned(units)).await {
        Ok(permit) => Ok(Share(permit.expect("the semaphore is never closed"))),
        Err(_) => Err(refused()),
    }
}

fn refused() -> Error {
    Error::new(code::TOO_MANY_ANSWERS, "there is no room for another large answer, so many are under way")
        .hint("try again after the time in Retry-After, and read answers as they come")
        .retry_after(ANSWER_WAIT_MAX)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_for_what_is_taken_and_is_refused_after_a_while() {
        let answers = Answers::new();
        let half = ANSWERS_UNTAKEN_BYTES_MAX / 2;
        let first = answers.room(half).await.unwrap().of(vec![7; 3]);
        let second = answers.room(half).await.unwrap().of(vec![8; 3]);
        let mut third = Box::pin(answers.room(1));
        assert!(third.as_mut().now_or_never().is_none());
        let (slice, _) = (second.slice(1..), drop(second));
        assert!(third.as_mut().now_or_never().is_none(), "a part of it is there");
        drop(slice);
        let third = third.await.unwrap();
        assert_eq!(first[..], [7; 3]);
        let refusal = answers.room(half).await.unwrap_err();
        assert_eq!((refusal.code.word, refusal.retry_after), ("too_many_answers", Some(ANSWER_WAIT_MAX)));
        drop(third);
        answers.room(half).await.unwrap();
    }

    #[tokio::test]
    async fn a_share_is_made_smaller_at_once_and_larger_where_there_is_room() {
        let answers = Answers::new();
        let share = answers.room(ANSWERS_UNTAKEN_BYTES_MAX).await.unwrap();
        let share = answers.resize(share, 10 * UNIT).unwrap();
        let rest = answers.room(ANSWERS_UNTAKEN_BYTES_MAX - 20 * UNIT).await.unwrap();
        let share = answers.resize(share, 20 * UNIT).unwrap();
        assert!(answers.resize(share, 21 * UNIT).is_err());
        drop(rest);
        answers.room(2 * ANSWERS_UNTAKEN_BYTES_MAX).await.unwrap();
    }
}
