//! Whose a stack is: a process that can be told from every other, also from one that got its number later, one of another
//! boot, or one in another container that sees other processes.

use std::fmt;
use std::str::FromStr;

/// A process, told from all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The kernel's id of this boot.
    pub boot: String,
    /// The process id namespace: numbers mean something within it only.
    pub namespace: String,
    /// The number.
    pub pid: u32,
    /// When it started, in clock ticks after the boot.
    pub started: u64,
}

/// What is known of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Alive,
    /// It has ended.
    Dead,
    /// It was of another boot: it has ended, if the machine is the same.
    EarlierBoot,
    /// Its number means something where nobody here can look.
    Elsewhere,
}

impl Owner {
    /// This process; `None` where the system has no `/proc`.
    #[must_use]
    pub fn this() -> Option<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?.to_str()?.to_owned();
        let pid = std::process::id();
        Some(Self { boot, namespace: bare(&namespace), pid, started: started(pid)? })
    }

    /// What is known of this owner from here, where this process is `here`.
    #[must_use]
    pub fn life(&self, here: &Self) -> Life {
        self.life_by(here, started)
    }

    /// As [`Self::life`]; `started` tells when a process started, if there is one.
    fn life_by(&self, here: &Self, started: impl Fn(u32) -> Option<u64>) -> Life {
        if self.boot != here.boot {
            Life::EarlierBoot
        } else if self.namespace != here.namespace {
            Life::Elsewhere
        } else if started(self.pid) == Some(self.started) {
            Life::Alive
        } else {
            Life::Dead
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.boot, self.namespace, self.pid, self.started)
    }
}

impl FromStr for Owner {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('/');
        let mut next = || parts.next().filter(|part| !part.is_empty()).ok_or(());
        let owner = Self {
            boot: next()?.to_owned(),
            namespace: next()?.to_owned(),
            pid: next()?.parse().map_err(drop)?,
            started: next()?.parse().map_err(drop)?,
        };
        if parts.next().is_some() { Err(()) } else { Ok(owner) }
    }
}

/// `4026531836` of `pid:[4026531836]`.
fn bare(namespace: &str) -> String {
    namespace.chars().filter(char::is_ascii_digit).collect()
}

/// When the process started: field 22 of its stat (proc(5)), counted behind the name, which may hold anything.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    // A process that has ended and was not waited for yet owns nothing any more.
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_known_again() {
        let this = Owner::this().expect("the system has /proc");
        assert_eq!(this.to_string().parse(), Ok(this.clone()));
        assert_eq!(this.life(&this), Life::Alive);
        for text in ["", "a/b/c", "b/n/1/x", "b/n/x/1", "b/n/1/1/1", "//1/1"] {
            assert!(text.parse::<Owner>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_one_that_is_surely_gone_is_dead() {
        let here = Owner { boot: "b".into(), namespace: "1".into(), pid: 7, started: 100 };
        let life = |other: &Owner| other.life_by(&here, |pid| (pid == 7).then_some(100));
        assert_eq!(life(&here), Life::Alive);
        assert_eq!(life(&Owner { started: 99, ..here.clone() }), Life::Dead);
        assert_eq!(life(&Owner { pid: 8, ..here.clone() }), Life::Dead);
        assert_eq!(life(&Owner { namespace: "2".into(), pid: 8, ..here.clone() }), Life::Elsewhere);
        assert_eq!(life(&Owner { boot: "a".into(), ..here.clone() }), Life::EarlierBoot);
    }

    #[test]
    fn a_process_that_has_ended_is_gone_before_it_is_waited_for() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        let began = std::time::Instant::now();
        while started(pid).is_some() {
            assert!(began.elapsed() < std::time::Duration::from_secs(20));
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(started(pid), None);
    }
}
