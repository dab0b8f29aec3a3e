//! Images that boxes are started from.

use std::fmt;

/// Whether an image is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pull {
    /// If it is not on this machine.
    #[default]
    Missing,
    /// Never: it must be on this machine.
    Never,
    /// Each time, so that a tag means what it means at the registry now.
    Always,
}

/// An image by name: `[registry/]name[:tag][@digest]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef {
    /// Name, with the registry's host where it is not Docker Hub's.
    pub name: String,
    /// Tag; `None`: `latest`, unless there is a digest.
    pub tag: Option<String>,
    /// Digest, `sha256:…`: this image and no other.
    pub digest: Option<String>,
}

impl ImageRef {
    /// Reads a reference; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash is that of a port.
        let name_from = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[name_from..].split_once(':') {
            Some((last, tag)) => (&rest[..name_from + last.len()], Some(tag)),
            None => (rest, None),
        };
        let hexadecimal = |digest: &str| {
            digest.strip_prefix("sha256:").is_some_and(|hex| {
                hex.len() == 64 && hex.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
            })
        };
        let valid = is_name(name) && tag.is_none_or(is_tag) && digest.is_none_or(hexadecimal);
        valid.then(|| Self {
            name: name.to_owned(),
            tag: tag.map(Into::into),
            digest: digest.map(Into::into),
        })
    }

    /// Whether the name says which registry it is of.
    #[must_use]
    pub fn names_registry(&self) -> bool {
        self.registry().is_some()
    }

    /// The host of the registry that the name says.
    #[must_use]
    pub fn registry(&self) -> Option<&str> {
        let (host, _) = self.name.split_once('/')?;
        (host.contains(['.', ':']) || host == "localhost").then_some(host)
    }

    /// The same image at another registry, `host[:port][/path]`; one that names its registry stays as it is.
    #[must_use]
    pub fn at_registry(mut self, registry: &str) -> Self {
        if !self.names_registry() {
            self.name = format!("{}/{}", registry.trim_end_matches('/'), self.name);
        }
        self
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match (&self.tag, &self.digest) {
            (Some(tag), Some(digest)) => write!(f, ":{tag}@{digest}"),
            (Some(tag), None) => write!(f, ":{tag}"),
            (None, Some(digest)) => write!(f, "@{digest}"),
            (None, None) => f.write_str(":latest"),
        }
    }
}

/// Small letters, digits and separators, parted by slashes; the first part may be a host with a port.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-".contains(&c);
        let end = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        part.bytes().all(inner) && end(part.bytes().next()) && end(part.bytes().last())
    };
    let is_host = |part: &str| match part.split_once(':') {
        Some((host, port)) => is_part(&host.to_ascii_lowercase()) && port.parse::<u16>().is_ok(),
        None => is_part(&part.to_ascii_lowercase()),
    };
    match name.split_once('/') {
        Some((first, rest)) => is_host(first) && rest.split('/').all(is_part),
        None => is_part(name),
    }
}

fn is_tag(tag: &str) -> bool {
    let inner = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    (1..=128).contains(&tag.len()) && tag.bytes().all(inner) && !tag.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart_and_put_together() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, name, tag, with) in [
            ("apache/kafka:4.1.1", "apache/kafka", Some("4.1.1"), None),
            ("kafka", "kafka", None, None),
            ("localhost:5000/a/b", "localhost:5000/a/b", None, None),
            ("quay.io/strimzi/kafka-bridge:0.33.1", "quay.io/strimzi/kafka-bridge", Some("0.33.1"), None),
            (&format!("a/b@{digest}"), "a/b", None, Some(digest.as_str())),
            (&format!("a/b:1@{digest}"), "a/b", Some("1"), Some(digest.as_str())),
        ] {
            let image = ImageRef::parse(text).expect(text);
            assert_eq!(
                (image.name.as_str(), image.tag.as_deref(), image.digest.as_deref()),
                (name, tag, with)
            );
            assert_eq!(ImageRef::parse(&image.to_string()).map(|again| again.name), Some(image.name));
        }
        for text in
            ["", "A", "a b", "a:", "a/:1", "a@sha256:12", "-a", "a//b", "a:b:c", "https://a/b", "a:1/b c"]
        {
            assert_eq!(ImageRef::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_registry_of_ones_own_takes_the_place_of_docker_hub_only() {
        let at =
            |text: &str| ImageRef::parse(text).unwrap().at_registry("mirror.example.com/hub/").to_string();
        assert_eq!(at("apache/kafka:4.1.1"), "mirror.example.com/hub/apache/kafka:4.1.1");
        assert_eq!(at("quay.io/strimzi/kafka-bridge"), "quay.io/strimzi/kafka-bridge:latest");
    }
}
