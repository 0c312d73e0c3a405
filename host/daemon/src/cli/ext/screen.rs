//! The approval screen: who it is, what is new, what it may do and hear, what a call may use, and whether anybody but a
//! person could say yes. What the host says and what the author says stand on lines of their own.
//!
//! Plain text, no wider than a terminal; nothing of it acts on one.

use std::time::Duration;

use codex_manager_extension::Handler;
use serde_json::Value;

use super::super::Context;
use super::super::failure::Failure;
use super::super::plain::wrapped;
use super::list::{off_the_list, rule};

/// Where extensions are in the API.
pub(super) const PATH: [&str; 2] = ["agents", "extensions"];

pub(super) async fn show(context: &Context, extension: &str) -> Result<(), Failure> {
    let answer = context.client()?.get(&[PATH[0], PATH[1], extension], &[]).await?;
    context.output.answer(&answer, screen)
}

/// The screen for an answer about one extension: of what waits, else of what was approved.
pub(super) fn screen(body: &Value) -> String {
    let extension = &body["extension"];
    let (approved, waiting) = (&extension["approved"], &extension["waiting"]);
    let review = if waiting.is_null() { &body["granted"] } else { waiting };
    let mut page = Page::default();
    if review.is_null() {
        page.line("", text(&extension["id"]));
    } else {
        introduction(&mut page, review);
    }
    match extension["folder"].as_str() {
        Some(folder) => page.line("  lies in  ", folder),
        None => page.line("  note     ", &off_the_list(text(&extension["id"]))),
    }
    if let Some(fault) = extension["fault"].as_str() {
        page.line("  fault    ", fault);
        page.line("  mend     ", text(&extension["nextStep"]));
    }
    if !approved.is_null() {
        standing(&mut page, extension);
    }
    if !waiting.is_null() {
        news(&mut page, waiting);
        required(&mut page, extension);
    }
    if !review.is_null() {
        asks(&mut page, review, if waiting.is_null() { "It may" } else { "It asks to" });
        limits(&mut page, review);
        settings(&mut page, review);
        page.heading("It reaches no network, no files, and nothing that other extensions keep.");
    }
    contained(&mut page, &body["contained"]);
    page.lines.join("\n")
}

fn introduction(page: &mut Page, review: &Value) {
    let [id, version, name] = ["id", "version", "name"].map(|member| text(&review[member]));
    page.line("", &format!("{id} {version}: \"{name}\""));
    page.line("  ", &format!("\"{}\"", text(&review["description"])));
    for (what, member) in [("  licence  ", "license"), ("  more at  ", "homepage")] {
        if let Some(said) = review[member].as_str() {
            page.line(what, &format!("\"{said}\""));
        }
    }
}

fn standing(page: &mut Page, extension: &Value) {
    let approved = &extension["approved"];
    let standing = &approved["standing"];
    let (version, by, at) = (text(&approved["version"]), text(&approved["by"]), text(&approved["at"]));
    page.heading(&format!("Approved: {version}, by {by} at {at}"));
    page.line("  ", text(&approved["digest"]));
    let state = text(&extension["state"]);
    let runs = extension["runs"]["version"].as_str();
    match (state, runs, standing["reason"].as_str()) {
        ("running", ..) => page.line("  ", "it runs"),
        (_, Some(version), _) => page.line("  ", &format!("{state}: {version} runs until it is ready")),
        (_, None, Some(reason)) => page.line("  ", &format!("{state}, it does not run: {reason}")),
        (_, None, None) => page.line("  ", &format!("{state}, it does not run")),
    }
    match rule(extension) {
        Some(said) => page.line("  ", said),
        None if extension["required"] == true => {
            page.line("  ", "required: before it has answered, no other extension may accept; you can");
        }
        None => {}
    }
    if standing["state"] != "enabled" {
        page.line("  next     ", &format!("codex-manager ext enable {}", text(&approved["id"])));
    }
}

fn news(page: &mut Page, waiting: &Value) {
    page.heading(&format!("Waiting for a yes: {}", text(&waiting["sentence"])));
    page.line("  ", text(&waiting["digest"]));
    for change in array(&waiting["news"]["changes"]) {
        let (was, now) = (&change["was"], &change["now"]);
        let part = part(&change["part"]);
        if change["part"]["what"] == "limit" {
            let most = |limit: &Value| most(text(&change["part"]["name"]), &limit["most"]);
            page.line("  changed  ", &format!("{part}: was {}, now {}", most(was), most(now)));
        } else if was.is_null() {
            page.line("  new      ", &part);
        } else if now.is_null() {
            page.line("  gone     ", &part);
        } else {
            page.line("  changed  ", &part);
            differences(page, was, now);
        }
    }
}

/// What follows from a yes for other extensions.
fn required(page: &mut Page, extension: &Value) {
    if extension["requiredIfApproved"] == true {
        let said = "it will be required: before it has answered, no other extension may accept; you can. Approve it with \
                    `--required no` to say otherwise";
        page.line("  rule     ", said);
    }
}

