//! Where cases are tried: a proxy, the Kafka behind it, and a topic of its own for each case.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::metadata::MetadataTopic;
use tokio::sync::watch;

use super::Trial;
use super::contained::Hands;
use super::error::RestError;
use super::surroundings::Group;
use crate::app::golden::{Against, Setting, signalled, warm};
use crate::app::run::Interrupt;
use crate::conform::rest::{RestCase, TopicOf};
use crate::kafka::Access;
use crate::load::Target;
use crate::verify::{Tail, TailRecord};

/// Topics that are asked for at once.
const BATCH: usize = 50;

/// How long Kafka may take until a topic that it has made can be used.
const MADE: Duration = Duration::from_secs(20);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// Longest name of a topic.
const LONGEST: usize = 249;

/// The name of the topic that is not there, beside this one.
pub(super) fn absent(topic: &str) -> String {
    format!("{topic}-absent")
}

/// A proxy that cases are sent to.
pub(super) struct Place {
    setting: Setting,
    pub(super) url: String,
    /// By case, in their order, its topic.
    pub(super) topics: Vec<String>,
    admin: Option<AdminClient<DefaultClientContext>>,
    kafka: Option<Access>,
    /// Why it is not known what landed, where it is not.
    pub(super) unread: Option<String>,
    /// Whether proxy and Kafka are landfall's own.
    own: bool,
    /// Whether they are containers of landfall's.
    contained: bool,
    /// Whether the topics are to be deleted at the end.
    deletes: bool,
}

