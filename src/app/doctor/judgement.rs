//! What is made of what was found. Pure.

use std::path::Path;

use super::Diagnosis;
use super::needs::{BoxNeeds, Needs};
use crate::engine::{Capabilities, Fate, FoundStack};
use crate::load::descriptors_needed;
use crate::scenario::{Pull, Resources};
use crate::stats::bytes_text;

/// Less than this is warned of, in bytes: memory, and disks.
const MEMORY: u64 = 1 << 30;
const DISK: u64 = 2 << 30;
/// With less than this no run is begun, in bytes.
const DISK_LEAST: u64 = 64 << 20;
/// A clock that is further off spoils tokens, in seconds: what authorizers commonly tolerate.
const SKEW: u64 = 30;
/// A date header is of a whole second, and has been under way.
const SKEW_SEEN: u64 = 2;

/// An engine that answers.
pub(super) fn engine(address: &str, found: &Capabilities) -> Diagnosis {
    let says = format!(
        "version {} answers at {address} (API {}, control groups {})",
        found.version, found.api, found.cgroups
    );
    Diagnosis::ok("engine", says)
}

/// None that answers, for this reason. It is a failure where it is needed only.
pub(super) fn no_engine(reason: &str, needs: &Needs) -> Diagnosis {
    let (says, remedy) = reason.split_once("; ").unwrap_or((reason, "start a container engine"));
    if needs.containers.is_empty() {
        let says = format!("{says}; only boxes in containers need one");
        return Diagnosis::warning("engine", says, format!("for these, {remedy}"));
    }
    Diagnosis::failure("engine", says, remedy)
}

/// Whether the image of a box is there, and if not whether it may be fetched.
pub(super) fn image(needs: &BoxNeeds, there: bool) -> Diagnosis {
    let subject = format!("image of {}", needs.name);
    let image = &needs.image.image;
    match (needs.image.pull, there) {
        (Pull::Always, _) => {
            let says = format!("{image} is fetched anew by each run, as `pull: always` says");
            Diagnosis::warning(&subject, says, "a run needs its registry then; `pull: missing` needs it once")
        }
        (_, true) => Diagnosis::ok(&subject, format!("{image} is on this machine")),
        (Pull::Missing, false) => {
            let says = format!("{image} is not on this machine, and will be fetched");
            Diagnosis::warning(&subject, says, format!("fetch it before, with `docker pull {image}`"))
        }
        (Pull::Never, false) => {
            let says = format!("{image} is not on this machine, and `pull: never` forbids to fetch it");
            Diagnosis::failure(&subject, says, "build or load it, or write `pull: missing`")
        }
    }
}

/// Whether limits of containers bite.
pub(super) fn limits(found: &Capabilities, needs: &Needs) -> Diagnosis {
    let wanted = |limit: fn(&Resources) -> bool| needs.containers.iter().any(|part| limit(&part.resources));
    let missing: Vec<&str> = [("cpus", found.limits_cpu), ("memory", found.limits_memory)]
        .into_iter()
        .filter(|(_, bites)| !bites)
        .map(|(name, _)| name)
        .collect();
    if missing.is_empty() {
        return Diagnosis::ok("limits", "the engine limits CPU time and memory of containers");
    }
    let says = format!("the engine does not limit {} of containers", missing.join(" and "));
    let remedy = "enable these control groups (kernel and engine), or write `unlimited`";
    let needed = missing.contains(&"cpus") && wanted(|resources| resources.cpus.is_some())
        || missing.contains(&"memory") && wanted(|resources| resources.memory.is_some());
    if needed {
        Diagnosis::failure("limits", says, remedy)
    } else {
        Diagnosis::warning("limits", says, remedy)
    }
}

