//! Partners: who they are, alone or as a fleet, and how they keep their tokens.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use super::decode::{Fields, Item};
use super::error::{Problems, quoted};
use super::model::{
    ApiSpec, ClientAuth, Expect, GatewaySpec, IdpSpec, Partner, Renew, SecretSource, StackSpec, TokenSpec,
    Value, Workload,
};
use super::quantity::format_duration;
use super::read::items;
use super::secrets::{read_named_value, read_secret};
use super::tree::Kind;
use super::workload::Names;

/// The most members that a fleet may have.
const LARGEST_FLEET: usize = 1000;

/// How long an expired token may be accepted where the path does not tell: an authorizer result of Amazon API Gateway
/// is kept for 300 s by default, and 30 s is a usual leeway of clocks.
const USUAL_GRACE: Duration = Duration::from_secs(330);
/// How long an authorizer's results are kept where a definition says nothing.
const UNSAID_TTL: Duration = Duration::from_mins(5);

const RENEWALS: &str = "possible are `ahead`, `{ before: 10s }`, `at-expiry`, `never`";

/// All partners of a scenario.
#[derive(Debug, Default)]
pub(super) struct Partners {
    /// The partners, each member of a fleet by itself.
    pub(super) list: Vec<Partner>,
    /// The names in the file, one for a fleet.
    pub(super) names: Names,
    /// The partners behind each name: several for a fleet.
    behind: Vec<Range<usize>>,
}

impl Partners {
    /// The streams that a workload stands for, whose `partner` is the place of a name: one for each partner behind it.
    /// `place` is where the workload stands in the file's list.
    pub(super) fn streams(&self, workload: &Workload, place: usize) -> impl Iterator<Item = Workload> {
        let behind = self.behind.get(workload.partner).cloned().unwrap_or_default();
        behind.map(move |partner| Workload { place, partner, ..workload.clone() })
    }
}

/// Reads the partners. `stack` is `None` if it could not be read.
pub(super) fn read_partners(
    fields: &mut Fields<'_>,
    stack: Option<&StackSpec>,
    problems: &mut Problems,
) -> Partners {
    let items = items(fields, "partners", "[{ name: seismic, secret: generated }]", problems);
    let mut read = Partners::default();
    read.names.complete = !items.is_empty();
    let mut taken = Taken::default();
    for item in &items {
        let written = read_partner(item, stack, problems).filter(|written| taken.take(written, problems));
        read.names.complete &= written.is_some();
        let Some(written) = written else { continue };
        let first = read.list.len();
        read.names.names.push(written.one.name.clone());
        read.list.extend(written.partners());
        read.behind.push(first..read.list.len());
    }
    read
}

/// A partner or fleet as it stands in the file.
struct Written<'t> {
    /// The partner, or what all members have in common.
    one: Partner,
    /// How many members a fleet has.
    count: Option<usize>,
    name_item: Item<'t>,
    id_item: Option<Item<'t>>,
}

impl Written<'_> {
    /// The partners that it stands for.
    fn partners(&self) -> Vec<Partner> {
        let Some(count) = self.count else { return vec![self.one.clone()] };
        let member = |number: usize| Partner {
            name: format!("{}-{number}", self.one.name),
            fleet: Some(self.one.name.clone()),
            client_id: format!("{}-{number}", self.one.client_id),
            auth: match &self.one.auth {
                ClientAuth::Basic(secret) => ClientAuth::Basic(of_member(secret, number, count)),
                ClientAuth::Post(secret) => ClientAuth::Post(of_member(secret, number, count)),
                // A file with a key holds one: it is that of all.
                ClientAuth::PrivateKeyJwt(key) => ClientAuth::PrivateKeyJwt(key.clone()),
            },
            ..self.one.clone()
        };
        (1..=count).map(member).collect()
    }
}

