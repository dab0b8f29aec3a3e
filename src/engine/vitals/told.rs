//! What the engine tells of a container, where the kernel's files cannot be read.

use bollard::models::ContainerStatsResponse;
use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::StreamExt as _;

use super::Vitals;
use crate::engine::container::Container;
use crate::engine::error::EngineError;

impl Container {
    /// What it uses, as the engine tells it.
    ///
    /// # Errors
    /// [`EngineError`], as it says.
    pub async fn vitals_by_engine(&self) -> Result<Vitals, EngineError> {
        let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
        let mut answers = std::pin::pin!(self.engine().docker.stats(self.id(), Some(options)));
        match answers.next().await {
            Some(Ok(stats)) => Ok(vitals(&stats)),
            Some(Err(error)) => Err(EngineError::of_box("measure", self.name(), &error)),
            None => Ok(Vitals::default()),
        }
    }
}

/// The engine writes zero for what it does not know: a container that runs has used some of each of these.
fn vitals(stats: &ContainerStatsResponse) -> Vitals {
    let known = |figure: Option<u64>| figure.filter(|figure| *figure > 0);
    let cpu = stats.cpu_stats.as_ref();
    let throttling = cpu.and_then(|cpu| cpu.throttling_data.as_ref());
    let memory = stats.memory_stats.as_ref();
    let used = known(cpu.and_then(|cpu| cpu.cpu_usage.as_ref()?.total_usage));
    let details = memory.and_then(|memory| memory.stats.as_ref());
    let detail = |name: &str| details.and_then(|details| details.get(name).copied());
    Vitals {
        cpu_us: used.map(|nanos| nanos / 1000),
        throttled_periods: throttling.and_then(|data| data.throttled_periods),
        throttled_us: throttling.and_then(|data| data.throttled_time).map(|nanos| nanos / 1000),
        // Version 1 and version 2: memory of the processes' own, and what they have mapped of files.
        rss_bytes: known(detail("total_rss").or_else(|| detail("anon")))
            .map(|own| own + detail("total_mapped_file").or_else(|| detail("file_mapped")).unwrap_or(0)),
        memory_bytes: known(memory.and_then(|memory| memory.usage)),
        threads: known(stats.pids_stats.as_ref().and_then(|pids| pids.current)),
        fds: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_does_not_know_is_not_zero() {
        let stats = |text: &str| vitals(&serde_json::from_str(text).unwrap());
        let full = r#"{"cpu_stats":{"cpu_usage":{"total_usage":5000},"throttling_data":{"periods":3,"throttled_periods":1,
            "throttled_time":2000}},"memory_stats":{"usage":9000,"stats":{"anon":4096,"file_mapped":100}},
            "pids_stats":{"current":7}}"#;
        let expected = Vitals {
            cpu_us: Some(5),
            throttled_periods: Some(1),
            throttled_us: Some(2),
            rss_bytes: Some(4196),
            memory_bytes: Some(9000),
            threads: Some(7),
            fds: None,
        };
        assert_eq!(stats(full), expected);
        let zeros =
            r#"{"cpu_stats":{"cpu_usage":{"total_usage":0}},"memory_stats":{"usage":0},"pids_stats":{}}"#;
        assert_eq!(stats(zeros), Vitals::default());
        assert_eq!(stats("{}"), Vitals::default());
    }
}
