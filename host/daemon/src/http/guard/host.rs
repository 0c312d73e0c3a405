//! The Host allow-list. A page whose name was rebound to loopback reaches the port, but it cannot change this header.

use std::net::SocketAddr;

use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri};

use crate::http::serve::Over;
use crate::listen::Proxy;

/// The port that is left out where the scheme implies it.
const HTTP_PORT: u16 = 80;

/// The names under which this daemon is reached, in lower case.
#[derive(Debug)]
pub(crate) struct Doors {
    /// What a `Host` header may say.
    hosts: Vec<String>,
    /// What an `Origin` header may say.
    origins: Vec<String>,
}

/// What a `Host` header may say on a Unix socket as well, where there is no port to name.
const SOCKET_HOST: &str = "localhost";

impl Doors {
    /// The names of loopback on the port of `address`, and that of the proxy in front.
    pub(crate) fn new(address: Option<SocketAddr>, proxy: Option<Proxy>) -> Self {
        let with_port = |name: &str| match address.map(|address| address.port()) {
            None => Vec::new(),
            Some(HTTP_PORT) => vec![name.to_owned(), format!("{name}:{HTTP_PORT}")],
            Some(port) => vec![format!("{name}:{port}")],
        };
        let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "[::1]"].into_iter().flat_map(with_port).collect();
        let mut origins: Vec<String> = hosts.iter().map(|host| format!("http://{host}")).collect();
        if let Some(proxy) = proxy {
            hosts.extend(proxy.hosts);
            origins.push(proxy.origin);
        }
        Self { hosts, origins }
    }

    /// Whether `host` is one of them, whole and without regard to case.
    fn has_host(&self, host: &str, over: Over) -> bool {
        let of_socket = over == Over::Unix && host.eq_ignore_ascii_case(SOCKET_HOST);
        of_socket || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    /// Whether `origin` is one of them, exactly as browsers write it.
    pub(super) fn has_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|known| known == origin)
    }
}

/// Whether the request is meant for this daemon: exactly one Host header, equal to an allowed pair; a request line that
/// names a host too must name the same one.
pub(super) fn host_allowed(headers: &HeaderMap, target: &Uri, doors: &Doors, over: Over) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let named_alike = match (target.scheme_str(), target.authority()) {
        (None, None) => true,
        (Some("http"), Some(authority)) => authority.as_str().eq_ignore_ascii_case(host),
        _ => false,
    };
    named_alike && doors.has_host(host, over)
}

#[cfg(test)]
pub(in crate::http) mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use axum::http::HeaderValue;

    use super::*;

    /// Names that are not ours, however much they look like it.
    pub(in crate::http) const HOSTILE: [&[u8]; 43] = [
        b"",
        b"evil.com",
        b"evil.com:4317",
        b"localhost",
        b"127.0.0.1",
        b"[::1]",
        b"box.example:443",
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

    const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4317);

    fn allowed(hosts: &[&[u8]], target: &str) -> bool {
        allowed_over(Over::Tcp, hosts, target)
    }

    fn allowed_over(over: Over, hosts: &[&[u8]], target: &str) -> bool {
        let proxy = Proxy { origin: "https://box.example:8443".to_owned(), hosts: vec!["box.example:8443".to_owned()] };
        let doors = Doors::new(Some(ADDRESS), Some(proxy));
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_bytes(host).expect("a header value"));
        }
        host_allowed(&headers, &target.parse().expect("a target"), &doors, over)
    }

    #[test]
    fn the_daemons_own_names_are_allowed() {
        for host in
            ["localhost:4317", "LOCALHOST:4317", "127.0.0.1:4317", "[::1]:4317", "box.example:8443", "Box.Example:8443"]
        {
            assert!(allowed(&[host.as_bytes()], "/api"), "{host}");
        }
    }

    #[test]
    fn every_other_host_is_refused() {
        for host in HOSTILE {
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
        let doors = Doors::new(Some(SocketAddr::from(([127, 0, 0, 1], 80))), None);
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost"));
        assert!(host_allowed(&headers, &Uri::from_static("/"), &doors, Over::Tcp));
        assert!(doors.has_origin("http://localhost"));
    }

    #[test]
    fn on_a_unix_socket_there_is_no_port_to_name() {
        assert!(allowed_over(Over::Unix, &[b"localhost"], "/api"));
        assert!(allowed_over(Over::Unix, &[b"localhost:4317"], "/api"));
        for host in ["127.0.0.1", "evil.com", "localhost.evil.com", "localhost:80", ""] {
            assert!(!allowed_over(Over::Unix, &[host.as_bytes()], "/api"), "{host}");
        }
        assert!(!allowed(&[b"localhost"], "/api"), "and elsewhere there is");
        let headers = [(HOST, HeaderValue::from_static("localhost"))].into_iter().collect();
        let alone = Doors::new(None, None);
        assert!(host_allowed(&headers, &Uri::from_static("/"), &alone, Over::Unix));
        assert!(!alone.has_origin("http://localhost"));
    }
}
