//! Where cases are tried: a proxy, the Kafka behind it, and a topic of its own for each case.

use std::collections::{BTreeMap, BTreeSet};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode as Code;

use super::Options;
use super::error::RestError;
use crate::app::golden::{Against, Setting};
use crate::conform::golden::Setup;
use crate::conform::rest::{ProcedureCase, Requirement, RestCase, TopicOf};
use crate::kafka::Access;
use crate::load::Target;
use crate::verify::{Tail, TailRecord};

/// Topics that are asked for at once.
const BATCH: usize = 50;

/// A proxy that cases are sent to.
pub(super) struct Place {
    setting: Setting,
    pub(super) url: String,
    /// By case, in their order, its topic.
    pub(super) topics: Vec<String>,
    /// By procedure, in their order, its topics.
    pub(super) procedures: Vec<Vec<String>>,
    admin: Option<AdminClient<DefaultClientContext>>,
    kafka: Option<Access>,
    /// Why it is not known what landed, where it is not.
    pub(super) unread: Option<String>,
    /// Whether the topics are to be deleted at the end: Kafka is not landfall's own.
    deletes: bool,
}

impl Place {
    /// Starts or attaches to the proxy, and makes the topics.
    pub(super) async fn open(
        options: &Options,
        run: &str,
        cases: &[(Requirement, RestCase)],
        procedures: &[(Requirement, ProcedureCase)],
    ) -> Result<Self, RestError> {
        let (setting, kafka) = match &options.against {
            Against::Embedded(embedded) => {
                let auto_create = options.auto_create.unwrap_or_default();
                let setup = Setup { auto_create, ..Setup::default() };
                let setting = Setting::start(&setup, "", &[], embedded.clone()).await?;
                let kafka = setting.kafka();
                (setting, kafka)
            }
            Against::Running { url, kafka, hosts } => {
                let setting = Setting::attach(url, kafka.clone(), hosts, BTreeSet::new()).await?;
                (setting, kafka.clone())
            }
        };
        setting.look().await?;
        let scheme = if setting.endpoint.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}{}", setting.endpoint.authority, setting.endpoint.base_path);
        let topics: Vec<String> = (1..)
            .zip(cases)
            .map(|(number, (_, case))| format!("landfall-{run}-{number}{}", case.topic.suffix))
            .collect();
        let mut wanted: Vec<(String, TopicOf)> =
            topics.iter().cloned().zip(cases.iter().map(|(_, case)| case.topic.clone())).collect();
        let mut of_procedures = Vec::new();
        for (number, (_, case)) in (1..).zip(procedures) {
            // What needs something of landfall's own brings topics of its own.
            let own = if case.procedure.needs().is_some() { Vec::new() } else { case.procedure.topics() };
            let own =
                (1..).zip(own).map(|(place, topic)| (format!("landfall-{run}-p{number}-{place}"), topic));
            let own: Vec<(String, TopicOf)> = own.collect();
            of_procedures.push(own.iter().map(|(name, _)| name.clone()).collect());
            wanted.extend(own);
        }
        let admin = match &kafka {
            Some(access) => Some(access.client("landfall-conform", &[]).create().map_err(RestError::Client)?),
            None => None,
        };
        let unread = kafka.is_none().then(|| "no Kafka was named beside the proxy (--bootstrap)".to_owned());
        let deletes = matches!(options.against, Against::Running { .. });
        let place = Self { setting, url, topics, procedures: of_procedures, admin, kafka, unread, deletes };
        if let Err(error) = place.create(&wanted).await {
            place.close().await;
            return Err(error);
        }
        Ok(place)
    }

    /// Whether proxy and Kafka are landfall's own.
    pub(super) fn is_own(&self) -> bool {
        !self.deletes
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

    async fn create(&self, wanted: &[(String, TopicOf)]) -> Result<(), RestError> {
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
        Ok(())
    }

    /// What stands in the topics, by topic.
    pub(super) async fn landed(&self) -> Result<Option<BTreeMap<String, Vec<TailRecord>>>, RestError> {
        let Some(kafka) = self.kafka.clone() else { return Ok(None) };
        let topics = self.topics.clone();
        let read = tokio::task::spawn_blocking(move || Tail::whole(kafka, &topics)).await;
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
        // Requests to topics that are not there may have made them.
        let made = self.topics.iter().map(|topic| format!("{topic}-absent"));
        let procedures = self.procedures.iter().flatten().cloned();
        let all: Vec<String> = self.topics.iter().cloned().chain(made).chain(procedures).collect();
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
