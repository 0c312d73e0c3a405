//! What extensions keep, read from the store. It is written by [`commit`](super::commit) alone.

use async_trait::async_trait;
use codex_manager_extension::ExtensionId;
use codex_manager_extension::capability::kv::{Entry, Fault, Kept, Keys};
use codex_manager_store::{Error, Store, View};

/// The store, as the capability `kv` reads it.
pub(super) struct StoreKept(pub(super) Store);

impl StoreKept {
    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&View<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Fault> {
        self.0.read(look).await.map_err(|error: Error| {
            tracing::warn!(%error, "what an extension keeps cannot be read");
            Fault { code: "unavailable".to_owned(), message: "the store cannot be read now".to_owned() }
        })
    }
}

#[async_trait]
impl Kept for StoreKept {
    async fn get(&self, extension: &ExtensionId, key: &str) -> Result<Option<Entry>, Fault> {
        let (extension, key) = (extension.clone(), key.to_owned());
        let found = self.read(move |view| view.kv_get(extension.as_str(), &key)).await?;
        Ok(found.map(|(value, version)| Entry { value, version }))
    }

    async fn keys(
        &self,
        extension: &ExtensionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Keys, Fault> {
        let (extension, prefix, after) = (extension.clone(), prefix.to_owned(), after.map(str::to_owned));
        let look = move |view: &View<'_>| view.kv_keys(extension.as_str(), &prefix, after.as_deref(), limit);
        let (keys, version) = self.read(look).await?;
        Ok(Keys { keys, version })
    }

    async fn bytes(&self, extension: &ExtensionId) -> Result<u64, Fault> {
        let extension = extension.clone();
        self.read(move |view| view.kv_bytes(extension.as_str())).await
    }
}
