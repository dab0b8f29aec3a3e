//! Where load may go: loopback, and the hosts that the scenario names.

use std::net::{IpAddr, Ipv6Addr};

use hyper::Uri;

use super::decode::Item;
use super::error::{Problems, quoted};

/// The hosts named in `allow_hosts`.
pub(super) fn read_allowed(item: &Item<'_>, problems: &mut Problems) -> Vec<String> {
    let items = item.list(problems).unwrap_or_default();
    items.iter().filter_map(|item| read_host(item, problems)).collect()
}

fn read_host(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
    const EXAMPLE: &str = "write for instance `proxy.test.example.com` or `10.0.0.7`";
    let host = item.name(problems)?;
    if host.contains('*') {
        item.suggest(problems, "must be one exact host, there are no wildcards", EXAMPLE);
    } else if !is_host(host) {
        item.suggest(problems, "must be a host name or an IP address, without scheme, port or path", EXAMPLE);
    } else {
        return Some(host.to_owned());
    }
    None
}

/// A host name by RFC 1123 (and `_`, which container networks use), or an IP address without brackets.
fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(label))
}

/// Whether load may be sent to `host`, by name only: nothing is resolved. Loopback addresses and `localhost`
/// always may; others must be `allowed`, in any case of letters and any spelling of an address.
#[must_use]
pub fn host_is_allowed(host: &str, allowed: &[String]) -> bool {
    let address = |text: &str| text.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    if let Some(host) = address(host) {
        return host.is_loopback() || allowed.iter().any(|allowed| address(allowed) == Some(host));
    }
    host.eq_ignore_ascii_case("localhost") || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
}

/// The host of a normalised URL; an IPv6 address without brackets.
pub(super) fn host_of_url(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    host_of(rest.split('/').next()?)
}

/// The host of `host:port`; an IPv6 address without brackets.
pub(super) fn host_of(address: &str) -> Option<String> {
    let (host, _) = address.rsplit_once(':')?;
    Some(host.trim_matches(['[', ']']).to_owned())
}

fn check_allowed(item: &Item<'_>, host: &str, allowed: &[String], problems: &mut Problems) {
    if !host_is_allowed(host, allowed) {
        let message = format!("load may not be sent to the host {}", quoted(host));
        let remedy = "if it may, name it in `allow_hosts` at the top level";
        item.suggest(problems, message, remedy);
    }
}

