//! What the host of a URL is.

use url::{Host, Url};

/// Whether a URL names this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// An address that is not out in a network: what listens there is not meant for others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Near {
    /// This machine.
    Loopback,
    /// The machine's own link: metadata services answer there.
    /// <https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service>
    Link,
    /// No address of one machine.
    Nobody,
}

/// Whether what a URL names is near, by its address alone; names are not looked up.
pub fn near(url: &Url) -> Option<Near> {
    near_host(&url.host()?)
}

fn near_host(host: &Host<&str>) -> Option<Near> {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let local = name == "localhost" || name.ends_with(".localhost");
            local.then_some(Near::Loopback)
        }
        Host::Ipv4(address) if address.is_loopback() => Some(Near::Loopback),
        Host::Ipv4(address) if address.is_link_local() => Some(Near::Link),
        Host::Ipv4(address) => {
            let nobody =
                address.octets()[0] == 0 || address.is_broadcast() || address.is_multicast();
            nobody.then_some(Near::Nobody)
        }
        Host::Ipv6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => near_host(&Host::Ipv4(mapped)),
            None if address.is_loopback() => Some(Near::Loopback),
            None if address.is_unicast_link_local() => Some(Near::Link),
            None => {
                let nobody = address.is_unspecified() || address.is_multicast();
                nobody.then_some(Near::Nobody)
            }
        },
    }
}
