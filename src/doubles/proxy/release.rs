//! What releases of the real proxy have in common.

use crate::scenario::ProxyRelease;

impl ProxyRelease {
    /// Whether it is of 6.2.
    pub(in crate::doubles::proxy) fn is_6_2(self) -> bool {
        matches!(self, Self::Confluent6_2_0 | Self::Confluent6_2)
    }
}
