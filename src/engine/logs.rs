//! What containers print, kept in files, without secrets.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt as _;
use tokio::task::JoinHandle;

use super::container::Container;
use super::error::EngineError;
use crate::secret::{REDACTED, Secret, redact};

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
        let lines = secrets.iter().flat_map(|secret| secret.expose().lines());
        let lines = lines.filter(|line| line.len() >= SHORTEST);
        let mut forms: Vec<String> = lines.flat_map(forms).collect();
        // One that holds another goes first, or a part of it would be left.
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self(forms.into_iter().map(Secret::new).collect())
    }

    /// The text without them, and without what may be somebody's token.
    #[must_use]
    pub fn of(&self, text: &str) -> String {
        let text =
            self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose(), REDACTED));
        redact(&text, &[])
    }
}

/// What a secret looks like where programs print it: as it is, within JSON, in a form or a URL, and within Base64, for instance
/// behind a user's name.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::Value::from(secret).to_string();
    let mut forms = vec![
        secret.to_owned(),
        json[1..json.len() - 1].to_owned(),
        percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string(),
        form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
    ];
    for before in 0..3 {
        let bytes = [&[0; 3][..before], secret.as_bytes()].concat();
        // Characters that neighbours have a part in are left out.
        let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            forms.extend(encoded.get(from..to).map(str::to_owned));
        }
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
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
    fn no_secret_is_left_in_another_form() {
        let secret = "p\u{e4}ss \"w\"/+~?>";
        let redaction = Redaction::new(&[Secret::new(secret)]);
        for user in ["", "u", "us", "use"] {
            for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                for behind in ["", ":", "::"] {
                    let encoded = engine.encode(format!("{user}:{secret}{behind}"));
                    let hidden = redaction.of(&encoded);
                    let left: usize = hidden.split(REDACTED).map(str::len).sum();
                    // What is left tells no more than the first and the last byte in part.
                    assert!(hidden.contains(REDACTED) && left <= 12, "{user}: {hidden}");
                }
            }
        }
        for text in [
            serde_json::json!({"key": secret}).to_string(),
            "key=p%C3%A4ss+%22w%22%2F%2B%7E%3F%3E".to_owned(),
            "https://u:p%C3%A4ss%20%22w%22%2F%2B%7E%3F%3E@host".to_owned(),
        ] {
            let hidden = redaction.of(&text);
            assert!(hidden.contains(REDACTED) && !hidden.contains("ss"), "{hidden}");
        }
    }

    #[test]
    fn no_secret_is_left_even_of_one_in_two_pieces_or_within_another() {
        let secrets = ["hunter2hunter", "hunter2", "abc"].map(Secret::new);
        let redaction = Redaction::new(&secrets);
        assert_eq!(redaction.of("a=hunter2hunter b=hunter2 c=abc"), "a=[redacted] b=[redacted] c=abc");
        let mut written = Vec::new();
        let mut lines = Lines { file: BufWriter::new(&mut written), redaction, rest: Vec::new() };
        lines.take(b"one\npassword=hun").unwrap();
        lines.take(b"ter2\nlast hunter").unwrap();
        lines.take(b"2").unwrap();
        lines.finish().unwrap();
        drop(lines);
        assert_eq!(String::from_utf8(written).unwrap(), "one\npassword=[redacted]\nlast [redacted]");
    }

    #[test]
    fn tokens_are_left_out_that_nobody_knew_before() {
        let told = Redaction::default().of("asked for Bearer abc.def and eyJhbGciOiJS.eyJpc3MiOiJ4.c2ln");
        assert_eq!(told, "asked for Bearer [redacted] and [redacted]");
    }
}
