//! The secret of a request: in the `Authorization` header and nowhere else. A query ends up in logs and histories.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use crate::http::Problem;
use crate::service::code;
use crate::service::error::Error;
use crate::service::tokens::Bearer;

/// The secret, when exactly one well-formed bearer is shown.
pub(super) fn secret(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
    let plain = |byte: u8| byte.is_ascii_graphic();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty() && secret.bytes().all(plain)).then_some(secret)
}

/// Somebody without a valid token.
pub(super) fn nobody() -> Problem {
    Error::new(code::UNAUTHENTICATED, "a valid bearer token is required")
        .status("unauthorized")
        .hint(
            "send `Authorization: Bearer <token>`; one is in the file `token` of the data folder, and a daemon that starts \
             makes a new one if that has ended",
        )
        .into()
}

impl<S: Send + Sync> FromRequestParts<S> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(nobody)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn one_well_formed_bearer_is_taken() {
        let table: [(&[&str], Option<&str>); 10] = [
            (&["Bearer abc"], Some("abc")),
            (&["bearer abc"], Some("abc")),
            (&[], None),
            (&["Bearer"], None),
            (&["Bearer "], None),
            (&["Bearer  abc"], None),
            (&["Bearer abc def"], None),
            (&["Basic abc"], None),
            (&["abc"], None),
            (&["Bearer abc", "Bearer abc"], None),
        ];
        for (values, expected) in table {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            assert_eq!(secret(&headers), expected, "{values:?}");
        }
    }
}
