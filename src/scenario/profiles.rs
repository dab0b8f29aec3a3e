//! Token profiles: those that ship, and files that people write.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::boxes::duration_or;
use super::decode::{Fields, Item};
use super::error::{Origin, Place, Problems, ScenarioError, listed, nearest, quoted};
use super::extends::{Load, has_known_version};
use super::json::json_of;
use super::load::load_file;
use super::model::{
    Accepts, Issues, LONE_PLACEHOLDERS, PLACEHOLDERS, PermissionShape, Permissions, TokenProfile,
};
use super::shipped::Shipped;
use super::tree;
use crate::jose::Algorithm;

/// The profiles that ship, each with its file's text.
const SHIPPED: [(&str, &str); 7] = [
    ("landfall", include_str!("../../fixtures/token-profiles/landfall.yaml")),
    ("cognito", include_str!("../../fixtures/token-profiles/cognito.yaml")),
    ("auth0", include_str!("../../fixtures/token-profiles/auth0.yaml")),
    ("okta", include_str!("../../fixtures/token-profiles/okta.yaml")),
    ("keycloak", include_str!("../../fixtures/token-profiles/keycloak.yaml")),
    ("entra-v1", include_str!("../../fixtures/token-profiles/entra-v1.yaml")),
    ("entra-v2", include_str!("../../fixtures/token-profiles/entra-v2.yaml")),
];

/// The names of the profiles that ship.
pub const PROFILES: [&str; 7] =
    [SHIPPED[0].0, SHIPPED[1].0, SHIPPED[2].0, SHIPPED[3].0, SHIPPED[4].0, SHIPPED[5].0, SHIPPED[6].0];

/// The claims that every token has, whatever the profile.
const ALWAYS: [&str; 3] = ["iss", "iat", "exp"];

/// The profile of this name (one of [`PROFILES`]), or of the file at this path: what ends with `.yaml` or `.yml`, or holds
/// a slash, is a path, relative to the current folder.
///
/// # Errors
/// [`ScenarioError`] with every problem that is found: no such name, or a file that cannot be had or says no profile.
pub fn profile(name_or_path: &str) -> Result<TokenProfile, ScenarioError> {
    let mut problems = Problems::default();
    let place = Place::whole(&Arc::new(Origin::Set("profile".to_owned())));
    match named_or_read(name_or_path, &place, "profile", &load_file, &mut problems) {
        Some(profile) => problems.or(profile),
        None => Err(problems.into_error()),
    }
}

/// A field that names a profile.
pub(super) fn read_profile(item: &Item<'_>, load: Load<'_>, problems: &mut Problems) -> Option<TokenProfile> {
    let text = item.name(problems)?;
    named_or_read(text, item.at(), &item.path, load, problems)
}

fn named_or_read(
    text: &str,
    at: &Place,
    path: &str,
    load: Load<'_>,
    problems: &mut Problems,
) -> Option<TokenProfile> {
    let shipped = Shipped { what: "profile", files: &SHIPPED };
    let (text, file) = shipped.text(text, (at, path), load, problems)?;
    read_text(&text, &file, problems)
}

/// The profile that a file's text says.
fn read_text(text: &str, file: &Path, problems: &mut Problems) -> Option<TokenProfile> {
    let root = tree::parse(text, &Arc::new(Origin::File(file.to_owned())), problems)?;
    let item = Item { node: &root, path: String::new() };
    // Its fields are none of the scenario's.
    #[cfg(test)]
    return super::asked::apart(|| read_root(&item, problems));
    #[cfg(not(test))]
    read_root(&item, problems)
}

/// Reads a profile. Where something has been reported, the result holds any values.
pub(super) fn read_root(item: &Item<'_>, problems: &mut Problems) -> Option<TokenProfile> {
    let mut fields = item.fields(problems)?;
    if !has_known_version(&mut fields, problems) {
        return None;
    }
    let name = fields.required("name", "okta", problems).and_then(|item| item.name(problems));
    let issues = read_issues(fields.optional("issues").as_ref(), problems);
    let accepts = read_accepts(fields.optional("accepts").as_ref(), issues.algorithm, problems);
    fields.finish(&[], problems);
    Some(TokenProfile { name: name?.to_owned(), issues, accepts })
}

