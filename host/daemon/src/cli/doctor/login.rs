//! Whether Codex could reach its model: a login, a key, or a provider of the user's own. Nothing is tried, and no secret is
//! read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::super::config::codex_provider;
use super::check::Check;

/// More than anybody writes into a `config.toml`.
const CONFIG_BYTES_MAX: u64 = 1024 * 1024;
/// The provider that asks for a login.
const OPENAI: &str = "openai";

/// A login lies in `codex_home`, or the environment has a key, or `config.toml` names another provider.
pub(super) fn check(codex_home: &Path, has_key: bool) -> Check {
    const NAME: &str = "login";
    let file = codex_home.join("auth.json");
    if file.exists() {
        return Check::ok(NAME, file.display().to_string());
    }
    if has_key {
        return Check::ok(NAME, "OPENAI_API_KEY is set");
    }
    match codex_provider(&config(codex_home)) {
        Some(provider) if provider != OPENAI => Check::ok(NAME, format!("config.toml names the provider {provider}")),
        _ => {
            let message = format!("there is no {}, and OPENAI_API_KEY is not set: turns will fail", file.display());
            Check::warn(NAME, message, "codex login")
        }
    }
}

/// What cannot be read names nothing, and a pipe would have us wait for its writer.
fn config(codex_home: &Path) -> String {
    let (path, mut bytes) = (codex_home.join("config.toml"), Vec::new());
    if path.is_file()
        && let Ok(file) = File::open(path)
    {
        let _ = file.take(CONFIG_BYTES_MAX).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::check::State;
    use super::*;

    #[test]
    fn without_a_way_to_a_model_the_next_step_is_to_log_in() {
        let home = tempfile::tempdir().unwrap();
        let found = check(home.path(), false);
        assert_eq!((found.state, found.next.as_deref()), (State::Warn, Some("codex login")));
        assert_eq!(check(home.path(), true).state, State::Ok);
        fs::write(home.path().join("auth.json"), "{}").unwrap();
        assert_eq!(check(home.path(), false).state, State::Ok);
    }

    #[test]
    fn another_provider_needs_no_login() {
        let home = tempfile::tempdir().unwrap();
        for (config, state) in [
            ("model_provider = \"ollama\"", State::Ok),
            ("model = 'm'\n  model_provider='local' # mine", State::Ok),
            ("model_provider = \"openai\"", State::Warn),
            ("# model_provider = \"ollama\"", State::Warn),
            ("[model_providers.ollama]\nname = \"x\"", State::Warn),
            ("model_provider = ", State::Warn),
        ] {
            fs::write(home.path().join("config.toml"), config).unwrap();
            assert_eq!(check(home.path(), false).state, state, "{config}");
        }
    }
}
