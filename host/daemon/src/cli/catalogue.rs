//! What Codex offers, page by page: `models`, `apps`, `features`, `collaboration-modes`. One line of a table each.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Context;
use super::failure::Failure;
use super::plain::{cell, plain, table};

/// Something that Codex offers
#[derive(Debug, Subcommand)]
pub(super) enum Catalogue {
    /// List it
    List(Page),
}

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

/// What is listed, where, and what of it is shown.
pub(super) struct Listing {
    pub(super) path: &'static [&'static str],
    pub(super) headings: [&'static str; 3],
    pub(super) members: [&'static str; 3],
}

/// `models`
pub(super) const MODELS: Listing =
    Listing { path: &["models"], headings: ["MODEL", "NAME", "DEFAULT"], members: ["id", "displayName", "isDefault"] };
/// `apps`
pub(super) const APPS: Listing =
    Listing { path: &["apps"], headings: ["APP", "NAME", "ENABLED"], members: ["id", "name", "isEnabled"] };
/// `features`
pub(super) const FEATURES: Listing = Listing {
    path: &["features", "experimental"],
    headings: ["FEATURE", "STAGE", "ENABLED"],
    members: ["name", "stage", "enabled"],
};
/// `collaboration-modes`
pub(super) const COLLABORATION_MODES: Listing = Listing {
    path: &["collaboration", "modes"],
    headings: ["NAME", "MODE", "EFFORT"],
    members: ["name", "mode", "reasoning_effort"],
};
/// `mcp servers`
pub(super) const MCP_SERVERS: Listing = Listing {
    path: &["mcp", "servers"],
    headings: ["SERVER", "LOGIN", "TOOLS"],
    members: ["name", "authStatus", "tools"],
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
        let mut query = Vec::new();
        query.extend(page.limit.map(|limit| ("limit", limit.to_string())));
        query.extend(page.cursor.map(|cursor| ("cursor", cursor)));
        let answer = context.client()?.get(self.path, &query).await?;
        context.output.answer(&answer, |body| self.text(body))
    }

    fn text(&self, body: &Value) -> String {
        let row = |entry: &Value| self.members.map(|member| shown(&entry[member]));
        let rows: Vec<_> = body["data"].as_array().into_iter().flatten().map(row).collect();
        let mut text = table(self.headings, &rows);
        if let Some(cursor) = body["nextCursor"].as_str() {
            text.push_str(&format!("\nmore: --cursor {}", plain(cursor)));
        }
        text
    }
}

/// Of what has members, how many.
fn shown(value: &Value) -> String {
    value.as_object().map_or_else(|| cell(value), |members| members.len().to_string())
}
