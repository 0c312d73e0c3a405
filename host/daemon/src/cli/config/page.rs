//! The page of documentation, made from the table. It lies beside the crate's manifest, and a test holds it to the table.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use super::setting::Setting;
use super::table::ALL;

/// Set, the test writes the page instead of comparing it.
const WRITE: &str = "CODEX_MANAGER_WRITE_CONFIGURATION";

const HEAD: &str = "\
# Configuration

A setting is said with a flag of `serve`, in the environment, or in `config.toml`; the first of these that says it counts,
and what nobody says has its default. The file lies in the data folder (`codex-manager config path`), or where `--config` or
`CODEX_MANAGER_CONFIG` says. It is TOML: the part of a key before the dot is the table. A path in it is absolute. A key that
is none, a value that cannot be, and a file that other users can write are refused with the line and the next step, and so is
a malformed variable, by its name.

```toml
[listen]
port = 3001

[defaults]
sandbox_mode = \"workspace-write\"
```

`codex-manager config show --origin` tells what a daemon that starts here would go by, and who said so; where one is at work
that goes by something else, it names that. `codex-manager config keys` lists the keys of the file, also while the file is
wrong. Secrets are never shown, and are taken from the environment alone.

| key | flag | variable | what it may be | default | what it does |
| --- | --- | --- | --- | --- | --- |
";

const FOOT: &str = "
\\* Read and checked, so that a mistake is told at the start; nothing heeds it yet.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for setting in ALL {
        writeln!(page, "{}", row(setting)).unwrap();
    }
    page + FOOT
}

fn row(setting: &Setting) -> String {
    let code = |text: &str| format!("`{text}`");
    let flag = setting.flag.map(|flag| code(&format!("--{}", flag.name))).unwrap_or_default();
    let variable = setting.variable.map(code).unwrap_or_default();
    let key = if setting.in_file { code(setting.key) } else { format!("({})", code(setting.key)) };
    let later = if setting.is_for_later { " \\*" } else { "" };
    let (kind, default, says) = (setting.kind.to_string(), setting.default_words(), setting.says);
    format!("| {key} | {flag} | {variable} | {kind} | {default} | {says}.{later} |")
}

#[test]
fn the_page_is_what_the_table_comes_to() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("CONFIGURATION.md");
    if env::var_os(WRITE).is_some() {
        fs::write(&path, page()).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page(), "CONFIGURATION.md is not what the table comes to; run this test with {WRITE}=1");
}
