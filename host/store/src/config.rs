//! How a store is opened.

use std::path::PathBuf;
use std::sync::Arc;

use crate::database::Database;
use crate::folder;
use crate::readers::Readers;
use crate::writer::Writer;
use crate::{Error, OpenError, Store};

/// Where a store lies and how large it may become.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data folder. It is made, for its owner alone, if it is missing.
    pub folder: PathBuf,
    /// How large the database may become, in bytes; `None` leaves it to the disk. What SQLite keeps beside it until
    /// the next checkpoint is not counted.
    pub size_bytes_max: Option<u64>,
}

impl Config {
    /// The database's file, which the folder may not have yet.
    pub fn file(&self) -> PathBuf {
        folder::file(&self.folder)
    }

    /// Looks at the folder and at the file in it, and changes nothing. What is missing would be made by
    /// [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// Whatever [`OpenError`] names that shows before anything is written: whose they are, who can change them, and
    /// whether they are a folder and a file at all.
    pub fn check(&self) -> Result<(), OpenError> {
        folder::check(&self.folder)
    }

    /// Whether [`open`](Self::open) would leave the schema as it is. A store that is missing has none to change.
    ///
    /// # Errors
    ///
    /// As `open`'s, as far as they show.
    pub fn is_current(&self) -> Result<bool, OpenError> {
        self.check()?;
        match self.file().exists() {
            true => Database::new(self.file(), None).is_current(),
            false => Ok(true),
        }
    }

    /// Opens the store, making or migrating it first, and starts its writer. Blocks; call it once, at the start.
    ///
    /// # Errors
    ///
    /// Whatever [`OpenError`] names: above all a folder that cannot be written, a file that is not ours or that others
    /// can change, and a schema newer than this program.
    pub fn open(self) -> Result<Store, OpenError> {
        let path = folder::prepare(&self.folder)?;
        let database = Arc::new(Database::new(path, self.size_bytes_max));
        let connection = database.prepare()?;
        let (writer, handle) = Writer::new(Arc::clone(&database), connection)?;
        writer.start().map_err(|error| OpenError::Database {
            path: database.path().to_owned(),
            source: Error::Io(Arc::new(error)),
        })?;
        Ok(Store::new(handle, Readers::new(database)))
    }
}
