//! A Kafka that nobody here wrote, as a child process: what it does to topics while they are written and read makes no
//! verdict wrong. `LANDFALL_KAFKA_LIBS` names a folder with its jars (`org.apache.kafka:kafka_2.13` and what that needs).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "real_kafka/process.rs"]
mod process;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use landfall::result::{RunResult, Verdict};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tempfile::TempDir;

use process::Kafka;

const PATIENCE: Duration = Duration::from_mins(1);

/// `landfall run` against a topic of this Kafka; `more` are further changes.
struct Run {
    child: Child,
    reports: TempDir,
}

impl Run {
    fn start(kafka: &Kafka, topic: &str, partitions: i32, more: &[&str]) -> Self {
        let reports = tempfile::tempdir().unwrap();
        let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/selftest.yaml");
        let sets = [
            format!("stack.kafka={{kind: external, bootstrap: \"{}\"}}", kafka.bootstrap()),
            format!("topics=[{{name: {topic}, partitions: {partitions}}}]"),
            format!("partners[shop].scope={topic}:write"),
            format!("workload[0].topic={topic}"),
            format!("workload[1].topic={topic}"),
            "checks=[]".to_owned(),
            "grace=2s".to_owned(),
            // A producer that may write twice what a broken connection leaves open would truly do so.
            "stack.proxy.idempotence=true".to_owned(),
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
        command.arg("run").arg(scenario).arg("--reports").arg(reports.path());
        for set in sets.iter().map(String::as_str).chain(more.iter().copied()) {
            command.args(["--set", set]);
        }
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { child, reports }
    }

    /// Waits until something has been sent.
    fn has_begun(&self) {
        let began = Instant::now();
        let written = || {
            let folder = std::fs::read_dir(self.reports.path()).ok()?.flatten().next()?;
            Some(std::fs::metadata(folder.path().join("journal.bin")).ok()?.len() > 0)
        };
        while written() != Some(true) {
            assert!(began.elapsed() < PATIENCE, "nothing is sent");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    fn end(self) -> (RunResult, String) {
        let output = self.child.wait_with_output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let folder = std::fs::read_dir(self.reports.path()).unwrap().flatten().next().unwrap();
        let text = std::fs::read_to_string(folder.path().join("result.json"))
            .unwrap_or_else(|_| panic!("no result\n{out}\n{}", String::from_utf8_lossy(&output.stderr)));
        (serde_json::from_str(&text).unwrap(), out)
    }
}

/// Somebody else's transactions, `aborted` of them never to be seen, until `committed` are.
fn transactions(kafka: &Kafka, topic: &str, aborted: usize, committed: usize) {
    let producer: BaseProducer = kafka.client().set("transactional.id", "somebody").create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    for number in 0..aborted + committed {
        producer.begin_transaction().unwrap();
        for partition in 0..3 {
            let record = BaseRecord::<str, str>::to(topic).partition(partition).payload("somebody else's");
            producer.send(record).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
        if number % (aborted + committed) < aborted {
            producer.abort_transaction(PATIENCE).unwrap();
        } else {
            producer.commit_transaction(PATIENCE).unwrap();
        }
    }
}

async fn transactions_of_others_are_read_as_they_ended(kafka: &Kafka) {
    kafka.create("transactions", 3, &[]).await;
    let run = Run::start(kafka, "transactions", 3, &["workload[0].for=4s", "workload[1].for=4s"]);
    run.has_begun();
    transactions(kafka, "transactions", 6, 4);
    let (result, out) = run.end();
    assert_eq!((result.verdict, result.findings.len()), (Verdict::Pass, 0), "{out}");
    // Three records each; what was aborted never stood there for whoever reads what is committed.
    assert_eq!((result.records.foreign, result.records.landed), (12, 2200), "{out}");
}

async fn what_was_compacted_away_is_never_lost(kafka: &Kafka) {
    let compact = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "100"),
        ("segment.bytes", "1048576"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("max.compaction.lag.ms", "100"),
        ("delete.retention.ms", "100"),
    ];
    kafka.create("compacted", 1, &compact).await;
    let few_keys = "workload[0].payload.key={uniform: 2, prefix: k}";
    // Two thirds of what is acknowledged is never there.
    let lossy = "faults=[{box: proxy, kind: drop-after-ack, every: 3}]";
    let run = Run::start(kafka, "compacted", 1, &[few_keys, lossy, "workload[0].for=4s"]);
    let (result, out) = run.end();
    assert_eq!((result.verdict, result.records.lost), (Verdict::Inconclusive, 0), "{out}");
    assert!(result.records.unverifiable >= result.faults[0].injected, "{out}");
    assert!(out.contains("is compacted"), "{out}");
}

async fn what_retention_has_taken_is_never_lost(kafka: &Kafka) {
    let retention =
        [("retention.bytes", "1048576"), ("segment.bytes", "1048576"), ("file.delete.delay.ms", "100")];
    kafka.create("short", 1, &retention).await;
    let large = "workload[0].payload={template: {a: {$text: {length: 20000}}}}";
    let (result, out) = Run::start(kafka, "short", 1, &[large, "workload[0].for=4s"]).end();
    assert!(result.records.acked > 1000, "{out}");
    assert_eq!((result.records.lost, result.findings.len()), (0, 0), "{out}");
}

async fn a_crash_of_the_broker_makes_nothing_lost_twice_or_reordered(kafka: &mut Kafka) {
    kafka.create("crash", 3, &[]).await;
    let run = Run::start(kafka, "crash", 3, &["workload[0].for=8s", "workload[1].for=8s", "grace=5s"]);
    run.has_begun();
    kafka.kill();
    kafka.up();
    let (result, out) = run.end();
    assert_eq!(result.findings.len(), 0, "{out}");
    assert!(result.records.acked > 1000 && result.records.landed == result.records.acked, "{out}");
    assert!(matches!(result.verdict, Verdict::Pass | Verdict::Invalid), "{out}");
}

/// One after another, since each is a load for the whole machine.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_real_kafka_does_makes_no_verdict_wrong() {
    let Some(mut kafka) = Kafka::start() else { return };
    transactions_of_others_are_read_as_they_ended(&kafka).await;
    what_was_compacted_away_is_never_lost(&kafka).await;
    what_retention_has_taken_is_never_lost(&kafka).await;
    a_crash_of_the_broker_makes_nothing_lost_twice_or_reordered(&mut kafka).await;
}
