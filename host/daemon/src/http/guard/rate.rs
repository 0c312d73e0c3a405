//! How often a token may ask. A client that has gone astray is told to slow down before the others notice it.
//!
//! Each token has a moment up to which its requests are paid for; a request moves it on by its price, and one that would
//! move it too far ahead of the present is refused. So there is one number a token, and nothing that counts in the back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use codex_manager_model::TokenId;
use codex_manager_model::limits::{REQUESTS_BURST, REQUESTS_PER_SECOND, TOKENS_MAX};
use tokio::time::Instant;

use crate::http::Problem;
use crate::service::code;
use crate::service::error::Error;

/// How many requests one token may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// In a second, in the long run.
    pub per_second: u32,
    /// At once, after it has been silent.
    pub burst: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self { per_second: REQUESTS_PER_SECOND, burst: REQUESTS_BURST }
    }
}

/// What each token has used of its rate.
#[derive(Clone)]
pub(super) struct Rates {
    price: Duration,
    ahead_max: Duration,
    paid_until: Arc<Mutex<HashMap<TokenId, Instant>>>,
}

impl Rates {
    pub(super) fn new(rate: Rate) -> Self {
        let price = Duration::from_secs(1) / rate.per_second.max(1);
        Self { price, ahead_max: price * rate.burst.max(1), paid_until: Arc::default() }
    }

    /// Counts one request, or says when the next one will be taken.
    pub(super) fn take(&self, token: &TokenId) -> Result<(), Problem> {
        let now = Instant::now();
        let mut paid_until = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever is not ahead has nothing to be remembered for.
        if paid_until.len() > TOKENS_MAX {
            paid_until.retain(|_, until| *until > now);
        }
        let until = paid_until.get(token).map_or(now, |until| (*until).max(now)) + self.price;
        let ahead = until.duration_since(now);
        if ahead > self.ahead_max {
            return Err(too_many(ahead - self.ahead_max));
        }
        paid_until.insert(token.clone(), until);
        Ok(())
    }
}

fn too_many(wait: Duration) -> Problem {
    Error::new(code::RATE_LIMITED, "this token sends more requests than are taken").retry_after(wait).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_taken_and_then_as_many_as_the_rate_says() {
        let rates = Rates::new(Rate { per_second: 10, burst: 3 });
        let (one, other) = (TokenId::new("one"), TokenId::new("other"));
        let taken = |id: &TokenId| (0..100).take_while(|_| rates.take(id).is_ok()).count();
        assert_eq!(taken(&one), 3);
        assert_eq!(taken(&other), 3, "each has its own");
        tokio::time::advance(Duration::from_millis(200)).await;
        assert_eq!(taken(&one), 2);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(taken(&one), 3, "silence saves up no more than a burst");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_is_forgotten() {
        let rates = Rates::new(Rate::default());
        for id in 0..=TOKENS_MAX {
            rates.take(&TokenId::new(id.to_string())).unwrap_or_else(|_| panic!("the first is taken"));
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        rates.take(&TokenId::new("new")).unwrap_or_else(|_| panic!("the first is taken"));
        assert_eq!(rates.paid_until.lock().expect("no panic").len(), 1);
    }
}
