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
    /// A name as names are compared: without the blanks around it, in lower case. By way of the upper case, where letters
    /// meet of which there are several small ones.
    pub fn folded(name: &str) -> String {
        name.trim().to_lowercase().to_uppercase().to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_alone_are_one() {
        for [one, other] in
            [["Garden", " gARDEN\t"], ["οδος", "ΟΔΟΣ"], ["οδοσ", "οδος"], ["Straße", "STRASSE"], ["ẞ", "ss"]]
        {
            assert_eq!(Project::folded(one), Project::folded(other), "{one} {other}");
        }
        assert_eq!(Project::folded("Gärten"), "gärten");
        assert_ne!(Project::folded("Gärten"), Project::folded("Garten"));
    }
}
