//! Every setting, once: the flags of `serve`, the reader of the file, `config show` and the page of documentation are made
//! from these lines.
//!
//! Names in the environment are kept for good: scripts set them.

use codex_manager_model::{ApprovalPolicy, FilesystemSandbox, NetworkAccess};

use super::kind::Kind;
use super::setting::Setting;
use crate::cli::listen;
use crate::cli::logging;
use crate::cli::words::Word;
use crate::paths;

/// Writes the table: each line becomes a constant, and a member of [`ALL`].
macro_rules! settings {
    ($($name:ident = $key:literal, $kind:expr, $says:literal $(, $method:ident($($argument:expr),*))*;)+) => {
        $(
            #[doc = $says]
            pub(in crate::cli) const $name: &Setting = &Setting::new($key, $kind, $says)$(.$method($($argument),*))*;
        )+

        /// All of them, in the order in which they are told.
        pub(super) const ALL: &[&Setting] = &[$($name),+];
    };
}

const ANY: Kind = Kind::Number { min: 0, max: u64::MAX };
const POSITIVE: Kind = Kind::Number { min: 1, max: u64::MAX };
const COUNT: Kind = Kind::Number { min: 1, max: u32::MAX as u64 };
const DAYS: Kind = Kind::Number { min: 0, max: 36_500 };
const PORT_NUMBER: Kind = Kind::Number { min: 0, max: 65_535 };

