//! Who did it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::TokenId;

/// The one who caused an effect. Written beside everything that was done, as `user`, `token:<id>` and so on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Actor {
    /// The person at this machine, through the embedding program itself.
    User,
    /// The bearer of a token.
    Token(TokenId),
    /// An extension, by its id.
    Extension(String),
    /// The host itself: recovery, expiry, supervision.
    Host,
    /// An actor of a kind that this version does not know, kept as it was written.
    Other(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User => f.write_str("user"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::Extension(id) => write!(f, "extension:{id}"),
            Self::Host => f.write_str("host"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}

impl From<String> for Actor {
    fn from(text: String) -> Self {
        match text.as_str() {
            "user" => Self::User,
            "host" => Self::Host,
            _ => match text.split_once(':') {
                Some(("token", id)) => Self::Token(TokenId::new(id)),
                Some(("extension", id)) => Self::Extension(id.to_owned()),
                _ => Self::Other(text),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_reads_back_as_it_was_written() {
        for text in ["user", "host", "token:tok_1", "extension:acme.guard", "job:7"] {
            assert_eq!(Actor::from(text.to_owned()).to_string(), text);
        }
        assert_eq!(Actor::from("extension:acme.guard".to_owned()), Actor::Extension("acme.guard".to_owned()));
    }
}
