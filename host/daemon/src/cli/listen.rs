//! Where to listen, as it is written: an address, and the host and the port in it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::failure::{Exit, Failure};

/// The port where clients look first.
const PORT: u16 = 3001;

/// The address of a host and a port. Whether it may be that one is not decided here.
pub(super) fn address(host: &str, port: u16) -> Result<SocketAddr, Failure> {
    ip(host).map(|ip| SocketAddr::new(ip, port)).map_err(|why| Failure::new(Exit::Usage, why))
}

/// The host in an address that was given whole.
pub(super) fn host_of(text: &str) -> Result<String, String> {
    whole(text).map(|address| address.ip().to_string())
}

/// The port in it: without one it is 3001, whatever else says a port.
pub(super) fn port_of(text: &str) -> Result<String, String> {
    whole(text).map(|address| address.port().to_string())
}

fn whole(text: &str) -> Result<SocketAddr, String> {
    let text = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    text.parse().or_else(|_| ip(&text).map(|ip| SocketAddr::new(ip, PORT)))
}

fn ip(host: &str) -> Result<IpAddr, String> {
    match host {
        "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        _ => host.parse().map_err(|_| {
            format!("{host:?} is no address to listen on; it looks like 127.0.0.1:3001, and port 0 takes a free one")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_into_host_and_port() {
        for (text, expected) in [
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("localhost:9", "127.0.0.1:9"),
            ("127.0.0.1", "127.0.0.1:3001"),
            ("localhost", "127.0.0.1:3001"),
            ("::1", "[::1]:3001"),
            ("[::1]:9", "[::1]:9"),
        ] {
            let (host, port) = (host_of(text).unwrap(), port_of(text).unwrap());
            assert_eq!(address(&host, port.parse().unwrap()).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_as_wrong_usage() {
        for host in ["example.org", "", "127.0.0.1:1"] {
            assert_eq!(address(host, 1).unwrap_err().exit, Exit::Usage, "{host}");
        }
        for text in ["3001", "", "127.0.0.1:70000", "host:1"] {
            assert!(host_of(text).is_err() && port_of(text).is_err(), "{text}");
        }
    }
}
