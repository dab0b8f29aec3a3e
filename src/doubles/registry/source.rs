//! Where a proxy finds schemas: in a store within its process, or at a registry elsewhere, which it asks by HTTP.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use super::api::KIND;
use super::schema::{Format, Schema};
use super::store::{Refusal, Registered, Schemas};

/// How long a registry may take for an answer: as long as Confluent's client waits (`http.read.timeout.ms`).
const PATIENCE: Duration = Duration::from_mins(1);
/// The longest answer that is read, in bytes.
const LONGEST: usize = 16 * 1024 * 1024;

/// Where a proxy finds schemas.
#[derive(Debug, Clone)]
pub enum SchemaSource {
    /// Within the process.
    Within(Schemas),
    /// At a registry elsewhere.
    Elsewhere(Arc<Elsewhere>),
}

impl From<Schemas> for SchemaSource {
    fn from(schemas: Schemas) -> Self {
        Self::Within(schemas)
    }
}

/// A registry elsewhere.
#[derive(Debug)]
pub struct Elsewhere {
    /// Without a slash at its end.
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Why there is no answer to a question about schemas.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The registry says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It does not answer, or with something else.
    #[error("{0}")]
    Unreachable(String),
}

/// A schema as registries tell of it.
#[derive(Debug, Deserialize)]
struct Told {
    #[serde(default)]
    subject: String,
    version: Option<i32>,
    id: Option<i32>,
    #[serde(default)]
    schema: String,
    #[serde(rename = "schemaType", default)]
    kind: Option<String>,
}

/// How registries refuse.
#[derive(Debug, Deserialize)]
struct Refused {
    error_code: u32,
    message: String,
}

impl SchemaSource {
    /// A registry at a base URL that begins with `http://`. It need not be there yet.
    #[must_use]
    pub fn elsewhere(url: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self::Elsewhere(Arc::new(Elsewhere { url: url.trim_end_matches('/').to_owned(), client }))
    }

    /// The schema of an id.
    ///
    /// # Errors
    /// [`Unanswered`]. So of all questions; those to a registry elsewhere are asked on the runtime's own thread, which must be
    /// one of several.
    pub fn by_id(&self, id: i32) -> Result<Arc<Schema>, Unanswered> {
        match self {
            Self::Within(schemas) => Ok(schemas.with(|store| store.by_id(id))?),
            Self::Elsewhere(registry) => registry.get(&format!("/schemas/ids/{id}"))?.schema(),
        }
    }

    /// A subject's version of this number.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub fn version(&self, subject: &str, version: i32) -> Result<Registered, Unanswered> {
        match self {
            Self::Within(schemas) => Ok(schemas.with(|store| store.version(subject, version))?),
            Self::Elsewhere(registry) => {
                registry.get(&format!("{}/versions/{version}", path(subject)))?.registered()
            }
        }
    }

    /// A subject's last version.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub fn latest(&self, subject: &str) -> Result<Registered, Unanswered> {
        match self {
            Self::Within(schemas) => Ok(schemas.with(|store| store.latest(subject))?),
            Self::Elsewhere(registry) => {
                registry.get(&format!("{}/versions/latest", path(subject)))?.registered()
            }
        }
    }

    /// The subject's version of a schema.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub fn lookup(&self, subject: &str, schema: &Arc<Schema>) -> Result<Registered, Unanswered> {
        match self {
            Self::Within(schemas) => Ok(schemas.with(|store| store.lookup(subject, schema))?),
            Self::Elsewhere(registry) => {
                let (version, id) = registry.post(&path(subject), schema)?.place()?;
                Ok(Registered { subject: subject.to_owned(), version, id, schema: schema.clone() })
            }
        }
    }

    /// Enters a schema, where the subject does not have it yet.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub fn register(&self, subject: &str, schema: &Arc<Schema>) -> Result<Registered, Unanswered> {
        match self {
            Self::Within(schemas) => Ok(schemas.with(|store| store.register(subject, schema))?),
            Self::Elsewhere(registry) => {
                registry.post(&format!("{}/versions", path(subject)), schema)?;
                self.lookup(subject, schema)
            }
        }
    }
}

/// Where a subject stands.
fn path(subject: &str) -> String {
    format!("/subjects/{}", utf8_percent_encode(subject, NON_ALPHANUMERIC))
}

impl Told {
    fn schema(&self) -> Result<Arc<Schema>, Unanswered> {
        let name = self.kind.as_deref().unwrap_or("AVRO");
        let unreadable =
            || Unanswered::Unreachable(format!("it tells of a schema of type {name} that is none"));
        let format = Format::of(name).ok_or_else(unreadable)?;
        Schema::parse(format, &self.schema).map(Arc::new).map_err(|_| unreadable())
    }