/// A base URL `http://host:port[/path]`, its port written out and without a trailing slash.
pub(super) fn read_url(item: &Item<'_>, allowed: &[String], problems: &mut Problems) -> Option<String> {
    const EXAMPLE: &str = "write for instance `http://127.0.0.1:8082`";
    let text = item.text(problems)?;
    // The URL is not repeated in messages: people do write passwords into URLs.
    let Some((scheme, rest)) = text.split_once("://") else {
        item.suggest(problems, "must be a URL with a scheme", EXAMPLE);
        return None;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "http" && scheme != "https" {
        item.suggest(problems, "must start with `http://` or `https://`", EXAMPLE);
    } else if authority.contains('@') {
        item.suggest(problems, "must not hold credentials", EXAMPLE);
    } else if rest.contains(['?', '#']) {
        item.suggest(problems, "must be a base URL without query and fragment", EXAMPLE);
    } else if let Some((host, port, path)) = split_url(text) {
        check_allowed(item, host.trim_matches(['[', ']']), allowed, problems);
        return Some(format!("{scheme}://{host}:{port}{}", path.trim_end_matches('/')));
    } else {
        item.suggest(problems, "is no valid URL", EXAMPLE);
    }
    None
}

/// Host (an IPv6 address in brackets), port and path of an http or https URL.
fn split_url(text: &str) -> Option<(String, u16, String)> {
    let uri: Uri = text.parse().ok()?;
    let authority = uri.authority()?;
    let host = uri.host()?;
    let port = match authority.as_str().strip_prefix(host)? {
        "" if uri.scheme_str() == Some("https") => 443,
        "" => 80,
        port => read_port(port.strip_prefix(':')?)?,
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let valid = bare.map_or_else(|| is_host(host), |address| address.parse::<Ipv6Addr>().is_ok());
    valid.then(|| (host.to_owned(), port, uri.path().to_owned()))
}

fn read_port(text: &str) -> Option<u16> {
    let only_digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| only_digits && *port > 0)
}

/// Bootstrap addresses `host:port[,host:port…]`. `allowed` is `None` where no load of landfall's goes there.
pub(super) fn read_bootstrap(
    item: &Item<'_>,
    allowed: Option<&[String]>,
    problems: &mut Problems,
) -> Option<String> {
    const EXAMPLE: &str = "write for instance `127.0.0.1:9092` or `k1:9092,k2:9092`";
    let text = item.name(problems)?;
    if text.contains("://") {
        let remedy = "set the protocol as `security.protocol` in `properties`";
        item.suggest(problems, "must be `host:port` without a protocol", remedy);
        return None;
    }
    let mut addresses = Vec::new();
    for address in text.split(',').map(str::trim) {
        let split = address.rsplit_once(':').and_then(|(host, port)| Some((host, read_port(port)?)));
        let Some((host, _)) = split else {
            item.suggest(problems, "must be `host:port`, several parted by commas", EXAMPLE);
            return None;
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let valid = match bare {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => !host.contains(':') && is_host(host),
        };
        if !valid {
            item.suggest(problems, "holds something that is no host name", EXAMPLE);
            return None;
        }
        if let Some(allowed) = allowed {
            check_allowed(item, bare.unwrap_or(host), allowed, problems);
        }
        addresses.push(address);
    }
    Some(addresses.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::error::Origin;
    use crate::scenario::scalar::Scalar;
    use crate::scenario::tree::{Kind, Node};
    use std::sync::Arc;

    fn with<T>(text: &str, read: impl Fn(&Item<'_>, &mut Problems) -> Option<T>) -> Result<T, String> {
        let at = crate::scenario::error::Place::whole(&Arc::new(Origin::File("x".into())));
        let node = Node { kind: Kind::Scalar(Scalar { text: text.into(), plain: false }), at };
        let mut problems = Problems::default();
        let value = read(&Item { node: &node, path: "f".into() }, &mut problems);
        problems.or(value).map_err(|error| error.to_string()).map(|value| value.unwrap())
    }

    fn url(text: &str) -> Result<String, String> {
        let allowed = ["proxy.example.com".to_owned(), "10.0.0.7".to_owned(), "fd00::1".to_owned()];
        with(text, |item, problems| read_url(item, &allowed, problems))
    }

    #[test]
    fn urls_are_normalised() {
        for (text, expected) in [
            ("http://127.0.0.1:8082", "http://127.0.0.1:8082"),
            ("HTTP://localhost:8082/", "http://localhost:8082"),
            ("http://LOCALHOST/v3/", "http://LOCALHOST:80/v3"),
            ("http://[::1]:8082/a/b", "http://[::1]:8082/a/b"),
            ("http://[::ffff:127.0.0.1]:1", "http://[::ffff:127.0.0.1]:1"),
            ("http://Proxy.Example.com:1", "http://Proxy.Example.com:1"),
            ("http://10.0.0.7:1", "http://10.0.0.7:1"),
            ("http://[fd00:0::1]:1", "http://[fd00:0::1]:1"),
        ] {
            assert_eq!(url(text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn load_goes_only_where_it_may() {
        for host in [
            "example.com",
            "proxy.example.com.",
            "proxy.example.com.evil.net",
            "xproxy.example.com",
            "10.0.0.70",
            "0.0.0.0",
            "127.1",
            "localhost.",
            "localhost.evil.net",
            "[fd00::2]",
        ] {
            let error = url(&format!("http://{host}:8082")).unwrap_err();
            assert!(error.contains("allow_hosts") || error.contains("no valid URL"), "{host}: {error}");
        }
    }

    #[test]
    fn what_a_base_url_must_not_hold() {
        for (text, expected) in [
            ("ftp://127.0.0.1:1", "must start with `http://` or `https://`"),
            ("ftp://127.0.0.1", "must start with `http://`"),
            ("127.0.0.1:8082", "must be a URL with a scheme"),
            ("http://me:hunter2@127.0.0.1:1", "must not hold credentials"),
            ("http://127.0.0.1:1/?a=hunter2", "without query and fragment"),
            ("http://127.0.0.1:1#hunter2", "without query and fragment"),
            ("http://", "is no valid URL"),
            ("http://:80", "is no valid URL"),
            ("http://127.0.0.1:0", "is no valid URL"),
            ("http://127.0.0.1:x", "is no valid URL"),
            ("http://127.0.0.1:99999", "is no valid URL"),
            ("http://a b", "is no valid URL"),
        ] {
            let error = url(text).expect_err(text);
            assert!(error.contains(expected) && !error.contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn bootstrap_addresses() {
        let allowed = ["k1".to_owned()];
        let read = |text: &str| with(text, |item, problems| read_bootstrap(item, Some(&allowed), problems));
        assert_eq!(read("127.0.0.1:9092, k1:9093,[::1]:1"), Ok("127.0.0.1:9092,k1:9093,[::1]:1".to_owned()));
        assert!(read("k1:9092,k2:9092").unwrap_err().contains("`k2`"));
        assert_eq!(
            with("k2:9092", |item, problems| read_bootstrap(item, None, problems)),
            Ok("k2:9092".to_owned())
        );
        for text in ["k1", "k1:", "k1:0", "k1:9092,", ":9092", "::1:9092", "SSL://k1:9092", "k1:+9"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn allowed_hosts_are_exact() {
        for (text, valid) in [
            ("proxy.example.com", true),
            ("10.0.0.7", true),
            ("::1", true),
            ("rest_proxy-1", true),
            ("*.example.com", false),
            ("proxy:8082", false),
            ("[::1]", false),
            ("http://proxy", false),
            ("proxy/", false),
            ("a..b", false),
            (" ", false),
        ] {
            assert_eq!(with(text, read_host).is_ok(), valid, "{text}");
        }
    }
}
