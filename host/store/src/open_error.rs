//! What can go wrong while the store is being opened.

use std::io;
use std::path::PathBuf;

use crate::Error;

/// Why a store was not opened, and what to do about it. Nothing that was there before has been changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path of the data folder leads to something else, or through something else.
    #[error("{} is not a folder; name another data folder", path.display())]
    NotAFolder {
        /// The path in question.
        path: PathBuf,
    },
    /// The data folder is a symbolic link: whoever may change it would decide where we write.
    #[error("{} is a link; name the folder that it leads to, or another data folder", path.display())]
    ALink {
        /// The path in question.
        path: PathBuf,
    },
    /// The folder or a file in it cannot be made or written.
    #[error("{} cannot be written; make it writable for this user, or name another data folder", path.display())]
    NotWritable {
        /// The path in question.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Other users could change it.
    #[error("{} can be written by other users (mode {mode:03o}): take that away with chmod go-w", path.display())]
    Exposed {
        /// The path in question.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to somebody else, who could change it at any time.
    #[error("{} belongs to user {owner} and this is user {user}; name a data folder of this user's own", path.display())]
    Foreign {
        /// The path in question.
        path: PathBuf,
        /// The user that owns it.
        owner: u32,
        /// The user that this process acts as.
        user: u32,
    },
    /// The database is a symbolic link, a folder, a pipe.
    #[error("{} is not a regular file; move it away, or name another data folder", path.display())]
    NotAFile {
        /// The path in question.
        path: PathBuf,
    },
    /// The file is no SQLite database, or one of another program.
    #[error("{} is not a database of codex-manager; move it away, or name another data folder", path.display())]
    NotADatabase {
        /// The path in question.
        path: PathBuf,
    },
    /// A later version of the program has been here. Older ones would not know what they are breaking.
    #[error(
        "{} was made by a newer version (schema {found}, this one knows {known}); start that version, or name another \
         data folder",
        path.display()
    )]
    Newer {
        /// The path in question.
        path: PathBuf,
        /// The schema of the file.
        found: u32,
        /// The newest schema that this program knows.
        known: u32,
    },
    /// The SQLite that this program was linked with can corrupt databases of this kind.
    #[error("SQLite {found} is too old: {needed} or newer is needed")]
    SqliteTooOld {
        /// The version that is linked.
        found: &'static str,
        /// The first version that will do.
        needed: &'static str,
    },
    /// It was a database of this program, and parts of it cannot be read any more.
    #[error("{} is damaged; put an earlier copy in its place, or move it away to begin anew", path.display())]
    Damaged {
        /// The path in question.
        path: PathBuf,
        /// What cannot be read.
        #[source]
        source: Error,
    },
    /// SQLite could not open it or bring it up to date.
    #[error("{} could not be opened", path.display())]
    Database {
        /// The path in question.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: Error,
    },
}
