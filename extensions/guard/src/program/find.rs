//! `find`: its expression is read to know which word is an action and which only an argument of one.

use super::Finding;
use crate::shell::Command;

/// Tests and actions that take one argument.
const WITH_ONE: [&str; 39] = [
    "-amin",
    "-anewer",
    "-atime",
    "-cmin",
    "-cnewer",
    "-context",
    "-ctime",
    "-files0-from",
    "-fls",
    "-fprint",
    "-fprint0",
    "-fstype",
    "-gid",
    "-group",
    "-ilname",
    "-iname",
    "-inum",
    "-ipath",
    "-iregex",
    "-iwholename",
    "-links",
    "-lname",
    "-maxdepth",
    "-mindepth",
    "-mmin",
    "-mtime",
    "-name",
    "-newer",
    "-path",
    "-perm",
    "-printf",
    "-regex",
    "-regextype",
    "-samefile",
    "-size",
    "-type",
    "-uid",
    "-user",
    "-wholename",
];

pub(super) fn findings(arguments: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-delete" => findings.push(Finding::Deletes("deletes whatever it finds")),
            "-exec" | "-execdir" | "-ok" | "-okdir" => {
                let command = words.by_ref().take_while(|word| !matches!(word.as_str(), ";" | "+")).cloned().collect();
                findings.push(Finding::RunsForEach(Command { words: command, input: None }));
            }
            "-fprintf" => drop(words.nth(1)),
            word if WITH_ONE.contains(&word) || word.starts_with("-newer") => drop(words.next()),
            _ => {}
        }
    }
    findings
}
