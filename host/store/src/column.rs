//! How values of the model are written in a column, and read back.

use codex_manager_model::Seq;
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::Serialize;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde_json::Value;

/// A time, in microseconds since 1970. What is finer is cut off.
pub(crate) struct At(pub(crate) Timestamp);

impl ToSql for At {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_microsecond().into())
    }
}

impl FromSql for At {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Timestamp::from_microsecond(value.as_i64()?).map(Self).map_err(FromSqlError::other)
    }
}

/// A value as JSON text.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match serde_json::to_string(&self.0) {
            Ok(text) => Ok(text.into()),
            Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(Box::new(error))),
        }
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(FromSqlError::other)
    }
}

/// One of the model's enums, as the word that it has on the wire.
pub(crate) struct Word<T>(pub(crate) T);

impl<T: Serialize> ToSql for Word<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match serde_json::to_value(&self.0) {
            Ok(Value::String(word)) => Ok(word.into()),
            other => unreachable!("an enum of the model is written as a word, not as {other:?}"),
        }
    }
}

impl<T: DeserializeOwned> FromSql for Word<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word: StrDeserializer<'_, WordError> = value.as_str()?.into_deserializer();
        T::deserialize(word).map(Self).map_err(FromSqlError::other)
    }
}

/// A number without a sign. SQLite counts with one; no log will ever feel it.
pub(crate) struct Count(pub(crate) u64);

impl ToSql for Count {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(i64::try_from(self.0).unwrap_or(i64::MAX).into())
    }
}

impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let count = value.as_i64()?;
        u64::try_from(count).map(Self).map_err(|_| FromSqlError::OutOfRange(count))
    }
}

/// Reads a number without a sign.
pub(crate) fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get(column).map(|Count(count)| count)
}

/// Reads a place in the log.
pub(crate) fn seq(row: &Row<'_>, column: &str) -> rusqlite::Result<Seq> {
    count(row, column).map(Seq)
}

/// Reads a place in the log that may be missing.
pub(crate) fn maybe_seq(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Seq>> {
    Ok(row.get::<_, Option<Count>>(column)?.map(|Count(count)| Seq(count)))
}

/// Reads a time.
pub(crate) fn at(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(|At(at)| at)
}

/// Reads a time that may be missing.
pub(crate) fn maybe_at(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<At>>(column)?.map(|At(at)| at))
}

/// Reads JSON text.
pub(crate) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    row.get(column).map(|Json(value)| value)
}

/// Reads one of the model's enums.
pub(crate) fn word<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    row.get(column).map(|Word(word)| word)
}

/// Reads one of the model's enums that may be missing.
pub(crate) fn maybe_word<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    Ok(row.get::<_, Option<Word<T>>>(column)?.map(|Word(word)| word))
}

/// Reads an id, which is opaque text.
pub(crate) fn id<T>(row: &Row<'_>, column: &str, wrap: impl FnOnce(String) -> T) -> rusqlite::Result<T> {
    row.get(column).map(wrap)
}

/// Reads an id that may be missing.
pub(crate) fn maybe_id<T>(row: &Row<'_>, column: &str, wrap: impl FnOnce(String) -> T) -> rusqlite::Result<Option<T>> {
    Ok(row.get::<_, Option<String>>(column)?.map(wrap))
}
