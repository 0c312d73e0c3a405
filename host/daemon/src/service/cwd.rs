//! Where a session's commands start: a folder that is there, and is not ours.

use std::fs;
use std::path::Path;

use codex_manager_model::limits::PATH_BYTES_MAX;

/// Checks a folder that a client names; `Err` says what is wrong with it.
///
/// The data folder is refused although a contained child could not read it: it would see an empty folder there, and what
/// it wrote would be gone with it.
pub(super) fn check(cwd: &str, data_folder: &Path) -> Result<(), &'static str> {
    let path = Path::new(cwd);
    if cwd.len() > PATH_BYTES_MAX || cwd.contains('\0') {
        return Err("is not a path");
    }
    if !path.is_absolute() {
        return Err("must be an absolute path");
    }
    match fs::canonicalize(path) {
        Ok(real) if !real.is_dir() => Err("is not a folder"),
        Ok(real) if real.starts_with(data_folder) => Err("lies in the daemon's data folder"),
        Ok(_) => Ok(()),
        Err(_) => Err("is not there, or not to be seen"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_that_is_there_and_not_ours_will_do() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().canonicalize().unwrap().join("data");
        fs::create_dir_all(data.join("logs")).unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink(&data, folder.path().join("link")).unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        for (cwd, fits) in [
            (at(""), true),
            ("/".to_owned(), true),
            (at("missing"), false),
            (at("file"), false),
            (at("data"), false),
            (at("data/logs"), false),
            (at("link"), false),
            ("relative".to_owned(), false),
            (String::new(), false),
            ("/tmp\0x".to_owned(), false),
            (format!("/{}", "x".repeat(PATH_BYTES_MAX)), false),
        ] {
            assert_eq!(check(&cwd, &data).is_ok(), fits, "{cwd}");
        }
    }
}
