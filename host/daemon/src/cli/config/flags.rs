//! The flags that the table names, as the command line has them: their help is the table's, and so is what they take.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use super::kind::Kind;
use super::setting::{Flag, Setting};
use super::table::ALL;

/// What was said with flags: those of every command, or those of `serve`.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Flags<const GLOBAL: bool>(BTreeMap<&'static str, Vec<OsString>>);

impl<const GLOBAL: bool> Flags<GLOBAL> {
    /// What was said with the flag of this name, in order.
    pub(super) fn said(&self, name: &str) -> Option<&[OsString]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// The settings whose flags these are; of a flag that sets more than one, the first.
    fn table() -> impl Iterator<Item = (&'static Setting, Flag)> {
        let ours = ALL.iter().filter_map(|setting| Some((*setting, setting.flag?)));
        let mut seen = Vec::new();
        ours.filter(move |(_, flag)| {
            let is_new = flag.is_global == GLOBAL && !seen.contains(&flag.name);
            seen.push(flag.name);
            is_new
        })
    }
}

impl<const GLOBAL: bool> Args for Flags<GLOBAL> {
    fn augment_args(command: Command) -> Command {
        Self::table().fold(command, |command, (setting, flag)| command.arg(arg(setting, flag)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const GLOBAL: bool> FromArgMatches for Flags<GLOBAL> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for (_, flag) in Self::table() {
            if let Some(said) = matches.try_get_many::<OsString>(flag.name).ok().flatten() {
                self.0.insert(flag.name, said.cloned().collect());
            }
        }
        Ok(())
    }
}

fn arg(setting: &'static Setting, flag: Flag) -> Arg {
    let arg = Arg::new(flag.name).long(flag.name).help(help(setting)).global(flag.is_global);
    match setting.kind {
        // `--flag` alone is yes; `--flag=false` takes back what the file says.
        Kind::Switch => {
            let arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true").hide_possible_values(true);
            arg.value_name("BOOL").value_parser(words(&["true", "false"]))
        }
        Kind::Words(all) => arg.value_name(flag.value).value_parser(words(all)),
        Kind::Paths => arg.value_name(flag.value).value_parser(OsStringValueParser::new()).action(ArgAction::Append),
        _ => arg.value_name(flag.value).value_parser(OsStringValueParser::new()),
    }
}

fn words(all: &'static [&'static str]) -> ValueParser {
    PossibleValuesParser::new(all).map(OsString::from).into()
}

fn help(setting: &Setting) -> String {
    let parts: Vec<_> =
        ALL.iter().filter(|other| other.flag.map(|flag| flag.name) == setting.flag.map(|f| f.name)).collect();
    let variables: Vec<_> = parts.iter().filter_map(|part| part.variable).collect();
    let mut help = setting.says.to_owned();
    if !variables.is_empty() {
        help.push_str(&format!(" [env: {}]", variables.join(", ")));
    }
    match setting.kind {
        Kind::Switch => {}
        _ if parts.len() > 1 => {
            let defaults: Vec<_> = parts.iter().map(|part| part.default_words()).collect();
            help.push_str(&format!(" [default: {}]", defaults.join(":")));
        }
        _ => help.push_str(&format!(" [default: {}]", setting.default_words())),
    }
    help
}
