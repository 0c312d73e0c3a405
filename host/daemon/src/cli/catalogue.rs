//! What Codex offers, page by page: `models`, `apps`, `features`, `collaboration-modes`. One line of a table each.

use clap::Subcommand;
use serde_json::Value;

use super::Context;
use super::failure::Failure;
use super::page::Page;
use super::plain::cell;

/// Something that Codex offers
#[derive(Debug, Subcommand)]
pub(super) enum Catalogue {
    /// List it
    List(Page),
}

/// What is listed, where, and what of it is shown.
pub(super) struct Listing {
    pub(super) path: &'static [&'static str],
    pub(super) headings: [&'static str; 3],
    pub(super) members: [&'static str; 3],
    pub(super) nothing: &'static str,
}

/// `models`
pub(super) const MODELS: Listing = Listing {
    path: &["models"],
    headings: ["MODEL", "NAME", "DEFAULT"],
    members: ["id", "displayName", "isDefault"],
    nothing: "Codex offers no models",
};
/// `apps`
pub(super) const APPS: Listing = Listing {
    path: &["apps"],
    headings: ["APP", "NAME", "ENABLED"],
    members: ["id", "name", "isEnabled"],
    nothing: "Codex offers no apps",
};
/// `features`
pub(super) const FEATURES: Listing = Listing {
    path: &["features", "experimental"],
    headings: ["FEATURE", "STAGE", "ENABLED"],
    members: ["name", "stage", "enabled"],
    nothing: "Codex has no experimental features",
};
/// `collaboration-modes`
pub(super) const COLLABORATION_MODES: Listing = Listing {
    path: &["collaboration", "modes"],
    headings: ["NAME", "MODE", "EFFORT"],
    members: ["name", "mode", "reasoning_effort"],
    nothing: "Codex has no such modes",
};
/// `mcp servers`
pub(super) const MCP_SERVERS: Listing = Listing {
    path: &["mcp", "servers"],
    headings: ["SERVER", "LOGIN", "TOOLS"],
    members: ["name", "authStatus", "tools"],
    nothing: "Codex knows no MCP servers",
};

impl Catalogue {
    pub(super) async fn run(self, context: &Context, listing: &Listing) -> Result<(), Failure> {
        let Self::List(page) = self;
        listing.print(context, page).await
    }
}

impl Listing {
    /// Prints a page of it.
    pub(super) async fn print(&self, context: &Context, page: Page) -> Result<(), Failure> {
        let query: Vec<_> = page.query().collect();
        let answer = context.client()?.get(self.path, &query).await?;
        context
            .output
            .list(&answer, self.headings, self.nothing, |entry| self.members.map(|member| shown(&entry[member])))
    }
}

/// Of what has members, how many.
fn shown(value: &Value) -> String {
    value.as_object().map_or_else(|| cell(value), |members| members.len().to_string())
}
