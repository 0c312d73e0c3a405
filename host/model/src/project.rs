//! Projects.

use jiff::Timestamp;

use crate::ProjectId;

/// A name for sessions that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Ours.
    pub id: ProjectId,
    /// What people call it. No two are the same but for upper and lower case.
    pub name: String,
    /// The folder that its sessions start in, unless they say another.
    pub working_directory: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Project {
    /// A name as names are compared: without the blanks around it, in lower case.
    pub fn folded(name: &str) -> String {
        name.trim().to_lowercase()
    }
}