/// Where a member of a fleet has its secret.
fn of_member(secret: &SecretSource, number: usize, count: usize) -> SecretSource {
    match secret {
        SecretSource::File(file) => SecretSource::Line { file: file.clone(), line: number, of: count },
        other => other.clone(),
    }
}

/// The names and client ids that partners have.
#[derive(Debug, Default)]
struct Taken {
    /// Those of fleets too, which workloads name.
    names: HashSet<String>,
    /// Client ids, each with its partner.
    ids: HashMap<String, String>,
}

impl Taken {
    /// Takes the names and ids of one more; reports what another has already. False where a name is taken.
    fn take(&mut self, written: &Written<'_>, problems: &mut Problems) -> bool {
        let partners = written.partners();
        let fleet = written.count.map(|_| &written.one.name);
        let mut names = partners.iter().map(|partner| &partner.name).chain(fleet);
        if let Some(name) = names.find(|name| self.names.contains(*name)) {
            written.name_item.fail(problems, format!("the partner {} is named twice", quoted(name)));
            return false;
        }
        if let Some((id, other)) = partners.iter().find_map(|p| self.ids.get_key_value(&p.client_id)) {
            let message =
                format!("the client id {} belongs to the partner {} already", quoted(id), quoted(other));
            written.id_item.as_ref().unwrap_or(&written.name_item).fail(problems, message);
        }
        self.names.extend(fleet.cloned());
        for partner in partners {
            self.names.insert(partner.name.clone());
            self.ids.insert(partner.client_id, partner.name);
        }
        true
    }
}

fn read_partner<'t>(
    item: &Item<'t>,
    stack: Option<&StackSpec>,
    problems: &mut Problems,
) -> Option<Written<'t>> {
    const EXPECTATIONS: [(&str, Expect); 2] = [("accept", Expect::Accept), ("refuse", Expect::Refuse)];
    let mut fields = item.fields(problems)?;
    let name_item = fields.required("name", "seismic", problems);
    let name = name_item.as_ref().and_then(|item| item.name(problems));
    let count_item = fields.optional("count");
    let count = count_item.as_ref().map(|item| item.integer(&(1..=LARGEST_FLEET), problems));
    let id_item = fields.optional("client_id");
    let client_id = match &id_item {
        Some(item) => item.name(problems),
        None => name,
    };
    let auth = read_auth(&mut fields, stack, problems);
    let scope = fields.optional("scope").and_then(|item| read_scope(&item, problems)).unwrap_or_default();
    let expect = fields
        .optional("expect")
        .and_then(|item| item.choice(&EXPECTATIONS, problems))
        .unwrap_or(Expect::Accept);
    let headers = fields.optional("headers").map(|item| read_headers(&item, problems)).unwrap_or_default();
    let token_item = fields.optional("token");
    let token = read_token(token_item.as_ref(), stack, problems);
    fields.finish(&[("scopes", "the scopes stand in `scope`, one text with spaces between them")], problems);
    let count = match count {
        Some(count) => Some(count?),
        None => None,
    };
    Some(Written {
        one: Partner {
            name: name?.to_owned(),
            fleet: None,
            client_id: client_id?.to_owned(),
            auth,
            scope: scope.to_owned(),
            headers,
            expect,
            token,
        },
        count,
        name_item: name_item?,
        id_item,
    })
}

