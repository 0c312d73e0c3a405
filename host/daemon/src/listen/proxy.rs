//! The proxy in front that encrypts, as its clients know it.

use std::net::Ipv6Addr;

use crate::start_error::StartError;

/// The port that is left out where the scheme implies it.
const HTTPS_PORT: u16 = 443;

/// The one origin that a proxy gives to this daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// As browsers write it: `https://name`, with the port where it is not the usual one.
    pub(crate) origin: String,
    /// What the `Host` header may be behind it.
    pub(crate) hosts: Vec<String>,
}

impl Proxy {
    /// Takes `https://name` or `https://name:port`, and nothing that is more or less.
    pub(super) fn parse(text: &str) -> Result<Self, StartError> {
        let wrong = |why| StartError::Proxy { proxy: text.to_owned(), why };
        let authority = text.strip_prefix("https://").ok_or_else(|| wrong("it must begin with https://"))?;
        let authority = authority.strip_suffix('/').unwrap_or(authority).to_ascii_lowercase();
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => {
                (name, port.parse().map_err(|_| wrong("its port is no number"))?)
            }
            _ => (authority.as_str(), HTTPS_PORT),
        };
        if !is_name(name) {
            return Err(wrong("it must be the name of a host, with a port at most"));
        }
        Ok(match port {
            HTTPS_PORT => {
                let hosts = vec![name.to_owned(), format!("{name}:{port}")];
                Self { origin: format!("https://{name}"), hosts }
            }
            _ => Self { origin: format!("https://{name}:{port}"), hosts: vec![format!("{name}:{port}")] },
        })
    }
}

fn is_name(text: &str) -> bool {
    if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.bytes().all(plain)
    };
    text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_the_origin_of_a_host_and_no_more() {
        for (text, origin, hosts) in [
            ("https://codex.example.org", "https://codex.example.org", "codex.example.org codex.example.org:443"),
            ("https://Codex.Example.org:443/", "https://codex.example.org", "codex.example.org codex.example.org:443"),
            ("https://box:8443", "https://box:8443", "box:8443"),
            ("https://[::2]", "https://[::2]", "[::2] [::2]:443"),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            assert_eq!((proxy.origin.as_str(), proxy.hosts.join(" ").as_str()), (origin, hosts));
        }
        for text in [
            "",
            "*",
            "https://",
            "https://*",
            "https://*.example.org",
            "http://codex.example.org",
            "codex.example.org",
            "https://a/b",
            "https://user@a",
            "https://a:b",
            "https://a:70000",
            "https://a b",
            "https://a,b",
            "https://a?",
            "https://.a",
            "https://a.",
            "https://[a]",
            "HTTPS://a",
        ] {
            assert!(matches!(Proxy::parse(text), Err(StartError::Proxy { .. })), "{text}");
        }
    }
}
