//! Stacks in the engine: those whose owner is gone, and taking one away, whatever is left of it.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder,
};

use super::error::{EngineError, sentence, status};
use super::network::network_name;
use super::owner::{Life, Owner};
use super::{Engine, OWNER_LABEL, STACK_LABEL};

/// For how long something that is being removed, or not to be removed at the moment, is tried again, and after how long each
/// time.
const LONGEST: Duration = Duration::from_mins(1);
const BETWEEN: Duration = Duration::from_millis(250);

/// A stack that something is left of in the engine, running or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundStack {
    /// Its id.
    pub stack: String,
    /// Its owner; `None` where none is named, or not as landfall does.
    pub owner: Option<Owner>,
    /// Names of its containers.
    pub containers: Vec<String>,
    /// Names of its networks.
    pub networks: Vec<String>,
    /// Whether one of its containers runs.
    pub running: bool,
}

/// What may be done with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its owner lives, and takes it away itself.
    Used,
    /// Its owner is gone: it may be taken away.
    Abandoned,
    /// Nobody here can tell whether its owner lives.
    Doubtful,
}

impl FoundStack {
    /// What may be done with it from here, where this process is `here`.
    #[must_use]
    pub fn fate(&self, here: Option<&Owner>) -> Fate {
        let (Some(owner), Some(here)) = (&self.owner, here) else { return Fate::Doubtful };
        match owner.life(here) {
            Life::Alive => Fate::Used,
            // What runs did not come from before the machine was started, so it is another machine's.
            Life::EarlierBoot if self.running || self.containers.is_empty() => Fate::Doubtful,
            Life::Dead | Life::EarlierBoot => Fate::Abandoned,
            Life::Elsewhere => Fate::Doubtful,
        }
    }
}

/// All stacks of landfall's, whoever's they are, by their ids.
///
/// # Errors
/// [`EngineError::Asked`] where the engine does not tell.
pub async fn stacks(engine: &Engine) -> Result<Vec<FoundStack>, EngineError> {
    list(engine, STACK_LABEL).await
}

/// Takes away all containers and networks of the stack with this id, with what its containers keep, and makes sure that
/// nothing is left. Gives how many there were.
///
/// # Errors
/// [`EngineError::Asked`] for the last thing that could not be taken away.
pub async fn remove_stack(engine: &Engine, stack: &str) -> Result<usize, EngineError> {
    let label = format!("{STACK_LABEL}={stack}");
    let mut removed = std::collections::BTreeSet::new();
    let mut failed = None;
    let began = Instant::now();
    let mut rounds = 0;
    loop {
        let found = list(engine, &label).await?;
        // Once more after nothing was found: what was being made when this began may have come up meanwhile.
        if found.is_empty() && rounds > 0 {
            return Ok(removed.len());
        }
        if began.elapsed() >= LONGEST {
            return Err(failed.unwrap_or_else(|| EngineError::Asked {
                action: "remove what a run has left",
                reason: "it is still there after a minute".into(),
            }));
        }
        rounds += 1;
        let containers: Vec<&String> = found.iter().flat_map(|stack| &stack.containers).collect();
        let removals = containers.iter().map(|name| remove_container(engine, name));
        for (name, outcome) in containers.iter().zip(futures_util::future::join_all(removals).await) {
            match outcome {
                Ok(()) => drop(removed.insert((*name).clone())),
                Err(error) => failed = Some(error),
            }
        }
        for network in found.iter().flat_map(|stack| &stack.networks) {
            match engine.docker.remove_network(network).await {
                Err(error) if status(&error) != Some(404) => failed = Some(asked("remove a network", &error)),
                _ => drop(removed.insert(network.clone())),
            }
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

async fn remove_container(engine: &Engine, name: &str) -> Result<(), EngineError> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match engine.docker.remove_container(name, Some(options)).await {
        // 409: it is being removed already.
        Err(error) if !matches!(status(&error), Some(404 | 409)) => Err(asked("remove a container", &error)),
        _ => Ok(()),
    }
}

fn asked(action: &'static str, error: &bollard::errors::Error) -> EngineError {
    EngineError::Asked { action, reason: sentence(error) }
}

/// The stacks whose containers or networks have this label.
async fn list(engine: &Engine, label: &str) -> Result<Vec<FoundStack>, EngineError> {
    let filters: HashMap<String, Vec<String>> = [("label".to_owned(), vec![label.to_owned()])].into();
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let containers = engine.docker.list_containers(Some(options)).await;
    let containers = containers.map_err(|error| asked("list containers", &error))?;
    let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
    let networks = engine.docker.list_networks(Some(options)).await;
    let networks = networks.map_err(|error| asked("list networks", &error))?;

    let mut stacks: BTreeMap<String, FoundStack> = BTreeMap::new();
    for container in containers {
        let Some(stack) = entry(&mut stacks, container.labels.as_ref()) else { continue };
        let name =
            container.names.unwrap_or_default().into_iter().next().or(container.id).unwrap_or_default();
        let name = name.trim_start_matches('/');
        // Labels go on into images that are made of a container, and so into containers that are nobody's stack.
        if !name.starts_with(&network_name(&stack.stack)) {
            continue;
        }
        stack.containers.push(name.to_owned());
        let state = container.state.map(|state| state.to_string()).unwrap_or_default();
        stack.running |= state == "running" || state == "paused";
    }
    for network in networks {
        let Some(stack) = entry(&mut stacks, network.labels.as_ref()) else { continue };
        stack.networks.extend(network.name);
    }
    stacks.retain(|_, stack| !stack.containers.is_empty() || !stack.networks.is_empty());
    Ok(stacks.into_values().collect())
}

fn entry<'a>(
    stacks: &'a mut BTreeMap<String, FoundStack>,
    labels: Option<&HashMap<String, String>>,
) -> Option<&'a mut FoundStack> {
    let labels = labels?;
    let id = labels.get(STACK_LABEL)?;
    let stack = stacks.entry(id.clone()).or_insert_with(|| FoundStack {
        stack: id.clone(),
        owner: labels.get(OWNER_LABEL).and_then(|owner| owner.parse().ok()),
        ..FoundStack::default()
    });
    Some(stack)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_abandoned_is_taken_away() {
        let here = Owner::this().expect("the system has /proc");
        let gone = Owner { started: here.started.wrapping_sub(1), ..here.clone() };
        let earlier = Owner { boot: "another".into(), ..here.clone() };
        let elsewhere = Owner { namespace: "1".into(), ..here.clone() };
        let fate = |owner: Option<&Owner>, running| {
            let containers = vec!["landfall-x-kafka-1".to_owned()];
            let stack = FoundStack { owner: owner.cloned(), running, containers, ..FoundStack::default() };
            stack.fate(Some(&here))
        };
        assert_eq!(fate(Some(&here), true), Fate::Used);
        assert_eq!(fate(Some(&here), false), Fate::Used);
        assert_eq!(fate(Some(&gone), true), Fate::Abandoned);
        assert_eq!(fate(Some(&earlier), true), Fate::Doubtful);
        assert_eq!(fate(Some(&earlier), false), Fate::Abandoned);
        assert_eq!(fate(Some(&elsewhere), true), Fate::Doubtful);
        assert_eq!(fate(None, false), Fate::Doubtful);
        assert_eq!(FoundStack { owner: Some(here), ..FoundStack::default() }.fate(None), Fate::Doubtful);
    }
}
