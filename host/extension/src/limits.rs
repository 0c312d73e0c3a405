//! What one invocation may use.

use std::time::Duration;

use codex_manager_model::limits;

use crate::LimitRequest;

/// The limits of one invocation. The default is what holds where nobody said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long it may compute. What it waits in the host's calls does not count.
    pub cpu: Duration,
    /// How long it may take, waiting included.
    pub wall: Duration,
    /// How much memory it may have: all its memories and tables together.
    pub memory_bytes: usize,
    /// How many handles it may hold at once.
    pub handles: usize,
    /// How many calls of capabilities it may make.
    pub host_calls: u32,
    /// How much one call may bring from the guest to the host.
    pub host_call_bytes: usize,
    /// How much it may read through its capabilities.
    pub journal_bytes: usize,
    /// How much it may return.
    pub output_bytes: usize,
    /// How many actions it may return.
    pub actions: usize,
    /// How many bytes it may log.
    pub log_bytes: usize,
    /// How many lines it may log.
    pub log_lines: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu: limits::EXTENSION_CPU,
            wall: limits::EXTENSION_WALL,
            memory_bytes: limits::EXTENSION_MEMORY_BYTES,
            handles: limits::EXTENSION_HANDLES_MAX,
            host_calls: limits::EXTENSION_HOST_CALLS_MAX,
            host_call_bytes: limits::EXTENSION_HOST_CALL_BYTES_MAX,
            journal_bytes: limits::EXTENSION_JOURNAL_BYTES_MAX,
            output_bytes: limits::EXTENSION_OUTPUT_BYTES_MAX,
            actions: limits::EXTENSION_ACTIONS_MAX,
            log_bytes: limits::EXTENSION_LOG_BYTES_MAX,
            log_lines: limits::EXTENSION_LOG_LINES_MAX,
        }
    }
}

impl Limits {
    /// These limits, with what a manifest asks for in their place where it asks for something.
    ///
    /// Less is given to whoever asks. More is given up to the host's maximum, because interpreters need it, and is a
    /// grant: the screen shows it, so what an approved manifest asks for was approved.
    #[must_use]
    pub fn within(&self, asked: &LimitRequest) -> Self {
        let memory = asked.memory_bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        Self {
            cpu: asked.cpu.map_or(self.cpu, |cpu| cpu.min(limits::EXTENSION_CPU_MAX)),
            wall: asked.wall.map_or(self.wall, |wall| wall.min(limits::EXTENSION_WALL_MAX)),
            memory_bytes: memory.map_or(self.memory_bytes, |bytes| bytes.min(limits::EXTENSION_MEMORY_BYTES_MAX)),
            ..*self
        }
    }
}

/// A number of bytes for people, as a manifest may say it.
pub(crate) fn amount(bytes: usize) -> String {
    match bytes {
        whole if whole % (1 << 20) == 0 => format!("{} MiB", whole >> 20),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_gets_less_or_more_but_never_beyond_the_maximum() {
        let host = Limits::default();
        assert_eq!(host.within(&LimitRequest::default()), host);
        let asked = |millis: u64, mib: u64| LimitRequest {
            cpu: Some(Duration::from_millis(millis)),
            wall: Some(Duration::from_millis(10 * millis)),
            memory_bytes: Some(mib << 20),
        };
        let given = |asked| {
            let given = host.within(&asked);
            (given.cpu.as_millis(), given.wall.as_millis(), given.memory_bytes >> 20)
        };
        assert_eq!(given(asked(20, 16)), (20, 200, 16));
        assert_eq!(given(asked(2_000, 128)), (2_000, 20_000, 128));
        assert_eq!(given(asked(1_000_000, 1 << 30)), (5_000, 900_000, 256));
        assert_eq!(host.within(&asked(20, 16)).handles, host.handles, "nothing else changes");
    }
}
