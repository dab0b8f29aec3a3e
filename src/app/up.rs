//! `landfall up`: brings a scenario's path up for people to walk by hand.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::scenario::{
    AudienceParameter, ClientAuth, Expect, Format, KafkaSpec, Scenario, TlsSettings, Workload,
};
use crate::secret::Secret;
use crate::stack::{GATEWAY_CA, Listen, Logs, PartnerAuth, Stack, StackError};
use crate::wire::produce::{v2, v3};

/// The property of librdkafka's that holds the certificate of an authority.
const CA_PEM: &str = "ssl.ca.pem";
/// The file for it.
const KAFKA_CA: &str = "kafka-ca.pem";

/// Why the path is not up.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// A box did not come up.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// Credentials have no place.
    #[error("cannot write credentials to {path}: {source}; name another folder with `--reports`")]
    Credentials {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// A path that is up, with the partners' credentials, and Kafka's, in files that only their owner can read. Dropped, the
/// path goes down and the files go.
pub struct Up {
    stack: Stack,
    folder: PathBuf,
    /// Each partner's file.
    credentials: Vec<(String, PathBuf)>,
    steps: Vec<Step>,
}

/// A step of the walk: what it does, and the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub title: String,
    /// The command, of one or more lines; it holds no secret.
    pub command: String,
}

