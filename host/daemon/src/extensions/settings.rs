//! The settings of what runs. Nobody sets any yet, so they are the defaults of the manifest.

use codex_manager_extension::capability::config::Settings;
use codex_manager_extension::{ExtensionId, Manifest};
use serde_json::{Map, Value};

/// The defaults of one version. It is linked with them, so a call of an older one that goes on sees its own.
#[derive(Default)]
pub(super) struct Defaults(Map<String, Value>);

impl Defaults {
    /// What this manifest says.
    pub(super) fn of(manifest: &Manifest) -> Self {
        Self(manifest.settings(&Map::new()).expect("nothing was given that could be wrong"))
    }
}

impl Settings for Defaults {
    fn of(&self, _: &ExtensionId) -> Map<String, Value> {
        self.0.clone()
    }
}
