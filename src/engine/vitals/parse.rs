//! The kernel's texts. What does not look as it should is passed over, and so not known.

/// A number that stands alone in its file; `None` also for `max`, and for the `-1` that stands for none.
pub(super) fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// The number behind `key` in lines of a key and a number, as `cpu.stat` and `memory.stat` have them.
pub(super) fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| number(line.strip_prefix(key)?.strip_prefix(' ')?))
}

/// CPUs that a quota of a period stands for; `None` where there is no quota.
pub(super) fn cpus(quota: Option<u64>, period: Option<u64>) -> Option<f64> {
    let (quota, period) = (quota?, period.filter(|period| *period > 0)?);
    #[expect(clippy::cast_precision_loss, reason = "microseconds of some seconds")]
    Some(quota as f64 / period as f64)
}

/// `cpu.max` of version 2: quota, or `max`, and period.
pub(super) fn cpu_max(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    cpus(number(quota), number(period))
}

/// A limit of memory. Version 1 has no word for "none": it writes the largest number of whole pages.
pub(super) fn memory_limit(text: &str) -> Option<u64> {
    number(text).filter(|bytes| *bytes < 1 << 60)
}

/// Resident memory in bytes, and threads, from a process's `status`.
pub(super) fn status(text: &str) -> (Option<u64>, Option<u64>) {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let resident = field("VmRSS").and_then(|rest| number(rest.trim().strip_suffix("kB")?));
    (resident.and_then(|kib| kib.checked_mul(1024)), field("Threads").and_then(number))
}

/// The processes of `cgroup.procs`.
pub(super) fn processes(text: &str) -> Vec<u32> {
    // Zero stands for one that is not seen from here.
    text.lines().filter_map(|line| line.trim().parse().ok()).filter(|pid| *pid > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn version_1_is_read() {
        let stat = "nr_periods 30\nnr_throttled 7\nthrottled_time 412345678\nnr_bursts 0\nburst_time 0\n";
        assert_eq!(keyed(stat, "nr_throttled"), Some(7));
        assert_eq!(keyed(stat, "throttled_time"), Some(412_345_678));
        assert_eq!(keyed(stat, "throttled"), None);
        assert_eq!(number("23707712\n"), Some(23_707_712));
        assert_eq!(cpus(number("50000\n"), number("100000\n")), Some(0.5));
        assert_eq!(cpus(number("-1\n"), number("100000\n")), None);
        assert_eq!(memory_limit("67108864\n"), Some(64 << 20));
        assert_eq!(memory_limit("9223372036854771712\n"), None);
    }

    #[test]
    fn version_2_is_read() {
        let stat = "usage_usec 815\nuser_usec 600\nsystem_usec 215\nnr_periods 9\nnr_throttled 2\nthrottled_usec 31\n";
        assert_eq!(keyed(stat, "usage_usec"), Some(815));
        assert_eq!(keyed(stat, "throttled_usec"), Some(31));
        assert_eq!(cpu_max("150000 100000\n"), Some(1.5));
        assert_eq!(cpu_max("max 100000\n"), None);
        assert_eq!((memory_limit("max\n"), memory_limit("1048576\n")), (None, Some(1 << 20)));
    }

    #[test]
    fn processes_are_read() {
        let text = "Name:\tja va\nVmPeak:\t  2268 kB\nVmRSS:\t    1384 kB\nThreads:\t17\n";
        assert_eq!(status(text), (Some(1384 * 1024), Some(17)));
        // A process that is ending has no memory any more.
        assert_eq!(status("Name:\tx\nThreads:\t1\n"), (None, Some(1)));
        assert_eq!(processes("12\n0\n13\nx\n"), [12, 13]);
    }

    #[test]
    fn what_is_malformed_is_not_known() {
        for text in [
            "",
            "x",
            "nr_throttled",
            "nr_throttled ",
            "nr_throttled -1",
            "nr_throttled 1 2",
            "nr_throttledx 1",
        ] {
            assert_eq!(keyed(text, "nr_throttled"), None, "{text:?}");
        }
        for text in ["", "max", "100000", "1 0", "x 100000", "1 2 3"] {
            assert_eq!(cpu_max(text), None, "{text:?}");
        }
        assert_eq!(status("VmRSS:\t12 MB\nThreads:\tmany\n"), (None, None));
        assert_eq!(status("VmRSS:\t99999999999999999999 kB\n").0, None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), near in "(nr_throttled|VmRSS:|Threads:|max)?[ \t]?[0-9]{0,22}[ kB\n]{0,3}") {
            for text in [text, near] {
                let _ = (number(&text), keyed(&text, "nr_throttled"), cpu_max(&text), memory_limit(&text));
                let _ = (status(&text), processes(&text));
            }
        }
    }
}
