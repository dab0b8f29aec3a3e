//! Profiles: in what an implementation or a release is known to deviate from what is required.

use semver::{Version, VersionReq};
use serde::Deserialize;

use super::catalogue::{Api, Expect, RestCase};
use super::procedure::ProcedureOutcome;

/// The profiles that ship.
pub const SHIPPED_PROFILES: [(&str, &str); 4] = [
    ("confluent", include_str!("../../../fixtures/conformance/profiles/confluent.yaml")),
    ("karapace", include_str!("../../../fixtures/conformance/profiles/karapace.yaml")),
    ("strimzi-bridge", include_str!("../../../fixtures/conformance/profiles/strimzi-bridge.yaml")),
    ("landfall", include_str!("../../../fixtures/conformance/profiles/landfall.yaml")),
];

/// What is known of an implementation.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// The release that is meant where none is named.
    pub default_version: Version,
    /// APIs that it does not have.
    pub lacks: Vec<Api>,
    /// In what it deviates; where two speak of one case and release, the later one counts.
    pub deviations: Vec<Deviation>,
}

/// A deviation from what is required.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation {
    /// The ids of cases, or of requirements, all of whose cases are meant.
    pub cases: Vec<String>,
    /// In which releases.
    pub versions: VersionReq,
    /// What comes instead; what it does not name stays.
    pub expect: Expect,
    /// What comes of a procedure instead; `None`: it speaks of other cases.
    pub outcome: Option<ProcedureOutcome>,
    /// Why, in a sentence.
    pub reason: String,
    /// Where that is written.
    pub link: Option<String>,
}

impl Profile {
    /// The deviation that this release is known for in a case.
    #[must_use]
    pub fn deviation(&self, case: &RestCase, version: &Version) -> Option<&Deviation> {
        self.concerning(&case.id, version).find(|deviation| deviation.outcome.is_none())
    }

    /// What this release is known to make of a procedure, and why.
    #[must_use]
    pub fn deviation_of_procedure(&self, id: &str, version: &Version) -> Option<(ProcedureOutcome, &str)> {
        self.concerning(id, version)
            .find_map(|deviation| Some((deviation.outcome?, deviation.reason.as_str())))
    }

