//! Which route a path leads to (API Gateway Developer Guide, "Set up a resource": the most specific resource wins, and
//! `{proxy+}` takes whatever is left).

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::model::{Method, Route};

/// The methods that a route for any of them takes (API Gateway Developer Guide, "Set up a method using the console").
const ANY: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// Resources by the segments of their paths.
#[derive(Debug, Clone, Default)]
pub struct Paths(Node);

#[derive(Debug, Clone, Default)]
struct Node {
    fixed: BTreeMap<String, Node>,
    /// `{name}`, which takes one segment.
    parameters: Vec<(String, Node)>,
    /// `{name+}`, which takes one or more.
    greedy: Vec<(String, Methods)>,
    methods: Methods,
}

/// Indices of routes.
#[derive(Debug, Clone, Default)]
struct Methods {
    named: BTreeMap<String, usize>,
    any: Option<usize>,
}

impl Methods {
    fn is_empty(&self) -> bool {
        self.named.is_empty() && self.any.is_none()
    }

    fn find(&self, method: &str) -> Option<usize> {
        self.named.get(method).copied().or_else(|| self.any.filter(|_| ANY.contains(&method)))
    }

    fn add(&mut self, method: &Method, route: usize) {
        match method {
            Method::One(name) => drop(self.named.insert(name.clone(), route)),
            Method::Any => self.any = Some(route),
        }
    }
}

/// A route, and what its path holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Index of the route.
    pub route: usize,
    /// The path's parameters, percent-decoded.
    pub parameters: Vec<(String, String)>,
    /// The path, percent-decoded, with its slash.
    pub path: String,
}

impl Paths {
    /// The paths of these routes.
    #[must_use]
    pub fn new(routes: &[Route]) -> Self {
        let mut root = Node::default();
        for (index, route) in routes.iter().enumerate() {
            let mut node = &mut root;
            let mut greedy = None;
            for segment in route.path.split('/').filter(|segment| !segment.is_empty()) {
                match segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
                    Some(name) => {
                        if let Some(name) = name.strip_suffix('+') {
                            greedy = Some(name);
                            break;
                        }
                        let at = node.parameters.iter().position(|(other, _)| other == name);
                        let at = at.unwrap_or_else(|| {
                            node.parameters.push((name.to_owned(), Node::default()));
                            node.parameters.len() - 1
                        });
                        node = &mut node.parameters[at].1;
                    }
                    None => node = node.fixed.entry(segment.to_owned()).or_default(),
                }
            }
            let methods = match greedy {
                None => &mut node.methods,
                Some(name) => {
                    let at = node.greedy.iter().position(|(other, _)| other == name);
                    let at = at.unwrap_or_else(|| {
                        node.greedy.push((name.to_owned(), Methods::default()));
                        node.greedy.len() - 1
                    });
                    &mut node.greedy[at].1
                }
            };
            methods.add(&route.method, index);
        }
        Self(root)
    }

    /// The route of a request for `path`, which begins with a slash and has no query. The resource is chosen first, then
    /// its method, so that a resource without the method hides a wider one that has it.
    ///
    /// Values are decoded before authorizer, policy and back end see them (Developer Guide, "Amazon API Gateway important
    /// notes"). One that decodes to a walk through the tree (`.`, `..`, an empty segment, a backslash) is no resource:
    /// the back end might resolve it to another topic than the one that was authorized. Neither is one with a slash
    /// where more segments follow it.
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Option<Found> {
        let path = path.strip_prefix('/')?;
        let written = if path.is_empty() { Vec::new() } else { path.split('/').collect() };
        let segments: Option<Vec<String>> = written.into_iter().map(decode).collect();
        let segments = segments?;
        let mut taken = Vec::new();
        let methods = self.0.walk(&segments, &mut taken)?;
        let route = methods.find(method)?;
        let parameters = taken.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let last = segments.len().saturating_sub(1);
        let hides = segments[..last].iter().any(|segment| segment.contains('/'));
        (!hides).then(|| Found { route, parameters, path: format!("/{}", segments.join("/")) })
    }
}

