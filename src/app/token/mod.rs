//! `landfall token`: gets tokens, makes them, looks at them, and spoils them.

pub mod attack;
mod change;
mod error;
pub mod fetch;
mod file;
mod input;
pub mod inspect;
mod meaning;
pub mod mint;
pub mod verify;

pub use change::{BadChange, Change};
pub use error::TokenError;
pub use file::{read_key, write_owner_only, write_public};
pub use input::Input;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::scenario::{TlsSettings, TokenProfile};

/// The profile of this name or file.
///
/// # Errors
/// [`TokenError::Profile`].
pub fn profile(name_or_path: &str) -> Result<TokenProfile, TokenError> {
    crate::scenario::profile(name_or_path).map_err(TokenError::Profile)
}

/// How TLS is spoken where `ca` is trusted, or else the system's authorities.
#[must_use]
pub fn trusting(ca: Option<&Path>) -> TlsSettings {
    TlsSettings { ca: ca.map(Path::to_owned), ..TlsSettings::default() }
}

/// Whole seconds since 1970.
#[must_use]
pub fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A time in seconds since 1970, as RFC 3339 has it, UTC.
#[must_use]
pub fn date(seconds: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    let time = time.and_then(|time| jiff::Timestamp::try_from(time).ok());
    time.map_or_else(|| format!("{seconds} s after 1970"), |time| time.to_string())
}

/// What helps where a certificate is not trusted, or TLS not spoken at all, with a separator before it; mostly nothing.
pub(super) fn trust_hint(reason: &str) -> &'static str {
    if reason.contains("certificate") {
        "; `--ca FILE` says whose certificates are trusted"
    } else if reason.contains("InvalidContentType") {
        "; whoever answers there speaks no TLS: is it `http://`?"
    } else {
        ""
    }
}
