//! What can be changed.

use std::ops::Deref;

use rusqlite::{Connection, Params};

use crate::{Error, View};

/// One operation's part of the writer's transaction. It sees everything that a [`View`] sees, and what the operations
/// before it have done. The commands are beside their nouns: `tx.put_session(…)`, `tx.append_event(…)`.
///
/// Each of them fails with an [`Error`] when the database cannot be written, [`Error::Full`] above all. What else can
/// go wrong is said where it can.
pub struct Tx<'a>(View<'a>);

impl<'a> Tx<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Self {
        Self(View::new(connection))
    }

    /// Runs a statement; whether it changed anything.
    pub(crate) fn change(&self, sql: &str, params: impl Params) -> Result<bool, Error> {
        Ok(self.execute(sql, params)? > 0)
    }
}

impl<'a> Deref for Tx<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.0
    }
}