impl Node {
    /// The methods of the most specific resource for these segments; `taken` gets the parameters on the way.
    fn walk<'n>(&'n self, segments: &[String], taken: &mut Vec<(&'n str, String)>) -> Option<&'n Methods> {
        let Some((first, rest)) = segments.split_first() else {
            return (!self.methods.is_empty()).then_some(&self.methods);
        };
        if let Some(found) = self.fixed.get(first).and_then(|node| node.walk(rest, taken)) {
            return Some(found);
        }
        for (name, node) in &self.parameters {
            let before = taken.len();
            taken.push((name, first.clone()));
            if let Some(found) = node.walk(rest, taken) {
                return Some(found);
            }
            taken.truncate(before);
        }
        let (name, methods) = self.greedy.first()?;
        taken.push((name, segments.join("/")));
        Some(methods)
    }
}

/// A segment without percent-encoding; `None` where it is no text or walks through the tree.
fn decode(segment: &str) -> Option<String> {
    let decoded = percent_decode_str(segment).decode_utf8().ok()?.into_owned();
    let walks = decoded.split(['/', '\\']).any(|part| matches!(part, "." | ".." | ""));
    (!walks).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::read;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    /// The path of the route that a request reaches, and its parameters.
    fn found(paths: &[(&str, &[&str])], method: &str, path: &str) -> Option<(String, String)> {
        let items: Map<String, Value> = paths
            .iter()
            .map(|(path, methods)| {
                let item: Map<String, Value> = methods.iter().map(|m| ((*m).to_owned(), json!({}))).collect();
                ((*path).to_owned(), Value::Object(item))
            })
            .collect();
        let api = read(&json!({ "swagger": "2.0", "paths": items })).unwrap();
        let found = Paths::new(&api.routes).find(method, path)?;
        let parameters: Vec<String> =
            found.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Some((api.routes[found.route].path.clone(), parameters.join(" ")))
    }

    const ANY_METHOD: &str = "x-amazon-apigateway-any-method";

    #[test]
    fn the_most_specific_resource_wins() {
        let paths: [(&str, &[&str]); 6] = [
            ("/", &["get"]),
            ("/topics/{topic}", &["post"]),
            ("/topics/health", &["get"]),
            ("/topics/{topic}/partitions/{partition}", &["post"]),
            ("/topics/{proxy+}", &[ANY_METHOD]),
            ("/v3/{proxy+}", &[ANY_METHOD, "get"]),
        ];
        let at = |method, path| found(&paths, method, path);
        let is = |path: &str, parameters: &str| Some((path.to_owned(), parameters.to_owned()));
        assert_eq!(at("GET", "/"), is("/", ""));
        assert_eq!(at("POST", "/topics/a"), is("/topics/{topic}", "topic=a"));
        assert_eq!(at("GET", "/topics/health"), is("/topics/health", ""));
        assert_eq!(at("POST", "/topics/a/partitions/3"), is(paths[3].0, "topic=a partition=3"));
        assert_eq!(at("POST", "/topics/a/b/c"), is("/topics/{proxy+}", "proxy=a/b/c"));
        assert_eq!(at("POST", "/v3/a%20b/c"), is("/v3/{proxy+}", "proxy=a b/c"));
        // The resource is chosen before the method.
        assert_eq!(at("GET", "/topics/a"), None);
        // However it is written, it is the same resource.
        assert_eq!(at("GET", "/topics/%68ealth"), is("/topics/health", ""));
        assert_eq!(at("PURGE", "/topics/a/b/c"), None);
        for nothing in ["/topics", "/topics/", "/v3", "/none", "", "*"] {
            assert_eq!(at("POST", nothing), None, "{nothing}");
        }
    }

    #[test]
    fn what_is_authorized_is_what_is_forwarded() {
        let paths: [(&str, &[&str]); 2] =
            [("/topics/{topic}", &["post"]), ("/v3/{cluster}/{topic}/records", &["post"])];
        let at = |path: &str| found(&paths, "POST", path).map(|(_, parameters)| parameters);
        assert_eq!(at("/topics/a%2Fpartitions%2f1%3fx").as_deref(), Some("topic=a/partitions/1?x"));
        for walk in ["..", "%2e%2e", "a%2F..%2Fb", "a%2F%2Fb", "%5c..", ".", "%ff", ""] {
            assert_eq!(at(&format!("/topics/{walk}")), None, "{walk}");
        }
        assert_eq!(at("/v3/c%2Fd/a/records"), None);
    }

    proptest! {
        #[test]
        fn no_path_breaks_it(path in "/[a-z%/.{}+0-9é]{0,30}") {
            let paths: [(&str, &[&str]); 3] = [("/a/{b}", &["get"]), ("/{p+}", &["get"]), ("/a/{c}/d", &["get"])];
            if let Some((_, parameters)) = found(&paths, "GET", &path) {
                prop_assert!(!parameters.contains("/../") && !parameters.contains("//"));
            }
        }
    }
}