/// What the containers may have, against what the engine has.
pub(super) fn room_for_containers(found: &Capabilities, needs: &Needs) -> Option<Diagnosis> {
    if needs.containers.is_empty() {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "there are few containers and CPUs")]
    let (cpus, there): (f64, f64) = (
        needs.containers.iter().map(|part| part.count as f64 * part.resources.cpus.unwrap_or(0.0)).sum(),
        found.cpus as f64,
    );
    let memory: u64 = needs
        .containers
        .iter()
        .map(|part| part.count.saturating_mul(part.resources.memory.unwrap_or(0)))
        .sum();
    let largest = needs.containers.iter().filter_map(|part| Some((part.name, part.resources.cpus?)));
    if let Some((name, cpus)) =
        largest.max_by(|one, other| one.1.total_cmp(&other.1)).filter(|(_, cpus)| *cpus > there)
    {
        let says = format!("a container of {name} may have {cpus} CPUs, and the engine has {}", found.cpus);
        return Some(Diagnosis::failure(
            "containers",
            says,
            "lower its `cpus`: no engine makes such a container",
        ));
    }
    let says = format!(
        "containers may have {cpus} CPUs and {} together, and the engine has {} and {}",
        bytes_text(memory),
        found.cpus,
        bytes_text(found.memory)
    );
    Some(if memory > found.memory || cpus > there {
        let remedy = "use fewer replicas, lower their limits, or a larger machine: they take from each other";
        Diagnosis::warning("containers", says, remedy)
    } else {
        Diagnosis::ok("containers", says)
    })
}

/// What killed runs have left.
pub(super) fn leftovers(stacks: &[(FoundStack, Fate)]) -> Diagnosis {
    let of = |fate: Fate| stacks.iter().filter(|(_, found)| *found == fate).count();
    let (abandoned, doubtful, used) = (of(Fate::Abandoned), of(Fate::Doubtful), of(Fate::Used));
    let says = format!(
        "{abandoned} stacks of killed runs, {doubtful} of other machines or containers, {used} in use"
    );
    match (abandoned, doubtful) {
        (0, 0) => Diagnosis::ok("leftovers", says),
        (0, _) => Diagnosis::warning("leftovers", says, "`landfall clean --dry-run` lists them"),
        _ => Diagnosis::warning("leftovers", says, "`landfall clean` takes away those of killed runs"),
    }
}

/// File descriptors that the load needs, against the most that this process may have.
pub(super) fn descriptors(needs: &Needs, limit: u64) -> Diagnosis {
    let needed = descriptors_needed(needs.connections, needs.sockets_of_boxes, needs.threads);
    let may = if limit == u64::MAX { "any number".to_owned() } else { limit.to_string() };
    let says = format!("the load needs about {needed} file descriptors, and this process may have {may}");
    if needed > limit {
        let remedy = format!(
            "raise the limit (`ulimit -n {needed}`, or `LimitNOFILE=` of the service), or use fewer connections"
        );
        return Diagnosis::failure("descriptors", says, remedy);
    }
    Diagnosis::ok("descriptors", says)
}

