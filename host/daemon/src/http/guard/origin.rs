//! The Origin check. Browsers say where a page comes from, on every post and on the websocket's upgrade; programs say
//! nothing, and are let through to show their token.

use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, HeaderName};

use super::host::Doors;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether the request comes from a page of this daemon, or from no page. An Origin is compared whole: neither `null`
/// nor a longer name that begins alike will do. A page on another port of the same host counts as foreign too.
pub(super) fn origin_allowed(headers: &HeaderMap, allowed: &Doors) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let from_us = match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => origin.to_str().is_ok_and(|origin| allowed.has_origin(origin)),
        _ => false,
    };
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    from_us && sites.all(|site| site == "same-origin" || site == "none")
}

#[cfg(test)]
pub(in crate::http) mod tests {
    use std::net::SocketAddr;

    use axum::http::HeaderValue;

    use super::*;
    use crate::listen::Proxy;

    /// Origins that are not ours, however much they look like it.
    pub(in crate::http) const HOSTILE: [&[u8]; 40] = [
        b"",
        b"null",
        b"*",
        b"file://",
        b"about:blank",
        b"localhost:4317",
        b"//localhost:4317",
        b"http://",
        b"http://localhost",
        b"http://localhost:",
        b"http://localhost:80",
        b"http://localhost:3000",
        b"http://localhost:43170",
        b"http://localhost:4317.evil.com",
        b"http://localhost:4317/",
        b"http://localhost:4317/path",
        b"http://localhost:4317?",
        b"http://localhost:4317#",
        b"http://localhost:4317@evil.com",
        b"http://localhost:4317 http://evil.com",
        b"http://localhost:4317, http://evil.com",
        b"http://user@localhost:4317",
        b"http://localhost.evil.com",
        b"http://localhost.evil.com:4317",
        b"http://localhost.:4317",
        b"http://evil-localhost:4317",
        b"http://evil.com",
        b"http://evil.com:4317",
        b"http://127.0.0.1.evil.com:4317",
        b"http://127.0.0.2:4317",
        b"http://0.0.0.0:4317",
        b"https://localhost:4317",
        b"ws://localhost:4317",
        b"chrome-extension://abcdefghijklmnop",
        b"vscode-webview://localhost:4317",
        b"HTTP://LOCALHOST:4317",
        b"http://codex.example",
        b"https://codex.example:4317",
        b"https://codex.example.evil.com",
        b"https://evil.codex.example",
    ];

    fn allowed(name: &HeaderName, values: &[&[u8]]) -> bool {
        let proxy = Proxy { origin: "https://codex.example".to_owned(), hosts: vec!["codex.example".to_owned()] };
        let doors = Doors::new(Some(SocketAddr::from(([127, 0, 0, 1], 4317))), Some(proxy));
        let values = values.iter().map(|value| (name.clone(), HeaderValue::from_bytes(value).expect("a header value")));
        let mut headers = HeaderMap::new();
        values.for_each(|(name, value)| {
            headers.append(name, value);
        });
        origin_allowed(&headers, &doors)
    }

    #[test]
    fn no_origin_and_our_own_are_allowed() {
        assert!(allowed(&ORIGIN, &[]));
        for origin in ["http://localhost:4317", "http://127.0.0.1:4317", "http://[::1]:4317", "https://codex.example"] {
            assert!(allowed(&ORIGIN, &[origin.as_bytes()]), "{origin}");
        }
    }

    #[test]
    fn every_other_origin_is_refused() {
        for origin in HOSTILE {
            assert!(!allowed(&ORIGIN, &[origin]), "{}", String::from_utf8_lossy(origin));
        }
        assert!(!allowed(&ORIGIN, &[b"http://localhost:4317", b"http://localhost:4317"]));
        assert!(!allowed(&ORIGIN, &[b"http://localhost:4317", b"http://evil.com"]));
    }

    #[test]
    fn a_browser_that_says_foreign_is_believed() {
        for (site, expected) in
            [("same-origin", true), ("none", true), ("cross-site", false), ("same-site", false), ("unheard-of", false)]
        {
            assert_eq!(allowed(&SEC_FETCH_SITE, &[site.as_bytes()]), expected, "{site}");
        }
        assert!(!allowed(&SEC_FETCH_SITE, &[b"none", b"cross-site"]));
    }
}
