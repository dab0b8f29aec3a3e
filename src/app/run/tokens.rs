//! The partners' tokens: the first ones, before the load; and in the end what became of them all.

use std::sync::Arc;
use std::time::Instant;

use super::RunError;
use crate::load::{
    ClientProof, Credentials, Keeper, PATIENCE, PartnerTokens, Target, TokenCell, TokenError, TokenReport,
    TokenSource, fetch_all,
};
use crate::result::Tokens;
use crate::scenario::{Expect, Partner, Protocol, Renew, Scenario};
use crate::stack::{PartnerAuth, Stack};
use crate::stats::{micros, time_text};

/// Partners with their tokens.
pub(super) struct Armed {
    /// The tokens.
    pub(super) cells: Vec<Arc<TokenCell>>,
    /// Which of them each partner of the scenario has.
    pub(super) cell_of: Vec<Option<usize>>,
    pub(super) keeper: Keeper,
    /// Partners that the identity provider refused a token, as it may where they must be refused.
    pub(super) unarmed: Vec<String>,
}

/// What a partner fetches its tokens with, at this endpoint; `None` where the path has no identity provider, or there is
/// no such partner.
pub(in crate::app) fn credentials_of(
    scenario: &Scenario,
    stack: &Stack,
    partner: usize,
    endpoint: &Target,
) -> Option<Credentials> {
    let provider = stack.provider()?;
    let proof = match stack.partner_auth(partner)? {
        PartnerAuth::Basic(secret) => ClientProof::Basic(secret.clone()),
        PartnerAuth::Post(secret) => ClientProof::Post(secret.clone()),
        PartnerAuth::PrivateKeyJwt(key) => ClientProof::PrivateKeyJwt(key.clone()),
    };
    let partner = scenario.partners.get(partner)?;
    Some(Credentials {
        endpoint: endpoint.clone(),
        endpoint_url: provider.token_endpoint.clone(),
        client_id: partner.client_id.clone(),
        proof,
        scope: partner.scope.clone(),
        audience: (provider.audience_parameter, provider.audience.clone()),
    })
}

/// Fetches each partner's first token, if the path has an identity provider, and begins to keep them.
pub(super) async fn arm(scenario: &Scenario, stack: &Stack, origin: Instant) -> Result<Armed, RunError> {
    let mut cell_of = vec![None; scenario.partners.len()];
    let (mut sources, mut unarmed) = (Vec::new(), Vec::new());
    if let Some(provider) = stack.provider() {
        let url = &provider.token_endpoint;
        let endpoint = Target::resolve(url, &scenario.allow_hosts, &provider.tls, Protocol::Http1).await?;
        let credentials: Vec<Credentials> = (0..scenario.partners.len())
            .map_while(|partner| credentials_of(scenario, stack, partner, &endpoint))
            .collect();
        let fetched = fetch_all(&credentials, PATIENCE).await;
        for (index, (credentials, first)) in credentials.into_iter().zip(fetched).enumerate() {
            let partner = &scenario.partners[index];
            match first {
                Ok(first) => {
                    cell_of[index] = Some(sources.len());
                    sources.push(TokenSource {
                        partner: index,
                        credentials,
                        spec: partner.token.clone(),
                        first,
                    });
                }
                // Who must be refused may be refused already here; it then goes on without a token.
                Err(TokenError::Refused { .. }) if partner.expect == Expect::Refuse => {
                    unarmed.push(partner.name.clone());
                }
                Err(source) => return Err(RunError::Token { partner: partner.name.clone(), source }),
            }
        }
    }
    let (cells, keeper) = Keeper::start(sources, origin);
    Ok(Armed { cells, cell_of, keeper, unarmed })
}

/// The figures of the tokens for the result; `key_fetches` is how often the provider's keys were asked for, where that is
/// known.
pub(super) fn figures(scenario: &Scenario, report: &TokenReport, key_fetches: Option<u64>) -> Tokens {
    let without = |at_expiry: bool| {
        let reason = move |tokens: &&PartnerTokens| match why(scenario, tokens) {
            Some(Why::Never) | None => false,
            Some(Why::AtExpiry) => at_expiry,
            Some(Why::Failed | Why::Late) => true,
        };
        report.partners.iter().filter(reason)
    };
    let unarmed = without(true).map(|tokens| tokens.unarmed).max().unwrap_or_default();
    Tokens {
        fetched: report.partners.iter().map(|tokens| tokens.fetched).sum(),
        replaced: report.partners.iter().map(|tokens| tokens.replaced).sum(),
        failed: report.partners.iter().map(|tokens| tokens.failed).sum(),
        fetch_us: report.fetch.quantiles(),
        storms: report.storm,
        unarmed_us: micros(unarmed),
        unarmed: without(false).count() as u64,
        key_fetches,
    }
}

/// A sentence for each partner or fleet that was without a valid token for a time, and why; not where it is renewed at
/// its expiry, which always takes a moment.
pub(super) fn notes(scenario: &Scenario, report: &TokenReport) -> Vec<String> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for tokens in &report.partners {
        let why = why(scenario, tokens).filter(|why| *why != Why::AtExpiry);
        let (Some(why), Some(partner)) = (why, scenario.partners.get(tokens.partner)) else { continue };
        let of_fleet =
            |group: &&mut Group<'_>| partner.fleet.is_some() && group.partner.fleet == partner.fleet;
        match groups.iter_mut().find(of_fleet) {
            Some(group) => group.add(tokens, why),
            None => groups.push(Group { partner, members: 1, longest: tokens, why }),
        }
    }
    groups.iter().map(Group::sentence).collect()
}

