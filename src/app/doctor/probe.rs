//! Looking at this machine.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use rustix::process::{Resource, getrlimit};

/// The most file descriptors that this process may raise its limit to.
pub(super) fn descriptor_limit() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// Those of the ports that somebody has, on loopback.
pub(super) fn taken(ports: &[(&'static str, u16)]) -> Vec<(&'static str, u16)> {
    let taken = |(_, port): &&(&str, u16)| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_err();
    ports.iter().filter(taken).copied().collect()
}

/// Processors.
pub(super) fn cpus() -> u64 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u64)
}

/// Memory that may be had without swapping, in bytes (proc(5), meminfo).
pub(super) fn available_memory() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib = told.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB"))?;
    kib.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Room on the disk of a folder for this user, in bytes; of one that is not there yet, on that of the nearest above it.
pub(super) fn room(folder: &Path) -> Option<u64> {
    let folder = std::path::absolute(folder).ok()?;
    let there = folder.ancestors().find(|folder| folder.exists())?;
    let found = rustix::fs::statvfs(there).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_seen() {
        assert!(available_memory() > Some(1 << 20) && cpus() > 0 && descriptor_limit() > 16);
        let folder = tempfile::tempdir().unwrap();
        assert!(room(&folder.path().join("not/there/yet")).is_some());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(taken(&[("idp", port), ("gateway", 0)]), [("idp", port)]);
    }
}
