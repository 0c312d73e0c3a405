//! Guests in Python, by `componentize-py` from the package index.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::kept::{kept, lay_world};
use super::tool::{program, run};

/// The tool's command, as its package starts it.
const COMPONENTIZE: &str = "import sys; from componentize_py import script; sys.exit(script())";

/// The component of `guest.py`, kept between runs.
pub(super) fn build(folder: &Path) -> Result<PathBuf, String> {
    let read = |file: &str| fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let (pins, source, world) = (read("requirements.txt"), read("guest.py"), read("world.wit"));
    let packages = kept("componentize-py", &[&pins], |into| {
        // Apart from whatever Python the user has, and nothing of it is ever compiled from source.
        let mut pip = program("python3", folder);
        pip.args(["-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--require-hashes"]);
        run(pip.args(["--requirement", "requirements.txt", "--target"]).arg(into))
    })?;
    kept("guest-python", &[&pins, &source, &world], |into| {
        let work = into.with_extension("work");
        lay_world(folder, &work.join("wit")).expect("the tools folder can be written");
        fs::copy(folder.join("guest.py"), work.join("guest.py")).expect("the tools folder can be written");
        let made = run(componentize(&packages, &work).arg(into));
        made.unwrap_or_else(|error| panic!("{} does not build: {error}", folder.display()));
        Ok(())
    })
}

/// With stubs in place of WASI, so that the component imports what its world says and no more.
fn componentize(packages: &Path, work: &Path) -> Command {
    let mut command = program("python3", work);
    command.env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1").args(["-c", COMPONENTIZE]);
    command.args(["-d", "wit", "-w", "guest", "componentize", "--stub-wasi", "guest", "-o"]);
    command
}
