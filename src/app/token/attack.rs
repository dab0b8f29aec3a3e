//! `landfall token attack`: the evil variants of a good token, one a line, for who tries an authorizer by hand or by tools
//! of his own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::SystemTime;

use hyper::Uri;
use serde_json::{Map, Value, json};

use super::file::replace_owner_only;
use super::{Input, TokenError, date, read_key, seconds, trusting};
use crate::app::conform::{foreign_keys, spare_key};
use crate::app::published_keys::{Place, PublishedKeys};
use crate::app::run::random_run_id;
use crate::conform::auth::{GROUPS, Material, Object, Signing, outline};
use crate::conform::{Case, Need, Probe, Step};
use crate::doubles::authorizer::{Presented, Terms, examine};
use crate::jose::{Algorithm, Compact, PublicKey};
use crate::report::plain;
use crate::scenario::{TokenProfile, host_is_allowed};
use crate::secret::Secret;

/// What is to be done with a good token.
#[derive(Debug)]
pub struct Attack {
    /// Where the issuer's keys are.
    pub keys: Place,
    /// Who is trusted there, where it is not the system's authorities.
    pub ca: Option<PathBuf>,
    /// The issuer's private key, where it is at hand.
    pub key: Option<PathBuf>,
    /// What an authorizer takes.
    pub profile: TokenProfile,
    /// The topic that is written to; `None`: the first that the token permits.
    pub topic: Option<String>,
    /// The API that the token is for; `None`: as it says.
    pub audience: Option<String>,
    /// Hosts that may be attacked, besides this machine.
    pub allowed: Vec<String>,
}

/// The evil variants of a token.
#[derive(Debug)]
pub struct Variants {
    /// Lines of JSON: the banner, and a line for each variant.
    pub lines: Secret,
    /// How many variants there are.
    pub count: usize,
    /// How many were left out, by what they need.
    pub left_out: Vec<(Need, usize)>,
    /// How many cases of the suite are more than one request with one token.
    pub elsewhere: usize,
}

impl Variants {
    /// Writes them into a file that nobody but its owner can read.
    ///
    /// # Errors
    /// [`TokenError::Write`].
    pub fn write(&self, path: &std::path::Path) -> Result<(), TokenError> {
        replace_owner_only(path, self.lines.expose())
    }
}

/// A good token, taken apart.
struct Good<'i> {
    parts: Compact<'i>,
    header: Object,
    claims: Object,
    algorithm: Algorithm,
}

