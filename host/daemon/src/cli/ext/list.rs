//! `ext list`: everything that was dropped or approved, what is wrong with it, and what to do next.

use serde_json::Value;

use super::super::Context;
use super::super::failure::Failure;
use super::super::plain::{cell, line, table, wrapped};
use super::screen::PATH;

pub(super) async fn list(context: &Context) -> Result<(), Failure> {
    let answer = context.client()?.get(&PATH, &[]).await?;
    context.output.answer(&answer, text)
}

fn text(body: &Value) -> String {
    let all: Vec<&Value> = body["extensions"].as_array().into_iter().flatten().collect();
    if all.is_empty() {
        return nothing(body);
    }
    let rows: Vec<_> = all.iter().map(|extension| row(extension)).collect();
    let table = table(["EXTENSION", "RUNS", "WAITS", "STATE"], &rows);
    let mut lines = table.lines();
    let mut told: Vec<String> = lines.next().map(str::to_owned).into_iter().collect();
    for (line, extension) in lines.zip(&all) {
        told.push(line.to_owned());
        told.extend(notes(extension));
    }
    told.join("\n")
}

/// Where was looked, and what to do.
fn nothing(body: &Value) -> String {
    let roots = body["roots"].as_array().into_iter().flatten().map(root);
    let head = "nothing was dropped or approved; the daemon looks in".to_owned();
    let next = "copy a folder with extension.toml and its component into one of these, or start the daemon with \
                `codex-manager serve --extensions FOLDER`";
    std::iter::once(head).chain(roots).chain([wrapped("next  ", next)]).collect::<Vec<_>>().join("\n")
}

fn root(root: &Value) -> String {
    let missing = if root["isThere"] == false { ", which is not there" } else { "" };
    format!("  {}{missing}", line(root["folder"].as_str().unwrap_or("?"), usize::MAX))
}

/// One that has no id has its folder for a name: on one line, whatever line breaks are in it.
fn row(extension: &Value) -> [String; 4] {
    let name = extension["id"].as_str().or(extension["folder"].as_str()).unwrap_or("?");
    let (runs, waiting) = (cell(&extension["runs"]["version"]), cell(&extension["waiting"]["version"]));
    [line(name, usize::MAX), runs, waiting, cell(&extension["state"])]
}

/// What is to be said about one. What is next is a command; what is to be mended is not.
fn notes(extension: &Value) -> impl Iterator<Item = String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (fault, approved) = (text(&extension["fault"]), &extension["approved"]);
    let place = text(&extension["folder"]).filter(|_| fault.is_some() && !extension["id"].is_null());
    let gone = extension["id"].as_str().filter(|_| extension["folder"].is_null() && !approved.is_null());
    let notes = [
        ("in", place),
        ("note", gone.map(off_the_list)),
        ("news", text(&extension["waiting"]["sentence"])),
        ("why", text(&approved["standing"]["reason"])),
        ("rule", rule(extension).map(str::to_owned)),
        ("fault", fault.clone()),
        ("mend", fault.and_then(|_| text(&extension["nextStep"]))),
        ("next", next(extension)),
    ];
    notes.into_iter().filter_map(|(what, said)| Some(wrapped(&format!("  {what:5}  "), &said?)))
}

/// What it means that one does not run which may decide.
pub(in crate::cli) fn rule(extension: &Value) -> Option<&'static str> {
    match (extension["required"] == true, extension["state"].as_str()) {
        (true, Some("disabled")) => Some("required, but a person has disabled it: other extensions may accept"),
        (true, _) if extension["missing"] == true => {
            Some("required, and it does not run: no other extension may accept; you can")
        }
        (false, _) if extension["missing"] == true => {
            Some("it is not ready: until it is, no other extension may accept what it would decide; you can")
        }
        _ => None,
    }
}

/// What counts where nothing lies any more, and how to be rid of it.
pub(super) fn off_the_list(id: &str) -> String {
    format!(
        "it lies in no drop folder any more; what counts is the approved copy. Off the list: codex-manager ext revoke {id}"
    )
}

