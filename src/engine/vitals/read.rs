//! Reading what the kernel tells of a container.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Bounds, Vitals, VitalsError, parse, place};
use crate::engine::container::{Container, ContainerState};

/// How deep groups below a container's are looked at.
const DEEPEST: usize = 3;

/// The folders of a container's control groups.
struct Groups {
    cpu: Option<PathBuf>,
    cpuacct: Option<PathBuf>,
    memory: Option<PathBuf>,
}

impl Container {
    /// What it uses, from the kernel's files; `state` is how it is now.
    ///
    /// # Errors
    /// [`VitalsError`], as it says: the engine may still know.
    pub fn vitals(&self, state: &ContainerState) -> Result<Vitals, VitalsError> {
        Ok(Groups::of(state.pid, self.id())?.vitals())
    }

    /// What limits it in truth, from the kernel's files; `state` is how it is now.
    ///
    /// # Errors
    /// [`VitalsError`], as it says.
    pub fn bounds(&self, state: &ContainerState) -> Result<Bounds, VitalsError> {
        Groups::of(state.pid, self.id())?.bounds()
    }
}

impl Groups {
    fn of(pid: u32, id: &str) -> Result<Self, VitalsError> {
        if pid == 0 {
            return Err(VitalsError::NotRunning);
        }
        let cgroup = fs::read_to_string(format!("/proc/{pid}/cgroup")).map_err(|_| VitalsError::Elsewhere)?;
        if !place::belongs(&cgroup, id) {
            return Err(VitalsError::Elsewhere);
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo")
            .map_err(|error| VitalsError::Unreadable(error.to_string()))?;
        let folder =
            |controller| place::folder(&cgroup, &mounts, id, controller).filter(|folder| folder.is_dir());
        let groups = Self { cpu: folder("cpu"), cpuacct: folder("cpuacct"), memory: folder("memory") };
        if groups.cpu.is_none() && groups.memory.is_none() {
            return Err(VitalsError::Unreadable("it is not below any mount that is seen here".into()));
        }
        Ok(groups)
    }

    fn vitals(&self) -> Vitals {
        let stat = text(self.cpu.as_deref(), "cpu.stat").unwrap_or_default();
        let nanos = |nanos: Option<u64>| nanos.map(|nanos| nanos / 1000);
        let of_processes = self.processes();
        Vitals {
            cpu_us: parse::keyed(&stat, "usage_usec")
                .or_else(|| nanos(number(self.cpuacct.as_deref(), "cpuacct.usage"))),
            throttled_periods: parse::keyed(&stat, "nr_throttled"),
            throttled_us: parse::keyed(&stat, "throttled_usec")
                .or_else(|| nanos(parse::keyed(&stat, "throttled_time"))),
            memory_bytes: number(self.memory.as_deref(), "memory.current")
                .or_else(|| number(self.memory.as_deref(), "memory.usage_in_bytes")),
            ..of_processes
        }
    }

    fn bounds(&self) -> Result<Bounds, VitalsError> {
        let missing = |what: &str| VitalsError::Unreadable(format!("there is no {what}"));
        let (cpu, memory) = (self.cpu.as_deref(), self.memory.as_deref());
        let cpus = match (text(cpu, "cpu.max"), text(cpu, "cpu.cfs_quota_us")) {
            (Some(both), _) => parse::cpu_max(&both),
            (None, Some(quota)) => parse::cpus(parse::number(&quota), number(cpu, "cpu.cfs_period_us")),
            (None, None) => return Err(missing("cpu.max or cpu.cfs_quota_us")),
        };
        let limit = text(memory, "memory.max").or_else(|| text(memory, "memory.limit_in_bytes"));
        let limit = limit.ok_or_else(|| missing("memory.max or memory.limit_in_bytes"))?;
        Ok(Bounds { cpus, memory: parse::memory_limit(&limit) })
    }

    /// What is told process by process. One that ends meanwhile counts as far as it was seen.
    fn processes(&self) -> Vitals {
        let mut pids = Vec::new();
        if let Some(folder) = self.memory.as_deref().or(self.cpu.as_deref()) {
            collect(folder, DEEPEST, &mut pids);
        }
        let mut sums = Vitals::default();
        let add = |sum: &mut Option<u64>, more: Option<u64>| {
            *sum = more.map_or(*sum, |more| Some(sum.unwrap_or(0) + more));
        };
        let mut all_told = true;
        for pid in pids {
            let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
            let (resident, threads) = parse::status(&status);
            add(&mut sums.rss_bytes, resident);
            add(&mut sums.threads, threads);
            match fs::read_dir(format!("/proc/{pid}/fd")) {
                Ok(open) => add(&mut sums.fds, Some(open.count() as u64)),
                Err(error) => all_told &= error.kind() == std::io::ErrorKind::NotFound,
            }
        }
        if !all_told {
            sums.fds = None;
        }
        sums
    }
}

fn collect(folder: &Path, depth: usize, pids: &mut Vec<u32>) {
    pids.extend(parse::processes(&text(Some(folder), "cgroup.procs").unwrap_or_default()));
    if depth == 0 {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), depth - 1, pids);
        }
    }
}

