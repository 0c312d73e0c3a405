//! An object as the child told it, together with what we read in it.

use std::ops::Deref;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The members that are read, and the whole object to pass on. What is no object is not read.
#[derive(Debug, Clone, PartialEq)]
pub struct Told<T> {
    /// What is read of it.
    pub known: T,
    /// All of it, as it came.
    pub raw: Value,
}

impl<T> Deref for Told<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.known
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Told<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Value::Object(Map::deserialize(deserializer)?);
        let known = T::deserialize(&raw).map_err(D::Error::custom)?;
        Ok(Self { known, raw })
    }
}