impl<'i> Good<'i> {
    fn read(input: &'i Input) -> Result<Self, TokenError> {
        let no_jwt = || TokenError::NoJwt("spoil");
        let parts = Compact::split(input.token()).ok_or_else(no_jwt)?;
        let object = |bytes: Option<Vec<u8>>| -> Option<Object> { serde_json::from_slice(&bytes?).ok() };
        let header = object(parts.decoded_header()).ok_or_else(no_jwt)?;
        let claims = object(parts.decoded_payload()).ok_or_else(no_jwt)?;
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::of_name);
        Ok(Self { parts, algorithm: algorithm.ok_or_else(no_jwt)?, header, claims })
    }

    fn text(&self, claim: &str) -> &str {
        self.claims.get(claim).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Makes the variants of a good token, for a system that may be attacked.
///
/// # Errors
/// [`TokenError`]: the token's issuer is somewhere that nobody allowed, or something is missing that variants are made of.
pub async fn attack(input: &Input, attack: &Attack, now: SystemTime) -> Result<Variants, TokenError> {
    let good = Good::read(input)?;
    // Before anything is asked of anybody.
    check_hosts(&good, attack)?;
    let keys = PublishedKeys::get(&attack.keys, &trusting(attack.ca.as_deref())).await?;
    let material = gather(&good, input, attack, &keys, now).await?;
    let single: BTreeSet<String> =
        outline()?.into_iter().filter(|case| shape(case).is_some()).map(|case| case.id).collect();
    let mut cases: Vec<Case> =
        GROUPS.iter().flat_map(|write_down| write_down(&material, seconds(now))).collect();
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    let banner = banner(&good, now);
    let mut lines = vec![json!({ "banner": banner }).to_string()];
    let (mut left_out, mut elsewhere) = (BTreeMap::<Need, usize>::new(), 0);
    for case in &cases {
        if let Some(probe) = shape(case).filter(|probe| probe.target == format!("/topics/{}", material.topic))
        {
            lines.push(line(case, probe));
        } else if single.contains(&case.id) && case.steps.is_empty() {
            // What one missing thing would give, another may still keep away: each is said.
            case.needs
                .iter()
                .filter(|need| lacks(&material, **need))
                .for_each(|need| *left_out.entry(*need).or_default() += 1);
        } else {
            elsewhere += 1;
        }
    }
    let count = lines.len() - 1;
    Ok(Variants {
        lines: Secret::new(lines.join("\n") + "\n"),
        count,
        left_out: left_out.into_iter().collect(),
        elsewhere,
    })
}

/// Whether the material has not what is needed. Of what needs anything else than the issuer's key, nothing is there.
fn lacks(material: &Material, need: Need) -> bool {
    need != Need::Signer || material.signer.is_none()
}

/// The request of a case that is one request with one header `Authorization`, so that a token says it all.
fn shape(case: &Case) -> Option<&Probe> {
    let [Step::Send(probe)] = case.steps.as_slice() else { return None };
    credentials(probe).map(|_| &**probe)
}

/// The one header `Authorization`, called so and beside `Content-Type` alone.
fn credentials(probe: &Probe) -> Option<&Secret> {
    let mut others = probe.headers.iter().filter(|(name, _)| name != "Content-Type");
    let (name, value) = others.next()?;
    (name == "Authorization" && others.next().is_none()).then_some(value)
}

fn line(case: &Case, probe: &Probe) -> String {
    let authorization = credentials(probe).map_or("", Secret::expose);
    json!({
        "id": case.id,
        "level": case.level.name(),
        "what": case.what,
        "expected": probe.expected.in_words(),
        "authorization": authorization,
    })
    .to_string()
}

/// What the file says of itself, for who finds it.
fn banner(good: &Good<'_>, now: SystemTime) -> String {
    format!(
        "landfall {} made these tokens at {}, wrong on purpose, from one that `{}` had issued. Send them only where you may \
         attack. Those that are otherwise good end in 5 min. `expected` is what an authorizer must do with each.",
        env!("CARGO_PKG_VERSION"),
        date(seconds(now)),
        good.text("iss"),
    )
}

/// That issuer and keys are on this machine, or at hosts that were named.
fn check_hosts(good: &Good<'_>, attack: &Attack) -> Result<(), TokenError> {
    let issuer = good.text("iss");
    let uri: Uri = issuer.parse().unwrap_or_default();
    // Of what is no URL, the whole is to be named.
    let host = uri.scheme().and(uri.host()).unwrap_or(issuer).trim_matches(['[', ']']).to_owned();
    let places = [("the token's issuer", Some(host)), ("the key set", attack.keys.host())];
    for (what, host) in places {
        if let Some(host) = host.filter(|host| !host_is_allowed(host, &attack.allowed)) {
            return Err(TokenError::Forbidden { what, host: plain(&host) });
        }
    }
    Ok(())
}

/// What cases are made of, as far as it is at hand.
async fn gather(
    good: &Good<'_>,
    input: &Input,
    attack: &Attack,
    keys: &PublishedKeys,
    now: SystemTime,
) -> Result<Material, TokenError> {
    let public = signer(good, keys)?;
    let kid = good.header.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned();
    let signer = match &attack.key {
        None => None,
        Some(path) => {
            let key = read_key(path)?;
            if *key.public() != public {
                return Err(TokenError::OtherKey(path.clone()));
            }
            Some(Signing { key, algorithm: good.algorithm, kid })
        }
    };
    let accepts = attack.profile.accepts.clone();
    let audience =
        attack.audience.clone().or_else(|| audience(&good.claims)).ok_or(TokenError::NoAudience)?;
    let terms = Terms { issuer: None, audience: None, accepts: accepts.clone() };
    let topics = || examine(Presented::Token(input.token()), &terms, None, now).topics;
    let topic = attack.topic.clone().or_else(|| topics().into_iter().next()).ok_or(TokenError::NoTopic)?;
    let (attacker, rsa) = foreign_keys().await?;
    let spare = spare_key(good.algorithm, rsa).await?;
    Ok(Material {
        accepts,
        token: Secret::new(input.token()),
        header: good.header.clone(),
        claims: good.claims.clone(),
        public,
        audience,
        client_secret: None,
        topic,
        other: None,
        signer,
        spare,
        attacker,
        base_path: String::new(),
        sink: None,
        rotation: None,
        own: false,
        cold: false,
        copies: 1,
        clock: false,
        cache: None,
        run: random_run_id().to_string(),
    })
}

/// The key that signed the token.
fn signer(good: &Good<'_>, keys: &PublishedKeys) -> Result<PublicKey, TokenError> {
    let mut signers = keys.signers(&good.parts, good.algorithm).into_iter();
    signers.next().map(|(_, key)| key).ok_or_else(|| TokenError::Unsigned(keys.place().to_owned()))
}

/// The first API that a token is for.
fn audience(claims: &Map<String, Value>) -> Option<String> {
    match claims.get("aud")? {
        Value::Array(all) => all.iter().find_map(Value::as_str),
        one => one.as_str(),
    }
    .map(str::to_owned)
}
