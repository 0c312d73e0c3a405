//! `codex-manager:kv`: what an extension keeps between invocations.
//!
//! A guest reads through an overlay of its own writes. Nothing is written while it runs: the [`Changes`] come out with
//! its actions, with the versions of what it had read, and whoever commits the one checks and commits the other.

mod room;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use codex_manager_model::limits;
use semver::Version;
use serde::Serialize;
use serde_json::json;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, Lower};

use crate::{Capability, CapabilityKind, ExtensionId, Invocation, Package, Shape};

/// Where what was kept is read from.
#[async_trait]
pub trait Kept: Send + Sync {
    /// What is under the key. The version is that of the extension's whole store when the value was written.
    async fn get(&self, extension: &ExtensionId, key: &str) -> Result<Option<Entry>, Fault>;

    /// Up to `limit` keys with this prefix, in the order of their bytes, those after `after`.
    async fn keys(&self, extension: &ExtensionId, prefix: &str, after: Option<&str>, limit: u32)
    -> Result<Keys, Fault>;

    /// How many bytes are kept for it: keys and values together. Its quota is held against that.
    async fn bytes(&self, extension: &ExtensionId) -> Result<u64, Fault>;
}

/// A value, and the version at which it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: String,
    /// The version of the extension's store that brought it: from 1, and one more with each commit.
    pub version: u64,
}

/// Keys, and the version of the store that they were read at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The keys.
    pub keys: Vec<String>,
    /// The version of the extension's store then; 0 if nothing was ever written.
    pub version: u64,
}

/// What an invocation wants to have written, and what it relied on. To be found in [`Effects`](crate::Effects).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The keys it read, with the version of each; `None` if there was nothing. If one has changed, all is void.
    pub read: BTreeMap<String, Option<u64>>,
    /// The version at which it listed keys. If anything was written since, all is void.
    pub listed: Option<u64>,
    /// What to write; `None` removes.
    pub written: BTreeMap<String, Option<String>>,
}

/// Why something was not done, as the guest is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ComponentType, Lower)]
#[component(record)]
pub struct Fault {
    /// What kind of fault: `too-large`, `unavailable`.
    pub code: String,
    /// The same for a reader.
    pub message: String,
}

/// The capability `kv`.
#[derive(Clone)]
pub struct Kv(Arc<dyn Kept>);

impl Kv {
    /// The capability, reading from there.
    pub fn new(kept: impl Kept + 'static) -> Self {
        Self(Arc::new(kept))
    }
}

impl Capability for Kv {
    fn name(&self) -> &str {
        "kv"
    }

    fn kind(&self) -> CapabilityKind {
        CapabilityKind {
            package: Package::new("codex-manager:kv", Version::new(1, 0, 0)),
            sentence: "keep data of its own between invocations".to_owned(),
            parameters: BTreeMap::from([("bytes_max".to_owned(), Shape::Bytes)]),
            wider: Vec::new(),
        }
    }

    fn link(&self, linker: &mut Linker<Invocation>) -> wasmtime::Result<()> {
        let mut interface = linker.instance("codex-manager:kv/store@1.0.0")?;
        let kept = Arc::clone(&self.0);
        interface.func_wrap_async("get", move |mut store: StoreContextMut<'_, Invocation>, (key,): (String,)| {
            let kept = Arc::clone(&kept);
            Box::new(async move {
                let invocation = store.data_mut();
                let answer = get(invocation, &*kept, &key).await;
                invocation.journal("kv", "get", json!([key]), &answer)?;
                Ok((answer,))
            })
        })?;
        let kept = Arc::clone(&self.0);
        interface.func_wrap_async(
            "set",
            move |mut store: StoreContextMut<'_, Invocation>, (key, value): (String, String)| {
                let kept = Arc::clone(&kept);
                Box::new(async move {
                    let invocation = store.data_mut();
                    let answer = set(invocation, &*kept, &key, value).await;
                    invocation.journal("kv", "set", json!([key]), &answer)?;
                    Ok((answer,))
                })
            },
        )?;
        interface.func_wrap("delete", |mut store: StoreContextMut<'_, Invocation>, (key,): (String,)| {
            let answer = write(store.data_mut(), &key, None);
            store.data_mut().journal("kv", "delete", json!([key]), &answer)?;
            Ok((answer,))
        })?;
        let kept = Arc::clone(&self.0);
        interface.func_wrap_async(
            "keys",
            move |mut store: StoreContextMut<'_, Invocation>, (prefix, after, limit): (String, Option<String>, u32)| {
                let kept = Arc::clone(&kept);
                Box::new(async move {
                    let invocation = store.data_mut();
                    let answer = keys(invocation, &*kept, &prefix, after.as_deref(), limit).await;
                    invocation.journal("kv", "keys", json!([prefix, after, limit]), &answer)?;
                    Ok((answer,))
                })
            },
        )
    }
}

