//! The memory of one invocation, summed. The engine's own limits are per memory, and a component may have many.

use codex_manager_model::limits;
use wasmtime::ResourceLimiter;

/// Counts what the memories and tables of a store take. Nothing is ever given back: they only grow, and the store is
/// dropped after the call.
pub(crate) struct Limiter {
    bytes: usize,
    bytes_max: usize,
    refused: bool,
}

impl Limiter {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes: 0, bytes_max, refused: false }
    }

    /// How much was given.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether more was asked for than there is. A guest may live with that; one that fails afterwards failed of it.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    fn grow(&mut self, more: usize) -> bool {
        let fits = more <= self.bytes_max - self.bytes;
        if fits {
            self.bytes += more;
        }
        self.refused |= !fits;
        fits
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum) && self.grow(desired - current))
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = (desired - current).saturating_mul(size_of::<usize>());
        Ok(maximum.is_none_or(|maximum| desired <= maximum) && self.grow(bytes))
    }

    fn instances(&self) -> usize {
        limits::EXTENSION_CORE_INSTANCES_MAX as usize
    }

    fn memories(&self) -> usize {
        limits::EXTENSION_MEMORIES_MAX as usize
    }

    fn tables(&self) -> usize {
        limits::EXTENSION_TABLES_MAX as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_and_tables_share_one_budget() {
        let mut limiter = Limiter::new(1000);
        let mut grow = |current, desired| limiter.memory_growing(current, desired, None).expect("no trap");
        assert!(grow(0, 600));
        assert!(grow(0, 300), "another memory");
        assert!(!grow(600, 800));
        assert!(limiter.refused());
        assert!(limiter.table_growing(0, 10, None).expect("no trap"));
        assert!(!limiter.table_growing(10, 13, None).expect("no trap"));
        assert_eq!(limiter.bytes(), 980);
    }
}
