//! What the settings in effect make of a daemon.

use std::path::PathBuf;
use std::time::Duration;

use codex_manager_extension::Compiler;
use codex_manager_model::Controls;
use codex_manager_store::Retention;

use crate::cli::COMPILE;
use crate::cli::config::{Settings, table};
use crate::cli::failure::{Exit, Failure};
use crate::cli::listen;
use crate::{Builder, Daemon, JwtRules, Rate, Rbac};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A daemon as the settings have it, but for its Codex, which may have to be fetched.
pub(super) fn of(settings: &Settings) -> Result<Builder, Failure> {
    let paths = settings.paths();
    let port = settings.number(table::PORT).and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    let address = listen::address(settings.text(table::HOST).unwrap_or_default(), port)?;
    let owned = |setting| settings.path(setting).map(PathBuf::from);
    Ok(Daemon::builder()
        .data_folder(paths.data.path())
        .codex_home(&paths.codex_home)
        .user_home(settings.switch(table::BRING_LOGIN).then(std::env::home_dir).flatten())
        .tools(&paths.tools)
        .listen(address)
        .tcp(settings.switch(table::TCP))
        .unix_socket(owned(table::UNIX_SOCKET))
        .beyond_loopback(settings.switch(table::BEYOND_LOOPBACK))
        .behind_proxy(settings.text(table::PROXY).map(str::to_owned))
        .rate(rate(settings))
        .rbac(rbac(settings)?)
        .allow_uncontained(settings.switch(table::ALLOW_UNCONTAINED))
        .bwrap(owned(table::BWRAP))
        .controls(controls(settings))
        .defaults_locked(settings.switch(table::DEFAULTS_LOCKED))
        .extension_roots(extension_roots(settings))
        .store_bytes_max(settings.number(table::STORE_BYTES_MAX))
        .retention(retention(settings))
        .compiler(compiler()))
}

/// This program, as it is now: its file may be replaced while it runs.
fn compiler() -> Compiler {
    Compiler::Process { program: "/proc/self/exe".into(), arguments: vec![COMPILE.into()] }
}

/// What was named, else the usual folder; and the further ones.
pub(super) fn extension_roots(settings: &Settings) -> Vec<PathBuf> {
    let lists = [table::EXTENSIONS, table::CONFIGURED_ROOTS, table::PACKAGE_ROOTS];
    lists.iter().flat_map(|setting| settings.list(setting)).cloned().collect()
}

fn controls(settings: &Settings) -> Controls {
    Controls {
        approval_policy: settings.word(table::APPROVAL_POLICY),
        filesystem_sandbox: settings.word(table::SANDBOX_MODE),
        network_access: settings.word(table::NETWORK_ACCESS),
        ..Controls::default()
    }
}

fn rate(settings: &Settings) -> Rate {
    let default = Rate::default();
    let number = |setting, default| settings.number(setting).and_then(|n| u32::try_from(n).ok()).unwrap_or(default);
    Rate {
        per_second: number(table::REQUESTS_PER_SECOND, default.per_second),
        burst: number(table::REQUESTS_BURST, default.burst),
    }
}

fn rbac(settings: &Settings) -> Result<Rbac, Failure> {
    let text = |setting| settings.text(setting).map(str::to_owned);
    let needed = |setting, name: &str| {
        text(setting).ok_or_else(|| Failure::new(Exit::Usage, format!("AGENT_EXTENSION_RBAC_MODE needs {name}")))
    };
    match settings.text(table::RBAC_MODE) {
        Some("header") => {
            Ok(Rbac::Header { secret: needed(table::HEADER_SECRET, "AGENT_EXTENSION_RBAC_HEADER_SECRET")? })
        }
        Some("jwt") => Ok(Rbac::Jwt(JwtRules {
            secret: needed(table::JWT_SECRET, "AGENT_EXTENSION_RBAC_JWT_SECRET")?,
            issuer: text(table::JWT_ISSUER),
            audience: text(table::JWT_AUDIENCE),
            role_claim: text(table::JWT_ROLE_CLAIM).unwrap_or_default(),
            actor_claim: text(table::JWT_ACTOR_CLAIM).unwrap_or_default(),
        })),
        _ => Ok(Rbac::Disabled),
    }
}

fn retention(settings: &Settings) -> Retention {
    let number = |setting| settings.number(setting).unwrap_or(u64::MAX);
    let days = u32::try_from(number(table::RETENTION_DAYS)).unwrap_or(u32::MAX);
    Retention {
        age_max: DAY.saturating_mul(days),
        bytes_max: number(table::RETENTION_BYTES),
        held_bytes_max: number(table::RETENTION_UNREAD_BYTES),
    }
}
