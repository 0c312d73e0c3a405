//! Keeping the machine out of what is built: the same source gives the same bytes, wherever it lies.
//!
//! Two things would tell the places apart. Panics carry the paths of their sources along, which are given other names
//! here. And cargo calls each crate by a number that it makes of its folder, which moves functions about in the result;
//! a script between cargo and the compiler calls it by name and version instead.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Toolchain;
use crate::run::run;

/// What cargo runs in the compiler's place.
const COMPILE: &str = "#!/bin/sh
# Runs the compiler, with the crate called by its name and version and not by its folder.
for argument do
    shift
    case $argument in metadata=*) argument=metadata=$CARGO_PKG_NAME-$CARGO_PKG_VERSION ;; esac
    set -- \"$@\" \"$argument\"
done
exec \"$@\"
";

/// The compiler's flag by which `folder` is called `name`. Of several that fit, the last one counts.
pub(crate) fn called(folder: &Path, name: &str) -> String {
    format!("--remap-path-prefix={}={name}", folder.display())
}

/// Such flags for whatever the package in `folder` is made of: its own sources, those that it names by their paths, those
/// that cargo fetched, and what is generated.
pub(crate) fn flags(toolchain: &Toolchain, folder: &Path) -> Vec<String> {
    let mut names: BTreeMap<PathBuf, String> = cargo_home().into_iter().collect();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let mut metadata = Command::new(&toolchain.programs.cargo);
        metadata.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(folder);
        // What is wrong with it is told by the build.
        let Ok(told) = run(&mut metadata) else { continue };
        let told: Value = serde_json::from_str(&told).unwrap_or_default();
        let path = |value: &Value| value.as_str().map(PathBuf::from);
        names.extend(path(&told["target_directory"]).map(|target| (target, "/target".to_owned())));
        for package in told["packages"].as_array().into_iter().flatten() {
            let Some(folder) = path(&package["manifest_path"]).and_then(|path| Some(path.parent()?.to_owned())) else {
                continue;
            };
            let text = |key: &str| package[key].as_str().unwrap_or_default();
            names.insert(folder, format!("/{}-{}", text("name"), text("version")));
            let dependencies = package["dependencies"].as_array().into_iter().flatten();
            open.extend(dependencies.filter_map(|of| path(&of["path"])).filter(|folder| !names.contains_key(folder)));
        }
    }
    // In the order of their paths a folder in another one comes after it.
    names.iter().map(|(folder, name)| called(folder, name)).collect()
}

/// The folder in which cargo keeps what it fetched, and what it is called.
pub(crate) fn cargo_home() -> Option<(PathBuf, String)> {
    let named = env::var_os("CARGO_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    Some((named.or_else(|| Some(env::home_dir()?.join(".cargo")))?, "/cargo".to_owned()))
}

/// The script that stands between cargo and the compiler, in `tools`. It is made if it is missing.
pub(crate) fn compile(tools: &Path) -> io::Result<PathBuf> {
    let path = tools.join("compile");
    if fs::read_to_string(&path).is_ok_and(|text| text == COMPILE) {
        return Ok(path);
    }
    fs::create_dir_all(tools)?;
    let mut file = tempfile::NamedTempFile::new_in(tools)?;
    file.write_all(COMPILE.as_bytes())?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o755))?;
    file.persist(&path)?;
    Ok(path)
}
