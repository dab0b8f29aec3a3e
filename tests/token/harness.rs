//! Running `landfall token`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

pub(crate) const ISSUER: &str = "http://127.0.0.1:9";

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints text");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// A folder in which commands run.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("the file is there")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("the file can be written");
    }

    /// Who may do what with a file.
    #[cfg(unix)]
    pub(crate) fn mode(&self, name: &str) -> u32 {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(self.path(name)).expect("the file is there").permissions().mode() & 0o777
    }

    /// Runs `landfall token`, with this on standard input, in an environment in which the client's secret stands.
    pub(crate) fn token(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = Command::new(env!("CARGO_BIN_EXE_landfall"))
            .arg("token")
            .args(arguments)
            .current_dir(self.folder.path())
            .env("CLIENT_SECRET", "hunter2-hunter2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("landfall runs");
        let mut stdin = child.stdin.take().expect("it is piped");
        // Who is refused before it reads, does not read.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("it ends").into()
    }

    /// A good token, its key in `key.pem` and its key set in `jwks.json`.
    pub(crate) fn good(&self, more: &[&str]) -> String {
        let signer = if self.path("key.pem").exists() { "--key" } else { "--new-key" };
        let usual =
            ["mint", signer, "key.pem", "--jwks", "jwks.json", "--issuer", ISSUER, "--audience", "ingest"];
        let client = ["--client", "shop", "--scope", "orders:write"];
        let minted = self.token(&[&usual[..], &client, more].concat(), "");
        assert_eq!((minted.code, minted.stderr.as_str()), (Some(0), ""), "{minted:?}");
        assert_eq!(minted.stdout.lines().count(), 1, "the token alone");
        minted.stdout
    }
}

/// Header and claims of a token.
pub(crate) fn decoded(token: &str) -> (Value, Value) {
    let parts = landfall::jose::Compact::split(token.trim()).expect("three parts");
    let read = |bytes: Option<Vec<u8>>| serde_json::from_slice(&bytes.expect("base64url")).expect("JSON");
    (read(parts.decoded_header()), read(parts.decoded_payload()))
}

/// Asserts that no file of a folder, but those named, holds a text.
pub(crate) fn nowhere_but(folder: &Path, text: &str, but: &[&str]) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let held = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).contains(text);
        assert!(!held || but.contains(&name.as_str()), "{name} holds it");
    }
}