/// How a partner authenticates, and with what.
fn read_auth(fields: &mut Fields<'_>, stack: Option<&StackSpec>, problems: &mut Problems) -> ClientAuth {
    const WAYS: [(&str, Way); 3] =
        [("basic", Way::Basic), ("post", Way::Post), ("private-key-jwt", Way::PrivateKeyJwt)];
    let auth = fields.optional("auth").and_then(|item| item.choice(&WAYS, problems));
    let (secret, key) = (fields.optional("secret"), fields.optional("key"));
    let way = auth.unwrap_or(Way::Basic);
    let (given, other, sentence) = match way {
        Way::PrivateKeyJwt => {
            (key, secret, "is of no use beside `auth: private-key-jwt`, which takes a `key`")
        }
        Way::Basic | Way::Post => (secret, key, "is of no use without `auth: private-key-jwt`"),
    };
    if let Some(item) = other {
        item.suggest(problems, sentence, "remove it");
    }
    let name = if way == Way::PrivateKeyJwt { "key" } else { "secret" };
    let Some(item) = given else {
        let remedy = format!("write for instance `{name}: generated`");
        problems.suggest(fields.at(), &fields.child(name), "is missing", remedy);
        return ClientAuth::Basic(SecretSource::Generated);
    };
    let source = read_secret(&item, problems).unwrap_or(SecretSource::Generated);
    let external = matches!(stack.map(|stack| &stack.idp), Some(IdpSpec::External(_)));
    if external && source == SecretSource::Generated && item.written().is_some() {
        let remedy = "write `{ env: NAME }` or `{ file: path }`";
        item.suggest(problems, "cannot be made up, since an external IdP must know it", remedy);
    }
    match way {
        Way::Basic => ClientAuth::Basic(source),
        Way::Post => ClientAuth::Post(source),
        Way::PrivateKeyJwt => ClientAuth::PrivateKeyJwt(source),
    }
}

/// The ways of authenticating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Basic,
    Post,
    PrivateKeyJwt,
}

/// Headers that landfall writes itself, and such as frame a request.
const OWN_HEADERS: [&str; 14] = [
    "accept",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-request-id",
];

/// Headers by their names in small letters, each with text or a reference to a secret.
fn read_headers(item: &Item<'_>, problems: &mut Problems) -> BTreeMap<String, Value> {
    let mut headers = BTreeMap::new();
    let Some(fields) = item.fields(problems) else { return headers };
    for (entry, item) in fields.all().into_iter().filter(|(entry, _)| !entry.value.is_null()) {
        let name = entry.key.to_ascii_lowercase();
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            item.suggest(problems, "must be the name of a header", "write for instance `X-Source: shop`");
        } else if OWN_HEADERS.contains(&name.as_str()) {
            item.fail(problems, format!("the header {} is landfall's own", quoted(&entry.key)));
        } else if let Some(value) = read_named_value(&name, &item, problems) {
            let legal =
                |text: &String| text.bytes().all(|b| (0x20..0x7f).contains(&b)) && text.trim() == text;
            if matches!(&value, Value::Plain(text) if !legal(text)) {
                item.fail(problems, "must be printable ASCII without white space at its ends");
            }
            if headers.insert(name, value).is_some() {
                item.fail(problems, format!("the header {} is named twice", quoted(&entry.key)));
            }
        }
    }
    headers
}

/// A scope (RFC 6749, section 3.3): words of printable ASCII without `"` and `\`, parted by single spaces. None
/// at all may be asked for, too.
fn read_scope<'t>(item: &Item<'t>, problems: &mut Problems) -> Option<&'t str> {
    let scope = item.text(problems)?;
    let legal = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    if scope.is_empty() || scope.split(' ').all(|word| !word.is_empty() && word.bytes().all(legal)) {
        return Some(scope);
    }
    let message =
        "must be words of printable ASCII characters without `\"` and `\\`, with one space between them";
    item.suggest(problems, message, "write for instance `scope: quakes:write quakes:read`");
    None
}

/// How a partner keeps its token; values that have been reported are filled with the defaults.
fn read_token(item: Option<&Item<'_>>, stack: Option<&StackSpec>, problems: &mut Problems) -> TokenSpec {
    let mut spec = TokenSpec { renew: Renew::Ahead, jitter: Duration::ZERO, grace: grace_of(stack) };
    let Some(mut fields) = item.and_then(|item| item.fields(problems)) else { return spec };
    if let Some(item) = fields.optional("renew") {
        spec.renew = read_renew(&item, stack, problems).unwrap_or(Renew::Ahead);
    }
    if let Some(item) = fields.optional("jitter") {
        let longest = Duration::from_hours(1);
        if spec.renew == Renew::Never {
            item.suggest(problems, "has no meaning for a token that is never renewed", "remove it");
        }
        spec.jitter = item.duration(&(Duration::ZERO..=longest), problems).unwrap_or_default();
    }
    if let Some(item) = fields.optional("grace") {
        let longest = Duration::from_hours(24);
        spec.grace = item.duration(&(Duration::ZERO..=longest), problems).unwrap_or_default();
    }
    let life = "the life of tokens is the IdP's: write `stack: { idp: { token_life: 5m } }`";
    fields.finish(&[("life", life), ("token_life", life)], problems);
    spec
}

