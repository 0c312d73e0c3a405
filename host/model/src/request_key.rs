//! Names that clients give to requests.

/// Under which a request is done once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// Who sent it, by the id of the token: others may use the same name for something else.
    pub owner: String,
    /// The name, as its sender chose it.
    pub name: String,
}