impl Place {
    /// Starts or attaches to the proxy, and makes the topics, whose names `name` gives by the place of a case in the plan. A
    /// signal ends it.
    pub(super) async fn open(
        trial: Trial<'_>,
        group: &Group,
        cases: &[&RestCase],
        name: impl Fn(usize) -> String,
        interrupt: &mut watch::Receiver<Option<Interrupt>>,
    ) -> Result<Self, RestError> {
        let (options, contained) = (trial.options, trial.contained());
        let found = async {
            let (setting, kafka) = match &options.against {
                Against::Embedded(embedded) => {
                    let setup = group.setup();
                    let setting = Setting::start(&setup, "", &group.stage(), embedded.clone()).await?;
                    let kafka = setting.kafka().filter(|_| setup.broker_up);
                    (setting, kafka)
                }
                Against::Running { url, kafka, hosts } => {
                    let url =
                        contained.and_then(|contained| contained.proxies.get(group.proxy)).unwrap_or(url);
                    let setting = Setting::attach(url, kafka.clone(), hosts, BTreeSet::new()).await?;
                    (setting, kafka.clone())
                }
            };
            setting.look().await?;
            Ok::<_, RestError>((setting, kafka))
        };
        let (setting, kafka) = tokio::select! {
            signal = signalled(interrupt) => return Err(RestError::Interrupted(signal)),
            found = found => found?,
        };
        let scheme = if setting.endpoint.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}{}", setting.endpoint.authority, setting.endpoint.base_path);
        let topics: Vec<String> =
            group.cases.iter().map(|index| cases[*index].topic.name(&name(*index))).collect();
        let admin = match &kafka {
            Some(access) => Some(access.client("landfall-conform", &[]).create().map_err(RestError::Client)?),
            None => None,
        };
        let own = matches!(options.against, Against::Embedded(_));
        // Topics of a Kafka in containers go with it.
        let deletes = !own && !contained.is_some_and(|contained| contained.brokers);
        let unread =
            (!own && kafka.is_none()).then(|| "no Kafka was named beside the proxy (--bootstrap)".to_owned());
        let contained = contained.is_some();
        let mut place = Self { setting, url, topics, admin, kafka, unread, own, contained, deletes };
        let of_cases = group.cases.iter().map(|index| &cases[*index].topic);
        let wanted: Vec<(String, &TopicOf)> = place.topics.iter().cloned().zip(of_cases).collect();
        if let Err(error) = place.create(trial.hands, &wanted, interrupt).await {
            let left = place.close().await;
            return Err(error.leaving(left.as_slice()));
        }
        if group.loses_its_broker() {
            try_join_all(place.topics.iter().map(|topic| warm(topic, &place.setting))).await?;
            place.forget_kafka();
        }
        Ok(place)
    }

    /// Kafka goes, if it is landfall's own, and is not asked any more in any case.
    pub(super) fn forget_kafka(&mut self) {
        self.admin = None;
        self.kafka = None;
        self.setting.stop_broker();
    }

    /// Whether proxy and Kafka are landfall's own.
    pub(super) fn is_own(&self) -> bool {
        self.own
    }

    pub(super) fn endpoint(&self) -> &Target {
        &self.setting.endpoint
    }

    pub(super) fn cluster_id(&self) -> &str {
        &self.setting.cluster_id
    }

    /// How the Kafka behind the proxy is reached, if it was named.
    pub(super) fn kafka(&self) -> Option<&Access> {
        self.kafka.as_ref()
    }

    /// Makes topics beside those of cases. A signal ends it.
    pub(super) async fn add(
        &mut self,
        hands: Option<&Hands<'_>>,
        wanted: &[(String, TopicOf)],
        interrupt: &mut watch::Receiver<Option<Interrupt>>,
    ) -> Result<(), RestError> {
        self.topics.extend(wanted.iter().map(|(name, _)| name.clone()));
        let wanted: Vec<(String, &TopicOf)> = wanted.iter().map(|(name, of)| (name.clone(), of)).collect();
        self.create(hands, &wanted, interrupt).await
    }

    /// Makes topics, and waits until they can be used. A signal ends the waiting: what is asked for is made, so that it can be
    /// deleted.
    async fn create(
        &self,
        hands: Option<&Hands<'_>>,
        wanted: &[(String, &TopicOf)],
        interrupt: &mut watch::Receiver<Option<Interrupt>>,
    ) -> Result<(), RestError> {
        let (Some(admin), Some(kafka)) = (&self.admin, &self.kafka) else { return Ok(()) };
        let refused = |reason: String| RestError::Topics { bootstrap: kafka.bootstrap.clone(), reason };
        for some in wanted.chunks(BATCH) {
            let topics: Vec<NewTopic<'_>> = some
                .iter()
                .map(|(name, of)| {
                    let topic = NewTopic::new(name, of.partitions, TopicReplication::Fixed(-1));
                    of.configs.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
                })
                .collect();
            let created = admin.create_topics(&topics, &AdminOptions::new()).await;
            for result in created.map_err(|error| refused(error.to_string()))? {
                match result {
                    Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
                    Err((topic, code)) => return Err(refused(format!("{topic}: {code}"))),
                }
            }
        }
        if self.own {
            return Ok(());
        }
        let served = async {
            self.until_served(admin, wanted).await.map_err(refused)?;
            if let Some(hands) = hands {
                hands.stack.until_topics_are_known(&self.topics).await?;
            }
            Ok(())
        };
        tokio::select! {
            signal = signalled(interrupt) => Err(RestError::Interrupted(signal)),
            served = served => served,
        }
    }

    /// Waits until the broker that is asked tells of these topics, and in containers until their leaders serve them.
    async fn until_served(
        &self,
        admin: &AdminClient<DefaultClientContext>,
        wanted: &[(String, &TopicOf)],
    ) -> Result<(), String> {
        let begun = Instant::now();
        while !wanted.is_empty() {
            let missing = tokio::task::block_in_place(|| match not_led(admin, wanted) {
                Ok(None) if self.contained => Ok(not_served(admin, wanted)),
                told => told,
            });
            match missing.map_err(|error| error.to_string())? {
                None => break,
                Some(topic) if begun.elapsed() >= MADE => {
                    return Err(format!("{topic} has been made and still has no leader"));
                }
                Some(_) => tokio::time::sleep(LOOK).await,
            }
        }
        Ok(())
    }

    /// The topics that requests to topics that are not there may make.
    fn made(&self) -> Vec<String> {
        self.topics.iter().map(|topic| absent(topic)).filter(|topic| topic.len() <= LONGEST).collect()
    }

    /// What stands in the topics and in those that requests have made, by topic.
    pub(super) async fn landed(&self) -> Result<Option<BTreeMap<String, Vec<TailRecord>>>, RestError> {
        let Some(kafka) = self.kafka.clone() else { return Ok(None) };
        let (topics, made) = (self.topics.clone(), self.made());
        let read = tokio::task::spawn_blocking(move || Tail::whole_with(kafka, &topics, &made)).await;
        // A task that panics is a bug, and its message has been printed.
        let records =
            read.map_err(|error| crate::verify::VerifyError::Thread(std::io::Error::other(error)))??;
        let mut by_topic: BTreeMap<String, Vec<TailRecord>> = BTreeMap::new();
        for record in records {
            by_topic.entry(record.topic.clone()).or_default().push(record);
        }
        Ok(Some(by_topic))
    }

    /// Deletes the topics, where they are in somebody else's Kafka; says what could not be.
    pub(super) async fn close(&self) -> Option<String> {
        let admin = self.admin.as_ref().filter(|_| self.deletes)?;
        let mut left = Vec::new();
        let all: Vec<String> = self.topics.iter().cloned().chain(self.made()).collect();
        for some in all.chunks(BATCH) {
            let names: Vec<&str> = some.iter().map(String::as_str).collect();
            match admin.delete_topics(&names, &AdminOptions::new()).await {
                Ok(results) => {
                    let refused = results.into_iter().filter_map(Result::err);
                    let kept = refused.filter(|(_, code)| {
                        !matches!(code, Code::UnknownTopicOrPartition | Code::UnknownTopic)
                    });
                    left.extend(kept.map(|(topic, _)| topic));
                }
                Err(_) => left.extend(some.iter().cloned()),
            }
        }
        let first = left.first()?;
        Some(format!(
            "{} topics could not be deleted, {first} for one; delete those whose names begin so",
            left.len()
        ))
    }
}

/// The first of the topics that Kafka does not tell clients of yet, or that has partitions without a leader.
fn not_led(
    admin: &AdminClient<DefaultClientContext>,
    wanted: &[(String, &TopicOf)],
) -> Result<Option<String>, KafkaError> {
    let told = admin.inner().fetch_metadata(None, MADE)?;
    let led: BTreeSet<&str> = told
        .topics()
        .iter()
        .filter(|topic| topic.error().is_none() && !topic.partitions().is_empty())
        .filter(|topic| topic.partitions().iter().all(|partition| partition.leader() >= 0))
        .map(MetadataTopic::name)
        .collect();
    Ok(wanted.iter().map(|(name, _)| name).find(|name| !led.contains(name.as_str())).cloned())
}

/// The first of the topics of which a leader does not serve a partition yet: it is told of somewhat later than clients are. A record
/// that comes in between is sent again, and may come to stand behind one that was sent after it.
fn not_served(admin: &AdminClient<DefaultClientContext>, wanted: &[(String, &TopicOf)]) -> Option<String> {
    let is_led = |topic: &str, partition| admin.inner().fetch_watermarks(topic, partition, MADE).is_ok();
    let mut unserved =
        wanted.iter().filter(|(name, of)| !(0..of.partitions).all(|partition| is_led(name, partition)));
    unserved.next().map(|(name, _)| name.clone())
}
