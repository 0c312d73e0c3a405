//! Which page of a list: the flags that such lists have in common.

use clap::Args;

/// Which page of a list.
#[derive(Debug, Args)]
pub(super) struct Page {
    /// How many at most
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: Option<u32>,
    /// Go on where the previous page ended
    #[arg(long)]
    cursor: Option<String>,
}

impl Page {
    /// In the words of the API.
    pub(super) fn query(self) -> impl Iterator<Item = (&'static str, String)> {
        let limit = self.limit.map(|limit| ("limit", limit.to_string()));
        limit.into_iter().chain(self.cursor.map(|cursor| ("cursor", cursor)))
    }
}