/// Which parameters are others, and those alone.
fn differences(page: &mut Page, was: &Value, now: &Value) {
    for (name, now) in now.as_object().into_iter().flatten().filter(|(name, now)| was[name.as_str()] != **now) {
        page.line(&format!("             {name} was  "), &value(&was[name.as_str()]));
        page.line(&format!("             {name} now  "), &value(now));
    }
    for (name, was) in was.as_object().into_iter().flatten().filter(|(name, _)| now.get(name.as_str()).is_none()) {
        page.line(&format!("             {name} was  "), &value(was));
    }
}

fn asks(page: &mut Page, review: &Value, may: &str) {
    let is_heard = |ask: &&Value| ask["part"]["what"] == "handler";
    let (heard, wanted): (Vec<_>, Vec<_>) = array(&review["asks"]).partition(is_heard);
    page.heading(&format!("{may} (in quotes is why, in its author's words)"));
    for ask in &wanted {
        page.line(mark(ask), text(&ask["sentence"]));
        page.line("         as   ", &format!("{}{}", part(&ask["part"]), with(&ask["parameters"])));
        page.line("         why  ", &format!("\"{}\"", text(&ask["reason"])));
    }
    if wanted.is_empty() {
        page.line("       ", "nothing: it only listens");
    }
    page.heading("It hears");
    for ask in heard {
        array(&ask["heard"]).for_each(|heard| hears(page, heard));
        if ask["parameters"]["own_events"] == true {
            page.line(mark(ask), "what it caused itself, too");
        }
        let (priority, usual) = (&ask["parameters"]["priority"], Handler::PRIORITY_DEFAULT);
        if priority.as_u64().is_some_and(|priority| priority != u64::from(usual)) {
            let order = "the smaller goes first, and has what only one may have";
            page.line("       ", &format!("with priority {priority}, usually {usual}: {order}"));
        }
    }
}

/// What it is told, in the host's words, where the host has any.
fn hears(page: &mut Page, heard: &Value) {
    match heard["sentence"].as_str().filter(|sentence| !sentence.is_empty()) {
        Some(sentence) => {
            page.line(mark(heard), sentence);
            page.line("         as   ", text(&heard["kind"]));
        }
        None => page.line(mark(heard), text(&heard["kind"])),
    }
}

fn limits(page: &mut Page, review: &Value) {
    page.heading("Each call may");
    for limit in array(&review["limits"]) {
        match limit["usual"].as_str() {
            Some(usual) => {
                page.line(mark(limit), &format!("{}, more than the usual {usual}", text(&limit["sentence"])))
            }
            None => page.line(mark(limit), text(&limit["sentence"])),
        }
    }
}

fn settings(page: &mut Page, review: &Value) {
    let settings: Vec<_> = array(&review["settings"]).collect();
    if settings.is_empty() {
        return;
    }
    page.heading("Its settings, each as it is: nobody can set them yet");
    for setting in settings {
        page.line("       ", &format!("{} = {}", text(&setting["name"]), setting["default"]));
        page.line("         for  ", &format!("\"{}\"", text(&setting["description"])));
    }
}

fn contained(page: &mut Page, contained: &Value) {
    if contained["state"] == "contained" {
        page.heading("Codex is contained: what it runs cannot say yes in your place.");
        return;
    }
    page.heading(&format!("Codex is **not contained**: {}", text(&contained["reason"])));
    page.line("  ", &format!("{}; so they could approve extensions too", text(&contained["meaning"])));
}

/// The most of what is limited, with its unit.
fn most(name: &str, most: &Value) -> String {
    match (name, most.as_u64()) {
        (_, None) => "the usual".to_owned(),
        ("memory", Some(bytes)) if bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        ("memory", Some(bytes)) => format!("{bytes} bytes"),
        (_, Some(millis)) => format!("{:?}", Duration::from_millis(millis)),
    }
}

/// `action approval.decline`.
fn part(part: &Value) -> String {
    format!("{} {}", text(&part["what"]), text(&part["name"]))
}

/// The parameters, if there are any.
fn with(parameters: &Value) -> String {
    match parameters.as_object() {
        Some(held) if !held.is_empty() => format!(" with {parameters}"),
        _ => String::new(),
    }
}

/// A parameter; of several texts each one may be broken from the next.
fn value(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Array(items) => items.iter().map(self::value).collect::<Vec<_>>().join(", "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn mark(ask: &Value) -> &'static str {
    if ask["isNew"] == true { "  new  " } else { "       " }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What was set so far.
#[derive(Default)]
struct Page {
    lines: Vec<String>,
}

impl Page {
    fn line(&mut self, prefix: &str, text: &str) {
        self.lines.push(wrapped(prefix, text));
    }

    /// A line that begins something new.
    fn heading(&mut self, text: &str) {
        self.lines.push(String::new());
        self.line("", text);
    }
}

#[cfg(test)]
mod tests;
