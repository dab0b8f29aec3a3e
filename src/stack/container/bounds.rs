//! Whether limits bite: what was asked, held against what the kernel says of a container that runs.

use crate::engine::{Bounds, Container, Limits};
use crate::stack::StackError;

/// A limit of memory is rounded to whole pages; the largest are of 64 KiB.
const PAGE: u64 = 64 * 1024;
/// A quota of CPU time is in whole microseconds of a period of 100 ms, and 1 ms at least.
const CPU_STEP: f64 = 0.001;

/// Makes sure that what limits `container` is what was asked. Where that cannot be looked up, gives what a reader must know of
/// it.
///
/// # Errors
/// [`StackError::LimitsDiffer`], and where the engine does not say how the container is.
pub(super) async fn verify(container: &Container, asked: Limits) -> Result<Option<String>, StackError> {
    let state = container.state().await?;
    // What has ended already says why elsewhere.
    if asked == Limits::default() || !state.running {
        return Ok(None);
    }
    let name = container.name().to_owned();
    match container.bounds(&state) {
        Ok(found) => match differing(asked, found) {
            Some((what, asked, found)) => Err(StackError::LimitsDiffer { name, what, asked, found }),
            None => Ok(None),
        },
        Err(reason) => {
            Ok(Some(format!("whether the limits of the box {name} bite could not be looked up: {reason}")))
        }
    }
}

/// The first limit that is not as it was asked, with both in words.
fn differing(asked: Limits, found: Bounds) -> Option<(&'static str, String, String)> {
    if let Some(cpus) = asked.cpus
        && found.cpus.is_none_or(|found| (found - cpus).abs() > CPU_STEP)
    {
        let found = found.cpus.map_or_else(|| "none".to_owned(), |cpus| cpus.to_string());
        return Some(("cpus", cpus.to_string(), found));
    }
    if let Some(memory) = asked.memory
        && found.memory.is_none_or(|found| found.abs_diff(memory) >= PAGE)
    {
        let found = found.memory.map_or_else(|| "none".to_owned(), |memory| format!("{memory} bytes"));
        return Some(("memory", format!("{memory} bytes"), found));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_another_or_none_is_told() {
        let what =
            |asked: Limits, cpus, memory| differing(asked, Bounds { cpus, memory }).map(|(what, ..)| what);
        let both = Limits { cpus: Some(0.5), memory: Some(1 << 30) };
        assert_eq!(what(both, Some(0.5), Some(1 << 30)), None);
        assert_eq!(what(both, Some(0.500_01), Some((1 << 30) - 4096)), None);
        assert_eq!(what(both, None, Some(1 << 30)), Some("cpus"));
        assert_eq!(what(both, Some(1.0), Some(1 << 30)), Some("cpus"));
        assert_eq!(what(both, Some(0.5), None), Some("memory"));
        assert_eq!(what(both, Some(0.5), Some(1 << 29)), Some("memory"));
        assert_eq!(what(Limits::default(), Some(9.0), Some(1)), None);
    }
}
