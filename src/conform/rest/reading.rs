//! Requirements out of files.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::catalogue::{Api, Evidence, Expect, Later, Requirement, RestCase, Standing, TopicOf};
use super::procedure::{Procedure, ProcedureCase};
use super::surroundings::Surroundings;
use crate::conform::Level;
use crate::conform::golden::{Generated, GoldenRequest, Send};
use crate::wire::produce;

/// The areas that ship.
const AREAS: [(&str, &str); 17] = [
    ("discovery", include_str!("../../../fixtures/conformance/rest/discovery.yaml")),
    ("negotiation", include_str!("../../../fixtures/conformance/rest/negotiation.yaml")),
    ("v2-json", include_str!("../../../fixtures/conformance/rest/v2-json.yaml")),
    ("v2-binary", include_str!("../../../fixtures/conformance/rest/v2-binary.yaml")),
    ("v2-envelope", include_str!("../../../fixtures/conformance/rest/v2-envelope.yaml")),
    ("v2-partition", include_str!("../../../fixtures/conformance/rest/v2-partition.yaml")),
    ("v2-response", include_str!("../../../fixtures/conformance/rest/v2-response.yaml")),
    ("errors", include_str!("../../../fixtures/conformance/rest/errors.yaml")),
    ("v2-schema", include_str!("../../../fixtures/conformance/rest/v2-schema.yaml")),
    ("v3-produce", include_str!("../../../fixtures/conformance/rest/v3-produce.yaml")),
    ("v3-streaming", include_str!("../../../fixtures/conformance/rest/v3-streaming.yaml")),
    ("v3-batch", include_str!("../../../fixtures/conformance/rest/v3-batch.yaml")),
    ("http", include_str!("../../../fixtures/conformance/rest/http.yaml")),
    ("reliability", include_str!("../../../fixtures/conformance/rest/reliability.yaml")),
    ("security-config", include_str!("../../../fixtures/conformance/rest/security-config.yaml")),
    ("lockdown", include_str!("../../../fixtures/conformance/rest/lockdown.yaml")),
    ("observability", include_str!("../../../fixtures/conformance/rest/observability.yaml")),
];

