//! One process with its group: started, killed whole, and reaped in any case.

use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::failure::Exit;
use super::output::Output;

/// How long the rest of the output is waited for when a process has ended. Its pipes are closed by then, unless a
/// process that has left the group holds them.
const DRAIN: Duration = Duration::from_secs(1);

/// A process that was started. Its group is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    group: Arc<Group>,
    ended: watch::Receiver<Option<Exit>>,
}

impl Process {
    /// Starts `command` as the first of a group of its own, its output going to `output`. It is reaped by a task of the
    /// current runtime, or by that runtime's end.
    ///
    /// The system tells a child of its parent's death where the child asks for it between fork and exec, which no safe
    /// code can. When landfall is killed outright, what ends a function is that its Runtime API is gone.
    pub(super) fn spawn(command: &mut Command, output: &Arc<Output>) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn()?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let group = Arc::new(Group(Mutex::new(pid)));
        let mut readers = JoinSet::new();
        if let Some(out) = child.stdout.take() {
            let output = output.clone();
            readers.spawn(async move { output.capture("out", out).await });
        }
        if let Some(err) = child.stderr.take() {
            let output = output.clone();
            readers.spawn(async move { output.capture("err", err).await });
        }
        let (told, ended) = watch::channel(None);
        tokio::spawn(keep(child, group.clone(), readers, told));
        Ok(Self { group, ended })
    }

    /// Kills the whole group. What remains to be done is done by itself.
    pub(super) fn kill(&self) {
        self.group.kill();
    }

    /// Returns when the process has ended and was reaped, and all that it wrote has been kept.
    pub(super) async fn ended(&self) -> Exit {
        let mut ended = self.ended.clone();
        let exit = ended.wait_for(Option::is_some).await.ok().and_then(|exit| *exit);
        // The runtime is ending, and the group was killed.
        exit.unwrap_or(Exit::Signal { number: 9, dumped: false })
    }

    /// Whether it has, or is about to.
    pub(super) fn has_ended(&self) -> bool {
        self.group.pid().is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process group, until its first process is reaped: from then on its number may be another's.
#[derive(Debug)]
struct Group(Mutex<Option<Pid>>);

impl Group {
    fn kill(&self) {
        if let Some(pid) = *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // It fails only where nobody is left.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    /// Kills what is left, for the last time.
    fn close(&self) {
        self.kill();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn pid(&self) -> Option<Pid> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sees a process through to its end.
async fn keep(
    mut child: Child,
    group: Arc<Group>,
    mut readers: JoinSet<()>,
    told: watch::Sender<Option<Exit>>,
) {
    if let Some(pid) = group.pid() {
        // While the process is not reaped, the group's number is nobody else's. Where it cannot be waited for, it has
        // ended.
        let _ = exited(pid).await;
    }
    group.close();
    let exit = child.wait().await.map_or(Exit::Status(0), Exit::from);
    let _ = tokio::time::timeout(DRAIN, async { while readers.join_next().await.is_some() {} }).await;
    told.send_replace(Some(exit));
}

/// Returns when the process has ended. It is not reaped.
async fn exited(pid: Pid) -> io::Result<()> {
    let mut children = signal(SignalKind::child())?;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while waitid(WaitId::Pid(pid), options)?.is_none() {
        children.recv().await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::lambda::output::Log;

    fn spawn(script: &str) -> (Process, Arc<Output>) {
        let log = Arc::new(Log::open(None).unwrap());
        let output = Arc::new(Output::new(1, log, vec![]));
        (Process::spawn(Command::new("sh").arg("-c").arg(script), &output).unwrap(), output)
    }

    #[tokio::test]
    async fn its_end_is_told_with_all_that_it_wrote() {
        let (process, output) = spawn("echo a; echo b >&2; echo a; exit 3");
        assert_eq!(process.ended().await, Exit::Status(3));
        let mut lines = output.tail().lines().to_vec();
        lines.sort_unstable();
        assert_eq!(lines, ["a", "a", "b"]);
        assert!(process.has_ended());
        let (process, _) = spawn("kill -TERM $$");
        assert_eq!(process.ended().await, Exit::Signal { number: 15, dumped: false });
    }

    #[tokio::test]
    async fn a_whole_group_is_killed() {
        let (process, output) = spawn("sleep 1000 & echo $!; wait");
        while output.tail().lines().is_empty() {
            tokio::task::yield_now().await;
        }
        process.kill();
        assert_eq!(process.ended().await, Exit::Signal { number: 9, dumped: false });
        // The pipe's end was seen, so none of the group holds it.
        assert!(process.group.pid().is_none());
    }

    #[tokio::test]
    async fn what_a_process_leaves_behind_in_its_group_ends_with_it() {
        let (process, output) = spawn("sleep 1000 & echo $!");
        assert_eq!(process.ended().await, Exit::Status(0));
        let pid: i32 = output.tail().lines()[0].parse().unwrap();
        // It is the system's child now, which reaps it in its own time.
        let gone =
            || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"));
        while cfg!(target_os = "linux") && gone() {
            tokio::task::yield_now().await;
        }
    }
}
