//! Whether Codex could reach its model: a configuration that it can read, and a login, a key, or a provider of the user's own.
//! Nothing is tried, and no secret is read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::super::Context;
use super::super::config::codex_provider;
use super::check::Check;
use crate::shell::word;

/// More than anybody writes into a `config.toml`.
const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// Codex's own `config.toml` can be used: its text is looked at here, and what it means is Codex's to say, where one runs.
pub(super) async fn configuration(context: &Context, codex_home: &Path) -> Check {
    const NAME: &str = "codex config";
    let file = codex_home.join("config.toml");
    if let Err((line, what)) = codex_provider(&config(codex_home)) {
        let message = format!("{}:{line}: {what}; Codex begins no session with it", file.display());
        return Check::fail(NAME, message, format!("mend line {line}; Codex reads it again by itself"));
    }
    match refused(context).await {
        Some(why) => {
            Check::fail(NAME, format!("{why}; Codex begins no session with it"), format!("mend {}", file.display()))
        }
        None if file.exists() => Check::ok(NAME, file.display().to_string()),
        None => Check::ok(NAME, "no config.toml, which is all right"),
    }
}

/// Why the Codex of the daemon at work refuses its configuration, if one does.
async fn refused(context: &Context) -> Option<String> {
    let client = context.client().ok()?;
    let health = client.get(&["health"], &[]).await.ok()?;
    match health.json["codex"]["configuration"].as_str() {
        Some("refused") => client.get(&["config"], &[]).await.err().map(|failure| failure.to_string()),
        _ => None,
    }
}

/// With what to log in there: the Codex that is used need not be on the PATH.
fn login(codex_home: &Path, codex: Option<&Path>) -> String {
    let codex = codex.unwrap_or(Path::new("codex"));
    format!("CODEX_HOME={} {} login", word(codex_home), word(codex))
}

/// A login lies in `codex_home`, or the environment has a key, or `config.toml` names a provider that needs neither.
pub(super) fn check(codex_home: &Path, has_key: bool, codex: Option<&Path>) -> Check {
    const NAME: &str = "login";
    let file = codex_home.join("auth.json");
    if file.exists() {
        return Check::ok(NAME, file.display().to_string());
    }
    if has_key {
        return Check::ok(NAME, "OPENAI_API_KEY is set");
    }
    match codex_provider(&config(codex_home)) {
        Err(_) => Check::warn(NAME, "nobody can tell whether one is needed", "mend Codex's config.toml first"),
        Ok(Some(provider)) if !provider.needs_login => {
            Check::ok(NAME, format!("config.toml names the provider {}, which needs none", provider.name))
        }
        Ok(_) => {
            let message = format!("there is no {}, and OPENAI_API_KEY is not set: turns will fail", file.display());
            Check::warn(NAME, message, login(codex_home, codex))
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
        let found = check(home.path(), false, Some(Path::new("/opt/it's mine/codex")));
        let next = format!(r"CODEX_HOME={} '/opt/it'\''s mine/codex' login", home.path().display());
        assert_eq!((found.state, found.next), (State::Warn, Some(next)));
        assert_eq!(check(home.path(), true, None).state, State::Ok);
        fs::write(home.path().join("auth.json"), "{}").unwrap();
        assert_eq!(check(home.path(), false, None).state, State::Ok);
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
            ("model_provider = \"p\"\n[model_providers.p]\nrequires_openai_auth = true", State::Warn),
        ] {
            fs::write(home.path().join("config.toml"), config).unwrap();
            let found = check(home.path(), false, None);
            assert_eq!(found.state, state, "{config}");
            let next = (state == State::Warn).then(|| format!("CODEX_HOME={} codex login", home.path().display()));
            assert_eq!(found.next, next, "{config}");
        }
        fs::write(home.path().join("config.toml"), "model_provider = ").unwrap();
        let found = check(home.path(), false, None);
        assert!(found.state == State::Warn && found.next.unwrap().contains("config.toml"));
    }
}
