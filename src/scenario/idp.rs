//! The identity provider: landfall's own, one in a container, or one that runs already.

use std::time::Duration;

use super::adapters::read_adapter;
use super::boxes::{BoxKind, NONE, OF_CONTAINER, OF_EMBEDDED, OF_EXTERNAL, Ports, read_tls_of};
use super::decode::{Fields, Item};
use super::error::{Problems, quoted};
use super::extends::Load;
use super::gateway::read_throttle;
use super::hosts::read_url;
use super::images::{ImageDefaults, read_env, read_image, read_resources, read_start_within};
use super::model::{
    AudienceParameter, EmbeddedIdp, ExternalIdp, IdpContainer, IdpSpec, IssuerSpec, MetadataPlace, Resources,
    TokenProfile,
};
use super::profiles::{read_algorithm, read_issuer_path, read_profile};
use super::quantity::parse_seconds_either_way;
use super::role::Role;

/// The API that tokens are for where nothing is said.
const AUDIENCE: &str = "landfall-api";
/// Issuers that one provider may have besides the first.
const MOST_ISSUERS: usize = 16;

const OPTIONS_OF_EMBEDDED: [&str; 6] = ["port", "algorithm", "issuers", "rate_limit", "clock", "admin"];
/// Of those that landfall starts.
const TOKEN_LIFE: &str = "token_life";
const OPTIONS_OF_EXTERNAL: [&str; 4] = ["issuer", "discovery", "audience_parameter", "tls"];
const OPTIONS_OF_CONTAINER: [&str; 6] = ["adapter", "image", "cpus", "memory", "env", "start_within"];
const OPTIONS_OF_ALL: [&str; 2] = ["audience", "profile"];

/// What is needed to read the box besides what it says.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// The hosts of `allow_hosts`.
    pub(super) allowed: &'a [String],
    /// Reads the files of profiles.
    pub(super) load: Load<'a>,
}