/// Ports that the scenario fixes, and those of them that are taken.
pub(super) fn ports(taken: &[(&'static str, u16)], fixed: usize) -> Diagnosis {
    if let Some((name, port)) = taken.first() {
        let more = match taken.len() {
            1 => String::new(),
            count => format!(", and {} more", count - 1),
        };
        let says = format!("the port {port} of 127.0.0.1 for the {name} is taken{more}");
        return Diagnosis::failure("ports", says, "free it, or write `port: 0`, so that the system chooses");
    }
    Diagnosis::ok(
        "ports",
        match fixed {
            0 => "the system chooses all ports".to_owned(),
            count => format!("{count} ports that the scenario fixes are free"),
        },
    )
}

/// Processors, against the threads that must not wait for one.
pub(super) fn cpus(needs: &Needs, cpus: u64) -> Diagnosis {
    // Doubles and the reader need one at least beside the load.
    let wanted = needs.threads.max(1) + u64::from(needs.doubles) + u64::from(!needs.containers.is_empty());
    let says =
        format!("{cpus} processors for {} load threads and what runs beside them", needs.threads.max(1));
    if wanted > cpus {
        let remedy =
            "use fewer load threads or a larger machine; `landfall calibrate` measures what it can do";
        return Diagnosis::warning("processors", says, remedy);
    }
    Diagnosis::ok("processors", says)
}

/// Memory that is free.
pub(super) fn memory(needs: &Needs, available: Option<u64>) -> Diagnosis {
    let Some(available) = available else {
        return Diagnosis::ok("memory", "the system does not tell how much is free");
    };
    let limits: u64 = needs
        .containers
        .iter()
        .map(|part| part.count.saturating_mul(part.resources.memory.unwrap_or(0)))
        .sum();
    let wanted = MEMORY.saturating_add(limits);
    let says = format!("{} are available", bytes_text(available));
    if available < wanted {
        let remedy = format!("end what needs much; a run with these boxes may want {}", bytes_text(wanted));
        return Diagnosis::warning("memory", says, remedy);
    }
    Diagnosis::ok("memory", says)
}

/// Room on the disk of a folder.
pub(super) fn disk(what: &str, folder: &Path, free: Option<u64>) -> Diagnosis {
    let subject = format!("disk of {what}");
    let Some(free) = free else {
        let says = format!("{} cannot be looked at", folder.display());
        return Diagnosis::failure(
            &subject,
            says,
            "name a folder that this user may write, with `--reports`",
        );
    };
    let says = format!("{} are free at {}", bytes_text(free), folder.display());
    match free {
        ..DISK_LEAST => {
            Diagnosis::failure(&subject, says, "make room: a run would have none for what it writes")
        }
        DISK_LEAST..DISK => Diagnosis::warning(&subject, says, "make room: long runs write much"),
        _ => Diagnosis::ok(&subject, says),
    }
}

/// How far another's clock is from this one's, in seconds, or why that is not known.
pub(super) fn clock(name: &str, skew: &Result<i64, String>) -> Diagnosis {
    let subject = format!("clock of {name}");
    let skew = match skew {
        Ok(skew) => *skew,
        Err(reason) => {
            let says = format!("it does not tell the time: {reason}");
            return Diagnosis::warning(&subject, says, "check that it runs and is reached from here");
        }
    };
    let direction = if skew < 0 { "behind" } else { "ahead of" };
    let says = format!("it is {} s {direction} this machine's", skew.unsigned_abs());
    let remedy = "set both clocks by NTP (`timedatectl`): tokens are refused before their time or after it";
    if skew.unsigned_abs() <= SKEW_SEEN {
        Diagnosis::ok(&subject, "it agrees with this machine's")
    } else if skew.unsigned_abs() <= SKEW {
        Diagnosis::warning(&subject, says, remedy)
    } else {
        Diagnosis::failure(&subject, says, remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::doctor::Health::{Failure, Ok as Fine, Warning};
    use crate::scenario::{ImageRef, ImageSpec};

    fn capable() -> Capabilities {
        Capabilities {
            version: "20.10".into(),
            api: "1.41".into(),
            limits_cpu: true,
            limits_memory: true,
            cgroups: "1".into(),
            cpus: 4,
            memory: 8 << 30,
            root: "/var/lib/docker".into(),
        }
    }

    fn kafka(pull: Pull) -> BoxNeeds {
        BoxNeeds {
            name: "kafka",
            count: 3,
            image: ImageSpec { image: ImageRef::parse("apache/kafka:4.1.1").unwrap(), pull },
            resources: Resources { cpus: Some(1.0), memory: Some(1 << 30) },
        }
    }

    fn with_kafka() -> Needs {
        Needs { containers: vec![kafka(Pull::Never)], ..Needs::default() }
    }

    #[test]
    fn an_engine_is_needed_only_for_containers() {
        let reason = "no container engine answers at /run/x: refused; start Docker";
        let needed = no_engine(reason, &with_kafka());
        assert_eq!((needed.health, needed.remedy.as_deref()), (Failure, Some("start Docker")));
        let unneeded = no_engine(reason, &Needs::default());
        assert_eq!(unneeded.health, Warning);
        assert!(unneeded.says.ends_with("only boxes in containers need one"), "{unneeded:?}");
    }

    #[test]
    fn images_are_there_or_come_or_fail() {
        let health = |pull, there| image(&kafka(pull), there).health;
        assert_eq!([health(Pull::Never, true), health(Pull::Never, false)], [Fine, Failure]);
        assert_eq!([health(Pull::Missing, true), health(Pull::Missing, false)], [Fine, Warning]);
        assert_eq!(health(Pull::Always, true), Warning);
    }

    #[test]
    fn limits_that_do_not_bite_fail_where_there_are_any() {
        assert_eq!(limits(&capable(), &with_kafka()).health, Fine);
        let without = Capabilities { limits_memory: false, ..capable() };
        assert_eq!(limits(&without, &with_kafka()).health, Failure);
        assert_eq!(limits(&without, &Needs::default()).health, Warning);
        let mut unlimited = with_kafka();
        unlimited.containers[0].resources.memory = None;
        assert_eq!(limits(&without, &unlimited).health, Warning);
        assert!(limits(&without, &unlimited).says.contains("does not limit memory"));
    }

    #[test]
    fn containers_must_fit() {
        assert_eq!(room_for_containers(&capable(), &Needs::default()), None);
        assert_eq!(room_for_containers(&capable(), &with_kafka()).unwrap().health, Fine);
        for small in [Capabilities { memory: 2 << 30, ..capable() }, Capabilities { cpus: 2, ..capable() }] {
            assert_eq!(room_for_containers(&small, &with_kafka()).unwrap().health, Warning);
        }
        let mut large = with_kafka();
        large.containers[0].resources.cpus = Some(64.0);
        let told = room_for_containers(&capable(), &large).unwrap();
        assert_eq!(told.health, Failure, "{}", told.says);
        assert!(told.says.contains("a container of kafka may have 64 CPUs"), "{}", told.says);
    }

    #[test]
    fn leftovers_are_told_apart() {
        let stacks = |fates: &[Fate]| {
            leftovers(&fates.iter().map(|fate| (FoundStack::default(), *fate)).collect::<Vec<_>>())
        };
        assert_eq!(stacks(&[]).health, Fine);
        assert_eq!(stacks(&[Fate::Used]).health, Fine);
        assert!(stacks(&[Fate::Doubtful]).remedy.unwrap().contains("--dry-run"));
        assert!(stacks(&[Fate::Abandoned, Fate::Doubtful]).remedy.unwrap().contains("`landfall clean`"));
    }

    #[test]
    fn what_the_load_needs_is_held_against_what_there_is() {
        let needs =
            Needs { connections: 100, sockets_of_boxes: 7, threads: 2, doubles: true, ..Needs::default() };
        assert_eq!(descriptors(&needs, 1024).health, Fine);
        let few = descriptors(&needs, 900);
        assert!(few.health == Failure && few.remedy.unwrap().contains("ulimit -n "));
        assert_eq!([2, 3].map(|count| cpus(&needs, count).health), [Warning, Fine]);
        assert_eq!(ports(&[], 3).health, Fine);
        let taken = ports(&[("gateway", 8080), ("idp", 8090)], 2);
        assert!(
            taken.health == Failure
                && taken.says.contains("8080 of 127.0.0.1 for the gateway is taken, and 1 more")
        );
    }

    #[test]
    fn memory_and_disks_have_steps() {
        let health = |available| memory(&with_kafka(), available).health;
        assert_eq!([health(None), health(Some(3 << 30)), health(Some(4 << 30))], [Fine, Warning, Fine]);
        let health = |free| disk("reports", Path::new("/r"), free).health;
        assert_eq!(
            [health(None), health(Some(1)), health(Some(1 << 30)), health(Some(2 << 30))],
            [Failure, Failure, Warning, Fine]
        );
    }

    #[test]
    fn clocks_that_differ_spoil_tokens() {
        let health = |skew| clock("the identity provider", &Ok(skew)).health;
        assert_eq!(
            [-2, 0, 2, 3, -30, 31, -4000].map(health),
            [Fine, Fine, Fine, Warning, Warning, Failure, Failure]
        );
        assert!(clock("x", &Ok(-31)).says.contains("31 s behind"));
        assert_eq!(clock("x", &Err("refused".into())).health, Warning);
    }
}