    /// The deviations of a case, the one that counts first.
    fn concerning(&self, case: &str, version: &Version) -> impl Iterator<Item = &Deviation> {
        self.deviations.iter().rev().filter(move |deviation| {
            let meant =
                |id: &String| case == id || case.strip_prefix(id).is_some_and(|rest| rest.starts_with('/'));
            deviation.cases.iter().any(meant) && deviation.versions.matches(version)
        })
    }
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is no YAML, or says something else.
    #[error("{name}: {reason}")]
    Yaml {
        /// Which.
        name: String,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// A version that is none.
    #[error("{name}: `{text}` is no {what}: {reason}")]
    Version {
        /// Which profile.
        name: String,
        /// What stands there.
        text: String,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A deviation of nothing.
    #[error("{name}: the deviation because of \"{reason}\" names no case; give it `case` or `cases`")]
    NoCase {
        /// Which profile.
        name: String,
        /// The deviation's reason.
        reason: String,
    },
    /// A deviation that does not say what comes.
    #[error(
        "{name}: the deviation because of \"{reason}\" has to have one of `expect` and, for procedures, `outcome`"
    )]
    NoExpectation {
        /// Which profile.
        name: String,
        /// The deviation's reason.
        reason: String,
    },
    /// There is none of this name.
    #[error(
        "there is no profile `{0}`; there are confluent, karapace and strimzi-bridge, landfall for its own proxy, and files of your own"
    )]
    Unknown(String),
    /// It extends itself.
    #[error("{0} extends itself; a profile extends another one that ships")]
    Circle(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    name: String,
    extends: Option<String>,
    #[serde(default, rename = "versions")]
    _versions: Option<String>,
    default_version: Option<String>,
    #[serde(default)]
    lacks: Vec<Api>,
    #[serde(default)]
    deviations: Vec<DeviationEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviationEntry {
    case: Option<String>,
    #[serde(default)]
    cases: Vec<String>,
    versions: Option<String>,
    expect: Option<Expect>,
    outcome: Option<ProcedureOutcome>,
    reason: String,
    link: Option<String>,
}

/// A release as people write it: `7.9` is `7.9.0`.
///
/// # Errors
/// What is wrong with it.
pub fn version(text: &str) -> Result<Version, String> {
    let dots = text.matches('.').count();
    let whole = match dots {
        0 => format!("{text}.0.0"),
        1 => format!("{text}.0"),
        _ => text.to_owned(),
    };
    Version::parse(&whole).map_err(|error| error.to_string())
}

/// The profile of this name that ships.
///
/// # Errors
/// [`ProfileError::Unknown`].
pub fn shipped_profile(name: &str) -> Result<Profile, ProfileError> {
    let found = SHIPPED_PROFILES.iter().find(|(shipped, _)| *shipped == name);
    let (name, text) = found.ok_or_else(|| ProfileError::Unknown(name.to_owned()))?;
    read_profile(name, text)
}

/// Reads a profile, with the one that ships and that it extends.
///
/// # Errors
/// [`ProfileError`], for the first thing that is wrong.
pub fn read_profile(name: &str, text: &str) -> Result<Profile, ProfileError> {
    let file: ProfileFile = serde_saphyr::from_str(text)
        .map_err(|error| ProfileError::Yaml { name: name.to_owned(), reason: error.to_string() })?;
    let base = match &file.extends {
        Some(base) if *base == file.name => return Err(ProfileError::Circle(base.clone())),
        Some(base) => Some(shipped_profile(base)?),
        None => None,
    };
    let refused = |text: &str, what, reason: String| ProfileError::Version {
        name: name.to_owned(),
        text: text.to_owned(),
        what,
        reason,
    };
    let default_version = match (&file.default_version, &base) {
        (Some(text), _) => version(text).map_err(|reason| refused(text, "version", reason))?,
        (None, Some(base)) => base.default_version.clone(),
        (None, None) => Version::new(0, 0, 0),
    };
    let (mut lacks, mut deviations) = base.map(|base| (base.lacks, base.deviations)).unwrap_or_default();
    lacks.extend(file.lacks);
    for entry in file.deviations {
        let DeviationEntry { case, mut cases, versions, expect, outcome, reason, link } = entry;
        cases.extend(case);
        if expect.is_some() == outcome.is_some() {
            return Err(ProfileError::NoExpectation { name: name.to_owned(), reason });
        }
        let expect = expect.unwrap_or_default();
        if cases.is_empty() {
            return Err(ProfileError::NoCase { name: name.to_owned(), reason });
        }
        let versions = match versions {
            None => VersionReq::STAR,
            Some(text) => VersionReq::parse(&text)
                .map_err(|error| refused(&text, "range of versions", error.to_string()))?,
        };
        deviations.push(Deviation { cases, versions, expect, outcome, reason, link });
    }
    Ok(Profile { name: file.name, default_version, lacks, deviations })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_completed() {
        for (text, expected) in [("7", "7.0.0"), ("7.9", "7.9.0"), ("6.2.15", "6.2.15")] {
            assert_eq!(version(text).unwrap().to_string(), expected);
        }
        assert!(version("latest").is_err());
    }

    #[test]
    fn what_is_wrong_with_a_profile_is_told() {
        for (text, part) in [
            (
                "name: x\ndeviations: [{ case: a, expect: {}, reason: r, versions: '>=a' }]",
                "no range of versions",
            ),
            ("name: x\ndefault_version: x", "no version"),
            ("name: x\nextends: y", "no profile `y`"),
            ("name: karapace\nextends: karapace", "extends itself"),
            ("name: x\ndeviations: [{ expect: {}, reason: r }]", "names no case"),
            ("name: x\ndeviations: [{ case: a, reason: r }]", "one of `expect`"),
            ("name: x\ndeviations: [{ case: a, outcome: acks-nobody, reason: r }]", "acks-nobody"),
            ("name: x\ntypo: 1", "typo"),
        ] {
            let error = read_profile("mine.yaml", text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
