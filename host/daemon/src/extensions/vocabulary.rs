//! What extensions may name here, for those who judge them and run nothing: the shelf and the command line.

use async_trait::async_trait;
use codex_manager_extension::capability::kv::{self, Entry, Kept, Keys};
use codex_manager_extension::capability::sessions::{self, Asker, Sessions};
use codex_manager_extension::{ExtensionId, Vocabulary};
use serde_json::Value;

use super::registry::registry;
use super::settings::Defaults;

/// The vocabulary of the registry that extensions are linked with.
pub(crate) fn vocabulary() -> Vocabulary {
    registry(Nothing, Nothing, Defaults::default()).vocabulary().clone()
}

/// Stands where nobody asks.
struct Nothing;

#[async_trait]
impl Kept for Nothing {
    async fn get(&self, _: &ExtensionId, _: &str) -> Result<Option<Entry>, kv::Fault> {
        Ok(None)
    }

    async fn keys(&self, _: &ExtensionId, _: &str, _: Option<&str>, _: u32) -> Result<Keys, kv::Fault> {
        Ok(Keys { keys: Vec::new(), version: 0 })
    }

    async fn bytes(&self, _: &ExtensionId) -> Result<u64, kv::Fault> {
        Ok(0)
    }
}

#[async_trait]
impl Sessions for Nothing {
    async fn get(&self, _: &Asker, _: &str) -> Result<Option<Value>, sessions::Fault> {
        Ok(None)
    }

    async fn list(&self, _: &Asker, _: Option<&str>, _: u32) -> Result<Vec<Value>, sessions::Fault> {
        Ok(Vec::new())
    }

    async fn items(&self, _: &Asker, _: &str, _: Option<&str>, _: u32) -> Result<Option<Vec<Value>>, sessions::Fault> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_may_be_asked_for_has_a_sentence() {
        let vocabulary = vocabulary();
        let capabilities = vocabulary.capabilities.iter().map(|(name, kind)| (name, &kind.sentence));
        let actions = vocabulary.actions.iter().map(|(name, kind)| (name, &kind.sentence));
        let told: Vec<_> = capabilities.chain(actions).collect();
        assert!(told.iter().all(|(_, sentence)| !sentence.is_empty()), "{told:?}");
        assert!(told.len() >= 7, "{told:?}");
    }
}