fn read_renew(item: &Item<'_>, stack: Option<&StackSpec>, problems: &mut Problems) -> Option<Renew> {
    if let Some(word) = item.written() {
        return match word {
            "ahead" => Some(Renew::Ahead),
            "at-expiry" => Some(Renew::AtExpiry),
            "never" => Some(Renew::Never),
            other => {
                let message = format!("{} says no time of renewal", quoted(other));
                item.suggest(problems, message, RENEWALS);
                None
            }
        };
    }
    if !matches!(item.node.kind, Kind::Mapping(_)) {
        let message = format!("must say when a token is renewed, and is {}", item.node.describe());
        item.suggest(problems, message, RENEWALS);
        return None;
    }
    let mut fields = item.fields(problems)?;
    let before = fields.required("before", "10s", problems);
    fields.finish(&[], problems);
    let item = before?;
    let before = item.duration(&(TokenSpec::SHORTEST..=Duration::from_hours(24)), problems)?;
    if let Some(life) = stack.and_then(StackSpec::token_life).filter(|life| before >= *life) {
        let message = format!(
            "the IdP's tokens live for {}, so each would have to be renewed when it is issued",
            format_duration(life)
        );
        item.suggest(problems, message, "shorten it, or raise `stack.idp.token_life`");
        return None;
    }
    Some(Renew::Before(before))
}

