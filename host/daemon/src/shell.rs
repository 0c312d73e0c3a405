//! What is printed to be pasted into a shell.

use std::path::Path;

/// The path as a shell takes it for one word.
pub(crate) fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+@%:,".contains(letter);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_whatever_is_in_it() {
        for (path, told) in [
            ("/srv/drops/guard", "/srv/drops/guard"),
            ("./my ext", "'./my ext'"),
            ("/opt/it's mine", r"'/opt/it'\''s mine'"),
            ("$(reboot)", "'$(reboot)'"),
            ("~/x", "'~/x'"),
            ("", "''"),
        ] {
            assert_eq!(word(Path::new(path)), told);
        }
    }
}
