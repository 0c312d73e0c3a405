//! Where a session's commands start: a folder that is there, and is not ours.

use std::fs;
use std::path::Path;

use codex_manager_model::limits::PATH_BYTES_MAX;

use super::Error;

/// Checks a folder that a client names in a member of what it asks.
///
/// The data folder is refused although a contained child could not read it: it would see an empty folder there, and what
/// it wrote would be gone with it.
///
/// # Errors
/// Invalid, with the path and what is wrong with it.
pub(super) fn check(member: &str, folder: &str, data_folder: &Path) -> Result<(), Error> {
    if folder.len() > PATH_BYTES_MAX {
        return Err(Error::invalid(member, &format!("must have at most {PATH_BYTES_MAX} bytes")));
    }
    // Written out as in a program: a path may hold what a screen would act on.
    fault(folder, data_folder).map_or(Ok(()), |fault| Err(Error::invalid(member, &format!("{folder:?} {fault}"))))
}

fn fault(folder: &str, data_folder: &Path) -> Option<&'static str> {
    let path = Path::new(folder);
    if folder.contains('\0') {
        return Some("is not a path");
    }
    if !path.is_absolute() {
        return Some("must be an absolute path");
    }
    match fs::canonicalize(path) {
        Ok(real) if !real.is_dir() => Some("is not a folder"),
        Ok(real) if real.starts_with(data_folder) => Some("lies in the daemon's data folder"),
        Ok(_) => None,
        Err(_) => Some("is not there, or not to be seen"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_shows_the_path_and_nothing_that_acts_on_a_screen() {
        for (folder, message) in [
            ("relative", r#""relative" must be an absolute path"#),
            ("/nowhere/at all", r#""/nowhere/at all" is not there, or not to be seen"#),
            ("/a\0b\u{202e}", r#""/a\0b\u{202e}" is not a path"#),
        ] {
            let error = check("cwd", folder, Path::new("/data")).unwrap_err();
            let issues = serde_json::json!([{ "path": ["cwd"], "code": "custom", "message": message }]);
            assert_eq!(error.context["issues"], issues);
        }
    }

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
            assert_eq!(check("cwd", &cwd, &data).is_ok(), fits, "{cwd}");
        }
    }
}
