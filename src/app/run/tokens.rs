//! The partners' tokens: the first ones, before the load; and in the end what became of them all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::RunError;
use crate::load::{
    Credentials, Keeper, PartnerTokens, Target, TokenCell, TokenError, TokenReport, TokenSource, fetch_all,
};
use crate::result::Tokens;
use crate::scenario::{Expect, Partner, Renew, Scenario};
use crate::stack::Stack;
use crate::stats::time_text;

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

/// Fetches each partner's first token, if the path has an identity provider, and begins to keep them.
pub(super) async fn arm(scenario: &Scenario, stack: &Stack, origin: Instant) -> Result<Armed, RunError> {
    let mut cell_of = vec![None; scenario.partners.len()];
    let (mut sources, mut unarmed) = (Vec::new(), Vec::new());
    if let Some(endpoint) = stack.token_endpoint() {
        let endpoint = Target::resolve(&endpoint, &scenario.allow_hosts).await?;
        let secrets = (0..).map_while(|partner| stack.partner_secret(partner));
        let credentials: Vec<Credentials> = scenario
            .partners
            .iter()
            .zip(secrets)
            .map(|(partner, secret)| Credentials {
                endpoint: endpoint.clone(),
                client_id: partner.client_id.clone(),
                secret: secret.clone(),
                scope: partner.scope.clone(),
            })
            .collect();
        let fetched = fetch_all(&credentials).await;
        for (index, (credentials, first)) in credentials.into_iter().zip(fetched).enumerate() {
            let partner = &scenario.partners[index];
            match first {
                Ok(first) => {
                    cell_of[index] = Some(sources.len());
                    sources.push(TokenSource { partner: index, credentials, spec: partner.token, first });
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

/// The figures of the tokens for the result.
pub(super) fn figures(scenario: &Scenario, report: &TokenReport) -> Tokens {
    // A token that is never renewed leaves its partner without a valid one as it was told to.
    let renewed = || report.partners.iter().filter(|tokens| renews(scenario, tokens));
    let unarmed = renewed().map(|tokens| tokens.unarmed).max().unwrap_or_default();
    Tokens {
        fetched: report.partners.iter().map(|tokens| tokens.fetched).sum(),
        failed: report.partners.iter().map(|tokens| tokens.failed).sum(),
        fetch_us: report.fetch.quantiles(),
        storms: report.storm,
        unarmed_us: micros(unarmed),
        unarmed: renewed().filter(|tokens| is_starved(tokens)).count() as u64,
    }
}

/// A sentence for each partner or fleet that was without a valid token for a time, and why.
pub(super) fn notes(scenario: &Scenario, report: &TokenReport) -> Vec<String> {
    let mut groups: BTreeMap<usize, Group<'_>> = BTreeMap::new();
    let mut place_of_fleet: BTreeMap<&str, usize> = BTreeMap::new();
    for tokens in &report.partners {
        let expired = !tokens.unarmed.is_zero() && !renews(scenario, tokens);
        let Some(partner) = scenario.partners.get(tokens.partner).filter(|_| expired || is_starved(tokens))
        else {
            continue;
        };
        let place = match partner.fleet.as_deref() {
            Some(fleet) => *place_of_fleet.entry(fleet).or_insert(tokens.partner),
            None => tokens.partner,
        };
        let group = groups.entry(place).or_insert_with(|| Group { partner, members: 0, longest: tokens });
        group.members += 1;
        if tokens.unarmed > group.longest.unarmed {
            group.longest = tokens;
        }
    }
    groups.into_values().map(|group| group.sentence()).collect()
}

/// A partner, or those of a fleet, that were without a valid token for a time.
struct Group<'a> {
    partner: &'a Partner,
    members: usize,
    /// Who was without one for longest.
    longest: &'a PartnerTokens,
}

impl Group<'_> {
    fn sentence(&self) -> String {
        let Self { partner, members, longest } = self;
        let time = time_text(micros(longest.unarmed));
        let (who, time) = match &partner.fleet {
            Some(fleet) => (format!("{members} partners of the fleet `{fleet}`"), format!("up to {time}")),
            None => (format!("partner `{}`", partner.name), time),
        };
        let why = match &longest.failure {
            None => "tokens that expire are not renewed here".to_owned(),
            Some(failure) => format!("{} renewals failed, the last with: {failure}", longest.failed),
        };
        format!("{who} had no valid token for {time}: {why}")
    }
}

fn renews(scenario: &Scenario, tokens: &PartnerTokens) -> bool {
    scenario.partners.get(tokens.partner).is_some_and(|partner| partner.token.renew != Renew::Never)
}

/// Whether renewals that failed left the partner without a valid token for a time.
fn is_starved(tokens: &PartnerTokens) -> bool {
    tokens.failed > 0 && !tokens.unarmed.is_zero()
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