async fn get(invocation: &mut Invocation, kept: &dyn Kept, key: &str) -> Result<Option<String>, Fault> {
    if let Some(own) = invocation.state::<Changes>().written.get(key) {
        return Ok(own.clone());
    }
    let entry = kept.get(invocation.extension(), key).await?;
    let version = entry.as_ref().map(|entry| entry.version);
    // The first version counts: if the second differs, the first has changed, which is what the commit looks for.
    invocation.state::<Changes>().read.entry(key.to_owned()).or_insert(version);
    Ok(entry.map(|entry| entry.value))
}

async fn set(invocation: &mut Invocation, kept: &dyn Kept, key: &str, value: String) -> Result<(), Fault> {
    if !room::fits(invocation, kept, key, &value).await? {
        return too_large("the quota is full");
    }
    write(invocation, key, Some(value))
}

fn too_large(what: &str) -> Result<(), Fault> {
    Err(Fault { code: "too-large".to_owned(), message: what.to_owned() })
}

fn write(invocation: &mut Invocation, key: &str, value: Option<String>) -> Result<(), Fault> {
    if key.is_empty() || key.len() > limits::KV_KEY_BYTES_MAX {
        return too_large("a key has 1 to 512 bytes");
    }
    if value.as_ref().is_some_and(|value| value.len() > limits::KV_VALUE_BYTES_MAX) {
        return too_large("a value has at most 256 KiB");
    }
    let bytes_max = invocation.limits().journal_bytes;
    let written = &mut invocation.state::<Changes>().written;
    let others = written.iter().filter(|(other, _)| *other != key);
    let size = |key: &str, value: &Option<String>| key.len() + value.as_ref().map_or(0, String::len);
    if others.map(|(key, value)| size(key, value)).sum::<usize>() + size(key, &value) > bytes_max {
        return too_large("one invocation cannot write that much");
    }
    written.insert(key.to_owned(), value);
    Ok(())
}

