//! Requests made up from the document of the API, by `schemathesis` from the package index.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::Api;
use crate::guest::{kept, program, run};

/// The tool's command, as its package starts it.
const SCHEMATHESIS: &str = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())";

/// What it is told beside the document.
const SETTINGS: &str = "schemathesis.toml";

/// Requests that are made up from a document.
#[derive(Debug, Clone)]
pub struct Fuzz {
    packages: PathBuf,
    folder: PathBuf,
}

impl Fuzz {
    /// The tool, as it is pinned in `folder`; fetched once.
    ///
    /// # Errors
    /// Why it cannot be had here, for [`skip!`](crate::skip).
    ///
    /// # Panics
    /// When the folder has no `requirements.txt`.
    pub fn in_folder(folder: &Path) -> Result<Self, String> {
        let pins = std::fs::read(folder.join("requirements.txt")).expect("the folder says what is needed");
        let packages = kept("schemathesis", &[&pins], |into| {
            let mut pip = program("python3", folder);
            pip.args(["-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--require-hashes"]);
            run(pip.args(["--requirement", "requirements.txt", "--target"]).arg(into))
        })?;
        Ok(Self { packages, folder: folder.to_owned() })
    }

    /// Sends what it makes of `document`, and judges each answer by it. `bearer` is shown with each request, if there is
    /// one. `known` has, by name, the values that the settings take from a `<name>.dict`. It works in `folder`, and leaves there
    /// what it notes down.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn run(
        &self,
        api: &Api,
        document: &Value,
        bearer: Option<&str>,
        known: &[(&str, &[String])],
        folder: &Path,
        options: &[&str],
    ) -> Output {
        let write = |name: &str, text: String| std::fs::write(folder.join(name), text).expect("a folder to write into");
        write("openapi.json", document.to_string());
        write(SETTINGS, std::fs::read_to_string(self.folder.join(SETTINGS)).expect("the folder has settings"));
        for (name, values) in known {
            write(&format!("{name}.dict"), values.iter().map(|value| format!("\"{value}\"\n")).collect());
        }
        let mut command = Command::new("python3");
        command.current_dir(folder).env("PYTHONPATH", &self.packages).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("NO_COLOR", "1").args(["-c", SCHEMATHESIS, "--config-file", SETTINGS, "run", "openapi.json"]);
        command.args(["--url", api.base()]);
        if let Some(bearer) = bearer {
            command.args(["--header", &format!("Authorization: Bearer {bearer}")]);
        }
        command.args(options).output().expect("the tool can be run")
    }
}
