//! One setting: its names, what it may be, and what it is when nobody says anything.

use super::kind::Kind;

/// One line of the table.
#[derive(Debug)]
pub(in crate::cli) struct Setting {
    /// Its name in the file: a table and a key, with a dot between them.
    pub(super) key: &'static str,
    /// What it may be.
    pub(super) kind: Kind,
    /// What it does, in one sentence without its stop.
    pub(super) says: &'static str,
    /// The environment variable that sets it.
    pub(super) variable: Option<&'static str>,
    /// The flag that sets it.
    pub(super) flag: Option<Flag>,
    /// What it is when nobody sets it.
    pub(super) default: Option<&'static str>,
    /// The same in words, where it is not a value.
    pub(super) otherwise: Option<&'static str>,
    /// Whether the file may set it.
    pub(super) in_file: bool,
    /// Whether its value is never shown.
    pub(super) is_secret: bool,
    /// Whether it is read and checked, and nothing heeds it yet.
    pub(super) is_for_later: bool,
}

/// How the command line sets it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flag {
    /// Its long name, without the dashes.
    pub(super) name: &'static str,
    /// What stands for its value in the help.
    pub(super) value: &'static str,
    /// Takes this setting's part out of a flag that sets more than one.
    pub(super) part: Option<Part>,
    /// Whether every command has it, and not `serve` alone.
    pub(super) is_global: bool,
}

/// Takes a part out of a flag's text; `Err` says what is wrong with the whole.
pub(super) type Part = fn(&str) -> Result<String, String>;

impl Setting {
    pub(super) const fn new(key: &'static str, kind: Kind, says: &'static str) -> Self {
        Self {
            key,
            kind,
            says,
            variable: None,
            flag: None,
            default: None,
            otherwise: None,
            in_file: true,
            is_secret: false,
            is_for_later: false,
        }
    }

    pub(super) const fn variable(mut self, name: &'static str) -> Self {
        self.variable = Some(name);
        self
    }

    pub(super) const fn flag(mut self, name: &'static str, value: &'static str) -> Self {
        self.flag = Some(Flag { name, value, part: None, is_global: false });
        self
    }

    pub(super) const fn global_flag(mut self, name: &'static str, value: &'static str) -> Self {
        self.flag = Some(Flag { name, value, part: None, is_global: true });
        self
    }

    pub(super) const fn part_of_flag(mut self, name: &'static str, value: &'static str, part: Part) -> Self {
        self.flag = Some(Flag { name, value, part: Some(part), is_global: false });
        self
    }

    pub(super) const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    pub(super) const fn otherwise(mut self, words: &'static str) -> Self {
        self.otherwise = Some(words);
        self
    }

    pub(super) const fn not_in_file(mut self) -> Self {
        self.in_file = false;
        self
    }

    pub(super) const fn secret(mut self) -> Self {
        self.is_secret = true;
        self.in_file = false;
        self
    }

    pub(super) const fn for_later(mut self) -> Self {
        self.is_for_later = true;
        self
    }

    /// What it is when nobody sets it, for people.
    pub(super) fn default_words(&self) -> &'static str {
        self.otherwise.or(self.default).unwrap_or("unset")
    }
}
