//! Guests in JavaScript, by `componentize-js` from npm.

use std::fs;
use std::path::{Path, PathBuf};

use super::kept::{kept, lay_world};
use super::tool::{program, run};
use crate::npm_ci;

/// What is beside the source, in the order in which it is needed.
const BUILD: &str = "build.mjs";

/// The component of `guest.js`, kept between runs.
pub(super) fn build(folder: &Path) -> Result<PathBuf, String> {
    let read = |file: &str| fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let copy = |file: &str, into: &Path| {
        fs::copy(folder.join(file), into.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    };
    let (pins, source, world) = (read("package-lock.json"), read("guest.js"), read("world.wit"));
    let packages = kept("componentize-js", &[&pins], |into| npm_ci(folder, into))?;
    kept("guest-javascript", &[&pins, &source, &world, &read(BUILD)], |into| {
        let work = into.with_extension("work");
        lay_world(folder, &work.join("wit")).expect("the tools folder can be written");
        copy("guest.js", &work);
        copy(BUILD, &work);
        // Modules are looked for beside the file that imports them.
        std::os::unix::fs::symlink(packages.join("node_modules"), work.join("node_modules")).expect("it can be made");
        let made = run(program("node", &work).arg(BUILD).arg(into));
        made.unwrap_or_else(|error| panic!("{} does not build: {error}", folder.display()));
        Ok(())
    })
}
