//! What the command line asks for.

use codex_manager_tests::Api;

use crate::server::Server;

/// The arguments.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    base_url: Option<String>,
    token: String,
    pid: Option<u32>,
    /// Whether sessions may be made in a server that was started by somebody else.
    pub(crate) prepare: bool,
}

impl Asked {
    /// Reads them; cargo adds `--bench` to what it runs.
    ///
    /// # Panics
    /// When one is not known, or has no value.
    pub(crate) fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut asked = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
            match argument.as_str() {
                "--bench" => {}
                "--base-url" => asked.base_url = Some(value().trim_end_matches('/').to_owned()),
                "--token" => asked.token = value(),
                "--pid" => asked.pid = Some(value().parse().expect("--pid is a number")),
                "--prepare" => asked.prepare = true,
                other => panic!("{other} is not known; there are --base-url, --token, --pid, --prepare"),
            }
        }
        asked
    }

    /// The server that was named, if one was.
    pub(crate) fn given(&self) -> Option<Server> {
        let api = Api::new(self.base_url.as_ref()?, &self.token);
        Some(Server { api, pid: self.pid })
    }
}
