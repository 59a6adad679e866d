//! Keeps calls away from internal addresses: a policy's author names a URL, and must not thereby
//! make this process speak to what only this process can reach.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Says why a URL may not be called, before anything is resolved.
pub(super) fn refuse(url: &Url, allowed: bool) -> Option<String> {
    let plain = url.scheme() == "http";
    let internal = match url.host() {
        None => return Some("it names no host".to_owned()),
        Some(Host::Domain(_)) => false,
        Some(Host::Ipv4(ip)) => !is_public(ip.into()),
        Some(Host::Ipv6(ip)) => !is_public(ip.into()),
    };
    if !plain && url.scheme() != "https" {
        return Some("it is neither https nor http".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some(
            "it carries a password; secrets are named by `env` or `file` instead".to_owned(),
        );
    }
    if allowed || !(plain || internal) {
        return None;
    }
    Some(if internal {
        "its address is internal; name the host in JIT_WEBHOOK_ALLOW if that is meant".to_owned()
    } else {
        "it is not https; name the host in JIT_WEBHOOK_ALLOW if that is meant".to_owned()
    })
}

/// Looks names up and gives out public addresses only, unless all are allowed. It is the resolver
/// of the very connection, so that no second answer of the name can slip in behind the check.
pub(super) struct Guard {
    pub(super) allowed: bool,
}

/// The name has internal addresses only.
#[derive(Debug, thiserror::Error)]
#[error("{0} resolves to an internal address; name it in JIT_WEBHOOK_ALLOW if that is meant")]
pub struct Internal(String);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let fit: Vec<SocketAddr> = found
                .filter(|address| allowed || is_public(address.ip()))
                .collect();
            if fit.is_empty() {
                return Err(Internal(name.as_str().to_owned()).into());
            }
            Ok(Box::new(fit.into_iter()) as Addrs)
        })
    }
}

/// Reads a list of hosts as an operator writes it in `JIT_WEBHOOK_ALLOW`: with commas, without
/// ports, such as `hooks.internal,127.0.0.1`.
pub fn allow_list(text: &str) -> BTreeSet<String> {
    text.split(',')
        .map(|host| host.trim().trim_matches(['[', ']']).to_lowercase())
        .filter(|host| !host.is_empty())
        .collect()
}

/// Whether an address belongs to the internet at large.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b));
    !special
}

/// Only global unicast (`2000::/3`), and of it nothing that carries an IPv4 address in a tunnel.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(v4) = ip.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let [first, second, ..] = ip.segments();
    let tunnel = first == 0x2002 || (first == 0x2001 && second == 0);
    let documentation = first == 0x2001 && second == 0xdb8;
    first & 0xe000 == 0x2000 && !tunnel && !documentation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_addresses_are_known_in_every_dress() {
        for ip in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "192.0.0.170",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001:0:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn only_https_to_the_outside_goes_unless_the_host_is_allowed() {
        let refused = |url: &str, allowed| refuse(&url.parse().unwrap(), allowed).is_some();
        for url in [
            "http://example.com/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://0x7f.1/",
        ] {
            assert!(refused(url, false), "{url}");
            assert!(!refused(url, true), "{url}");
        }
        for url in ["ftp://example.com/", "https://me:pw@example.com/"] {
            assert!(refused(url, true), "{url}");
        }
        assert!(!refused("https://example.com/hook", false));
    }

    #[test]
    fn a_list_of_hosts_is_read_forgivingly() {
        let list = allow_list(" Hooks.Internal, ,[::1],127.0.0.1 ");
        assert_eq!(
            list.into_iter().collect::<Vec<_>>(),
            ["127.0.0.1", "::1", "hooks.internal"]
        );
    }
}
