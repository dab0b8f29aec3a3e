//! Histogram logs: the format that HdrHistogram's own tools read. Values are microseconds; the column of maxima is in
//! milliseconds.
//!
//! Specified by HdrHistogram's `HistogramLogWriter`: a line an interval, with its tag, start, length, maximum, and
//! the histogram compressed (V2) in base64.

use std::fs::File;
use std::io::{self, BufWriter, LineWriter, Write};
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::interval_log::{
    IntervalLogWriter, IntervalLogWriterBuilder, IntervalLogWriterError, Tag,
};
use hdrhistogram::serialization::{V2DeflateSerializeError, V2DeflateSerializer};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::load::{Report, Share};
use crate::stats::{Histogram, Times};

/// Microseconds in the unit of the column of maxima.
const MAX_UNIT_US: f64 = 1000.0;
/// Long enough for any line, so that each reaches the file in one piece: a run that is killed leaves whole lines.
const LINE: usize = 512 << 10;
/// What a tag may not have (commas, blanks, line breaks) and what parts it (slashes) is escaped in names.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Opens the log of intervals, and hands its writer to `write`. Intervals count from `start`.
pub(super) fn intervals<T>(file: File, start: SystemTime, write: impl FnOnce(IntervalLog<'_>) -> T) -> T {
    let mut file = LineWriter::with_capacity(LINE, file);
    let mut serializer = V2DeflateSerializer::new();
    write(match header(start).begin_log_with(&mut file, &mut serializer) {
        Ok(writer) => IntervalLog { writer: Some(writer), failed: None },
        Err(error) => IntervalLog { writer: None, failed: Some(error.to_string()) },
    })
}

/// The log of intervals. Once it cannot be written, no more is, and the reason is kept.
pub(super) struct IntervalLog<'a> {
    writer: Option<IntervalLogWriter<'a, 'a, LineWriter<File>, V2DeflateSerializer>>,
    failed: Option<String>,
}

impl IntervalLog<'_> {
    /// Writes a second: a line each of its four times.
    pub(super) fn second(&mut self, second: u32, times: &Times) {
        let Some(writer) = &mut self.writer else { return };
        let start = Duration::from_secs(second.into());
        for (name, histogram) in times.named() {
            let written =
                writer.write_histogram(histogram.hdr(), start, Duration::from_secs(1), Tag::new(name));
            if let Err(error) = written {
                self.failed = Some(io_error(error).to_string());
                self.writer = None;
                return;
            }
        }
    }

    /// Why it could not be written to its end, if so.
    pub(super) fn failed(self) -> Option<String> {
        self.failed
    }
}

/// Writes the whole run's histograms: of all, by phase and by partner. `partners` are the scenario's names.
pub(super) fn whole(
    file: File,
    start: SystemTime,
    length: Duration,
    report: &Report,
    partners: &[String],
    readable: &Histogram,
) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    let mut serializer = V2DeflateSerializer::new();
    let mut writer = header(start).begin_log_with(&mut file, &mut serializer)?;
    let mut write = |tag: &str, histogram: &Histogram| {
        let tag =
            Tag::new(tag).ok_or_else(|| io::Error::other("a tag has a character that it cannot have"))?;
        writer.write_histogram(histogram.hdr(), Duration::ZERO, length, Some(tag)).map_err(io_error)
    };
    let mut share = |part: &str, share: &Share| {
        let times = share.times.named();
        times.into_iter().try_for_each(|(name, histogram)| write(&format!("{name}/{part}"), histogram))
    };
    share("all", &report.overall)?;
    for (name, phase) in &report.phases {
        share(&format!("phase/{}", escaped(name)), phase)?;
    }
    for (index, partner) in &report.partners {
        let name = partners.get(*index).map_or("?", String::as_str);
        share(&format!("partner/{}", escaped(name)), partner)?;
    }
    write("readable/all", readable)?;
    file.flush()
}

fn header(start: SystemTime) -> IntervalLogWriterBuilder {
    let mut header = IntervalLogWriterBuilder::new();
    header
        .add_comment(&format!(
            "[Written by landfall {}; values are microseconds, Interval_Max is in milliseconds]",
            env!("CARGO_PKG_VERSION")
        ))
        .with_start_time(start)
        .with_base_time(start)
        .with_max_value_divisor(MAX_UNIT_US);
    header
}

/// A name as part of a tag.
fn escaped(name: &str) -> String {
    utf8_percent_encode(name, ESCAPED).to_string()
}

