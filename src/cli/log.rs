//! The verbose log: landfall's own events, and nobody else's, in a file.

use std::fs::File;
use std::sync::Mutex;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::{fmt, registry};

/// Writes what happens from now on to `file`, a line each, as long as the process lives. Only the first call in a
/// process has an effect.
pub(super) fn write_to(file: File) {
    // What the libraries underneath say is not looked through for secrets, so it has no place in the log.
    let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), Level::INFO);
    let lines = fmt::layer().with_ansi(false).with_target(false).with_writer(Mutex::new(file));
    let _ = tracing::subscriber::set_global_default(registry().with(lines.with_filter(own)));
}
