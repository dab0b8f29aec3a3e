//! Where this runs.

use crate::result::Machine;

/// The machine that this runs on.
pub(super) fn this() -> Machine {
    let system = rustix::system::uname();
    let cpus = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    Machine {
        system: format!("{} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy()),
        architecture: system.machine().to_string_lossy().into_owned(),
        processor: processor(),
        cpus,
        memory_bytes: memory_bytes(),
    }
}

/// What the processor is called (proc(5), cpuinfo).
fn processor() -> Option<String> {
    let told = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let name = told.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map(|(_, name)| name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Memory that this process has resident, in bytes (proc(5), statm).
pub(super) fn resident_bytes() -> Option<u64> {
    let pages: u64 = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(target_os = "linux")]
fn memory_bytes() -> Option<u64> {
    let info = rustix::system::sysinfo();
    info.totalram.checked_mul(u64::from(info.mem_unit))
}

#[cfg(not(target_os = "linux"))]
fn memory_bytes() -> Option<u64> {
    None
}
