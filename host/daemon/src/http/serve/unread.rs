//! What cannot be read as a request at all is refused by the HTTP library itself, before anything of ours has seen it,
//! with a bare status. Here such an answer is given the shape that all refusals have.

use axum::response::Response;
use http_body_util::BodyExt;

use crate::http::Problem;
use crate::http::edge;
use crate::service::code;
use crate::service::error::Error;

/// How every bare refusal ends, but for its date. Our own answers all have an id of their request.
const BARE: &[u8] = b"connection: close\r\ncontent-length: 0\r\n";

/// What to write in the place of `written`, if that is such a refusal, whole and alone.
pub(super) fn instead_of(written: &[u8]) -> Option<Vec<u8>> {
    let rest = written.strip_prefix(b"HTTP/1.1 4")?;
    let (status, rest) = rest.split_at_checked(2)?;
    let problem = problem(status)?;
    let headers = &rest[rest.windows(2).position(|pair| pair == b"\r\n")? + 2..];
    let date = headers.strip_prefix(BARE)?;
    let ends = date.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
    let is_whole = date.starts_with(b"date: ") && ends == Some(date.len());
    is_whole.then(|| text(edge::written(&problem, &edge::RequestId::fresh())))
}

/// `status` is what follows the 4.
fn problem(status: &[u8]) -> Option<Problem> {
    let error = match status {
        b"00" => Error::new(code::INVALID_REQUEST, "this is no HTTP request"),
        b"14" => Error::new(code::URI_TOO_LONG, "the address is longer than any may be"),
        b"31" => Error::new(code::HEAD_TOO_LARGE, "the head of the request is larger than any may be"),
        _ => return None,
    };
    Some(error.into())
}

/// The answer as it goes over the wire.
fn text(response: Response) -> Vec<u8> {
    let (parts, body) = response.into_parts();
    let body = body.collect();
    let body = futures_util::FutureExt::now_or_never(body).and_then(Result::ok).map(|body| body.to_bytes());
    let body = body.unwrap_or_default();
    let mut text = format!("HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: {}\r\n", parts.status, body.len());
    for (name, value) in &parts.headers {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
    }
    text.push_str("\r\n");
    [text.as_bytes(), &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";

    #[test]
    fn a_bare_refusal_becomes_a_problem() {
        for (status, code) in [
            ("400 Bad Request", "invalid_request"),
            ("414 URI Too Long", "uri_too_long"),
            ("431 Request Header Fields Too Large", "head_too_large"),
        ] {
            let bare = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n{DATE}");
            let answer = String::from_utf8(instead_of(bare.as_bytes()).expect("it is replaced")).expect("text");
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
            assert!(answer.contains("content-type: application/problem+json\r\n"), "{answer}");
            assert!(answer.contains("x-request-id: req_") && answer.contains(code), "{answer}");
            let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{answer}");
        }
    }

    #[test]
    fn everything_else_stays() {
        for other in [
            format!("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n{DATE}"),
            format!("HTTP/1.1 400 Bad Request\r\nx-request-id: a\r\nconnection: close\r\ncontent-length: 0\r\n{DATE}"),
            format!("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n{DATE}more"),
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n".to_owned(),
            "HTTP/1.1 4".to_owned(),
            String::new(),
        ] {
            assert!(instead_of(other.as_bytes()).is_none(), "{other}");
        }
    }
}
