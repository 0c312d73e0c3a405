//! Every method of Codex that a client can have called, in one table: what it does, and who may.
//!
//! Routes take their access from it, discovery its names, and the raw pass-through the list of what it passes. What is
//! not here is not called for anybody. What runs commands or touches files is never passed raw: `thread/shellCommand`,
//! `process/*` and `fs/*` not at all, `command/exec` by its own route only. Neither is what concerns one thread, which
//! has to pass by the sessions.

use codex_manager_model::Role;

/// Whether calling it changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It tells, and may be called again.
    Read,
    /// It acts: it is recorded first.
    Act,
}

/// How a client can have it called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By an operation of its own.
    Route,
    /// As it is, by its name.
    Raw,
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Method {
    /// As Codex calls it.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The least role that may have it called.
    pub(crate) role: Role,
    pub(crate) way: Way,
}

/// Writes the table: each line becomes a constant, and a member of [`ALL`].
macro_rules! methods {
    ($($name:ident $method:literal $kind:ident $role:ident $way:ident)+) => {
        $(
            #[doc = concat!("`", $method, "`")]
            pub(crate) const $name: &Method =
                &Method { name: $method, kind: Kind::$kind, role: Role::$role, way: Way::$way };
        )+

        /// All of them.
        pub(crate) const ALL: &[&Method] = &[$($name),+];
    };
}

methods! {
    // What Codex offers.
    FEATURES_LIST "experimentalFeature/list" Read Viewer Route
    COLLABORATION_MODES_LIST "collaborationMode/list" Read Viewer Route
    APPS_LIST "app/list" Read Viewer Route
    MODELS_LIST "model/list" Read Viewer Route
    SKILLS_LIST "skills/list" Read Viewer Route
    SKILLS_CONFIG_WRITE "skills/config/write" Act Admin Route
    SKILLS_REMOTE_READ "skills/remote/read" Read Viewer Route
    SKILLS_REMOTE_WRITE "skills/remote/write" Act Admin Route
    MCP_SERVERS_LIST "mcpServerStatus/list" Read Viewer Route
    MCP_RELOAD "config/mcpServer/reload" Act Admin Route
    MCP_OAUTH_LOGIN "mcpServer/oauth/login" Act Admin Route

    // Whose Codex it is, and how it is set.
    ACCOUNT_READ "account/read" Read Viewer Route
    ACCOUNT_RATE_LIMITS_READ "account/rateLimits/read" Read Viewer Route
    ACCOUNT_LOGIN_START "account/login/start" Act Admin Route
    ACCOUNT_LOGIN_CANCEL "account/login/cancel" Act Admin Route
    ACCOUNT_LOGOUT "account/logout" Act Admin Route
    CONFIG_READ "config/read" Read Viewer Route
    CONFIG_REQUIREMENTS_READ "configRequirements/read" Read Viewer Route
    CONFIG_VALUE_WRITE "config/value/write" Act Admin Route
    CONFIG_BATCH_WRITE "config/batchWrite" Act Admin Route
    COMMAND_EXEC "command/exec" Act Admin Route
    FEEDBACK_UPLOAD "feedback/upload" Act Operator Route

    // Threads and turns, by way of sessions.
    THREAD_FORK "thread/fork" Act Operator Route
    THREAD_COMPACT_START "thread/compact/start" Act Operator Route
    THREAD_REVERT "thread/revert" Act Operator Route
    THREAD_TERMINALS_CLEAN "thread/backgroundTerminals/clean" Act Operator Route
    TURN_STEER "turn/steer" Act Operator Route
    REVIEW_START "review/start" Act Operator Route

    // What no operation of ours tells: for whoever knows Codex, as it is.
    ACCOUNT_USAGE_READ "account/usage/read" Read Admin Raw
    ACCOUNT_WORKSPACE_MESSAGES_READ "account/workspaceMessages/read" Read Admin Raw
    APPS_READ "app/read" Read Admin Raw
    APPS_INSTALLED "app/installed" Read Admin Raw
    HOOKS_LIST "hooks/list" Read Admin Raw
    MCP_RESOURCE_READ "mcpServer/resource/read" Read Admin Raw
    MEMORY_STATUS "memory/status" Read Admin Raw
    PROVIDERS_LIST "modelProvider/list" Read Admin Raw
    PROVIDER_CAPABILITIES_READ "modelProvider/capabilities/read" Read Admin Raw
    PERMISSION_PROFILES_LIST "permissionProfile/list" Read Admin Raw
    PLUGINS_LIST "plugin/list" Read Admin Raw
    PLUGINS_INSTALLED "plugin/installed" Read Admin Raw
    PLUGIN_READ "plugin/read" Read Admin Raw
    PLUGIN_SKILL_READ "plugin/skill/read" Read Admin Raw
    PLUGIN_SEARCH "plugin/search" Read Admin Raw
    DIAGNOSTICS "server/diagnostics" Read Admin Raw
    VOICES_LIST "thread/realtime/listVoices" Read Admin Raw
}

/// The method of that name, if it is passed on as it is.
pub(crate) fn raw(name: &str) -> Option<&'static Method> {
    ALL.iter().copied().find(|method| method.name == name && method.way == Way::Raw)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_method_has_one_line() {
        let names: HashSet<_> = ALL.iter().map(|method| method.name).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn what_acts_is_never_passed_raw_nor_what_runs_commands_touches_files_or_is_of_one_thread() {
        for method in ALL.iter().filter(|method| method.way == Way::Raw) {
            assert_eq!((method.kind, method.role), (Kind::Read, Role::Admin), "{}", method.name);
            for start in ["fs/", "command/", "process/", "turn/", "thread/read", "thread/shellCommand", "config/"] {
                assert!(!method.name.starts_with(start), "{}", method.name);
            }
        }
        for name in ["", "command/exec", "fs/readFile", "thread/shellCommand", "account/logout", "no/such"] {
            assert!(raw(name).is_none(), "{name}");
        }
    }

    #[test]
    fn what_acts_is_for_operators_at_least() {
        for method in ALL.iter().filter(|method| method.kind == Kind::Act) {
            assert!(method.role >= Role::Operator, "{}", method.name);
        }
    }
}