    fn registered(self) -> Result<Registered, Unanswered> {
        let schema = self.schema()?;
        let (version, id) = self.place()?;
        Ok(Registered { subject: self.subject, version, id, schema })
    }

    /// Version and id, without which no record can be written.
    fn place(&self) -> Result<(i32, i32), Unanswered> {
        let place = self.version.zip(self.id);
        place.ok_or_else(|| Unanswered::Unreachable("it tells of a schema without version and id".to_owned()))
    }
}

impl Elsewhere {
    fn get(&self, path: &str) -> Result<Told, Unanswered> {
        self.ask(Method::GET, path, Bytes::new())
    }

    fn post(&self, path: &str, schema: &Schema) -> Result<Told, Unanswered> {
        let mut body = json!({ "schema": schema.text() });
        if schema.format() != Format::Avro {
            body["schemaType"] = schema.format().name().into();
        }
        self.ask(Method::POST, path, body.to_string().into())
    }

    fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Told, Unanswered> {
        let asked = async {
            match tokio::time::timeout(PATIENCE, self.answer(method, path, body)).await {
                Ok(answer) => answer,
                Err(_) => Err("Read timed out".to_owned()),
            }
        };
        // A proxy asks in the middle of reading a request, as Java's does.
        let answer = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(asked));
        let (status, body) = answer.map_err(Unanswered::Unreachable)?;
        let unreadable = || Unanswered::Unreachable(format!("it answers HTTP {}", status.as_u16()));
        if status == StatusCode::OK {
            return serde_json::from_slice(&body).map_err(|_| unreadable());
        }
        let Refused { error_code, message } = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        Err(Refusal { status: status.as_u16(), code: error_code, message }.into())
    }

    async fn answer(&self, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), String> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request = request.header(CONTENT_TYPE, KIND).body(Full::new(body));
        let request = request.map_err(|error| error.to_string())?;
        let answer = self.client.request(request).await.map_err(|error| cause(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST).collect().await;
        Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
    }
}

/// Why there was no answer; where nobody listens, as Java says it.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    tracing::warn!(error = %last, "the schema registry does not answer");
    match last.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
        Some(std::io::ErrorKind::ConnectionRefused) => "Connection refused".to_owned(),
        _ => last.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::doubles::registry::Registry;

    fn schema(text: &str) -> Arc<Schema> {
        Arc::new(Schema::parse(Format::Avro, text).unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_registry_elsewhere_answers_as_a_store_within_does() {
        let registry = Registry::start(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).await.unwrap();
        let elsewhere = SchemaSource::elsewhere(&format!("http://{}/", registry.address()));
        let within = SchemaSource::from(Schemas::default());
        let told = |source: &SchemaSource| {
            let place = |found: Result<Registered, Unanswered>| {
                found.map(|found| (found.subject, found.version, found.id, found.schema.text().to_owned()))
            };
            let (string, int) = (schema("\"string\""), schema("\"int\""));
            let text = source.by_id(9).map(|schema| schema.text().to_owned());
            let id = [
                place(source.latest("a/b")),
                place(source.register("a/b", &string)),
                place(source.register("a/b", &string)),
                place(source.register("a/b", &int)),
                place(source.lookup("a/b", &string)),
                place(source.lookup("a/b", &int)),
                place(source.version("a/b", 1)),
                place(source.version("a/b", 2)),
                place(source.latest("a/b")),
            ];
            (text, source.by_id(1).map(|schema| schema.text().to_owned()), id)
        };
        assert_eq!(told(&elsewhere), told(&within));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn where_nobody_listens_the_connection_is_refused() {
        // A port that is taken, and at which nobody listens.
        let taken = tokio::net::TcpSocket::new_v4().unwrap();
        taken.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let elsewhere = SchemaSource::elsewhere(&format!("http://{}", taken.local_addr().unwrap()));
        assert_eq!(elsewhere.latest("a").unwrap_err().to_string(), "Connection refused");
        // Somebody who takes the connection and says nothing is something else.
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let elsewhere = SchemaSource::elsewhere(&format!("http://{}", listener.local_addr().unwrap()));
        tokio::spawn(async move { drop(listener.accept().await) });
        assert_ne!(elsewhere.latest("a").unwrap_err().to_string(), "Connection refused");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_schema_without_an_id_is_none() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let elsewhere = SchemaSource::elsewhere(&format!("http://{}", listener.local_addr().unwrap()));
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        });
        let told = elsewhere.lookup("a", &schema("\"int\""));
        assert!(matches!(told, Err(Unanswered::Unreachable(why)) if why.contains("without version and id")));
    }
}