async fn keys(
    invocation: &mut Invocation,
    kept: &dyn Kept,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<String>, Fault> {
    let limit = limit.min(limits::KV_KEYS_MAX);
    // As many more as it has removed itself, so that what is left still fills the page.
    let removed = invocation.state::<Changes>().written.values().filter(|value| value.is_none()).count();
    let asked = limit.saturating_add(u32::try_from(removed).unwrap_or(u32::MAX));
    let found = kept.keys(invocation.extension(), prefix, after, asked).await?;
    let changes = invocation.state::<Changes>();
    changes.listed.get_or_insert(found.version);
    // Beyond the last key of a full page there may be others, so an own key there must wait for its page.
    let full = found.keys.len() >= asked as usize;
    let end = found.keys.last().filter(|_| full).cloned();
    let own = changes.written.keys().filter(|key| {
        key.starts_with(prefix)
            && after.is_none_or(|after| key.as_str() > after)
            && end.as_ref().is_none_or(|end| *key <= end)
    });
    let mut all: Vec<String> = found.keys.iter().chain(own).cloned().collect();
    all.sort_unstable();
    all.dedup();
    all.retain(|key| changes.written.get(key).is_none_or(Option::is_some));
    all.truncate(limit as usize);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invocation::Caller;
    use crate::{Limits, Record};

    /// Keys that were kept before, all at version 5, each with the value `before`.
    struct Before(&'static [&'static str]);

    #[async_trait]
    impl Kept for Before {
        async fn get(&self, _: &ExtensionId, key: &str) -> Result<Option<Entry>, Fault> {
            Ok(self.0.contains(&key).then(|| Entry { value: "before".to_owned(), version: 5 }))
        }

        async fn keys(&self, _: &ExtensionId, prefix: &str, after: Option<&str>, limit: u32) -> Result<Keys, Fault> {
            let wanted = |key: &&&str| key.starts_with(prefix) && after.is_none_or(|after| **key > after);
            let keys = self.0.iter().filter(wanted).take(limit as usize).map(|key| (*key).to_owned()).collect();
            Ok(Keys { keys, version: 5 })
        }

        async fn bytes(&self, _: &ExtensionId) -> Result<u64, Fault> {
            Ok(self.0.iter().map(|key| (key.len() + "before".len()) as u64).sum())
        }
    }

    fn invocation() -> Invocation {
        granted(None)
    }

    fn granted(bytes_max: Option<u64>) -> Invocation {
        let extension = "acme.guest".parse().expect("an id");
        let parameters = bytes_max.map(|bytes| ("bytes_max".to_owned(), bytes.into())).into_iter().collect();
        let granted = BTreeMap::from([("kv".to_owned(), parameters)]);
        let caller = Caller { extension, granted, limits: Limits::default() };
        let record = Record { id: "inv-1".to_owned(), at: jiff::Timestamp::UNIX_EPOCH, seed: [0; 32] };
        Invocation::new(Arc::new(caller), &record, None)
    }

    #[tokio::test]
    async fn keys_are_listed_as_if_all_was_written() {
        let before = Before(&["a", "b", "c", "d", "x1"]);
        let mut invocation = invocation();
        for (key, value) in [("b", None), ("bb", Some("new")), ("c", Some("other")), ("x2", Some("new"))] {
            write(&mut invocation, key, value.map(str::to_owned)).expect("it fits");
        }
        for (prefix, after, limit, expected) in [
            ("", None, 100, &["a", "bb", "c", "d", "x1", "x2"][..]),
            ("", None, 2, &["a", "bb"]),
            ("", Some("bb"), 2, &["c", "d"]),
            ("", Some("d"), 2, &["x1", "x2"]),
            ("x", None, 1, &["x1"]),
            ("x", Some("x1"), 1, &["x2"]),
            ("y", None, 1, &[]),
        ] {
            let found = keys(&mut invocation, &before, prefix, after, limit).await;
            assert_eq!(found.expect("keys"), expected, "{limit} of {prefix:?} after {after:?}");
        }
        assert_eq!(invocation.state::<Changes>().listed, Some(5));
    }

    #[tokio::test]
    async fn what_was_read_is_noted_with_its_version_and_own_writes_are_not_reads() {
        let before = Before(&["a"]);
        let mut invocation = invocation();
        write(&mut invocation, "own", Some("mine".to_owned())).expect("it fits");
        for (key, expected) in [("a", Some("before")), ("nothing", None), ("own", Some("mine"))] {
            assert_eq!(get(&mut invocation, &before, key).await.expect("an answer").as_deref(), expected);
        }
        let read = BTreeMap::from([("a".to_owned(), Some(5)), ("nothing".to_owned(), None)]);
        assert_eq!(invocation.state::<Changes>().read, read);
    }

    #[test]
    fn what_is_too_large_is_refused_and_not_written() {
        let mut invocation = invocation();
        let long = |bytes: usize| "x".repeat(bytes);
        for (key, value) in [
            (String::new(), String::new()),
            (long(limits::KV_KEY_BYTES_MAX + 1), String::new()),
            ("a".to_owned(), long(limits::KV_VALUE_BYTES_MAX + 1)),
        ] {
            let fault = write(&mut invocation, &key, Some(value)).expect_err("it does not fit");
            assert_eq!(fault.code, "too-large");
        }
        assert_eq!(invocation.state::<Changes>(), &Changes::default());
        let mut write =
            |number: u32| write(&mut invocation, &number.to_string(), Some(long(limits::KV_VALUE_BYTES_MAX)));
        let fit = (0..100).take_while(|number| write(*number).is_ok()).count();
        assert_eq!(fit, limits::EXTENSION_JOURNAL_BYTES_MAX / limits::KV_VALUE_BYTES_MAX - 1);
    }

    #[tokio::test]
    async fn a_quota_holds_for_what_is_kept_and_written_together() {
        // 14 bytes are kept: "a" and "b", and "before" twice.
        let before = Before(&["a", "b"]);
        let mut invocation = granted(Some(20));
        let mut steps = Vec::new();
        for (key, value) in [("c", "12345"), ("d", ""), ("c", "123456"), ("a", "1"), ("d", "1234"), ("d", "12345")] {
            let answer = set(&mut invocation, &before, key, value.to_owned()).await;
            steps.push(answer.map_err(|fault| fault.code));
        }
        let full = Err("too-large".to_owned());
        // What is written anew takes the place of what was there, also of what the invocation wrote itself.
        assert_eq!(steps, [Ok(()), full.clone(), full.clone(), Ok(()), Ok(()), full]);
        write(&mut invocation, "b", None).expect("nothing is larger for it");
        assert_eq!(set(&mut invocation, &before, "d", "123456".to_owned()).await, Ok(()), "b has made room");
        assert!(invocation.state::<Changes>().read.is_empty(), "looking for room is not reading");
    }

    #[tokio::test]
    async fn without_a_number_in_the_grant_the_usual_quota_holds() {
        struct Full;
        #[async_trait]
        impl Kept for Full {
            async fn get(&self, _: &ExtensionId, _: &str) -> Result<Option<Entry>, Fault> {
                Ok(None)
            }
            async fn keys(&self, _: &ExtensionId, _: &str, _: Option<&str>, _: u32) -> Result<Keys, Fault> {
                Ok(Keys { keys: vec![], version: 1 })
            }
            async fn bytes(&self, _: &ExtensionId) -> Result<u64, Fault> {
                Ok(limits::KV_BYTES_MAX - 10)
            }
        }
        let mut invocation = granted(None);
        assert_eq!(set(&mut invocation, &Full, "0123", "456789".to_owned()).await, Ok(()));
        assert!(set(&mut invocation, &Full, "0123", "4567890".to_owned()).await.is_err());
    }
}