settings! {
    DATA_DIR = "data_dir", Kind::Path, "The data folder, in which this program keeps all that it keeps",
        variable(paths::DATA_DIR), global_flag("data-dir", "FOLDER"), otherwise("$XDG_STATE_HOME/codex-manager"), not_in_file();
    TOOLS_DIR = "tools_dir", Kind::Path, "The folder for programs that are fetched because they are missing",
        variable(paths::TOOLS_DIR), otherwise("$XDG_CACHE_HOME/codex-manager/tools"), not_in_file();

    HOST = "listen.host", Kind::Text, "Where to listen; port 0 takes a free one, none takes 3001",
        variable("HOST"), part_of_flag("listen", "ADDRESS", listen::host_of), default("127.0.0.1");
    PORT = "listen.port", PORT_NUMBER, "The port to listen on; 0 takes a free one",
        variable("PORT"), part_of_flag("listen", "ADDRESS", listen::port_of), default("3001");

    TCP = "listen.tcp", Kind::Switch, "Whether to listen on that address at all; without it a Unix socket must be named",
        flag("tcp", ""), default("true");
    UNIX_SOCKET = "listen.unix_socket", Kind::Path, "A Unix socket to listen on, for this user alone",
        variable("CODEX_MANAGER_UNIX_SOCKET"), flag("unix-socket", "PATH"), otherwise("`socket` in the data folder");
    BEYOND_LOOPBACK = "listen.allow_beyond_loopback", Kind::Switch, "Whether the address may be one that other machines reach; needs a proxy",
        flag("allow-beyond-loopback", ""), default("false");
    PROXY = "listen.behind_proxy", Kind::Text, "The proxy in front that encrypts, as its clients know it: https://name",
        flag("behind-proxy", "ORIGIN"), otherwise("none");

    REQUESTS_PER_SECOND = "limits.requests_per_second", COUNT, "How many requests each token may make in a second",
        flag("requests-per-second", "NUMBER"), default("5000");
    REQUESTS_BURST = "limits.requests_burst", COUNT, "How many it may make at once after it has been silent",
        flag("requests-burst", "NUMBER"), default("10000");

    LOG_LEVEL = "log.level", Kind::Words(logging::LEVELS), "How much is told on stderr; RUST_LOG says more exactly and wins",
        variable("LOG_LEVEL"), flag("log-level", "LEVEL"), default("info");
    LOG_FORMAT = "log.format", Kind::Words(logging::FORMATS), "How it is told: as text, as JSON, or as text on a terminal only",
        variable("LOG_FORMAT"), flag("log-format", "FORMAT"), default("auto");

    CODEX_BIN = "codex.bin", Kind::Program, "The codex program",
        variable("CODEX_BIN"), flag("codex-bin", "FILE"), otherwise("the one on PATH, else one that is fetched");
    CODEX_HOME = "codex.home", Kind::Path, "Codex's own folder",
        variable(paths::CODEX_HOME), global_flag("codex-home", "FOLDER"), otherwise("~/.codex");
    BRING_LOGIN = "codex.bring_login", Kind::Switch, "Give a Codex folder that has no login the user's own from ~/.codex, once",
        variable("CODEX_MANAGER_BRING_LOGIN"), flag("bring-login", ""), default("true");
    BWRAP = "codex.bwrap", Kind::Path, "The bwrap program that contains Codex",
        flag("bwrap", "FILE"), otherwise("the one in Codex's package, else the one on PATH");
    ALLOW_UNCONTAINED = "codex.allow_uncontained", Kind::Switch, "Allow sessions even where Codex cannot be kept away from the daemon's secrets",
        flag("allow-uncontained", ""), default("false");
    OPENAI_API_KEY = "codex.openai_api_key", Kind::Text, "The key that Codex is given; only whether there is one is looked at here",
        variable("OPENAI_API_KEY"), secret();

    APPROVAL_POLICY = "defaults.approval_policy", Kind::Words(ApprovalPolicy::WORDS), "When Codex must ask, in sessions that do not say",
        variable("DEFAULT_APPROVAL_POLICY"), flag("default-approval-policy", "POLICY"), default("untrusted");
    SANDBOX_MODE = "defaults.sandbox_mode", Kind::Words(FilesystemSandbox::WORDS), "What commands may write, in sessions that do not say",
        variable("DEFAULT_SANDBOX_MODE"), flag("default-sandbox-mode", "MODE"), default("read-only");
    NETWORK_ACCESS = "defaults.network_access", Kind::Words(NetworkAccess::WORDS), "Whether commands may use the network, in sessions that do not say",
        variable("DEFAULT_NETWORK_ACCESS"), flag("default-network-access", "ACCESS"), default("restricted");
    DEFAULTS_LOCKED = "defaults.locked", Kind::Switch, "Whether the API refuses to change the defaults of new sessions",
        variable("SESSION_DEFAULTS_LOCKED"), flag("session-defaults-locked", ""), default("false");

    STORE_BYTES_MAX = "store.bytes_max", Kind::Number { min: 1 << 20, max: u64::MAX }, "How large the store may grow, in bytes",
        flag("store-bytes-max", "BYTES"), otherwise("as large as the disk");

    RETENTION_DAYS = "retention.days", DAYS, "For how many days events are kept, and what was asked once it is over",
        flag("retention-days", "DAYS"), default("30");
    RETENTION_BYTES = "retention.bytes_max", ANY, "How large the event log may grow before the oldest go, in bytes",
        flag("retention-bytes-max", "BYTES"), default("1073741824");
    RETENTION_UNREAD_BYTES = "retention.unread_bytes_max", ANY, "The same while an extension has yet to read them, in bytes",
        flag("retention-unread-bytes-max", "BYTES"), default("2147483648");

    EXTENSIONS = "extensions.folders", Kind::Paths, "A folder that extensions are dropped into; may be repeated",
        flag("extensions", "FOLDER"), default("extensions"), otherwise("./extensions");
    CONFIGURED_ROOTS = "extensions.configured_roots", Kind::Paths, "Further such folders",
        variable("AGENT_EXTENSION_CONFIGURED_ROOTS"), otherwise("none");
    PACKAGE_ROOTS = "extensions.package_roots", Kind::Paths, "Further such folders, those of packages",
        variable("AGENT_EXTENSION_PACKAGE_ROOTS"), otherwise("none");
    TRUST_MODE = "extensions.trust_mode", Kind::Words(&["disabled", "warn", "enforced"]), "Approval is always needed, whatever this says",
        variable("AGENT_EXTENSION_TRUST_MODE"), default("warn"), for_later();
    RBAC_MODE = "rbac.mode", Kind::Words(&["disabled", "header", "jwt"]), "Whose roles count beside those of tokens: nobody's, those in headers, or those in JSON web tokens",
        variable("AGENT_EXTENSION_RBAC_MODE"), default("disabled");
    INSECURE_HEADER_MODE = "rbac.allow_insecure_header_mode", Kind::Switch, "Roles in headers never count without their secret, whatever this says",
        variable("AGENT_EXTENSION_ALLOW_INSECURE_HEADER_MODE"), default("false"), for_later();
    HEADER_SECRET = "rbac.header_secret", Kind::Text, "The secret that roles in headers come with",
        variable("AGENT_EXTENSION_RBAC_HEADER_SECRET"), secret();
    JWT_SECRET = "rbac.jwt_secret", Kind::Text, "The key that bearers are signed with",
        variable("AGENT_EXTENSION_RBAC_JWT_SECRET"), secret();
    JWT_ISSUER = "rbac.jwt_issuer", Kind::Text, "Who must have signed",
        variable("AGENT_EXTENSION_RBAC_JWT_ISSUER");
    JWT_AUDIENCE = "rbac.jwt_audience", Kind::Text, "For whom it must have been signed",
        variable("AGENT_EXTENSION_RBAC_JWT_AUDIENCE");
    JWT_ROLE_CLAIM = "rbac.jwt_role_claim", Kind::Text, "The claim that holds the role",
        variable("AGENT_EXTENSION_RBAC_JWT_ROLE_CLAIM"), default("role");
    JWT_ACTOR_CLAIM = "rbac.jwt_actor_claim", Kind::Text, "The claim that holds the actor",
        variable("AGENT_EXTENSION_RBAC_JWT_ACTOR_CLAIM"), default("sub");

    QUEUE_ENABLED = "queue.enabled", Kind::Switch, "Whether there is a queue of jobs",
        variable("ORCHESTRATOR_QUEUE_ENABLED"), default("true"), for_later();
    QUEUE_CONCURRENCY = "queue.global_concurrency", POSITIVE, "How many jobs run at once",
        variable("ORCHESTRATOR_QUEUE_GLOBAL_CONCURRENCY"), default("2"), for_later();
    QUEUE_PER_PROJECT = "queue.max_per_project", POSITIVE, "How many jobs of one project may wait",
        variable("ORCHESTRATOR_QUEUE_MAX_PER_PROJECT"), default("100"), for_later();
    QUEUE_GLOBAL = "queue.max_global", POSITIVE, "How many jobs may wait",
        variable("ORCHESTRATOR_QUEUE_MAX_GLOBAL"), default("500"), for_later();
    QUEUE_ATTEMPTS = "queue.max_attempts", POSITIVE, "How often a job is tried",
        variable("ORCHESTRATOR_QUEUE_MAX_ATTEMPTS"), default("2"), for_later();
    QUEUE_TIMEOUT = "queue.default_timeout_ms", POSITIVE, "How long a job may take that does not say, in milliseconds",
        variable("ORCHESTRATOR_QUEUE_DEFAULT_TIMEOUT_MS"), default("60000"), for_later();
    QUEUE_AGING = "queue.background_aging_ms", ANY, "After how long a background job goes first, in milliseconds",
        variable("ORCHESTRATOR_QUEUE_BACKGROUND_AGING_MS"), default("15000"), for_later();
    QUEUE_BURST = "queue.max_interactive_burst", POSITIVE, "How many interactive jobs may go before a background one",
        variable("ORCHESTRATOR_QUEUE_MAX_INTERACTIVE_BURST"), default("3"), for_later();
    SUGGEST_ENABLED = "suggestions.enabled", Kind::Switch, "Whether requests are suggested",
        variable("ORCHESTRATOR_SUGGEST_REQUEST_ENABLED"), default("true"), for_later();
    SUGGEST_WAIT = "suggestions.wait_ms", ANY, "How long a suggestion is waited for, in milliseconds",
        variable("ORCHESTRATOR_SUGGEST_REQUEST_WAIT_MS"), default("12000"), for_later();
    AGENT_TIMEOUT = "agent.turn_timeout_ms", POSITIVE, "How long a worker's turn may take, in milliseconds",
        variable("ORCHESTRATOR_AGENT_TURN_TIMEOUT_MS"), default("180000"), for_later();
    AGENT_POLL = "agent.poll_interval_ms", POSITIVE, "How often a worker's turn is looked at, in milliseconds",
        variable("ORCHESTRATOR_AGENT_POLL_INTERVAL_MS"), default("350"), for_later();
    AGENT_INCLUDE = "agent.include_turns_grace_ms", ANY, "How long a worker's thread may lack its turns, in milliseconds",
        variable("ORCHESTRATOR_AGENT_INCLUDE_TURNS_GRACE_MS"), default("3000"), for_later();
    AGENT_TERMINAL = "agent.untrusted_terminal_grace_ms", ANY, "How long a worker's early end is not believed, in milliseconds",
        variable("ORCHESTRATOR_AGENT_UNTRUSTED_TERMINAL_GRACE_MS"), default("3000"), for_later();
    AGENT_EMPTY = "agent.empty_turn_grace_ms", ANY, "How long a worker's turn may stay empty, in milliseconds",
        variable("ORCHESTRATOR_AGENT_EMPTY_TURN_GRACE_MS"), default("8000"), for_later();
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn defaults_are_those_of_a_daemon_that_is_told_nothing() {
        let number = |setting: &Setting| setting.default.and_then(|text| text.parse::<u64>().ok());
        let (rate, kept) = (crate::Rate::default(), crate::retention::KEPT);
        assert_eq!(number(REQUESTS_PER_SECOND), Some(rate.per_second.into()));
        assert_eq!(number(REQUESTS_BURST), Some(rate.burst.into()));
        assert_eq!(number(RETENTION_DAYS), Some(kept.age_max.as_secs() / (24 * 60 * 60)));
        assert_eq!(
            (number(RETENTION_BYTES), number(RETENTION_UNREAD_BYTES)),
            (Some(kept.bytes_max), Some(kept.held_bytes_max))
        );
    }

    #[test]
    fn every_setting_is_told_once_and_its_default_is_one_that_it_may_be() {
        let keys: HashSet<_> = ALL.iter().map(|setting| setting.key).collect();
        let variables: HashSet<_> = ALL.iter().filter_map(|setting| setting.variable).collect();
        assert_eq!(keys.len(), ALL.len());
        assert_eq!(variables.len(), ALL.iter().filter(|setting| setting.variable.is_some()).count());
        for setting in ALL {
            if let Some(default) = setting.default {
                setting.kind.read(OsStr::new(default)).unwrap_or_else(|why| panic!("{}: {why}", setting.key));
            }
            assert!(!setting.says.ends_with('.'), "{} has no stop", setting.key);
            assert!(!(setting.is_secret && setting.in_file), "{} would lie about", setting.key);
            assert!(setting.flag.is_some() || setting.variable.is_some(), "{} can be set", setting.key);
        }
    }
}