fn read_issues(item: Option<&Item<'_>>, problems: &mut Problems) -> Issues {
    let mut issues = TokenProfile::default().issues;
    let Some(mut fields) = item.and_then(|item| item.fields(problems)) else { return issues };
    if let Some(item) = fields.optional("algorithm") {
        issues.algorithm = read_algorithm(&item, problems).unwrap_or(issues.algorithm);
    }
    if let Some(flag) = flag(&mut fields, "keys_name_algorithm", problems) {
        issues.keys_name_algorithm = flag;
    }
    if let Some(item) = fields.optional("typ") {
        issues.typ = item.name(problems).filter(|typ| *typ != "none").map(str::to_owned);
    }
    if let Some(item) = fields.optional("issuer_path") {
        issues.issuer_path = read_issuer_path(&item, problems).unwrap_or_default();
    }
    if let Some(item) = fields.optional("claims") {
        issues.claims = read_claims(&item, problems);
    }
    let life = "the life of tokens is the scenario's: write `stack: { idp: { token_life: 5m } }`";
    fields.finish(&[("life", life), ("token_life", life)], problems);
    issues
}

fn read_accepts(item: Option<&Item<'_>>, issued: Algorithm, problems: &mut Problems) -> Accepts {
    let mut accepts = TokenProfile::default().accepts;
    accepts.algorithms = vec![issued];
    let Some(mut fields) = item.and_then(|item| item.fields(problems)) else { return accepts };
    if let Some(item) = fields.optional("algorithms") {
        let items = item.list(problems).unwrap_or_default();
        if items.is_empty() {
            item.suggest(problems, "must name at least one algorithm", "write for instance `[RS256]`");
        }
        accepts.algorithms = items.iter().filter_map(|item| read_algorithm(item, problems)).collect();
    }
    if let Some(types) = texts(&mut fields, "types", problems) {
        let bare = |typ: &String| {
            let typ = typ.to_ascii_lowercase();
            typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
        };
        accepts.types = types.iter().map(bare).collect();
    }
    for (name, place) in [
        ("untyped", &mut accepts.untyped),
        ("audience_required", &mut accepts.audience_required),
        ("any_case_scheme", &mut accepts.any_case_scheme),
        ("without_kid", &mut accepts.without_kid),
    ] {
        *place = flag(&mut fields, name, problems).unwrap_or(*place);
    }
    accepts.client_claims = texts(&mut fields, "client_claims", problems).unwrap_or(accepts.client_claims);
    accepts.required = texts(&mut fields, "required", problems).unwrap_or_default();
    if let Some(item) = fields.optional("constants") {
        accepts.constants = read_object(&item, problems);
    }
    if let Some(item) = fields.optional("permissions") {
        accepts.permissions = read_permissions(&item, problems).unwrap_or(accepts.permissions);
    }
    if let Some(item) = fields.optional("absent") {
        accepts.absent = read_absent(&item, &accepts, problems);
    }
    // RFC 7519, section 4.1.4: "usually no more than a few minutes".
    let leeway = (Duration::ZERO, Duration::from_mins(5));
    accepts.leeway = duration_or(&mut fields, "leeway", accepts.leeway, leeway, problems);
    let longest = Duration::from_secs(1)..=Duration::from_hours(366 * 24);
    accepts.longest_life = fields.optional("longest_life").and_then(|item| item.duration(&longest, problems));
    fields.finish(&[("algorithm", "the algorithms stand in `algorithms`, a list")], problems);
    accepts
}

