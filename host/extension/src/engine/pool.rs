//! The two ways to make places for instances.

use codex_manager_model::limits;
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How much of a memory or table stays mapped for the next instance. More is slower: it is cleared each time.
const KEEP_RESIDENT_BYTES: usize = 64 * 1024;
/// How much address space a memory is given where there is no pool, and how much more when it outgrows that. What is
/// allowed to grow as usual need not move.
const RESERVATION_BYTES: u64 = limits::EXTENSION_MEMORY_BYTES as u64;
/// How much inaccessible space follows a memory where there is no pool.
const GUARD_BYTES: u64 = 64 * 1024;

/// All places set aside at once, enough for `invocations` of the largest components.
pub(super) fn pooled(mut settings: Config, invocations: u32) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(invocations)
        .total_stacks(invocations)
        .total_core_instances(invocations.saturating_mul(limits::EXTENSION_CORE_INSTANCES_MAX))
        .total_memories(invocations.saturating_mul(limits::EXTENSION_MEMORIES_MAX))
        .total_tables(invocations.saturating_mul(limits::EXTENSION_TABLES_MAX))
        .max_core_instances_per_component(limits::EXTENSION_CORE_INSTANCES_MAX)
        .max_memories_per_component(limits::EXTENSION_MEMORIES_MAX)
        .max_memories_per_module(limits::EXTENSION_MEMORIES_MAX)
        .max_tables_per_component(limits::EXTENSION_TABLES_MAX)
        .max_tables_per_module(limits::EXTENSION_TABLES_MAX)
        .table_elements(limits::EXTENSION_TABLE_ELEMENTS_MAX)
        .max_memory_size(limits::EXTENSION_MEMORY_BYTES_MAX)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(KEEP_RESIDENT_BYTES);
    settings.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    settings
}

/// Each memory asks for its own, and for little: this is for machines that limit address space.
pub(super) fn spare(settings: &mut Config) {
    settings
        .memory_reservation(RESERVATION_BYTES)
        .memory_reservation_for_growth(RESERVATION_BYTES)
        .memory_guard_size(GUARD_BYTES);
}