fn io_error(error: IntervalLogWriterError<V2DeflateSerializeError>) -> io::Error {
    match error {
        IntervalLogWriterError::IoError(error) => error,
        IntervalLogWriterError::SerializeError(error) => io::Error::other(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    use std::time::UNIX_EPOCH;

    /// Tag, start and length in seconds, values with their counts.
    type Line = (String, u64, u64, Vec<(u64, u64)>);

    /// The lines of a log, and its start by both comments.
    fn read(path: &std::path::Path) -> (Vec<Line>, Vec<Duration>) {
        let text = std::fs::read(path).unwrap();
        let (mut lines, mut starts) = (Vec::new(), Vec::new());
        for entry in IntervalLogIterator::new(&text) {
            match entry.unwrap() {
                LogEntry::StartTime(start) | LogEntry::BaseTime(start) => starts.push(start),
                LogEntry::Interval(line) => {
                    let bytes =
                        base64::engine::general_purpose::STANDARD.decode(line.encoded_histogram()).unwrap();
                    let histogram: hdrhistogram::Histogram<u64> =
                        Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
                    let max = line.max();
                    #[expect(clippy::cast_precision_loss, reason = "small")]
                    let expected = histogram.max() as f64 / 1000.0;
                    assert!((max - expected).abs() < 0.001, "{max} ms of {expected} ms");
                    let values = histogram.iter_recorded();
                    let values = values.map(|value| (value.value_iterated_to(), value.count_at_value()));
                    lines.push((
                        line.tag().unwrap().as_str().to_owned(),
                        line.start_timestamp().as_secs(),
                        line.duration().as_secs(),
                        values.collect(),
                    ));
                }
            }
        }
        (lines, starts)
    }

    fn times(micros: &[u64]) -> Times {
        let mut times = Times::default();
        for micros in micros {
            times.latency.record(*micros);
            times.service.record(micros / 2);
        }
        times
    }

    #[test]
    fn each_second_stands_in_the_file_as_soon_as_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("intervals.hlog");
        let start = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        let failed = intervals(File::create(&path).unwrap(), start, |mut log| {
            log.second(0, &times(&[100, 200]));
            // As if killed here: what was written is whole.
            assert_eq!(read(&path).0.len(), 4);
            log.second(2, &times(&[]));
            log.failed()
        });
        assert_eq!(failed, None);
        let (lines, starts) = read(&path);
        assert_eq!(starts, [Duration::from_millis(1_700_000_000_123); 2]);
        let heads: Vec<_> =
            lines.iter().map(|(tag, start, length, _)| (tag.as_str(), *start, *length)).collect();
        let second = |at| ["latency", "service", "blocked", "generator_lag"].map(|name| (name, at, 1));
        assert_eq!(heads, [second(0), second(2)].concat());
        assert_eq!(lines[0].3, [(100, 1), (200, 1)]);
        assert_eq!(lines[1].3, [(50, 1), (100, 1)]);
        assert_eq!(lines[4].3, []);
    }

    #[test]
    fn the_whole_run_is_told_apart_by_phase_and_partner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("histograms.hlog");
        let share = |micros: &[u64]| Share { times: times(micros), ..Share::default() };
        let report = Report {
            overall: share(&[5, 7]),
            phases: vec![("ramp, up/1".into(), share(&[5])), ("é".into(), share(&[7]))],
            partners: vec![(1, share(&[5, 7]))],
            ..Report::default()
        };
        let partners = ["stranger".to_owned(), "seis mic".to_owned()];
        let mut readable = Histogram::new();
        readable.record(99);
        let file = File::create(&path).unwrap();
        whole(file, UNIX_EPOCH, Duration::from_secs(9), &report, &partners, &readable).unwrap();
        let (lines, _) = read(&path);
        let latencies: Vec<_> = lines
            .iter()
            .filter(|line| line.0.starts_with("latency"))
            .map(|line| (line.0.as_str(), line.3.len()))
            .collect();
        let expected = [
            ("latency/all", 2),
            ("latency/phase/ramp%2C%20up%2F1", 1),
            ("latency/phase/%C3%A9", 1),
            ("latency/partner/seis%20mic", 2),
        ];
        assert_eq!(latencies, expected);
        assert_eq!(lines.len(), 4 * 4 + 1);
        assert_eq!(lines.last(), Some(&("readable/all".to_owned(), 0, 9, vec![(99, 1)])));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_and_holds_up_nothing() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let failed = intervals(full, UNIX_EPOCH, |mut log| {
            log.second(0, &times(&[1]));
            log.second(1, &times(&[1]));
            log.failed()
        });
        assert!(failed.is_some_and(|reason| reason.contains("No space left")));
    }
}