/// Why a partner was without a valid token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Its token is never renewed.
    Never,
    /// It is renewed when it has expired.
    AtExpiry,
    /// Renewals failed.
    Failed,
    /// A renewal took too long.
    Late,
}

/// Why a partner was without a valid token for a time, if it was.
fn why(scenario: &Scenario, tokens: &PartnerTokens) -> Option<Why> {
    let renew = scenario.partners.get(tokens.partner)?.token.renew;
    (!tokens.unarmed.is_zero()).then_some(match renew {
        Renew::Never => Why::Never,
        _ if tokens.failed > 0 => Why::Failed,
        Renew::AtExpiry => Why::AtExpiry,
        Renew::Ahead | Renew::Before(_) => Why::Late,
    })
}

/// A partner, or those of a fleet, that were without a valid token for a time.
struct Group<'a> {
    partner: &'a Partner,
    members: usize,
    /// Who was without one for longest.
    longest: &'a PartnerTokens,
    /// Why that one was.
    why: Why,
}

impl<'a> Group<'a> {
    fn add(&mut self, tokens: &'a PartnerTokens, why: Why) {
        self.members += 1;
        if tokens.unarmed > self.longest.unarmed {
            (self.longest, self.why) = (tokens, why);
        }
    }

    fn sentence(&self) -> String {
        let Self { partner, members, longest, why } = self;
        let time = time_text(micros(longest.unarmed));
        let (who, time) = match (&partner.fleet, members) {
            (Some(_), 1) | (None, _) => (format!("partner `{}`", partner.name), time),
            (Some(fleet), _) => {
                (format!("{members} partners of the fleet `{fleet}`"), format!("up to {time}"))
            }
        };
        let why = match (why, &longest.failure) {
            (Why::Never | Why::AtExpiry, _) => "tokens that expire are not renewed here".to_owned(),
            (Why::Failed, Some(failure)) => {
                let renewals =
                    if longest.failed == 1 { "1 renewal" } else { &format!("{} renewals", longest.failed) };
                format!("{renewals} failed, the last with: {failure}")
            }
            (Why::Failed | Why::Late, _) => "its renewal took too long".to_owned(),
        };
        format!("{who} had no valid token for {time}: {why}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    /// A partner of each policy, and a fleet of three.
    fn scenario() -> Scenario {
        let partner =
            |name, renew| format!("{{ name: {name}, secret: generated, token: {{ renew: {renew} }} }}");
        let text = format!(
            "version: 1\nname: x\ntopics: [{{ name: t }}]\npartners: [{}, {}, {}, {{ name: f, count: 3, secret: generated }}]\n\
             workload: [{{ partner: f, topic: t, format: v2-json, payload: {{ file: r }}, \
             arrivals: {{ constant: 1/s }}, for: 1s }}]\n",
            partner("ahead", "ahead"),
            partner("expiry", "at-expiry"),
            partner("never", "never"),
        );
        crate::scenario::parse(&text, Path::new("x"), &[], &|_| unreachable!("extends nothing")).unwrap()
    }

    /// A report of partners, each with its number, failed renewals and seconds without a valid token.
    fn report(partners: &[(usize, u64, u32)]) -> TokenReport {
        let tokens = |(partner, failed, seconds): &(usize, u64, u32)| PartnerTokens {
            partner: *partner,
            fetched: 1,
            replaced: 0,
            failed: *failed,
            failure: (*failed > 0).then(|| "it answers HTTP 503".to_owned()),
            unarmed: SECOND * *seconds,
        };
        TokenReport { partners: partners.iter().map(tokens).collect(), ..TokenReport::default() }
    }

    #[test]
    fn only_who_should_have_had_a_valid_token_counts() {
        let scenario = scenario();
        let unarmed = |partners: &[(usize, u64, u32)]| {
            let figures = figures(&scenario, &report(partners), None);
            (figures.unarmed, figures.unarmed_us / 1_000_000)
        };
        assert_eq!(unarmed(&[(0, 1, 0), (1, 0, 0)]), (0, 0));
        assert_eq!(unarmed(&[(2, 0, 9)]), (0, 0));
        assert_eq!(unarmed(&[(1, 0, 2)]), (0, 2));
        assert_eq!(unarmed(&[(1, 1, 2)]), (1, 2));
        assert_eq!(unarmed(&[(0, 0, 3), (3, 4, 5)]), (2, 5));
    }

    #[test]
    fn who_was_without_is_told_once_for_a_fleet() {
        let report = report(&[(0, 0, 3), (1, 0, 1), (2, 0, 4), (3, 1, 2), (4, 0, 0), (5, 3, 6)]);
        assert_eq!(
            notes(&scenario(), &report),
            [
                "partner `ahead` had no valid token for 3.00s: its renewal took too long",
                "partner `never` had no valid token for 4.00s: tokens that expire are not renewed here",
                "2 partners of the fleet `f` had no valid token for up to 6.00s: 3 renewals failed, the last with: it \
                 answers HTTP 503",
            ]
        );
    }
}