impl Up {
    /// Brings the path up where `listen` says; credentials go into `folder`, which is made.
    ///
    /// # Errors
    /// [`UpError`], as it says.
    pub async fn start(listen: Listen, scenario: &Scenario, folder: PathBuf) -> Result<Self, UpError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| UpError::Credentials { path, source }
        };
        fs::create_dir_all(&folder).map_err(failed(&folder))?;
        let stack = Stack::start_at(listen, scenario, Logs { folder: &folder, trace: None }).await?;
        let mut up = Self { stack, folder, credentials: Vec::new(), steps: Vec::new() };
        for (index, partner) in scenario.partners.iter().enumerate() {
            let (path, text) = match up.stack.partner_auth(index) {
                Some(PartnerAuth::Basic(secret)) => {
                    (up.credentials(index), Secret::new(basic_config(&partner.client_id, secret)))
                }
                Some(PartnerAuth::Post(secret)) => {
                    (up.credentials(index), Secret::new(post_config(&partner.client_id, secret)))
                }
                Some(PartnerAuth::PrivateKeyJwt(key)) => {
                    let Some(pem) = key.to_pem() else { continue };
                    (up.folder.join(format!("partner-{index}.pem")), pem)
                }
                None => continue,
            };
            write_owner_only(&path, text.expose()).map_err(failed(&path))?;
            up.credentials.push((partner.name.clone(), path));
        }
        if let Some(properties) = up.kafka_properties(scenario) {
            if let Some(authority) = up.stack.kafka().properties.get(CA_PEM) {
                let path = up.folder.join(KAFKA_CA);
                write_owner_only(&path, authority.expose()).map_err(failed(&path))?;
            }
            let path = up.kafka_credentials();
            write_owner_only(&path, &properties).map_err(failed(&path))?;
        }
        up.steps = up.walk(scenario);
        // Windows of faults are counted from here: no load says when it begins.
        up.stack.load_starts(Instant::now());
        Ok(up)
    }

    /// Takes the path down as an orderly stop does: what proxies have in hand is answered, and the answers come to their clients.
    pub async fn stop(mut self) {
        self.stack.stop_own_proxies().await;
        self.stack.until_passed_on().await;
    }

    /// The path.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The commands to walk it: token, produce, read back.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The files with the partners' credentials, by partner: a curl configuration, or the private key of one that signs.
    /// Only their owner can read them.
    #[must_use]
    pub fn partner_files(&self) -> &[(String, PathBuf)] {
        &self.credentials
    }

    /// Where a partner's credentials stand, as a curl configuration.
    fn credentials(&self, partner: usize) -> PathBuf {
        self.folder.join(format!("partner-{partner}.curl"))
    }

    /// Where a Kafka client's credentials stand, as librdkafka's properties.
    fn kafka_credentials(&self) -> PathBuf {
        self.folder.join("kafka.properties")
    }

    /// What a client has to say to a Kafka that landfall has started, where it asks for anything.
    fn kafka_properties(&self, scenario: &Scenario) -> Option<String> {
        if !matches!(
            scenario.stack.kafka,
            KafkaSpec::Embedded { sasl: Some(_), .. } | KafkaSpec::Container(_)
        ) {
            return None;
        }
        let lines = self.stack.kafka().properties.iter().map(|(name, value)| match name.as_str() {
            // A line holds no certificate.
            CA_PEM => format!("ssl.ca.location={}\n", self.folder.join(KAFKA_CA).display()),
            name => format!("{name}={}\n", value.expose()),
        });
        Some(lines.collect())
    }

    fn walk(&self, scenario: &Scenario) -> Vec<Step> {
        let mut steps = Vec::new();
        let accepted = |w: &&Workload| scenario.partners[w.partner].expect == Expect::Accept;
        // curl cannot sign a client's assertion.
        let by_curl =
            |w: &&Workload| !matches!(scenario.partners[w.partner].auth, ClientAuth::PrivateKeyJwt(_));
        let workloads = || scenario.workloads.iter();
        let workload = workloads().filter(by_curl).find(accepted);
        let workload = workload.or_else(|| workloads().find(accepted)).or_else(|| workloads().next());
        let Some(workload) = workload else { return steps };
        let partner = &scenario.partners[workload.partner];
        let topic = &scenario.topics[workload.topic].name;
        let provider = self.stack.provider();
        if let Some(provider) = provider.filter(|_| by_curl(&workload)) {
            let (trust, endpoint) = trusted(&provider.token_endpoint, &provider.tls);
            let audience = match provider.audience_parameter {
                AudienceParameter::None => String::new(),
                AudienceParameter::Audience => data("audience", &provider.audience),
                AudienceParameter::Resource => data("resource", &provider.audience),
            };
            let config = self.credentials(workload.partner);
            let scope = if partner.scope.is_empty() { String::new() } else { data("scope", &partner.scope) };
            steps.push(Step {
                title: format!("Fetch a token as partner `{}`", partner.name),
                command: format!(
                    "TOKEN=$(curl -sS{trust} -K {} -d grant_type=client_credentials{scope}{audience} {endpoint} \\\n  \
                     | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')",
                    quoted(&config.display().to_string())
                ),
            });
        }
        let authorization = if provider.is_some() { " -H \"Authorization: Bearer $TOKEN\"" } else { "" };
        let (content_type, body) = match workload.format {
            Format::V2Json => (v2::JSON, r#"{"records":[{"value":{"hello":"landfall"}}]}"#),
            Format::V2Binary => (v2::BINARY, r#"{"records":[{"value":"aGVsbG8="}]}"#),
            Format::V3Json => (v3::JSON, r#"{"value":{"type":"JSON","data":{"hello":"landfall"}}}"#),
            Format::V3Binary => (v3::JSON, r#"{"value":{"type":"BINARY","data":"aGVsbG8="}}"#),
            Format::V3String => (v3::JSON, r#"{"value":{"type":"STRING","data":"hello"}}"#),
        };
        let path = match self.stack.cluster_id().filter(|_| workload.format.is_v3()) {
            Some(cluster) => format!("v3/clusters/{cluster}/topics/{topic}/records"),
            None => format!("topics/{topic}"),
        };
        let (trust, url) = trusted(self.stack.produce_url(), self.stack.produce_tls());
        steps.push(Step {
            title: format!("Produce a record to topic `{topic}`"),
            command: format!(
                "curl -sS -i{trust}{authorization} \\\n  -H 'Content-Type: {content_type}' \\\n  -d '{body}' {url}/{path}"
            ),
        });
        let bootstrap = self.stack.kafka_for_others();
        let credentials = match self.kafka_properties(scenario) {
            Some(_) => format!(" -F {}", quoted(&self.kafka_credentials().display().to_string())),
            None => String::new(),
        };
        steps.push(Step {
            title: "Read the topic back, with any Kafka client".into(),
            command: format!(
                "kcat{credentials} -b {bootstrap} -C -t {topic} -o beginning -e \\\n  -f '%p@%o %k %s\\n'"
            ),
        });
        steps
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if let Ok(entries) = fs::read_dir(&self.folder) {
            let paths = entries.flatten().map(|entry| entry.path());
            for path in paths.filter(|path| {
                path.extension().is_some_and(|e| e == "curl" || e == "properties" || e == "pem")
                    || path.ends_with(GATEWAY_CA)
            }) {
                let _ = fs::remove_file(path);
            }
        }
        let _ = fs::remove_dir(&self.folder);
    }
}

/// What makes curl trust a URL, and the URL as it is to be asked for: by the name that stands in the certificate.
fn trusted(url: &str, tls: &TlsSettings) -> (String, String) {
    let Some(rest) = url.strip_prefix("https://") else { return (String::new(), url.to_owned()) };
    let ca = tls.ca.as_ref().map(|ca| format!(" --cacert {}", quoted(&ca.display().to_string())));
    let ca = ca.unwrap_or_default();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    match tls.server_name.as_ref().zip(authority.rsplit_once(':')) {
        Some((name, (_, port))) => {
            (format!("{ca} --connect-to {name}:{port}:{authority}"), format!("https://{name}:{port}/{path}"))
        }
        None => (ca, url.to_owned()),
    }
}

/// A word for the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A curl configuration with the client's credentials, so that they stand in no command line. Both parts are
/// form-encoded first (RFC 6749, section 2.3.1), which leaves nothing that curl's quotes would have to escape.
fn basic_config(client_id: &str, secret: &Secret) -> String {
    format!("user = \"{}:{}\"\n", form_encoded(client_id), form_encoded(secret.expose()))
}

/// The same with the credentials in the body.
fn post_config(client_id: &str, secret: &Secret) -> String {
    let (id, secret) = (form_encoded(client_id), form_encoded(secret.expose()));
    format!("data = \"client_id={id}&client_secret={secret}\"\n")
}

fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// An option of curl for a parameter of the body.
fn data(name: &str, value: &str) -> String {
    format!(" --data-urlencode {}", quoted(&format!("{name}={value}")))
}

#[cfg(unix)]
fn write_owner_only(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(not(unix))]
fn write_owner_only(path: &Path, text: &str) -> std::io::Result<()> {
    fs::write(path, text)
}