/// Why a file of requirements cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// It is no YAML, or says something else.
    #[error("{area}: {reason}")]
    Yaml {
        /// Which area.
        area: String,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// A requirement has not exactly one standing.
    #[error("{0} has to have one of `cases` (or `procedures`, or both), `later` and `not_testable`")]
    Standing(String),
    /// An id stands twice.
    #[error("the id {0} stands twice; an id names one case")]
    Twice(String),
    /// A request that says two things.
    #[error("{id}: {reason}; a request has `path`, or `raw` or `sends`, which bring their own")]
    Request {
        /// Which case.
        id: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A case without a word on what it rests.
    #[error("{0} does not say on what its expectation rests; `evidence` is recorded, source or inferred")]
    Evidence(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AreaFile {
    area: String,
    requirements: Vec<RequirementEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequirementEntry {
    id: String,
    level: LevelName,
    api: Api,
    statement: String,
    source: String,
    cases: Option<Vec<CaseEntry>>,
    procedures: Option<Vec<ProcedureEntry>>,
    later: Option<Later>,
    not_testable: Option<String>,
}

#[derive(Deserialize)]
enum LevelName {
    #[serde(rename = "MUST")]
    Must,
    #[serde(rename = "SHOULD")]
    Should,
    #[serde(rename = "MAY")]
    May,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseEntry {
    #[serde(default)]
    variant: String,
    #[serde(default)]
    topic: TopicOf,
    before: Option<RequestEntry>,
    request: RequestEntry,
    expect: Expect,
    #[serde(default)]
    recorded_as: Vec<String>,
    #[serde(default)]
    place: Surroundings,
    #[serde(default)]
    slow: bool,
}

/// A case that takes a procedure, by the requirement's API, or v2 where that is of both, unless something else is said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProcedureEntry {
    variant: String,
    procedure: Procedure,
    api: Option<ProcedureApi>,
    evidence: Evidence,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ProcedureApi {
    V2,
    V3,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestEntry {
    method: Option<String>,
    path: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, HeaderEntry>,
    body: Option<String>,
    body_base64: Option<String>,
    body_of: Option<Generated>,
    /// The whole request to the letter.
    raw: Option<String>,
    /// The same in several writes.
    sends: Option<Vec<SendEntry>>,
}

/// A write: text, and the seconds to wait before it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendEntry {
    text: String,
    #[serde(default)]
    after: f64,
}

/// A header's value, or how a long one is built.
#[derive(Deserialize)]
#[serde(untagged)]
enum HeaderEntry {
    Value(String),
    Filled { fill: String, count: usize },
}

/// A field that says that the body goes out in chunks.
const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

impl RequestEntry {
    /// The request, or what is wrong with it.
    fn request(self) -> Result<GoldenRequest, &'static str> {
        let whole = self.raw.clone().or_else(|| {
            let writes = self.sends.as_ref()?;
            Some(writes.iter().map(|write| write.text.as_str()).collect())
        });
        match (whole, self.path.clone()) {
            (Some(whole), None) => self.literal(&whole),
            (None, Some(path)) => Ok(self.composed(path)),
            (None, None) => Err("the request goes nowhere"),
            (Some(_), Some(_)) => Err("the request is given twice"),
        }
    }

    /// Bytes as they stand; method and path are those of their first line.
    fn literal(self, whole: &str) -> Result<GoldenRequest, &'static str> {
        if self.raw.is_some() && self.sends.is_some() {
            return Err("the request is given twice");
        }
        let more = self.method.is_some()
            || self.body.is_some()
            || self.body_base64.is_some()
            || self.body_of.is_some()
            || !self.headers.is_empty();
        if more {
            return Err("the request is given to the letter, and in parts as well");
        }
        let mut line = whole.lines().next().unwrap_or_default().split(' ');
        let (Some(method), Some(path)) = (line.next(), line.next()) else {
            return Err("the request has no request line");
        };
        let sends = self.sends.map(|writes| {
            writes.into_iter().map(|write| Send(STANDARD.encode(write.text), write.after)).collect()
        });
        Ok(GoldenRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            raw_b64: self.raw.map(|raw| STANDARD.encode(raw)),
            sends,
            ..GoldenRequest::default()
        })
    }

    fn composed(self, path: String) -> GoldenRequest {
        let headers: Vec<(String, String)> = self
            .headers
            .into_iter()
            .map(|(name, value)| match value {
                HeaderEntry::Value(text) => (name, text),
                HeaderEntry::Filled { fill, count } => (name, fill.repeat(count)),
            })
            .collect();
        let chunked = headers.iter().any(|(name, value)| (name.as_str(), value.as_str()) == CHUNKED);
        GoldenRequest {
            method: self.method.unwrap_or_else(|| "POST".to_owned()),
            path,
            headers: headers
                .into_iter()
                .filter(|(name, value)| (name.as_str(), value.as_str()) != CHUNKED)
                .collect(),
            body: self.body,
            body_b64: self.body_base64,
            body_gen: self.body_of,
            chunked,
            ..GoldenRequest::default()
        }
    }
}

/// Reads the requirements of one area.
///
/// # Errors
/// [`CatalogueError`], for the first thing that is wrong.
pub fn read_area(name: &str, text: &str) -> Result<Vec<Requirement>, CatalogueError> {
    let file: AreaFile = serde_saphyr::from_str(text)
        .map_err(|error| CatalogueError::Yaml { area: name.to_owned(), reason: error.to_string() })?;
    let area = file.area;
    file.requirements.into_iter().map(|entry| requirement(&area, entry)).collect()
}

fn requirement(area: &str, entry: RequirementEntry) -> Result<Requirement, CatalogueError> {
    let RequirementEntry { id, level, api, statement, source, cases, procedures, later, not_testable } =
        entry;
    let tried = cases.is_some() || procedures.is_some();
    let standing = match (tried, later, not_testable) {
        (true, None, None) => {
            let cases = cases.unwrap_or_default().into_iter().map(|entry| case(&id, entry));
            Standing::Cases(cases.collect::<Result<_, _>>()?)
        }
        (false, Some(later), None) => Standing::Later(later),
        (false, None, Some(reason)) => Standing::NotTestable(reason),
        _ => return Err(CatalogueError::Standing(id)),
    };
    let procedures =
        procedures.unwrap_or_default().into_iter().map(|entry| procedure(&id, api, entry)).collect();
    let level = match level {
        LevelName::Must => Level::Must,
        LevelName::Should => Level::Should,
        LevelName::May => Level::May,
    };
    Ok(Requirement { id, area: area.to_owned(), level, api, statement, source, standing, procedures })
}

fn procedure(requirement: &str, api: Api, entry: ProcedureEntry) -> ProcedureCase {
    let ProcedureEntry { variant, procedure, api: named, evidence } = entry;
    let api = match (named, api) {
        (Some(ProcedureApi::V3), _) | (None, Api::V3) => produce::Api::V3,
        _ => produce::Api::V2,
    };
    ProcedureCase { id: format!("rest/{requirement}/{variant}"), procedure, api, evidence }
}

fn case(requirement: &str, entry: CaseEntry) -> Result<RestCase, CatalogueError> {
    let id = match entry.variant.as_str() {
        "" => format!("rest/{requirement}"),
        variant => format!("rest/{requirement}/{variant}"),
    };
    if entry.expect.evidence.is_none() {
        return Err(CatalogueError::Evidence(id));
    }
    let refused = |reason| CatalogueError::Request { id: id.clone(), reason };
    let before = entry.before.map(RequestEntry::request).transpose().map_err(refused)?;
    let request = entry.request.request().map_err(refused)?;
    Ok(RestCase {
        id,
        topic: entry.topic,
        before,
        request,
        expect: entry.expect,
        recorded_as: entry.recorded_as,
        place: entry.place,
        slow: entry.slow,
    })
}

/// The requirements that ship, area by area.
///
/// # Errors
/// [`CatalogueError`], which a test keeps from happening.
pub fn catalogue() -> Result<Vec<Requirement>, CatalogueError> {
    let mut all = Vec::new();
    let mut ids = BTreeSet::new();
    for (area, text) in AREAS {
        for requirement in read_area(area, text)? {
            if !ids.insert(requirement.id.clone()) {
                return Err(CatalogueError::Twice(requirement.id));
            }
            let cases = match &requirement.standing {
                Standing::Cases(cases) => cases.as_slice(),
                _ => &[],
            };
            let own = cases.iter().map(|case| &case.id);
            for id in own.chain(requirement.procedures.iter().map(|case| &case.id)) {
                if !ids.insert(id.clone()) {
                    return Err(CatalogueError::Twice(id.clone()));
                }
            }
            all.push(requirement);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(request: &str) -> Result<RestCase, String> {
        let text = format!(
            "area: a\nrequirements:\n  - {{ id: r, level: MUST, api: v2, statement: s, source: s, cases: \
             [{{ request: {request}, expect: {{ evidence: source }} }}] }}\n"
        );
        let requirements = read_area("a", &text).map_err(|error| error.to_string())?;
        let Standing::Cases(cases) = &requirements[0].standing else { panic!("it has cases") };
        Ok(cases[0].clone())
    }

    #[test]
    fn a_request_is_given_in_parts_or_to_the_letter() {
        let raw = read(r#"{ raw: "GET /x HTTP/1.0\r\n\r\n" }"#).unwrap().request;
        assert_eq!((raw.method.as_str(), raw.path.as_str()), ("GET", "/x"));
        assert_eq!(raw.raw_b64, Some(STANDARD.encode("GET /x HTTP/1.0\r\n\r\n")));
        let sends = read(r#"{ sends: [{ text: "PUT /y HT" }, { text: "TP/1.1\r\n\r\n", after: 0.5 }] }"#);
        let sends = sends.unwrap().request;
        assert_eq!((sends.method.as_str(), sends.path.as_str()), ("PUT", "/y"));
        assert_eq!(sends.sends.map(|sends| sends[1].1), Some(0.5));
        let composed = read("{ path: /z }").unwrap().request;
        assert_eq!((composed.method.as_str(), composed.path.as_str()), ("POST", "/z"));
        for (request, part) in [
            ("{}", "goes nowhere"),
            ("{ path: /, raw: 'GET / HTTP/1.1' }", "given twice"),
            ("{ raw: 'GET / HTTP/1.1', sends: [] }", "given twice"),
            ("{ raw: 'GET / HTTP/1.1', headers: { A: b } }", "in parts as well"),
            ("{ raw: '' }", "no request line"),
            ("{ sends: [{ text: x, pause: 1 }] }", "pause"),
        ] {
            let error = read(request).unwrap_err();
            assert!(error.contains(part), "{request}: {error}");
        }
    }
}
