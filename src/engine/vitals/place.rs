//! Where a container's control groups are: what a process's `cgroup` file says, from the mounts that are seen here.

use std::path::PathBuf;

/// A mounted hierarchy of control groups.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    /// The group that is seen at `point`.
    root: String,
    point: String,
    /// Controllers of version 1; `None` for version 2, which has them all.
    controllers: Option<Vec<String>>,
}

/// The folder for `controller` of the container `id`: `cgroup` is the text of one of its processes' `cgroup` file,
/// `mountinfo` that of landfall's own mounts. `None` where the process is not that container's, or its group is not
/// seen here.
pub(super) fn folder(cgroup: &str, mountinfo: &str, id: &str, controller: &str) -> Option<PathBuf> {
    let mounts = mounts(mountinfo);
    let of_version_1 = |names: &[String]| names.iter().any(|name| name == controller);
    let mounted = mounts.iter().find(|mount| mount.controllers.as_deref().is_some_and(of_version_1));
    let (mount, group) = if let Some(mount) = mounted {
        (mount, group(cgroup, |names| names.split(',').any(|name| name == controller))?)
    } else {
        let mount = mounts.iter().find(|mount| mount.controllers.is_none())?;
        (mount, group(cgroup, str::is_empty)?)
    };
    // What is above the root is written with dots, and is not seen.
    if group.split('/').any(|part| part == "..") {
        return None;
    }
    // Some engines put the processes into a group below the container's.
    let at = group.find(id)?;
    let end = group[at..].find('/').map_or(group.len(), |length| at + length);
    let own = &group[..end];
    let below = if mount.root == "/" { own } else { own.strip_prefix(mount.root.as_str())? };
    if !below.is_empty() && !below.starts_with('/') {
        return None;
    }
    Some(PathBuf::from(format!("{}{below}", mount.point)))
}

/// Whether the process whose `cgroup` file this is belongs to the container `id`.
pub(super) fn belongs(cgroup: &str, id: &str) -> bool {
    !id.is_empty() && cgroup.lines().any(|line| line.contains(id))
}

/// The path of the line whose controllers are wanted: `4:memory:/docker/…`, `0::/…`.
fn group(cgroup: &str, wanted: impl Fn(&str) -> bool) -> Option<&str> {
    cgroup.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        wanted(controllers).then_some(path)
    })
}

/// proc(5), mountinfo: the fields up to a lone `-` differ in number.
fn mounts(text: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, point) = (unescaped(place.next()?), unescaped(place.next()?));
        let mut kind = kind.split(' ');
        let controllers = match kind.next()? {
            "cgroup" => Some(kind.nth(1)?.split(',').map(str::to_owned).collect()),
            "cgroup2" => None,
            _ => return None,
        };
        Some(Mount { root, point, controllers })
    };
    text.lines().filter_map(mount).collect()
}

/// Blanks and backslashes in paths are written as `\040` and the like.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (code, character)| text.replace(code, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5262d3ac763e3ff567d1198878228d8163b566f1bb9bd2769d70c52ae3dac2bb";
    const V1: &str = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
                      32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
                      35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
    const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

    fn place(cgroup: &str, mounts: &str, controller: &str) -> Option<String> {
        folder(cgroup, mounts, ID, controller).map(|folder| folder.to_str().unwrap().replace(ID, "ID"))
    }

    #[test]
    fn version_1_has_a_folder_for_each_controller() {
        let cgroup =
            format!("9:name=systemd:/docker/{ID}\n4:memory:/docker/{ID}\n2:cpuacct,cpu:/docker/{ID}\n0::/\n");
        assert_eq!(place(&cgroup, V1, "memory").as_deref(), Some("/sys/fs/cgroup/memory/docker/ID"));
        assert_eq!(place(&cgroup, V1, "cpu").as_deref(), Some("/sys/fs/cgroup/cpu,cpuacct/docker/ID"));
        assert!(belongs(&cgroup, ID) && !belongs(&cgroup, "another") && !belongs(&cgroup, ""));
    }

    #[test]
    fn version_2_has_one_folder() {
        for (group, expected) in [
            (format!("/system.slice/docker-{ID}.scope"), "/sys/fs/cgroup/system.slice/docker-ID.scope"),
            (
                format!("/machine.slice/libpod-{ID}.scope/container"),
                "/sys/fs/cgroup/machine.slice/libpod-ID.scope",
            ),
            (format!("/docker/{ID}"), "/sys/fs/cgroup/docker/ID"),
        ] {
            let cgroup = format!("0::{group}\n");
            for controller in ["cpu", "memory"] {
                assert_eq!(place(&cgroup, V2, controller).as_deref(), Some(expected));
            }
        }
    }

    #[test]
    fn a_mount_may_begin_further_down_and_have_blanks() {
        let mounts = "1 2 0:1 /outer /a\\040b rw - cgroup2 cgroup2 rw\n";
        assert_eq!(place(&format!("0::/outer/{ID}\n"), mounts, "cpu").as_deref(), Some("/a b/ID"));
        assert_eq!(place(&format!("0::/outerx/{ID}\n"), mounts, "cpu"), None);
        assert_eq!(place(&format!("0::/{ID}\n"), mounts, "cpu"), None);
    }

    #[test]
    fn what_is_another_process_or_not_seen_has_no_place() {
        for (cgroup, mounts) in [
            ("0::/user.slice\n".to_owned(), V2),
            (format!("0::/../docker/{ID}\n"), V2),
            (format!("4:memory:/docker/{ID}\n"), V2),
            (format!("0::/docker/{ID}\n"), ""),
            (format!("0::/docker/{ID}\n"), "30 23 0:26 / - cgroup2\n1 2\n - \n"),
            ("no lines".to_owned(), V1),
            (String::new(), V1),
        ] {
            assert_eq!(place(&cgroup, mounts, "memory"), None, "{cgroup}");
        }
    }
}
