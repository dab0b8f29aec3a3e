//! Where a listener is reached: by others, and by this process.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// `host:port` of what listens at `address`, as others reach it; `None`: they reach the address itself.
#[must_use]
pub fn authority(host: Option<&str>, address: SocketAddr) -> String {
    match host {
        Some(host) if host.contains(':') => format!("[{host}]:{}", address.port()),
        Some(host) => format!("{host}:{}", address.port()),
        None => reachable(address).to_string(),
    }
}

/// Where this process itself reaches what listens at `address`: nobody can connect to the unspecified one.
#[must_use]
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_use_the_name_and_this_process_loopback() {
        let everywhere = SocketAddr::from(([0, 0, 0, 0], 80));
        assert_eq!(authority(Some("idp"), everywhere), "idp:80");
        assert_eq!(authority(Some("fd00::1"), everywhere), "[fd00::1]:80");
        assert_eq!(authority(None, everywhere), "127.0.0.1:80");
        assert_eq!(reachable("[::]:80".parse().unwrap()), "[::1]:80".parse().unwrap());
        let one = SocketAddr::from(([10, 0, 0, 7], 80));
        assert_eq!((authority(None, one).as_str(), reachable(one)), ("10.0.0.7:80", one));
    }
}
