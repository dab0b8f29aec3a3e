//! Definitions of APIs, from their text to what is served of them (`landfall::api`), whatever stands in them: every remark
//! names a place that is there, and what can be served holds any body against its models.

use landfall::api::{Api, Plan, Problem, Stage, Surroundings, lint, read};
use landfall::doubles::gateway::document;
use serde_json::Value;

/// How often what a definition lacks is given to it.
const ROUNDS: usize = 8;

/// An input is a definition, as JSON or YAML.
pub(crate) fn holds(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(document) = document(text) else { return };
    let Ok(api) = read(&document) else { return };
    for remark in lint(&api) {
        assert!(leads(&document, &remark.pointer), "{remark:?} leads nowhere");
    }
    let Some(plan) = planned(&api) else { return };
    for warning in &plan.warnings {
        assert!(leads(&document, &warning.pointer), "{warning:?} leads nowhere");
    }
    for index in 0..plan.routes.len() {
        let Some(served) = plan.served(index) else { continue };
        // A walk through the tree is a resource of nobody's.
        let _ = plan.paths.find("POST", &served.path);
        let Some(check) = &served.body else { continue };
        let media = api.routes[index].models.keys().map(String::as_str).chain(["application/json"]);
        for media in media {
            for body in [text, "null", "[]", "{}", r#"{"records":[{"key":"k","value":{"a":[1e3]}}]}"#] {
                let _ = check.check(Some(media), body.as_bytes());
            }
        }
    }
}

/// Whether a pointer leads to a place, or to a member that a place lacks.
fn leads(document: &Value, pointer: &str) -> bool {
    let place = |pointer: &str| document.pointer(pointer).is_some();
    place(pointer) || pointer.rsplit_once('/').is_some_and(|(parent, _)| place(parent))
}

/// The API in a stage that has what it asks for, as far as that can be had.
fn planned(api: &Api) -> Option<Plan> {
    let stage = Stage { name: "prod".into(), base_path: "/prod".into(), ..Stage::default() };
    let mut around = Surroundings { stage, ..Surroundings::default() };
    let used = api.routes.iter().map(|route| ("POST".to_owned(), route.path.clone())).collect();
    // Some of these routes cannot be served, which is told.
    let _ = Plan::new(api, Surroundings { used, ..around.clone() });
    for _ in 0..ROUNDS {
        let lacking = match Plan::new(api, around.clone()) {
            Ok(plan) => return Some(plan),
            Err(lacking) => lacking,
        };
        assert!(!lacking.to_string().is_empty(), "it is refused without a word");
        for problem in lacking.0 {
            match problem {
                Problem::NoVariable { name, .. } => {
                    around.stage.variables.insert(name, "host".into());
                }
                Problem::Unmapped { origin, .. } => drop(around.origins.insert(origin)),
                Problem::NoAuthorizer { scheme, .. } => drop(around.authorizers.insert(scheme)),
                other => panic!("it is refused for what nobody asked: {other}"),
            }
        }
    }
    None
}