/// Claims that must not be there; none that must.
fn read_absent(item: &Item<'_>, accepts: &Accepts, problems: &mut Problems) -> Vec<String> {
    let demanded = |name: &str| {
        ["iss", "sub", "exp"].contains(&name)
            || name == accepts.permissions.claim
            || accepts.required.iter().any(|required| required == name)
            || accepts.constants.contains_key(name)
    };
    let mut absent = Vec::new();
    for item in item.list(problems).unwrap_or_default() {
        let Some(name) = item.name(problems) else { continue };
        if demanded(name) {
            let message = format!("{} must be there, by this profile or by any", quoted(name));
            item.suggest(problems, message, "name claims that people's tokens alone have, such as `uid`");
        }
        absent.push(name.to_owned());
    }
    absent
}

fn read_permissions(item: &Item<'_>, problems: &mut Problems) -> Option<Permissions> {
    const SHAPES: [(&str, PermissionShape); 2] =
        [("text", PermissionShape::Text), ("list", PermissionShape::List)];
    let usual = TokenProfile::default().accepts.permissions;
    let mut fields = item.fields(problems)?;
    let claim = fields.optional("claim").and_then(|item| item.name(problems).map(str::to_owned));
    let shape = fields.optional("shape").and_then(|item| item.choice(&SHAPES, problems));
    let prefix = fields.optional("prefix").and_then(|item| item.text(problems).map(str::to_owned));
    fields.finish(&[], problems);
    Some(Permissions {
        claim: claim.unwrap_or(usual.claim),
        shape: shape.unwrap_or(usual.shape),
        prefix: prefix.unwrap_or(usual.prefix),
    })
}

/// An algorithm that takes a key pair: whoever could check another could sign by it, too.
pub(super) fn read_algorithm(item: &Item<'_>, problems: &mut Problems) -> Option<Algorithm> {
    let of_pairs = Algorithm::ALL.into_iter().filter(|algorithm| algorithm.key_kind().is_some());
    let choices: Vec<(&str, Algorithm)> = of_pairs.map(|algorithm| (algorithm.name(), algorithm)).collect();
    if let Some(secret) = item.written().filter(|name| name.starts_with("HS")) {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let message = format!("{} takes a shared secret, so that whoever checks it can sign", quoted(secret));
        item.suggest(problems, message, listed(&names));
        return None;
    }
    item.choice(&choices, problems)
}

/// What stands behind the host in an issuer: nothing, or a path.
pub(super) fn read_issuer_path(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
    let path = item.text(problems)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    let dots = path.split('/').any(|segment| matches!(segment, "." | ".."));
    if path.is_empty() || (path.starts_with('/') && path.chars().all(plain) && !path.contains("//") && !dots)
    {
        return Some(path.to_owned());
    }
    let message = "must be a path that begins with a slash, of letters, digits, `-`, `_`, `.` and `~`";
    item.suggest(problems, message, "write for instance `/oauth2/default`");
    None
}

fn read_object(item: &Item<'_>, problems: &mut Problems) -> Map<String, Value> {
    let Some(fields) = item.fields(problems) else { return Map::new() };
    let mut object = Map::new();
    for (entry, item) in fields.all() {
        object.extend(json_of(&item, problems).map(|value| (entry.key.clone(), value)));
    }
    object
}

fn read_claims(item: &Item<'_>, problems: &mut Problems) -> Map<String, Value> {
    let Some(fields) = item.fields(problems) else { return Map::new() };
    let mut claims = Map::new();
    for (entry, item) in fields.all() {
        if ALWAYS.contains(&entry.key.as_str()) {
            item.fail(problems, "is written into every token, and cannot be set");
            continue;
        }
        let Some(template) = json_of(&item, problems) else { continue };
        if let Some(stray) = stray_placeholder(&template) {
            let known = [PLACEHOLDERS.as_slice(), &LONE_PLACEHOLDERS].concat();
            let message = format!("{} stands for nothing", quoted(&stray));
            item.suggest(problems, message, nearest(&stray, &known));
        } else if let Some(name) = not_alone(&template) {
            item.suggest(problems, format!("has more than {}", quoted(name)), "it must be the whole text");
        }
        claims.insert(entry.key.clone(), template);
    }
    claims
}

