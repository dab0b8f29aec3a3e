//! Kafka from its jars, as a child process. `LANDFALL_KAFKA_LIBS` names a folder with them (`org.apache.kafka:kafka_2.13`
//! and what that needs).

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, Producer as _};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_mins(1);

/// A broker in its own folder; it can be killed and started again.
pub(crate) struct Kafka {
    libs: PathBuf,
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

/// Ports that nobody has at the moment. Kafka wants to be told its own.
pub(crate) fn free_ports<const N: usize>(host: &str) -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind((host, 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

impl Kafka {
    /// A broker without anything special, see [`Self::start_with`].
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(tempfile::tempdir().unwrap(), &[], "", &[])
    }

    /// A broker in `folder` with further `listeners` (`NAME://host:port`), settings and arguments of the formatting of its
    /// storage. `None` where no jars are named.
    pub(crate) fn start_with(
        folder: TempDir,
        listeners: &[String],
        more: &str,
        formatting: &[&str],
    ) -> Option<Self> {
        let Some(libs) = std::env::var_os("LANDFALL_KAFKA_LIBS") else {
            let demanded = std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_some();
            assert!(!demanded, "LANDFALL_REQUIRE_TOOLS is set, and LANDFALL_KAFKA_LIBS names no folder");
            println!("did not run: LANDFALL_KAFKA_LIBS names no folder with Kafka's jars");
            return None;
        };
        let [port, controller] = free_ports("127.0.0.1");
        let logs = folder.path().join("logs");
        let others = listeners.iter().fold(String::new(), |all, listener| all + "," + listener);
        let properties = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{others}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}{others}\ncontroller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=PLAINTEXT\nlog.dirs={}\noffsets.topic.replication.factor=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             transaction.state.log.num.partitions=1\noffsets.topic.num.partitions=1\n\
             log.cleaner.backoff.ms=100\nlog.retention.check.interval.ms=100\nlog.initial.task.delay.ms=100\n\
             log.segment.delete.delay.ms=100\n{more}",
            logs.display()
        );
        std::fs::write(folder.path().join("server.properties"), properties).unwrap();
        let mut kafka = Self { libs: libs.into(), folder, port, child: None };
        let formatted = kafka
            .java()
            .args([
                "kafka.tools.StorageTool",
                "format",
                "-t",
                "MkU3OEVBNTcwNTJENDM2Qg",
                "-c",
                "server.properties",
            ])
            .args(formatting)
            .output()
            .unwrap();
        assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stderr));
        kafka.up();
        Some(kafka)
    }

    fn java(&self) -> Command {
        let mut java = Command::new("java");
        java.args(["-Xmx400m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"])
            .arg(format!("{}/*", self.libs.display()))
            .current_dir(self.folder.path());
        java
    }

    pub(crate) fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts the process and waits until it answers.
    pub(crate) fn up(&mut self) {
        let mut java = self.java();
        java.args(["kafka.Kafka", "server.properties"]).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(java.spawn().unwrap());
        let client: BaseProducer = self.client().create().unwrap();
        let began = Instant::now();
        while client.client().fetch_metadata(None, Duration::from_secs(1)).is_err() {
            assert!(began.elapsed() < PATIENCE, "Kafka does not answer");
        }
    }

    /// Kills the process, as a crash does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap());
        config
    }

    pub(crate) async fn create(&self, topic: &str, partitions: i32, configs: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().unwrap();
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        for (name, value) in configs {
            new = new.set(name, value);
        }
        let created = admin.create_topics(&[new], &AdminOptions::new()).await.unwrap();
        for topic in created {
            topic.unwrap();
        }
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.kill();
    }
}
