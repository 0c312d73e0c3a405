//! How much room an extension has left: its quota, what is kept, and what the invocation has written over it.

use std::collections::{BTreeMap, BTreeSet};

use codex_manager_model::limits;
use serde_json::Value;

use super::{Changes, Fault, Kept};
use crate::Invocation;

/// What is known of the room. It is looked up when somebody writes, once an invocation.
#[derive(Default)]
struct Room {
    /// How many bytes were kept when the first look was taken.
    kept: Option<u64>,
    /// How much of that each key takes that was written over.
    replaced: BTreeMap<String, u64>,
}

/// Whether this value fits beside all the others.
///
/// # Errors
///
/// What the store says when it cannot answer.
pub(super) async fn fits(invocation: &mut Invocation, kept: &dyn Kept, key: &str, value: &str) -> Result<bool, Fault> {
    let before = match invocation.state::<Room>().kept {
        Some(before) => before,
        None => kept.bytes(invocation.extension()).await?,
    };
    invocation.state::<Room>().kept = Some(before);
    let written = &invocation.state::<Changes>().written;
    let others = written.iter().filter(|(other, _)| *other != key);
    let others: u64 = others.filter_map(|(key, value)| Some(entry_bytes(key, value.as_ref()?))).sum();
    let (all, bytes_max) = (before + others + entry_bytes(key, value), bytes_max(invocation));
    // What is written over frees its room, and is only looked at when that matters.
    Ok(all <= bytes_max || all.saturating_sub(freed(invocation, kept, key).await?) <= bytes_max)
}

/// How many bytes the grant allows.
fn bytes_max(invocation: &Invocation) -> u64 {
    let granted = invocation.parameters("kv").and_then(|parameters| parameters.get("bytes_max"));
    granted.and_then(Value::as_u64).unwrap_or(limits::KV_BYTES_MAX)
}

/// How much of what is kept goes when everything is written that was written, and `key` too.
async fn freed(invocation: &mut Invocation, kept: &dyn Kept, key: &str) -> Result<u64, Fault> {
    let mut written: BTreeSet<String> = invocation.state::<Changes>().written.keys().cloned().collect();
    written.insert(key.to_owned());
    for key in written {
        if !invocation.state::<Room>().replaced.contains_key(&key) {
            let entry = kept.get(invocation.extension(), &key).await?;
            let bytes = entry.map_or(0, |entry| entry_bytes(&key, &entry.value));
            invocation.state::<Room>().replaced.insert(key, bytes);
        }
    }
    Ok(invocation.state::<Room>().replaced.values().sum())
}

fn entry_bytes(key: &str, value: &str) -> u64 {
    (key.len() + value.len()) as u64
}
