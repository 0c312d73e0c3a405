//! The controls of sessions whose creator says nothing, once somebody has changed them.

use codex_manager_model::Controls;

use crate::column::{Json, json};
use crate::{Error, Tx, View};

impl View<'_> {
    /// The controls that somebody has made the default; `None` while it is the configuration that says.
    pub fn default_controls(&self) -> Result<Option<Controls>, Error> {
        self.one("SELECT controls FROM defaults", [], |row| json(row, "controls"))
    }
}

impl Tx<'_> {
    /// Makes controls the default of new sessions.
    pub fn put_default_controls(&self, controls: &Controls) -> Result<(), Error> {
        self.execute("INSERT OR REPLACE INTO defaults (only_row, controls) VALUES (1, ?1)", [Json(controls)])?;
        Ok(())
    }
}