/// What could be typed next.
fn next(extension: &Value) -> Option<String> {
    let id = extension["id"].as_str()?;
    let verb = match extension["approved"]["standing"]["state"].as_str() {
        _ if !extension["waiting"].is_null() => "approve",
        Some("disabled" | "quarantined") => "enable",
        _ => return None,
    };
    Some(format!("codex-manager ext {verb} {id}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_is_told_with_its_state_and_its_next_step() {
        let enabled = |version| json!({ "version": version, "standing": { "state": "enabled" } });
        let body = json!({ "extensions": [
            { "id": "acme.guard", "folder": "/drops/guard", "state": "running", "required": true,
              "runs": { "version": "1.0.0" }, "approved": enabled("1.0.0"), "fault": null,
              "waiting": { "version": "1.1.0", "sentence": "same grants, new code; 1.0.0 keeps running" },
              "nextStep": "review and approve sha256:77" },
            { "id": "acme.fresh", "folder": "/drops/fresh", "state": "compiling", "required": true,
              "missing": true, "runs": null, "waiting": null, "fault": null, "nextStep": null, "approved": enabled("1.0.0") },
            { "id": "acme.next", "folder": "/drops/next", "state": "compiling", "required": true,
              "runs": { "version": "1.0.0" }, "waiting": null, "fault": null, "nextStep": null,
              "approved": enabled("1.1.0") },
            { "id": "acme.gone", "folder": null, "state": "running", "required": false, "waiting": null,
              "runs": { "version": "1.0.0" }, "fault": null, "nextStep": "nothing", "approved": enabled("1.0.0") },
            { "id": "acme.ill", "folder": "/drops/ill", "state": "quarantined", "required": false, "runs": null,
              "approved": { "version": "1.0.0", "standing": { "state": "quarantined", "reason": "it trapped" } },
              "waiting": null, "fault": null, "nextStep": "see why (it trapped), then enable acme.ill" },
            { "id": "acme.left", "folder": null, "state": "disabled", "required": false, "runs": null,
              "approved": { "version": "1.0.0", "standing": { "state": "disabled" } },
              "waiting": null, "fault": null, "nextStep": "enable acme.left to let it run" },
            { "id": "acme.off", "folder": "/drops/off", "state": "disabled", "required": true, "runs": null,
              "approved": { "version": "1.0.0", "standing": { "state": "disabled" } },
              "waiting": null, "fault": "extension.toml: line 2: no", "nextStep": "correct these lines" },
            { "id": "acme.twin", "folder": "/drops/b", "state": "faulty", "required": false, "runs": null,
              "approved": null, "waiting": null,
              "fault": "acme.twin lies in more than one folder; also in /drops/a",
              "nextStep": "keep one of the folders" },
            { "id": null, "folder": "/drops/\u{1b}[2Jx\nacme.guard", "state": "faulty", "required": false,
              "runs": null, "approved": null, "waiting": null,
              "fault": "there is no extension.toml",
              "nextStep": "add an extension.toml, or move the folder elsewhere" },
        ]});
        let expected = "\
EXTENSION                RUNS   WAITS  STATE
acme.guard               1.0.0  1.1.0  running
  news   same grants, new code; 1.0.0 keeps running
  next   codex-manager ext approve acme.guard
acme.fresh               -      -      compiling
  rule   required, and it does not run: no other extension may accept; you can
acme.next                1.0.0  -      compiling
acme.gone                1.0.0  -      running
  note   it lies in no drop folder any more; what counts is the approved copy.
         Off the list: codex-manager ext revoke acme.gone
acme.ill                 -      -      quarantined
  why    it trapped
  next   codex-manager ext enable acme.ill
acme.left                -      -      disabled
  note   it lies in no drop folder any more; what counts is the approved copy.
         Off the list: codex-manager ext revoke acme.left
  next   codex-manager ext enable acme.left
acme.off                 -      -      disabled
  in     /drops/off
  rule   required, but a person has disabled it: other extensions may accept
  fault  extension.toml: line 2: no
  mend   correct these lines
  next   codex-manager ext enable acme.off
acme.twin                -      -      faulty
  in     /drops/b
  fault  acme.twin lies in more than one folder; also in /drops/a
  mend   keep one of the folders
/drops/\u{fffd}[2Jx acme.guard  -      -      faulty
  fault  there is no extension.toml
  mend   add an extension.toml, or move the folder elsewhere";
        assert_eq!(text(&body), expected);
    }

    #[test]
    fn where_nothing_was_dropped_the_folders_are_named_and_what_to_do() {
        let body = json!({ "extensions": [], "roots": [
            { "folder": "/project/extensions", "isThere": false }, { "folder": "/drops", "isThere": true },
        ]});
        let expected = "\
nothing was dropped or approved; the daemon looks in
  /project/extensions, which is not there
  /drops
next  copy a folder with extension.toml and its component into one of these, or
      start the daemon with `codex-manager serve --extensions FOLDER`";
        assert_eq!(text(&body), expected);
    }
}