fn text(folder: Option<&Path>, file: &str) -> Option<String> {
    fs::read_to_string(folder?.join(file)).ok()
}

fn number(folder: Option<&Path>, file: &str) -> Option<u64> {
    parse::number(&text(folder, file)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_another_group_is_not_taken_for_the_containers() {
        let here = std::process::id();
        assert_eq!(Groups::of(here, &"0".repeat(64)).err(), Some(VitalsError::Elsewhere));
        assert_eq!(Groups::of(0, "x").err(), Some(VitalsError::NotRunning));
    }

    #[test]
    fn both_versions_are_read_from_their_folders() {
        let folder = tempfile::tempdir().unwrap();
        let (v1, v2) = (folder.path().join("1"), folder.path().join("2"));
        let write = |folder: &Path, files: &[(&str, &str)]| {
            fs::create_dir_all(folder.join("below")).unwrap();
            for (name, text) in files {
                fs::write(folder.join(name), text).unwrap();
            }
        };
        write(
            &v1,
            &[
                ("cpuacct.usage", "5000000\n"),
                ("cpu.stat", "nr_periods 5\nnr_throttled 2\nthrottled_time 3000\n"),
                ("cpu.cfs_quota_us", "-1\n"),
                ("cpu.cfs_period_us", "100000\n"),
                ("memory.usage_in_bytes", "4096\n"),
                ("memory.limit_in_bytes", "8192\n"),
                ("cgroup.procs", ""),
            ],
        );
        let pid = std::process::id().to_string();
        write(
            &v2,
            &[
                ("cpu.stat", "usage_usec 5000\nnr_throttled 2\nthrottled_usec 3\n"),
                ("cpu.max", "50000 100000\n"),
                ("memory.current", "4096\n"),
                ("memory.max", "max\n"),
                ("below/cgroup.procs", &pid),
            ],
        );
        let groups = |folder: &Path| {
            let folder = Some(folder.to_owned());
            Groups { cpu: folder.clone(), cpuacct: folder.clone(), memory: folder }
        };
        let expected = Vitals {
            cpu_us: Some(5000),
            throttled_periods: Some(2),
            throttled_us: Some(3),
            memory_bytes: Some(4096),
            ..Vitals::default()
        };
        assert_eq!(groups(&v1).vitals(), expected);
        assert_eq!(groups(&v1).bounds(), Ok(Bounds { cpus: None, memory: Some(8192) }));
        let seen = groups(&v2).vitals();
        assert_eq!(Vitals { rss_bytes: None, threads: None, fds: None, ..seen }, expected);
        assert!(seen.rss_bytes > Some(1 << 20) && seen.threads >= Some(2) && seen.fds > Some(2), "{seen:?}");
        assert_eq!(groups(&v2).bounds(), Ok(Bounds { cpus: Some(0.5), memory: None }));
        fs::remove_file(v2.join("memory.max")).unwrap();
        assert!(groups(&v2).bounds().is_err());
    }
}