/// How long after its expiry the path may accept a token.
fn grace_of(stack: Option<&StackSpec>) -> Duration {
    match stack.map(|stack| &stack.gateway) {
        Some(GatewaySpec::Embedded { leeway, api, .. }) => match api {
            ApiSpec::Produce { authorizer_ttl, .. } => *authorizer_ttl + *leeway,
            // The definition is not read yet. It keeps results so long where it says nothing.
            ApiSpec::Definition(_) => UNSAID_TTL + *leeway,
        },
        Some(GatewaySpec::None) | None => USUAL_GRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use std::path::Path;

    const SECOND: Duration = Duration::from_secs(1);

    fn read(partners: &str, more: &str) -> Result<Scenario, String> {
        let text = format!(
            "version: 1\nname: x\ntopics: [{{ name: t }}]\npartners: {partners}\nworkload: [{{ partner: p, topic: t, \
             format: v2-json, payload: {{ file: r }}, arrivals: {{ constant: 1/s }}, for: 1s }}]\n{more}"
        );
        crate::scenario::parse(&text, Path::new("a/x"), &[], &|_| unreachable!("extends nothing"))
            .map_err(|error| error.to_string())
    }

    fn token(text: &str, more: &str) -> Result<TokenSpec, String> {
        read(&format!("[{{ name: p, secret: generated, token: {text} }}]"), more)
            .map(|scenario| scenario.partners[0].token)
    }

    #[test]
    fn partners_differ_in_name_and_client_id() {
        let two = |second: &str| {
            read(&format!("[{{ name: p, secret: generated }}, {{ {second}, secret: generated }}]"), "")
        };
        assert!(two("name: q").is_ok());
        assert!(two("name: q, client_id: r").is_ok());
        assert!(two("name: p, client_id: r").unwrap_err().contains("named twice"));
        assert!(two("name: q, client_id: p").unwrap_err().contains("belongs to the partner `p` already"));
        assert!(two("name: q, expect: reject").is_err());
    }

    #[test]
    fn scopes_are_those_of_oauth() {
        let scope = |text: &str| {
            read(&format!("[{{ name: p, secret: generated, scope: {text} }}]"), "")
                .map(|scenario| scenario.partners[0].scope.clone())
        };
        for good in ["''", "'quakes:write'", "'a b c'", "'!#[]~ https://x.example/y'"] {
            assert_eq!(scope(good).as_deref(), Ok(good.trim_matches('\'')), "{good}");
        }
        assert_eq!(scope("null").as_deref(), Ok(""));
        for bad in [
            "' '",
            "' a'",
            "'a '",
            "'a  b'",
            "\"a\\tb\"",
            "'a\"'",
            "'a\\'",
            "'\u{e4}'",
            "\"a\\x7f\"",
            "\"a\\nb\"",
            "7",
        ] {
            assert!(scope(bad).unwrap_err().contains("partners[0].scope: must be "), "{bad}");
        }
    }

    #[test]
    fn a_fleet_is_as_many_partners_and_streams() {
        let fleet = "[{ name: q, secret: generated }, { name: p, count: 4, client_id: c, scope: s, \
            secret: { file: secrets.txt } }]";
        let scenario = read(fleet, "").unwrap();
        let names: Vec<&str> = scenario.partners.iter().map(|partner| partner.name.as_str()).collect();
        assert_eq!(names, ["q", "p-1", "p-2", "p-3", "p-4"]);
        let third = &scenario.partners[3];
        assert_eq!((third.client_id.as_str(), third.fleet.as_deref()), ("c-3", Some("p")));
        let line = SecretSource::Line { file: "a/secrets.txt".into(), line: 3, of: 4 };
        assert_eq!(third.auth, ClientAuth::Basic(line));
        assert_eq!(scenario.partners[0].fleet, None);
        let streams: Vec<(usize, usize)> =
            scenario.workloads.iter().map(|stream| (stream.place, stream.partner)).collect();
        assert_eq!(streams, [(0, 1), (0, 2), (0, 3), (0, 4)]);
    }

    #[test]
    fn members_share_a_variable_and_no_generated_secret() {
        let secret = |text: &str| {
            let scenario = read(&format!("[{{ name: p, count: 2, secret: {text} }}]"), "").unwrap();
            scenario.partners[1].auth.clone()
        };
        assert_eq!(secret("{ env: S }"), ClientAuth::Basic(SecretSource::Env("S".into())));
        assert_eq!(secret("generated"), ClientAuth::Basic(SecretSource::Generated));
    }

    #[test]
    fn a_member_is_nobody_elses_name() {
        let two = |first: &str, second: &str| {
            read(&format!("[{{ {first}, secret: generated }}, {{ {second}, secret: generated }}]"), "")
                .unwrap_err()
        };
        let error = two("name: p-2", "name: p, count: 3");
        assert!(error.contains("partners[1].name: the partner `p-2` is named twice"), "{error}");
        assert!(two("name: p, count: 3", "name: p-3").contains("`p-3` is named twice"));
        assert!(two("name: p, count: 3", "name: p").contains("`p` is named twice"));
        let error = two("name: p, count: 3", "name: q, client_id: p-1");
        assert!(
            error.contains("partners[1].client_id: the client id `p-1` belongs to the partner `p-1`"),
            "{error}"
        );
    }

    #[test]
    fn fleets_and_streams_have_limits() {
        let fleet = |count: &str| read(&format!("[{{ name: p, count: {count}, secret: generated }}]"), "");
        assert_eq!(fleet("1").unwrap().partners[0].name, "p-1");
        assert_eq!(fleet("1000").unwrap().workloads.len(), 1000);
        for bad in ["0", "1001", "some"] {
            let error = fleet(bad).unwrap_err();
            assert!(error.contains("partners[0].count: ") && error.lines().count() == 1, "{error}");
        }
    }

    #[test]
    fn who_signs_has_a_key_and_others_a_secret() {
        let auth = |text: &str, more: &str| {
            read(&format!("[{{ name: p, {text} }}]"), more).map(|scenario| scenario.partners[0].auth.clone())
        };
        let secret = |auth: fn(SecretSource) -> ClientAuth| Ok(auth(SecretSource::Generated));
        assert_eq!(auth("secret: generated", ""), secret(ClientAuth::Basic));
        assert_eq!(auth("auth: post, secret: generated", ""), secret(ClientAuth::Post));
        assert_eq!(auth("auth: private-key-jwt, key: generated", ""), secret(ClientAuth::PrivateKeyJwt));
        let file = ClientAuth::PrivateKeyJwt(SecretSource::File("a/k.pem".into()));
        let fleet = auth("count: 2, auth: private-key-jwt, key: { file: k.pem }", "");
        assert_eq!(fleet, Ok(file), "which the members share");
        let external = "stack: { idp: { kind: external, issuer: 'http://127.0.0.1:1' } }";
        for (text, more, sentence) in [
            ("scope: a", "", "partners[0].secret: is missing"),
            ("auth: private-key-jwt", "", "partners[0].key: is missing"),
            (
                "auth: private-key-jwt, key: generated, secret: generated",
                "",
                "partners[0].secret: is of no use",
            ),
            ("secret: generated, key: generated", "", "partners[0].key: is of no use"),
            ("auth: private-key-jwt, key: hunter2", "", "a secret must not stand in a scenario"),
            ("auth: tls, secret: generated", "", "`tls` is not possible"),
            ("secret: generated", external, "partners[0].secret: cannot be made up"),
        ] {
            let error = auth(text, more).unwrap_err();
            assert!(error.contains(sentence) && error.lines().count() == 1, "{text}: {error}");
            assert!(!error.contains("hunter2"));
        }
        assert!(auth("secret: { env: S }", external).is_ok());
    }

    #[test]
    fn tokens_are_renewed_ahead_unless_the_scenario_says_otherwise() {
        let renew = |text: &str| token(&format!("{{ renew: {text} }}"), "").map(|spec| spec.renew);
        assert_eq!(token("null", "").map(|spec| spec.renew), Ok(Renew::Ahead));
        assert_eq!(renew("ahead"), Ok(Renew::Ahead));
        assert_eq!(renew("at-expiry"), Ok(Renew::AtExpiry));
        assert_eq!(renew("never"), Ok(Renew::Never));
        assert_eq!(renew("{ before: 90s }"), Ok(Renew::Before(90 * SECOND)));
        for bad in ["later", "10s", "[never]", "{}", "{ before: 0s }", "{ after: 1s }", "{ before: 1h }"] {
            let error = renew(bad).unwrap_err();
            assert!(error.contains("partners[0].token.renew"), "{error}");
        }
        let error = token("{ life: 5m }", "").unwrap_err();
        assert!(error.contains("stack: { idp: { token_life: 5m } }"), "{error}");
    }

    #[test]
    fn jitter_needs_renewals() {
        assert_eq!(token("{ jitter: 5s }", "").map(|spec| spec.jitter), Ok(5 * SECOND));
        let error = token("{ renew: never, jitter: 5s }", "").unwrap_err();
        assert!(error.contains("partners[0].token.jitter: has no meaning"), "{error}");
    }

    #[test]
    fn the_grace_follows_from_the_path() {
        let grace = |text: &str, more: &str| token(text, more).map(|spec| spec.grace);
        assert_eq!(grace("{}", ""), Ok(330 * SECOND));
        let gateway = "stack: { gateway: { authorizer_ttl: 0s, leeway: 2s } }\n";
        assert_eq!(grace("{}", gateway), Ok(2 * SECOND));
        assert_eq!(grace("{ grace: 5m }", gateway), Ok(300 * SECOND));
        assert_eq!(grace("{}", "stack: { gateway: none }\n"), Ok(330 * SECOND));
    }
}
