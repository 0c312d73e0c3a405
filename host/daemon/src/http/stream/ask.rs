//! What a client asks of the log: which sessions, which types, from where.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use codex_manager_model::limits::SUBSCRIPTION_NAMES_MAX;
use codex_manager_model::{Epoch, Seq, SessionId};
use utoipa::IntoParams;

use crate::http::{Problem, Query};
use crate::service::error::Error;
use crate::stream::{Cursor, Filter};

/// How many digits the number of a row has at most.
const SEQ_DIGITS_MAX: usize = 18;

/// A query. The lists may be parted by commas, and the members repeated.
#[derive(Debug, Default, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Ask {
    /// Only these sessions, and what is for everybody. A worker's session is told to nobody who does not name it.
    #[param(rename = "threadId", value_type = Option<Vec<String>>, required = false, style = Form, explode)]
    pub(in crate::http) threads: Vec<SessionId>,
    /// Only frames whose type begins with one of these: `approval`, `app_server.turn`.
    #[param(value_type = Option<Vec<String>>, required = false, style = Form, explode)]
    pub(in crate::http) types: Vec<String>,
    /// Only what comes after this row: `<seq>`, or `<epoch>.<seq>`.
    #[param(required = false, nullable = false, pattern = r"^(([0-9A-Za-z]+\.)?[0-9]{1,18})?$")]
    pub(in crate::http) after: Option<String>,
    /// How many rows at most.
    #[param(ignore)]
    pub(in crate::http) limit: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Ask {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await?;
        Ok(Self::parse(pairs)?)
    }
}

impl Ask {
    fn parse(pairs: Vec<(String, String)>) -> Result<Self, Error> {
        let mut ask = Self::default();
        for (name, value) in pairs {
            let listed = || value.split(',').map(str::trim).filter(|text| !text.is_empty());
            match name.as_str() {
                "threadId" => ask.threads.extend(listed().map(SessionId::new)),
                "types" => ask.types.extend(listed().map(str::to_owned)),
                "after" if !value.is_empty() => ask.after = Some(value),
                "limit" => ask.limit = Some(value),
                _ => {}
            }
        }
        for (member, names) in [("threadId", ask.threads.len()), ("types", ask.types.len())] {
            if names > SUBSCRIPTION_NAMES_MAX {
                return Err(Error::invalid(member, &format!("must have at most {SUBSCRIPTION_NAMES_MAX} of them")));
            }
        }
        Ok(ask)
    }

    /// What is wanted.
    pub(in crate::http) fn filter(&self) -> Filter {
        filter(&self.threads, self.types.clone())
    }

    /// From where.
    ///
    /// # Errors
    ///
    /// Invalid when that is no cursor.
    pub(in crate::http) fn cursor(&self) -> Result<Option<Cursor>, Error> {
        self.after.as_deref().map(|text| cursor(text).ok_or_else(wrong_cursor)).transpose()
    }
}

/// A filter for these sessions, or without any for all.
pub(super) fn filter(threads: &[SessionId], types: Vec<String>) -> Filter {
    let filter = if threads.is_empty() { Filter::everything() } else { Filter::threads(threads.iter().cloned()) };
    filter.types(types)
}

/// `<seq>`, or `<epoch>.<seq>`.
pub(super) fn cursor(text: &str) -> Option<Cursor> {
    let (epoch, seq) = match text.split_once('.') {
        Some((epoch, seq)) => (Some(epoch), seq),
        None => (None, text),
    };
    let named = epoch.is_none_or(|epoch| !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let digits = (1..=SEQ_DIGITS_MAX).contains(&seq.len()) && seq.bytes().all(|byte| byte.is_ascii_digit());
    let epoch = epoch.map(Epoch::new);
    let seq = (named && digits).then(|| seq.parse().ok()).flatten().map(Seq)?;
    Some(Cursor { epoch, seq })
}

pub(super) fn wrong_cursor() -> Error {
    Error::invalid("after", "must be a number, or the epoch and a number with a dot between them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_a_number_or_an_epoch_and_a_number() {
        let epoch = |text: &str| Some(Epoch::new(text));
        let table = [
            ("0", Some((None, 0))),
            ("42", Some((None, 42))),
            ("abc.42", Some((epoch("abc"), 42))),
            ("999999999999999999", Some((None, 999_999_999_999_999_999))),
            ("a.b.42", None),
            (".42", None),
            ("abc.", None),
            ("abc", None),
            ("-1", None),
            ("+1", None),
            (" 1", None),
            ("1.0x", None),
            ("18446744073709551616", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|(epoch, seq)| Cursor { epoch, seq: Seq(seq) });
            assert_eq!(cursor(text), expected, "{text:?}");
        }
    }

    fn ask(pairs: &[(&str, &str)]) -> Result<Ask, Error> {
        Ask::parse(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn lists_are_parted_by_commas_or_repeated() {
        let pairs = [("threadId", "a, b"), ("threadId", "c"), ("types", "approval"), ("types", "x,y"), ("other", "1")];
        let asked = ask(&pairs).unwrap();
        let threads: Vec<_> = asked.threads.iter().map(SessionId::as_str).collect();
        assert_eq!((threads, asked.types.join(" ")), (vec!["a", "b", "c"], "approval x y".to_owned()));
        assert_eq!(ask(&[("threadId", ""), ("types", ","), ("after", "")]).unwrap(), Ask::default());
        let many = vec!["t"; SUBSCRIPTION_NAMES_MAX + 1].join(",");
        assert!(ask(&[("threadId", &many)]).is_err() && ask(&[("types", &many)]).is_err());
    }
}
