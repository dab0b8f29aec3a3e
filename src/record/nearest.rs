//! The name that somebody may have meant.

/// What to say about `name`, which is none of `valid`: the nearest one, or else all of them.
pub(super) fn nearest<'v>(name: &str, valid: impl Iterator<Item = &'v str> + Clone) -> String {
    let distance = |candidate: &str| strsim::damerau_levenshtein(name, candidate);
    match valid.clone().min_by_key(|candidate| distance(candidate)) {
        Some(near) if distance(near) <= (near.chars().count() / 3).max(1) => {
            format!("did you mean `{near}`?")
        }
        _ => {
            let all: Vec<String> = valid.map(|name| format!("`{name}`")).collect();
            format!("possible are {}", all.join(", "))
        }
    }
}