/// The texts of a template.
fn texts_of<'v>(template: &'v Value, found: &mut Vec<&'v str>) {
    match template {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, found)),
        Value::Object(members) => members.values().for_each(|member| texts_of(member, found)),
        _ => {}
    }
}

/// Something in braces that stands for nothing.
fn stray_placeholder(template: &Value) -> Option<String> {
    let mut texts = Vec::new();
    texts_of(template, &mut texts);
    let braced = texts.iter().flat_map(|text| {
        text.match_indices('{').filter_map(|(at, _)| Some(&text[at..=at + text[at..].find('}')?]))
    });
    let stray = braced.filter(|braced| !PLACEHOLDERS.contains(braced) && !LONE_PLACEHOLDERS.contains(braced));
    stray.map(str::to_owned).next()
}

/// What must be a whole text, and is not.
fn not_alone(template: &Value) -> Option<&'static str> {
    let mut texts = Vec::new();
    texts_of(template, &mut texts);
    LONE_PLACEHOLDERS.into_iter().find(|name| texts.iter().any(|text| text.contains(name) && text != name))
}

fn flag(fields: &mut Fields<'_>, name: &'static str, problems: &mut Problems) -> Option<bool> {
    fields.optional(name).and_then(|item| item.flag(problems))
}

fn texts(fields: &mut Fields<'_>, name: &'static str, problems: &mut Problems) -> Option<Vec<String>> {
    let items = fields.optional(name)?.list(problems)?;
    Some(items.iter().filter_map(|item| item.name(problems).map(str::to_owned)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Result<TokenProfile, String> {
        let mut problems = Problems::default();
        let read = read_text(text, Path::new("p.yaml"), &mut problems);
        problems.or(read).map(|read| read.expect("a profile or a problem")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_that_ships_is_what_holds_where_nothing_is_said() {
        assert_eq!(profile("landfall"), Ok(TokenProfile::default()));
        assert_eq!(
            read("version: 1\nname: x"),
            Ok(TokenProfile { name: "x".into(), ..TokenProfile::default() })
        );
    }

    #[test]
    fn every_profile_that_ships_accepts_what_it_issues() {
        for name in PROFILES {
            let profile = profile(name).unwrap();
            assert_eq!(profile.name, name);
            let Issues { algorithm, typ, claims, .. } = &profile.issues;
            let accepts = &profile.accepts;
            assert!(accepts.algorithms.contains(algorithm), "{name}");
            let typ = typ.as_ref().map(|typ| typ.to_ascii_lowercase());
            assert!(typ.map_or(accepts.untyped, |typ| accepts.types.contains(&typ)), "{name}");
            assert!(claims.contains_key("aud") || !accepts.audience_required, "{name}");
            assert!(claims.contains_key(&accepts.client_claims[0]) && claims.contains_key("sub"), "{name}");
            let there = |claim: &String| claims.contains_key(claim) || ALWAYS.contains(&claim.as_str());
            assert!(accepts.required.iter().all(there), "{name}");
            assert!(!accepts.absent.iter().any(there), "{name}");
            // RFC 9068, section 2.2, demands it of the first one's tokens.
            let named = name == "landfall" || accepts.required.contains(&accepts.client_claims[0]);
            assert!(named, "{name}");
            let shape = match &claims[&accepts.permissions.claim] {
                text if *text == json!("{scope}") => PermissionShape::Text,
                text if *text == json!("{scopes}") => PermissionShape::List,
                other => panic!("{name}: {other}"),
            };
            assert_eq!(accepts.permissions.shape, shape, "{name}");
        }
    }

    #[test]
    fn what_is_said_replaces_what_holds_otherwise() {
        let text = "version: 1\nname: x\nissues: { algorithm: ES256, typ: none, issuer_path: /a/, claims: { sub: '{client}' } }\n\
                    accepts: { types: [APPLICATION/At+Jwt], longest_life: 1h, permissions: { shape: list } }";
        let profile = read(text).unwrap();
        assert_eq!((profile.issues.typ, profile.issues.issuer_path.as_str()), (None, "/a/"));
        assert_eq!(Value::Object(profile.issues.claims), json!({"sub": "{client}"}));
        assert_eq!(profile.accepts.algorithms, [Algorithm::Es256], "what is issued, where nothing is said");
        assert_eq!(profile.accepts.types, ["at+jwt"]);
        assert_eq!(profile.accepts.longest_life, Some(Duration::from_hours(1)));
        let permissions = profile.accepts.permissions;
        assert_eq!((permissions.claim.as_str(), permissions.shape), ("scope", PermissionShape::List));
    }

    #[test]
    fn what_is_wrong_is_told_where_it_stands() {
        for (text, sentence) in [
            ("name: x", "version: is missing"),
            ("version: 2\nname: x\nfoo: 1", "p.yaml:1:10: version: "),
            ("version: 1", "name: is missing"),
            ("version: 1\nname: x\nissue: {}", "p.yaml:3:1: issue: unknown field; did you mean `issues`?"),
            ("version: 1\nname: x\nissues: { algorithm: HS256 }", "takes a shared secret"),
            ("version: 1\nname: x\nissues: { algorithm: RS255 }", "did you mean `RS256`"),
            ("version: 1\nname: x\nissues: { issuer_path: a }", "issues.issuer_path: must be a path"),
            ("version: 1\nname: x\nissues: { issuer_path: /a/../b }", "issues.issuer_path: must be a path"),
            (
                "version: 1\nname: x\nissues: { claims: { iss: a } }",
                "issues.claims.iss: is written into every",
            ),
            (
                "version: 1\nname: x\nissues: { claims: { a: [{ b: '{clinet}' }] } }",
                "issues.claims.a: `{clinet}` stands for nothing; did you mean `{client}`",
            ),
            ("version: 1\nname: x\nissues: { claims: { a: 'at {now}' } }", "has more than `{now}`"),
            ("version: 1\nname: x\nissues: { token_life: 5m }", "the life of tokens is the scenario's"),
            ("version: 1\nname: x\naccepts: { algorithms: [] }", "must name at least one algorithm"),
            ("version: 1\nname: x\naccepts: { absent: [uid, exp] }", "absent[1]: `exp` must be there"),
            ("version: 1\nname: x\naccepts: { absent: [a], required: [a] }", "absent[0]: `a` must be there"),
            ("version: 1\nname: x\naccepts: { leeway: 6m }", "must be from 0s to 5m"),
            ("version: 1\nname: x\naccepts: { permissions: { shape: words } }", "`words` is not possible"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(sentence) && error.lines().count() == 1, "{text}: {error}");
        }
    }

    #[test]
    fn a_profile_has_a_name_or_a_path() {
        let error = profile("otka").unwrap_err().to_string();
        assert!(
            error.contains("no profile `otka` ships") && error.contains("did you mean `okta`"),
            "{error}"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.yaml");
        let path_text = path.display().to_string();
        assert!(profile(&path_text).unwrap_err().to_string().contains("cannot be opened"));
        std::fs::write(&path, "version: 1\nname: mine\nissues: 5\n").unwrap();
        let error = profile(&path_text).unwrap_err().to_string();
        assert!(error.contains("mine.yaml:3:9: issues: must be a mapping"), "{error}");
        std::fs::write(&path, b"version: 1\nname: \xff\n").unwrap();
        assert!(profile(&path_text).unwrap_err().to_string().contains("mine.yaml:2:7: is not UTF-8"));
        std::fs::write(&path, "version: 1\nname: mine\n").unwrap();
        assert_eq!(profile(&path_text).unwrap().name, "mine");
    }
}
