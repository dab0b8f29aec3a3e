//! Which release of a REST proxy the embedded one stands for.

use std::fmt;

/// A release of Confluent's REST Proxy, the earliest first. What a client can tell apart between two of them differs in the
/// embedded proxy as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ProxyRelease {
    /// 6.2.0 to 6.2.6.
    Confluent6_2_0,
    /// 6.2.7 and later of 6.2.
    Confluent6_2,
    /// 7.9.
    #[default]
    Confluent7_9,
    /// 8.3.
    Confluent8_3,
}

impl ProxyRelease {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Confluent6_2_0, Self::Confluent6_2, Self::Confluent7_9, Self::Confluent8_3];

    /// As scenarios name it, for instance `confluent-7.9`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confluent6_2_0 => "confluent-6.2.0",
            Self::Confluent6_2 => "confluent-6.2",
            Self::Confluent7_9 => "confluent-7.9",
            Self::Confluent8_3 => "confluent-8.3",
        }
    }

    /// The latest version that behaves so, as far as that is known.
    #[must_use]
    pub const fn latest(self) -> &'static str {
        match self {
            Self::Confluent6_2_0 => "6.2.0",
            Self::Confluent6_2 => "6.2.15",
            Self::Confluent7_9 => "7.9.9",
            Self::Confluent8_3 => "8.3.1",
        }
    }
}

impl fmt::Display for ProxyRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
