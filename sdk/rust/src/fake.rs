//! Capabilities in memory, for the tests of an extension's logic: each is called as its trait is.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{Fault, Level};

/// A log that can be read.
#[derive(Debug, Default)]
pub struct Log(RefCell<Vec<(Level, String)>>);

impl Log {
    /// What was written.
    pub fn written(&self) -> Vec<(Level, String)> {
        self.0.borrow().clone()
    }
}

impl crate::Log for Log {
    fn log(&self, level: Level, message: &str) {
        self.0.borrow_mut().push((level, message.to_owned()));
    }
}

/// Settings: a JSON object.
#[derive(Debug, Default)]
pub struct Config(pub Map<String, Value>);

impl crate::Config for Config {
    fn setting(&self, name: &str) -> Option<Value> {
        self.0.get(name).cloned()
    }
}

/// What is kept between invocations.
#[derive(Debug, Default)]
pub struct Kv(RefCell<BTreeMap<String, String>>);

impl crate::Kv for Kv {
    fn get(&self, key: &str) -> Result<Option<String>, Fault> {
        Ok(self.0.borrow().get(key).cloned())
    }

    fn set(&self, key: &str, value: &str) -> Result<(), Fault> {
        if key.is_empty() || key.len() > 512 || value.len() > 256 * 1024 {
            return Err(Fault::new(
                "too-large",
                format_args!("the key has {} bytes, the value {}", key.len(), value.len()),
            ));
        }
        self.0.borrow_mut().insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), Fault> {
        self.0.borrow_mut().remove(key);
        Ok(())
    }

    fn keys(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Fault> {
        let pairs = self.0.borrow();
        let wanted =
            pairs.keys().filter(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
        Ok(wanted.take(limit.min(1000) as usize).cloned().collect())
    }
}

/// Sessions with their items, the most recently changed first: a session is a JSON object with a `sessionId`, an item one
/// with a `messageId`.
#[derive(Debug, Default)]
pub struct Sessions(pub Vec<(Value, Vec<Value>)>);

impl crate::Sessions for Sessions {
    fn session(&self, session: &str) -> Result<Option<Value>, Fault> {
        Ok(self.0.iter().find(|(one, _)| one["sessionId"] == session).map(|(one, _)| one.clone()))
    }

    fn sessions(&self, after: Option<&str>, limit: u32) -> Result<Vec<Value>, Fault> {
        let all: Vec<Value> = self.0.iter().map(|(session, _)| session.clone()).collect();
        Ok(page(&all, "sessionId", after, limit))
    }

    fn items(&self, session: &str, after: Option<&str>, limit: u32) -> Result<Option<Vec<Value>>, Fault> {
        let found = self.0.iter().find(|(one, _)| one["sessionId"] == session);
        Ok(found.map(|(_, items)| page(items, "messageId", after, limit)))
    }
}

/// Those after the one whose `id` is `after`.
fn page(all: &[Value], id: &str, after: Option<&str>, limit: u32) -> Vec<Value> {
    let start = after.and_then(|after| all.iter().position(|one| one[id] == after)).map_or(0, |place| place + 1);
    all[start..].iter().take(limit.min(100) as usize).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Kv as _, Sessions as _};

    #[test]
    fn keys_come_in_order_and_in_pages() {
        let pairs = Kv::default();
        for key in ["b/2", "a", "b/1", "b/3"] {
            pairs.set(key, "x").unwrap();
        }
        pairs.delete("b/3").unwrap();
        assert_eq!(pairs.keys("b/", None, 10).unwrap(), ["b/1", "b/2"]);
        assert_eq!(pairs.keys("b/", Some("b/1"), 10).unwrap(), ["b/2"]);
        assert_eq!(pairs.set("", "x").unwrap_err().code, "too-large");
    }

    #[test]
    fn sessions_come_in_pages() {
        let (session, item) = (|id: &str| json!({ "sessionId": id }), |id: &str| json!({ "messageId": id }));
        let shelf = Sessions(vec![(session("s2"), vec![item("i1"), item("i2")]), (session("s1"), vec![])]);
        assert_eq!(shelf.sessions(Some("s2"), 5).unwrap(), [session("s1")]);
        assert_eq!(shelf.items("s2", Some("i1"), 5).unwrap(), Some(vec![item("i2")]));
        assert_eq!((shelf.items("s3", None, 5).unwrap(), shelf.session("s3").unwrap()), (None, None));
    }
}
