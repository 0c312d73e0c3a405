//! Where to listen: an address of this machine's own, or none.

use std::env;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::failure::{Exit, Failure};

/// The port where clients look first.
const PORT: u16 = 3001;

/// The address in `flag`, else the one in `HOST` and `PORT`, else the default. One beyond loopback is refused.
pub(super) fn address(flag: Option<&str>) -> Result<SocketAddr, Failure> {
    settle(flag, env::var("HOST").ok().as_deref(), env::var("PORT").ok().as_deref())
}

fn settle(flag: Option<&str>, host: Option<&str>, port: Option<&str>) -> Result<SocketAddr, Failure> {
    let address = match flag {
        Some(flag) => whole(flag)?,
        None => parts(host.filter(|text| !text.is_empty()), port.filter(|text| !text.is_empty()))?,
    };
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(Failure::new(Exit::Usage, format!("{address} is open to other machines, and the API is not made for that"))
        .hint("listen on 127.0.0.1, and let an SSH tunnel or a proxy that encrypts bring others in"))
}

fn whole(text: &str) -> Result<SocketAddr, Failure> {
    let text = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    // Without a port it is the address of a host alone.
    text.parse().or_else(|_| parts(Some(&text), None)).map_err(|_: Failure| nonsense(&text))
}

fn parts(host: Option<&str>, port: Option<&str>) -> Result<SocketAddr, Failure> {
    let ip = match host {
        None | Some("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some(host) => host.parse().map_err(|_| nonsense(host))?,
    };
    let port = port.map_or(Ok(PORT), |port| port.parse().map_err(|_| nonsense(port)))?;
    Ok(SocketAddr::new(ip, port))
}

fn nonsense(text: &str) -> Failure {
    Failure::new(Exit::Usage, format!("{text:?} is no address to listen on"))
        .hint("it looks like 127.0.0.1:3001; port 0 takes a free one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_wins_over_the_environment_and_that_over_the_default() {
        for (flag, host, port, expected) in [
            (None, None, None, "127.0.0.1:3001"),
            (None, Some(""), Some(""), "127.0.0.1:3001"),
            (None, Some("::1"), Some("4000"), "[::1]:4000"),
            (None, Some("localhost"), None, "127.0.0.1:3001"),
            (Some("127.0.0.1:0"), Some("0.0.0.0"), Some("x"), "127.0.0.1:0"),
            (Some("localhost:9"), None, None, "127.0.0.1:9"),
            (Some("127.0.0.1"), None, Some("4000"), "127.0.0.1:3001"),
            (Some("localhost"), None, None, "127.0.0.1:3001"),
            (Some("::1"), None, None, "[::1]:3001"),
        ] {
            assert_eq!(settle(flag, host, port).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_is_open_to_others_or_no_address_is_refused_as_wrong_usage() {
        for (flag, host, port) in [
            (Some("0.0.0.0:3001"), None, None),
            (Some("[::]:3001"), None, None),
            (Some("192.168.1.2:3001"), None, None),
            (None, Some("0.0.0.0"), None),
            (Some("3001"), None, None),
            (Some("0.0.0.0"), None, None),
            (Some(""), None, None),
            (None, Some("example.org"), None),
            (None, None, Some("70000")),
        ] {
            assert_eq!(settle(flag, host, port).unwrap_err().exit, Exit::Usage, "{flag:?} {host:?} {port:?}");
        }
    }
}
