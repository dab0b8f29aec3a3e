//! Asking the container engine.

use std::path::PathBuf;

use super::Diagnosis;
use super::judgement;
use super::needs::Needs;
use crate::engine::{Engine, Owner, stacks};
use crate::scenario::Scenario;

/// Adds what is to be said of the engine. Gives the folder in which it keeps images, where it has one.
pub(super) async fn examine(
    scenario: Option<&Scenario>,
    needs: &Needs,
    checks: &mut Vec<Diagnosis>,
) -> Option<PathBuf> {
    let found = async {
        let engine = Engine::connect(std::env::var("DOCKER_HOST").ok().as_deref()).await?;
        let capabilities = engine.capabilities().await?;
        Ok::<_, crate::engine::EngineError>((engine, capabilities))
    };
    let (engine, found) = match found.await {
        Ok(found) => found,
        Err(error) => {
            checks.push(judgement::no_engine(&error.to_string(), needs));
            return None;
        }
    };
    checks.push(judgement::engine(engine.address(), &found));
    for part in &needs.containers {
        checks.push(match engine.look_up(&part.image.image).await {
            Ok(image) => judgement::image(part, image.is_some()),
            Err(error) => Diagnosis::failure(
                &format!("image of {}", part.name),
                error.to_string(),
                "look at the engine's own log",
            ),
        });
    }
    if scenario.is_none() || !needs.containers.is_empty() {
        checks.push(judgement::limits(&found, needs));
    }
    checks.extend(judgement::room_for_containers(&found, needs));
    let here = Owner::this();
    checks.push(match stacks(&engine).await {
        Ok(stacks) => {
            let fates: Vec<_> = stacks
                .into_iter()
                .map(|stack| {
                    let fate = stack.fate(here.as_ref());
                    (stack, fate)
                })
                .collect();
            judgement::leftovers(&fates)
        }
        Err(error) => Diagnosis::warning("leftovers", error.to_string(), "look at the engine's own log"),
    });
    (!found.root.is_empty()).then(|| PathBuf::from(found.root))
}
