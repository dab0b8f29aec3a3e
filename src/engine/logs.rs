//! What containers print, kept in files, without secrets.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt as _;
use tokio::task::JoinHandle;

use super::container::Container;
use super::error::EngineError;
use crate::secret::{Secret, redact};

/// What stands where a secret was.
const HIDDEN: &str = "********";
/// How often it is looked whether a container that has stopped was started again.
const LOOK: Duration = Duration::from_millis(300);
/// The shortest secret that is looked for: a shorter one is part of too many words.
const SHORTEST: usize = 6;

/// The secrets that a stack's containers know, and that must not be told.
#[derive(Debug, Clone, Default)]
pub struct Redaction(Vec<Secret>);

impl Redaction {
    /// Hides these.
    #[must_use]
    pub fn new(secrets: &[Secret]) -> Self {
        // A log is looked at by lines, and so is a secret that has several.
        let lines = secrets.iter().flat_map(|secret| secret.expose().lines().map(Secret::new));
        let mut secrets: Vec<Secret> = lines.collect();
        secrets.retain(|secret| secret.expose().len() >= SHORTEST);
        // One that holds another goes first, or a part of it would be left.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self(secrets)
    }

    /// The text without them, and without what may be somebody's token.
    #[must_use]
    pub fn of(&self, text: &str) -> String {
        let text = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose(), HIDDEN));
        redact(&text, &[])
    }
}

/// A file that a container's log is followed into, also when it is started again, until this is dropped.
#[derive(Debug)]
pub struct LogFile(JoinHandle<()>);

impl LogFile {
    /// Follows what `container` prints from now on into `folder`, a line at a time.
    ///
    /// # Errors
    /// [`EngineError::Log`] where the file cannot be made.
    pub fn follow(container: &Container, folder: &Path, redaction: Redaction) -> Result<Self, EngineError> {
        let path = folder.join(format!("{}.log", container.name()));
        let failed =
            |source| EngineError::Log { name: container.name().to_owned(), path: path.clone(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        let container = container.clone();
        let task = tokio::spawn(async move {
            let mut lines = Lines { file: BufWriter::new(file), redaction, rest: Vec::new() };
            let mut started = String::new();
            while let Some(next) = started_again(&container, &started).await {
                // Its log before is there already.
                let since = if started.is_empty() { 0 } else { seconds(&next) };
                started = next;
                let options =
                    LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).since(since).build();
                let mut pieces =
                    std::pin::pin!(container.engine().docker.logs(container.id(), Some(options)));
                while let Some(Ok(piece)) = pieces.next().await {
                    // A disk that is full ends the log, and nothing else.
                    if lines.take(&piece.into_bytes()).is_err() {
                        return;
                    }
                }
                if lines.finish().is_err() {
                    return;
                }
            }
        });
        Ok(Self(task))
    }
}

/// When the container was started last, if that is later than `before`; waits until it is. `None` where it is gone.
async fn started_again(container: &Container, before: &str) -> Option<String> {
    loop {
        match container.state().await {
            Err(_) => return None,
            // Also one that has ended at once has printed something.
            Ok(state) if state.started_at != before => return Some(state.started_at),
            Ok(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// A moment of the engine's (RFC 3339) in seconds after 1970.
fn seconds(moment: &str) -> i32 {
    let moment: Option<jiff::Timestamp> = moment.parse().ok();
    moment.and_then(|moment| i32::try_from(moment.as_second()).ok()).unwrap_or(0)
}

impl Drop for LogFile {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Puts pieces together to lines: a secret may be spread over two pieces, and is never over two lines.
struct Lines<W: std::io::Write> {
    file: BufWriter<W>,
    redaction: Redaction,
    rest: Vec<u8>,
}

impl<W: std::io::Write> Lines<W> {
    fn take(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.rest.extend_from_slice(piece);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
        let rest = self.rest.split_off(end + 1);
        let whole = std::mem::replace(&mut self.rest, rest);
        self.file.write_all(self.redaction.of(&String::from_utf8_lossy(&whole)).as_bytes())?;
        self.file.flush()
    }

    fn finish(&mut self) -> std::io::Result<()> {
        let rest = std::mem::take(&mut self.rest);
        self.file.write_all(self.redaction.of(&String::from_utf8_lossy(&rest)).as_bytes())?;
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_left_even_of_one_in_two_pieces_or_within_another() {
        let secrets = ["hunter2hunter", "hunter2", "abc"].map(Secret::new);
        let redaction = Redaction::new(&secrets);
        assert_eq!(redaction.of("a=hunter2hunter b=hunter2 c=abc"), "a=******** b=******** c=abc");
        let mut written = Vec::new();
        let mut lines = Lines { file: BufWriter::new(&mut written), redaction, rest: Vec::new() };
        lines.take(b"one\npassword=hun").unwrap();
        lines.take(b"ter2\nlast hunter").unwrap();
        lines.take(b"2").unwrap();
        lines.finish().unwrap();
        drop(lines);
        assert_eq!(String::from_utf8(written).unwrap(), "one\npassword=********\nlast ********");
    }

    #[test]
    fn tokens_are_left_out_that_nobody_knew_before() {
        let told = Redaction::default().of("asked for Bearer abc.def and eyJhbGciOiJS.eyJpc3MiOiJ4.c2ln");
        assert_eq!(told, "asked for Bearer [redacted] and [redacted]");
    }
}
