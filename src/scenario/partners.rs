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
    // Without an identity provider nobody writes `Authorization`, which some gateways want something else in.
    let tokens = !matches!(stack.map(|stack| &stack.idp), Some(IdpSpec::None));
    let headers =
        fields.optional("headers").map(|item| read_headers(&item, tokens, problems)).unwrap_or_default();
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

/// Headers by their names in small letters, each with text or a reference to a secret; `tokens` says whether requests carry
/// tokens.
fn read_headers(item: &Item<'_>, tokens: bool, problems: &mut Problems) -> BTreeMap<String, Value> {
    let mut headers = BTreeMap::new();
    let Some(fields) = item.fields(problems) else { return headers };
    for (entry, item) in fields.all().into_iter().filter(|(entry, _)| !entry.value.is_null()) {
        let name = entry.key.to_ascii_lowercase();
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            item.suggest(problems, "must be the name of a header", "write for instance `X-Source: shop`");
        } else if OWN_HEADERS.contains(&name.as_str()) && (tokens || name != "authorization") {
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
    let mut spec = TokenSpec {
        renew: Renew::Ahead,
        renew_on: Vec::new(),
        jitter: Duration::ZERO,
        grace: grace_of(stack),
    };
    let Some(mut fields) = item.and_then(|item| item.fields(problems)) else { return spec };
    if let Some(item) = fields.optional("renew") {
        spec.renew = read_renew(&item, stack, problems).unwrap_or(Renew::Ahead);
    }
    if let Some(item) = fields.optional("renew_on") {
        if spec.renew == Renew::Never {
            item.suggest(problems, "has no meaning for a token that is never renewed", "remove it");
        }
        let items = item.list(problems).unwrap_or_default();
        spec.renew_on = items.iter().filter_map(|item| item.integer(&(400..=499), problems)).collect();
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
        Some(GatewaySpec::External { .. } | GatewaySpec::None) | None => USUAL_GRACE,
    }
}

#[cfg(test)]
mod tests;
