//! The secret of a token: 256 random bits behind a prefix by which scanners know it.

use std::fmt::Write;

use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};

pub(crate) use crate::secret::Secret;

const PREFIX: &str = "cmgr_";
const RANDOM_BYTES: usize = 32;

/// Makes one from the system's randomness.
pub(super) fn fresh() -> Secret {
    let mut random = [0; RANDOM_BYTES];
    OsRng.try_fill_bytes(&mut random).expect("the system has randomness");
    let mut text = String::from(PREFIX);
    for byte in random {
        write!(text, "{byte:02x}").expect("a string takes all that is written");
    }
    Secret::new(text)
}

/// What is stored in its place. The secret is random and long, so a plain hash cannot be searched through.
pub(super) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_differ() {
        let (one, other) = (fresh(), fresh());
        assert_eq!(one.expose().len(), PREFIX.len() + 2 * RANDOM_BYTES);
        assert!(one.expose().starts_with(PREFIX));
        assert_ne!(one.expose(), other.expose());
        assert_ne!(hash(one.expose()), hash(other.expose()));
    }
}
