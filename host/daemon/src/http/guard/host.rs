//! The Host allow-list. A page whose name was rebound to loopback reaches the port, but it cannot change this header.

use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri};

/// The port that is left out where the scheme implies it.
const HTTP_PORT: u16 = 80;

/// The `host:port` pairs that this daemon answers to, in lower case.
pub(super) struct Authorities(Vec<String>);

impl Authorities {
    /// The names of loopback on `port`, and `names`, each with a port of its own or with this one.
    pub(super) fn new(port: u16, names: &[String]) -> Self {
        let with_port = |name: &str| match port {
            HTTP_PORT => vec![name.to_owned(), format!("{name}:{port}")],
            _ => vec![format!("{name}:{port}")],
        };
        let mut authorities: Vec<String> =
            ["localhost", "127.0.0.1", "[::1]"].into_iter().flat_map(with_port).collect();
        for name in names.iter().map(|name| name.to_ascii_lowercase()) {
            match has_port(&name) {
                true => authorities.push(name),
                false => authorities.extend(with_port(&name)),
            }
        }
        Self(authorities)
    }

    /// Whether `text` is one of them, whole and without regard to case.
    fn contains(&self, text: &str) -> bool {
        self.0.iter().any(|authority| authority.eq_ignore_ascii_case(text))
    }

    /// Whether `origin` is the origin of one of them, exactly as browsers write it.
    pub(super) fn has_origin(&self, origin: &str) -> bool {
        origin.strip_prefix("http://").is_some_and(|host| self.0.iter().any(|authority| authority == host))
    }
}

/// Whether the request is meant for this daemon: exactly one Host header, equal to an allowed pair; a request line that
/// names a host too must name the same one.
pub(super) fn host_allowed(headers: &HeaderMap, target: &Uri, allowed: &Authorities) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let named_alike = match (target.scheme_str(), target.authority()) {
        (None, None) => true,
        (Some("http"), Some(authority)) => authority.as_str().eq_ignore_ascii_case(host),
        _ => false,
    };
    named_alike && allowed.contains(host)
}

/// `name:80` and `[::2]:80` have one, `name` and `[::2]` do not.
fn has_port(name: &str) -> bool {
    name.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
        && !name.ends_with(']')
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn allowed(hosts: &[&[u8]], target: &str) -> bool {
        let authorities = Authorities::new(4317, &["studio.local".to_owned(), "Box.example:8443".to_owned()]);
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_bytes(host).expect("a header value"));
        }
        host_allowed(&headers, &target.parse().expect("a target"), &authorities)
    }

    #[test]
    fn the_daemons_own_names_are_allowed() {
        for host in [
            "localhost:4317",
            "LOCALHOST:4317",
            "127.0.0.1:4317",
            "[::1]:4317",
            "studio.local:4317",
            "Studio.Local:4317",
            "box.example:8443",
        ] {
            assert!(allowed(&[host.as_bytes()], "/api"), "{host}");
        }
    }

    #[test]
    fn every_other_host_is_refused() {
        let table: [&[u8]; 43] = [
            b"",
            b"evil.com",
            b"evil.com:4317",
            b"localhost",
            b"127.0.0.1",
            b"[::1]",
            b"studio.local",
            b"box.example",
            b"box.example:4317",
            b"localhost:",
            b"localhost:80",
            b"localhost:4318",
            b"localhost:43170",
            b"localhost:04317",
            b"localhost:4317 ",
            b"localhost :4317",
            b"localhost:4317:4317",
            b"localhost.:4317",
            b"localhost.evil.com:4317",
            b"evil-localhost:4317",
            b"localhost@evil.com:4317",
            b"user@localhost:4317",
            b"user:pass@127.0.0.1:4317",
            b"127.0.0.1.:4317",
            b"127.0.0.1.evil.com:4317",
            b"127.0.0.1.nip.io:4317",
            b"127.1:4317",
            b"127.0.0.2:4317",
            b"127.000.000.001:4317",
            b"0x7f000001:4317",
            b"2130706433:4317",
            b"0.0.0.0:4317",
            b"[::]:4317",
            b"::1:4317",
            b"[0:0:0:0:0:0:0:1]:4317",
            b"[::ffff:127.0.0.1]:4317",
            b"[::1%lo]:4317",
            b"[::1]:4318",
            b"localhost:4317, evil.com",
            b"localhost:4317/",
            b"http://localhost:4317",
            b"l\xc3\xb6calhost:4317",
            b"\xff\xfe:4317",
        ];
        for host in table {
            assert!(!allowed(&[host], "/api"), "{}", String::from_utf8_lossy(host));
        }
    }

    #[test]
    fn a_missing_or_a_second_host_is_refused() {
        assert!(!allowed(&[], "/api"));
        assert!(!allowed(&[b"localhost:4317", b"localhost:4317"], "/api"));
        assert!(!allowed(&[b"localhost:4317", b"evil.com"], "/api"));
        assert!(!allowed(&[b"evil.com", b"localhost:4317"], "/api"));
    }

    #[test]
    fn a_request_line_that_names_a_host_must_agree() {
        assert!(allowed(&[b"localhost:4317"], "http://localhost:4317/api"));
        assert!(allowed(&[b"localhost:4317"], "http://LOCALHOST:4317/api"));
        for target in [
            "http://evil.com/api",
            "http://evil.com:4317/api",
            "http://127.0.0.1:4317/api",
            "http://localhost/api",
            "http://user@localhost:4317/api",
            "https://localhost:4317/api",
            "ftp://localhost:4317/api",
        ] {
            assert!(!allowed(&[b"localhost:4317"], target), "{target}");
        }
        assert!(!allowed(&[b"evil.com"], "http://localhost:4317/api"));
    }

    #[test]
    fn on_port_80_the_port_may_be_left_out() {
        let authorities = Authorities::new(80, &[]);
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost"));
        assert!(host_allowed(&headers, &Uri::from_static("/"), &authorities));
        assert!(authorities.has_origin("http://localhost"));
    }
}
