//! What extensions keep, and how a change of what was read is noticed.

use std::collections::BTreeMap;

use codex_manager_store::{Error, Store};

use crate::fixture::{folder, open};

type Read<'a> = &'a [(&'a str, Option<u64>)];
type Written<'a> = &'a [(&'a str, Option<&'a str>)];

async fn commit(store: &Store, read: Read<'_>, listed: Option<u64>, written: Written<'_>) -> bool {
    let read: BTreeMap<_, _> = read.iter().map(|(key, version)| ((*key).to_owned(), *version)).collect();
    let written: BTreeMap<_, _> =
        written.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect();
    let done: Result<_, Error> = store.write(move |tx| tx.kv_commit("e", u64::MAX, &read, listed, &written)).await;
    done.unwrap()
}

/// Everything that an extension keeps: keys with values and versions, the store's version, and the bytes.
async fn kept(store: &Store, extension: &'static str) -> (Vec<(String, String, u64)>, u64, u64) {
    let read = store.read(move |view| {
        let (keys, version) = view.kv_keys(extension, "", None, u32::MAX)?;
        let mut all = Vec::new();
        for key in keys {
            let (value, version) = view.kv_get(extension, &key)?.expect("it was listed");
            all.push((key, value, version));
        }
        Ok::<_, Error>((all, version, view.kv_bytes(extension)?))
    });
    read.await.unwrap()
}

#[tokio::test]
async fn what_is_written_has_the_version_that_wrote_it() {
    let folder = folder();
    let store = open(&folder);
    assert_eq!(kept(&store, "e").await, (vec![], 0, 0));
    assert!(commit(&store, &[], None, &[]).await);
    assert_eq!(kept(&store, "e").await.1, 0, "nothing was written");
    assert!(commit(&store, &[("a", None)], Some(0), &[("a", Some("1")), ("b", Some("ü"))]).await);
    assert!(commit(&store, &[], None, &[("a", Some("three")), ("gone", None)]).await);
    store.close().await;

    let store = open(&folder);
    let expected = vec![("a".to_owned(), "three".to_owned(), 2), ("b".to_owned(), "ü".to_owned(), 1)];
    assert_eq!(kept(&store, "e").await, (expected, 2, 1 + 5 + 1 + 2));
    assert!(commit(&store, &[], None, &[("a", None), ("b", None)]).await);
    assert_eq!(kept(&store, "e").await, (vec![], 3, 0), "an empty store goes on counting");
}

#[tokio::test]
async fn what_relied_on_something_that_has_changed_is_not_written() {
    let folder = folder();
    let store = open(&folder);
    assert!(commit(&store, &[], None, &[("a", Some("1")), ("b", Some("1"))]).await);
    assert!(commit(&store, &[], None, &[("b", Some("2"))]).await);
    let before = kept(&store, "e").await;
    let table: [(Read<'_>, Option<u64>, bool); 9] = [
        (&[("a", Some(1)), ("b", Some(2)), ("c", None)], Some(2), true),
        (&[("a", Some(1))], None, true),
        (&[("a", Some(2))], None, false),
        (&[("a", None)], None, false),
        (&[("b", Some(1))], None, false),
        (&[("c", Some(1))], None, false),
        (&[("a", Some(1)), ("b", None)], None, false),
        (&[], Some(1), false),
        (&[("a", Some(1))], Some(3), false),
    ];
    for (read, listed, fits) in table {
        assert_eq!(commit(&store, read, listed, &[]).await, fits, "{read:?} {listed:?}");
        if !fits {
            assert!(!commit(&store, read, listed, &[("a", Some("9")), ("z", Some("9"))]).await);
        }
        assert_eq!(kept(&store, "e").await, before, "{read:?} {listed:?}");
    }
}

#[tokio::test]
async fn a_key_that_was_removed_and_written_again_has_changed() {
    let folder = folder();
    let store = open(&folder);
    assert!(commit(&store, &[], None, &[("a", Some("1"))]).await);
    assert!(commit(&store, &[("a", Some(1))], None, &[("a", None)]).await);
    assert!(commit(&store, &[("a", None)], None, &[("a", Some("1"))]).await);
    assert!(!commit(&store, &[("a", Some(1))], None, &[("b", Some("1"))]).await);
}

#[tokio::test]
async fn keys_are_listed_in_the_order_of_their_bytes() {
    let folder = folder();
    let store = open(&folder);
    let all = ["a", "a/", "a/1", "a/10", "a/2", "a0", "b", "ab\u{0}c", "é", "\u{ffff}"];
    let written: Vec<_> = all.iter().map(|key| (*key, Some("x"))).collect();
    assert!(commit(&store, &[], None, &written).await);
    let table: [(&str, Option<&str>, u32, &[&str]); 10] = [
        ("", None, 99, &["a", "a/", "a/1", "a/10", "a/2", "a0", "ab\u{0}c", "b", "é", "\u{ffff}"]),
        ("a/", None, 99, &["a/", "a/1", "a/10", "a/2"]),
        ("a/", None, 2, &["a/", "a/1"]),
        ("a/", Some("a/1"), 99, &["a/10", "a/2"]),
        ("a/", Some("a"), 1, &["a/"]),
        ("a/", Some("b"), 99, &[]),
        ("ab", None, 99, &["ab\u{0}c"]),
        ("ab\u{0}", None, 99, &["ab\u{0}c"]),
        ("c", None, 99, &[]),
        ("", None, 0, &[]),
    ];
    for (prefix, after, limit, expected) in table {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let told = format!("{limit} of {prefix:?} after {after:?}");
        let found: Result<_, Error> = store.read(move |view| view.kv_keys("e", &prefix, after.as_deref(), limit)).await;
        assert_eq!(found.unwrap(), (expected.iter().map(|key| (*key).to_owned()).collect(), 1), "{told}");
    }
}

#[tokio::test]
async fn extensions_do_not_see_each_other() {
    let folder = folder();
    let store = open(&folder);
    assert!(commit(&store, &[], None, &[("a", Some("1"))]).await);
    let (read, written) = (BTreeMap::from([("a".to_owned(), None)]), BTreeMap::from([("a".to_owned(), None)]));
    let other: Result<_, Error> = store.write(move |tx| tx.kv_commit("f", u64::MAX, &read, Some(0), &written)).await;
    assert!(other.unwrap());
    assert_eq!(kept(&store, "f").await, (vec![], 1, 0));
    assert_eq!(kept(&store, "e").await.0.len(), 1);
}

#[tokio::test]
async fn what_is_kept_grows_up_to_the_quota_and_shrinks_beyond_it() {
    let folder = folder();
    let store = open(&folder);
    let put = |bytes_max: u64, key: &'static str, value: Option<&'static str>| {
        let written = BTreeMap::from([(key.to_owned(), value.map(str::to_owned))]);
        store.write::<_, Error, _>(move |tx| tx.kv_commit("e", bytes_max, &BTreeMap::new(), None, &written))
    };
    // Each found room for itself, and there is none for both.
    assert!(put(8, "a", Some("1234")).await.unwrap());
    assert!(!put(8, "b", Some("123")).await.unwrap());
    assert_eq!(kept(&store, "e").await, (vec![("a".to_owned(), "1234".to_owned(), 1)], 1, 5), "nothing was written");
    assert!(put(8, "b", Some("12")).await.unwrap());
    assert!(put(8, "a", Some("4321")).await.unwrap(), "what is written over makes room");
    // The quota is another one now.
    assert!(!put(4, "b", Some("123")).await.unwrap());
    assert!(put(4, "b", Some("1")).await.unwrap());
    assert!(put(4, "a", None).await.unwrap());
    assert_eq!(kept(&store, "e").await.2, 2);
}
