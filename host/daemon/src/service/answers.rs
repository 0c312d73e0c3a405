//! What large answers may cost together: memory, and turns at making them.
//!
//! An answer that may be large is made piece by piece, off the thread that serves requests, a few at a time. What is made
//! and not yet taken by its client is counted here, and so is what an answer under way has to remember. Whoever finds no
//! room waits, and is refused after a while. What waits for room and is in memory already is a few things at a time.
//!
//! Nobody waits for those who wait for them: whoever holds a share waits only for shares that come later in this order,
//! and for none of the same kind. A turn at making is last, and held for work alone: never while a client or the child is
//! waited for.
//!
//! ```text
//! planning ──► remembered ──► asked ──► room ──► turn
//! ```

use std::sync::Arc;
use std::thread::available_parallelism;

use bytes::Bytes;
use codex_manager_model::limits::{
    ANSWER_PIECE_BYTES, ANSWER_WAIT_MAX, ANSWERS_ASKED_MAX, ANSWERS_MADE_MAX, ANSWERS_PLANNED_MAX,
    ANSWERS_REMEMBERED_BYTES_MAX, ANSWERS_SHORT_BYTES_MAX, ANSWERS_UNTAKEN_BYTES_MAX,
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
    planning: Arc<Semaphore>,
    asked: Arc<Semaphore>,
    remembered: Arc<Semaphore>,
    untaken: Arc<Semaphore>,
    short: Arc<Semaphore>,
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
            planning: Arc::new(Semaphore::new(ANSWERS_PLANNED_MAX)),
            asked: Arc::new(Semaphore::new(ANSWERS_ASKED_MAX)),
            remembered: Arc::new(Semaphore::new(ANSWERS_REMEMBERED_BYTES_MAX / UNIT)),
            untaken: Arc::new(Semaphore::new(ANSWERS_UNTAKEN_BYTES_MAX / UNIT)),
            short: Arc::new(Semaphore::new(ANSWERS_SHORT_BYTES_MAX / UNIT)),
        }
    }

    /// A turn at making a piece, for whoever has what it takes to work without waiting for a client or the child.
    ///
    /// # Errors
    /// `too_many_answers`.
    pub(crate) async fn turn(&self) -> Result<Share, Error> {
        share(&self.making, 1).await
    }

    /// Room of so many bytes for a piece, if any is needed, and a turn at making it. Room is what clients are waited for,
    /// so it comes first.
    ///
    /// # Errors
    /// `too_many_answers`.
    pub(crate) async fn turn_with_room(&self, bytes: Option<usize>) -> Result<(Share, Option<Share>), Error> {
        let room = match bytes {
            Some(bytes) => Some(self.room(bytes).await?),
            None => None,
        };
        Ok((self.turn().await?, room))
    }

    /// The right to make a plan, and to hold it until there is room for it.
    ///
    /// # Errors
    /// `too_many_answers`.
    pub(crate) async fn planning(&self) -> Result<Share, Error> {
        share(&self.planning, 1).await
    }

    /// The right to ask the child for what may be large, and to hold its answer until there is room for it. A child that
    /// does not answer holds up those who ask it, and nobody else.
    ///
    /// # Errors
    /// `too_many_answers`.
    pub(crate) async fn asked(&self) -> Result<Share, Error> {
        share(&self.asked, 1).await
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

    /// Room for an answer that is short as a rule, apart from that for large ones: who reads large answers slowly keeps
    /// nobody from short ones.
    ///
    /// # Errors
    /// `too_many_answers`.
    pub(crate) async fn short(&self, bytes: usize) -> Result<Share, Error> {
        share(&self.short, units(bytes, ANSWERS_SHORT_BYTES_MAX)).await
    }

    /// Room for what was made with `held`, now that its size is known: a part of that, or other room for what is larger,
    /// or not short after all. `None` where there is none now: then it is given up, and made again with
    /// [room](Self::room).
    pub(crate) fn fit(&self, mut held: Share, bytes: usize) -> Option<Share> {
        let (has, wanted) = (held.0.num_permits(), units(bytes, ANSWERS_UNTAKEN_BYTES_MAX) as usize);
        let is_long = bytes > ANSWER_PIECE_BYTES && Arc::ptr_eq(held.0.semaphore(), &self.short);
        if wanted > has || is_long {
            drop(held);
            return Arc::clone(&self.untaken).try_acquire_many_owned(u32::try_from(wanted).ok()?).ok().map(Share);
        }
        drop(held.0.split(has - wanted));
        Some(held)
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
    async fn what_is_made_takes_the_room_that_it_needs_where_there_is_some() {
        let answers = Answers::new();
        let share = answers.room(ANSWERS_UNTAKEN_BYTES_MAX).await.unwrap();
        let share = answers.fit(share, 10 * UNIT).unwrap();
        let rest = answers.room(ANSWERS_UNTAKEN_BYTES_MAX - 20 * UNIT).await.unwrap();
        let share = answers.fit(share, 20 * UNIT).unwrap();
        assert!(answers.fit(share, 21 * UNIT).is_none());
        drop(rest);
        answers.room(2 * ANSWERS_UNTAKEN_BYTES_MAX).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_short_has_room_of_its_own_and_what_is_not_has_none_of_it() {
        let answers = Answers::new();
        let large = answers.room(ANSWERS_UNTAKEN_BYTES_MAX).await.unwrap();
        let share = answers.short(ANSWERS_SHORT_BYTES_MAX).await.unwrap();
        let share = answers.fit(share, ANSWER_PIECE_BYTES).unwrap();
        let other = answers.short(ANSWERS_SHORT_BYTES_MAX - ANSWER_PIECE_BYTES).await.unwrap();
        assert!(answers.fit(other, ANSWER_PIECE_BYTES + 1).is_none(), "it is not short");
        drop((large, share));
        let other = answers.short(ANSWERS_SHORT_BYTES_MAX).await.unwrap();
        let _long = answers.fit(other, ANSWER_PIECE_BYTES + 1).unwrap();
        answers.short(ANSWERS_SHORT_BYTES_MAX).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_room_holds_no_turn() {
        let answers = Answers::new();
        let held = answers.room(ANSWERS_UNTAKEN_BYTES_MAX).await.unwrap();
        let mut waiting: Vec<_> = (0..ANSWERS_MADE_MAX).map(|_| Box::pin(answers.turn_with_room(Some(1)))).collect();
        assert!(waiting.iter_mut().all(|one| one.as_mut().now_or_never().is_none()));
        let (turn, none) = answers.turn_with_room(None).now_or_never().expect("a turn at once").unwrap();
        assert!(none.is_none());
        drop((held, turn));
        waiting.swap_remove(0).await.unwrap();
    }
}