pub(super) fn read_idp(
    opened: Option<(BoxKind, Fields<'_>)>,
    (around, images): (Around<'_>, &ImageDefaults),
    ports: &mut Ports,
    problems: &mut Problems,
) -> IdpSpec {
    match opened {
        Some((BoxKind::Embedded, fields)) => {
            IdpSpec::Embedded(Box::new(read_embedded(fields, around, ports, problems)))
        }
        Some((BoxKind::External, fields)) => read_external(fields, around, problems),
        Some((BoxKind::None, fields)) => {
            let all = OPTIONS_OF_EMBEDDED.iter().chain(&OPTIONS_OF_EXTERNAL);
            let all = all.chain(&OPTIONS_OF_CONTAINER).chain(&OPTIONS_OF_ALL).chain([&TOKEN_LIFE]);
            let refused: Vec<(&str, &str)> = all.map(|name| (*name, NONE)).collect();
            fields.finish(&refused, problems);
            IdpSpec::None
        }
        Some((BoxKind::Container, fields)) => read_container(fields, around, images, problems)
            .map_or(IdpSpec::None, |container| IdpSpec::Container(Box::new(container))),
        None => IdpSpec::None,
    }
}

fn read_embedded(
    mut fields: Fields<'_>,
    around: Around<'_>,
    ports: &mut Ports,
    problems: &mut Problems,
) -> EmbeddedIdp {
    let port = ports.read("idp", &mut fields, problems);
    let token_life = read_token_life(fields.optional(TOKEN_LIFE).as_ref(), problems);
    let audience = read_audience(&mut fields, problems);
    let profile = read_tokens(&mut fields, around.load, problems);
    let issuers = match fields.optional("issuers") {
        Some(item) => read_issuers(&item, &profile, around.load, problems),
        None => Vec::new(),
    };
    let rate_limit = fields.optional("rate_limit").and_then(|item| read_throttle(&item, problems));
    let clock_s = fields.optional("clock").and_then(|item| read_clock(&item, problems)).unwrap_or(0);
    let admin = fields.optional("admin").and_then(|item| read_admin(&item, ports, problems));
    let mut refused: Vec<(&str, &str)> =
        OPTIONS_OF_EXTERNAL.iter().map(|name| (*name, OF_EXTERNAL)).collect();
    refused.extend(OPTIONS_OF_CONTAINER.map(|name| (name, OF_CONTAINER)));
    refused.push(("url", "one that runs already is `kind: external`, with an `issuer` or a `discovery`"));
    fields.finish(&refused, problems);
    EmbeddedIdp { port, token_life, audience, profile, issuers, rate_limit, clock_s, admin }
}

fn read_external(mut fields: Fields<'_>, around: Around<'_>, problems: &mut Problems) -> IdpSpec {
    let place = read_place(&mut fields, around.allowed, problems);
    let audience = read_audience(&mut fields, problems);
    let audience_parameter = fields.optional("audience_parameter").and_then(|item| {
        let parameters = [
            ("none", AudienceParameter::None),
            ("audience", AudienceParameter::Audience),
            ("resource", AudienceParameter::Resource),
        ];
        item.choice(&parameters, problems)
    });
    let profile = fields.optional("profile").and_then(|item| read_profile(&item, around.load, problems));
    let url = match &place {
        Some(MetadataPlace::Issuer(url) | MetadataPlace::Url(url)) => url.clone(),
        None => String::new(),
    };
    let tls = read_tls_of(&url, &mut fields, problems);
    let mut refused: Vec<(&str, &str)> =
        OPTIONS_OF_EMBEDDED.iter().chain([&TOKEN_LIFE]).map(|name| (*name, OF_EMBEDDED)).collect();
    refused.extend(OPTIONS_OF_CONTAINER.map(|name| (name, OF_CONTAINER)));
    refused.push(("url", "write its `issuer`, or as `discovery` the URL of its metadata"));
    fields.finish(&refused, problems);
    let Some(place) = place else { return IdpSpec::None };
    IdpSpec::External(Box::new(ExternalIdp {
        place,
        audience,
        audience_parameter: audience_parameter.unwrap_or(AudienceParameter::None),
        profile: profile.unwrap_or_default(),
        tls,
    }))
}

fn read_container(
    mut fields: Fields<'_>,
    around: Around<'_>,
    images: &ImageDefaults,
    problems: &mut Problems,
) -> Option<IdpContainer> {
    let adapter = read_adapter(fields.optional("adapter").as_ref(), Role::Provider, around.load, problems);
    let image_item = fields.optional("image");
    let image = adapter
        .as_ref()
        .and_then(|adapter| read_image(image_item.as_ref(), Some(&adapter.image), images, problems));
    let life_item = fields.optional(TOKEN_LIFE);
    let token_life = read_token_life(life_item.as_ref(), problems);
    if let (Some(item), Some(adapter)) = (life_item, &adapter)
        && !adapter.tells_token_life()
    {
        let remedy = "let `{token_life}`, which is in seconds, stand in the adapter; or remove it";
        item.suggest(problems, "is told by nobody: the adapter has no placeholder for it", remedy);
    }
    let audience = read_audience(&mut fields, problems);
    let profile = fields.optional("profile").and_then(|item| read_profile(&item, around.load, problems));
    let resources = read_resources(&mut fields, Resources::default(), problems);
    let env = read_env(&mut fields, problems);
    let start_within = read_start_within(&mut fields, problems);
    let embedded = OPTIONS_OF_EMBEDDED.iter().map(|name| (*name, OF_EMBEDDED));
    let external = OPTIONS_OF_EXTERNAL.iter().map(|name| (*name, OF_EXTERNAL));
    fields.finish(&embedded.chain(external).collect::<Vec<_>>(), problems);
    let adapter = adapter?;
    Some(IdpContainer {
        image: image?,
        token_life,
        audience,
        profile: profile.or_else(|| adapter.token_profile.clone()).unwrap_or_default(),
        adapter,
        resources,
        env,
        start_within,
    })
}

/// Where an external provider says what it has.
fn read_place(fields: &mut Fields<'_>, allowed: &[String], problems: &mut Problems) -> Option<MetadataPlace> {
    let (issuer, discovery) = (fields.optional("issuer"), fields.optional("discovery"));
    let (item, place): (_, fn(String) -> MetadataPlace) = match (issuer, discovery) {
        (Some(item), None) => (item, MetadataPlace::Issuer),
        (None, Some(item)) => (item, MetadataPlace::Url),
        (Some(_), Some(item)) => {
            item.suggest(problems, "cannot stand beside `issuer`", "remove one of the two");
            return None;
        }
        (None, None) => {
            let remedy = "write for instance `issuer: https://login.example.com/realms/partners`";
            problems.suggest(fields.at(), fields.path(), "says no `issuer` and no `discovery`", remedy);
            return None;
        }
    };
    // An issuer is compared to the letter, so it is kept as it is written.
    read_url(&item, allowed, problems)?;
    item.text(problems).map(|text| place(text.to_owned()))
}

fn read_token_life(item: Option<&Item<'_>>, problems: &mut Problems) -> Duration {
    let range = Duration::from_secs(5)..=Duration::from_hours(24);
    item.and_then(|item| item.duration(&range, problems)).unwrap_or(Duration::from_hours(1))
}

fn read_audience(fields: &mut Fields<'_>, problems: &mut Problems) -> String {
    let audience = fields.optional("audience").and_then(|item| item.name(problems).map(str::to_owned));
    audience.unwrap_or_else(|| AUDIENCE.to_owned())
}

/// `profile`, and `algorithm`, which goes before what it says.
fn read_tokens(fields: &mut Fields<'_>, load: Load<'_>, problems: &mut Problems) -> TokenProfile {
    let profile = fields.optional("profile").and_then(|item| read_profile(&item, load, problems));
    let mut profile = profile.unwrap_or_default();
    if let Some(algorithm) = fields.optional("algorithm").and_then(|item| read_algorithm(&item, problems)) {
        profile.issues.algorithm = algorithm;
        profile.accepts.algorithms = vec![algorithm];
    }
    profile
}

fn read_issuers(
    item: &Item<'_>,
    first: &TokenProfile,
    load: Load<'_>,
    problems: &mut Problems,
) -> Vec<IssuerSpec> {
    let mut issuers: Vec<IssuerSpec> = Vec::new();
    let mut paths = vec![first.issues.issuer_path.trim_end_matches('/').to_owned()];
    let items = item.list(problems).unwrap_or_default();
    if items.len() > MOST_ISSUERS {
        let message = format!("has {} issuers, and {MOST_ISSUERS} are possible", items.len());
        item.suggest(problems, message, "leave some out");
    }
    for item in items {
        let Some(mut fields) = item.fields(problems) else { continue };
        let name_item = fields.required("name", "other", problems);
        let name = name_item.as_ref().and_then(|item| item.name(problems));
        let path_item = fields.optional("path");
        let path = path_item.as_ref().and_then(|item| read_issuer_path(item, problems));
        let mut profile = read_tokens(&mut fields, load, problems);
        fields.finish(&[("issuer", "the host is that of all; what differs is `path`")], problems);
        let (Some(name), Some(name_item)) = (name, name_item) else { continue };
        if let Some(path) = path {
            profile.issues.issuer_path = path;
        }
        // They are asked for their metadata, where a slash at the end does not count.
        let place = profile.issues.issuer_path.trim_end_matches('/').to_owned();
        if issuers.iter().any(|issuer| issuer.name == name) {
            name_item.fail(problems, format!("the issuer {} is named twice", quoted(name)));
        } else if paths.contains(&place) {
            let at = path_item.as_ref().unwrap_or(&item);
            at.suggest(problems, "is where another issuer is already", "write another `path`");
        }
        paths.push(place);
        issuers.push(IssuerSpec { name: name.to_owned(), profile });
    }
    issuers
}

/// How fast the clock is: a duration, with a minus sign where it is slow.
fn read_clock(item: &Item<'_>, problems: &mut Problems) -> Option<i64> {
    let seconds = item.quantity("a duration such as -90s", parse_seconds_either_way, problems)?;
    let most = i64::try_from(Duration::from_hours(366 * 24).as_secs()).unwrap_or(i64::MAX);
    if seconds.abs() > most {
        item.fail(problems, "must be from -8784h to 8784h");
        return None;
    }
    Some(seconds)
}

/// `true`, or a port.
fn read_admin(item: &Item<'_>, ports: &mut Ports, problems: &mut Problems) -> Option<u16> {
    match item.written() {
        Some("true" | "false") => item.flag(problems)?.then_some(0),
        Some(word) if word.bytes().all(|b| b.is_ascii_digit()) => {
            ports.take("idp", 1, item, problems).filter(|port| *port > 0)
        }
        _ => {
            let message = format!("must be true, false or a port, and is {}", item.node.describe());
            item.suggest(problems, message, "write `admin: true` for any free port");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Algorithm;
    use crate::scenario::Unreadable;
    use std::path::Path;

    fn idp(text: &str) -> Result<IdpSpec, String> {
        let text = format!(
            "version: 1\nname: x\ntopics: [{{ name: t }}]\npartners: [{{ name: p, secret: {{ env: S }} }}]\n\
             workload: [{{ partner: p, topic: t, format: v2-json, payload: {{ file: r }}, \
             arrivals: {{ constant: 1/s }}, for: 1s }}]\nallow_hosts: [login.example.com]\nstack: {{ idp: {text} }}\n"
        );
        let load = |path: &Path| match path.to_str() {
            Some("a/mine.yaml") => Ok("version: 1\nname: mine\nissues: { issuer_path: /mine }\n".to_owned()),
            Some("a/idp.yaml") => Ok("version: 1\nname: idp\nimage: idp:1\nport: 8080\n".to_owned()),
            Some("a/life.yaml") => {
                Ok("version: 1\nname: idp\nimage: idp:1\nport: 8080\nenv: { LIFE: '{token_life}' }\n"
                    .to_owned())
            }
            Some("a/bad.yaml") => Ok("version: 1\nname: bad\nissues: { claims: { exp: 1 } }\n".to_owned()),
            _ => Err(Unreadable { line: 0, column: 0, message: "is not there".into() }),
        };
        crate::scenario::parse(&text, Path::new("a/x"), &[], &load)
            .map(|scenario| scenario.stack.idp)
            .map_err(|error| error.to_string())
    }

    fn embedded(text: &str) -> EmbeddedIdp {
        match idp(text) {
            Ok(IdpSpec::Embedded(idp)) => *idp,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn an_embedded_one_is_plain_unless_it_is_said_otherwise() {
        let plain = embedded("embedded");
        assert_eq!(plain.profile, TokenProfile::default());
        assert_eq!((plain.audience.as_str(), plain.clock_s, plain.admin), ("landfall-api", 0, None));
        assert!(plain.issuers.is_empty() && plain.rate_limit.is_none());
        let full = embedded(
            "{ profile: mine.yaml, algorithm: EdDSA, audience: api, clock: -1m30s, admin: true, \
             rate_limit: { rate: 5/s, burst: 2 }, issuers: [{ name: a, profile: okta }, { name: b, path: /b/, algorithm: PS512 }] }",
        );
        assert_eq!((full.profile.name.as_str(), full.clock_s, full.admin), ("mine", -90, Some(0)));
        assert_eq!(full.profile.issues.algorithm, Algorithm::EdDsa);
        assert_eq!(full.profile.accepts.algorithms, [Algorithm::EdDsa]);
        let issuers: Vec<_> = full
            .issuers
            .iter()
            .map(|issuer| (issuer.name.as_str(), issuer.profile.issues.issuer_path.as_str()))
            .collect();
        assert_eq!(issuers, [("a", "/oauth2/default"), ("b", "/b/")]);
        assert_eq!(full.issuers[1].profile.issues.algorithm, Algorithm::Ps512);
    }

    #[test]
    fn how_long_tokens_live_is_known_where_the_provider_is_told() {
        for (text, known) in [
            ("adapter: keycloak, token_life: 5m", Some(300)),
            ("adapter: mock-oauth2", Some(3600)),
            ("adapter: life.yaml, token_life: 5m", Some(300)),
            ("adapter: idp.yaml", None),
        ] {
            let Ok(IdpSpec::Container(idp)) = idp(&format!("{{ kind: container, {text} }}")) else {
                panic!("{text}")
            };
            let life = idp.adapter.tells_token_life().then_some(idp.token_life.as_secs());
            assert_eq!(life, known, "{text}");
        }
    }

    #[test]
    fn an_issuer_is_kept_to_the_letter() {
        for (text, place) in [
            (
                "issuer: 'https://login.example.com/a/'",
                MetadataPlace::Issuer("https://login.example.com/a/".into()),
            ),
            ("discovery: 'http://127.0.0.1:1/d'", MetadataPlace::Url("http://127.0.0.1:1/d".into())),
        ] {
            let read =
                idp(&format!("{{ kind: external, {text}, audience_parameter: resource, profile: auth0 }}"));
            let Ok(IdpSpec::External(idp)) = read else { panic!("{read:?}") };
            assert_eq!((idp.place, idp.audience.as_str()), (place, "landfall-api"));
            assert_eq!(idp.audience_parameter, AudienceParameter::Resource);
            assert_eq!(idp.profile.name, "auth0");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (text, sentence) in [
            ("{ kind: external }", "stack.idp: says no `issuer` and no `discovery`"),
            ("{ kind: external, issuer: 'https://other.example.com' }", "load may not be sent to the host"),
            (
                "{ kind: external, issuer: 'http://127.0.0.1:1', discovery: 'http://127.0.0.1:1' }",
                "cannot stand beside",
            ),
            (
                "{ kind: external, issuer: 'http://127.0.0.1:1', port: 5 }",
                "stack.idp.port: belongs to `kind: embedded`",
            ),
            ("{ kind: external, url: 'http://127.0.0.1:1' }", "stack.idp.url: write its `issuer`"),
            (
                "{ kind: external, issuer: 'http://127.0.0.1:1', tls: { ca: x } }",
                "is of no use where the URL is http",
            ),
            ("{ issuer: 'http://127.0.0.1:1' }", "stack.idp.issuer: belongs to `kind: external`"),
            ("{ url: 'http://127.0.0.1:1' }", "stack.idp.url: one that runs already is `kind: external`"),
            ("{ profile: otka }", "stack.idp.profile: no profile `otka` ships"),
            ("{ profile: ./none.yaml }", "stack.idp.profile: `a/./none.yaml` is not there"),
            ("{ profile: bad.yaml }", "a/bad.yaml:3:26: issues.claims.exp: is written into every token"),
            ("{ algorithm: HS256 }", "stack.idp.algorithm: `HS256` takes a shared secret"),
            ("{ issuers: [{ name: a }] }", "stack.idp.issuers[0]: is where another issuer is"),
            (
                "{ issuers: [{ name: a, path: /a }, { name: b, path: /a/ }] }",
                "stack.idp.issuers[1].path: is where",
            ),
            ("{ issuers: [{ name: a, path: /a }, { name: a, path: /b }] }", "the issuer `a` is named twice"),
            ("{ issuers: [{ name: a, path: a }] }", "stack.idp.issuers[0].path: must be a path"),
            ("{ clock: 1500ms }", "stack.idp.clock: is finer than 1s"),
            ("{ clock: -9000h }", "stack.idp.clock: must be from -8784h to 8784h"),
            ("{ admin: 7, port: 7 }", "stack.idp.admin: the port 7 is that of the box idp"),
            ("{ admin: maybe }", "stack.idp.admin: must be true, false or a port"),
            ("{ rate_limit: { rate: 0/s, burst: 1 } }", "must be above zero"),
            (
                "{ kind: container, adapter: idp.yaml, token_life: 5m }",
                "a/x:7:65: stack.idp.token_life: is told by nobody: the adapter has no placeholder for it; let `{token_life}`",
            ),
            ("{ kind: none, profile: okta }", "stack.idp.profile: has no meaning with `kind: none`"),
        ] {
            let error = idp(text).unwrap_err();
            assert!(error.contains(sentence), "{text}: {error}");
        }
    }
}
