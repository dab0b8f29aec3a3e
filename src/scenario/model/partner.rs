//! Partners and the life of their tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{SecretSource, Value};

/// A client identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Partner {
    /// Name within the scenario; of a member of a fleet, the fleet's name and the member's number.
    pub name: String,
    /// The fleet that it is a member of, by name.
    pub fleet: Option<String>,
    /// OAuth client id.
    pub client_id: String,
    /// How it proves to the identity provider that it is this client.
    pub auth: ClientAuth,
    /// Scopes asked for and granted, separated by spaces.
    pub scope: String,
    /// Headers that its requests have besides those that all have, by name in small letters.
    pub headers: BTreeMap<String, Value>,
    /// What every request of this partner must meet with while its token is valid.
    pub expect: Expect,
    /// When its token is renewed, and for how long an expired one may still be accepted.
    pub token: TokenSpec,
}

/// How a client authenticates at the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAuth {
    /// By its secret in HTTP Basic (RFC 6749, section 2.3.1): `client_secret_basic`.
    Basic(SecretSource),
    /// By its secret in the request's body: `client_secret_post`.
    Post(SecretSource),
    /// By a token that it signs itself (RFC 7523): `private_key_jwt`. A private key in PEM; a file is read whole.
    PrivateKeyJwt(SecretSource),
}

/// What must happen to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It must be accepted.
    Accept,
    /// It must be refused.
    Refuse,
}

/// How a partner keeps its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSpec {
    /// When it is renewed.
    pub renew: Renew,
    /// The statuses upon which it is renewed at once, as clients do that believe an answer more than their clock: once a
    /// token, and not within [`TokenSpec::SHORTEST`] of the one before.
    pub renew_on: Vec<u16>,
    /// Over how much time the renewals of several partners are spread, each towards an earlier time.
    pub jitter: Duration,
    /// How long after its expiry an authorizer may still accept a token: kept results and leeway.
    pub grace: Duration,
}

/// When a token is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renew {
    /// When a tenth of its life is left, but two seconds at least and half a minute at most.
    Ahead,
    /// So long before it expires.
    Before(Duration),
    /// When it has expired.
    AtExpiry,
    /// Never: what is sent after its expiry must be refused.
    Never,
}

impl TokenSpec {
    /// The shortest time from one token to the next.
    pub const SHORTEST: Duration = Duration::from_secs(1);

    /// How long after its issue a token that lives for `life` is renewed, if it is; `partner` is the partner's place in
    /// the scenario, which gives it its share of the jitter.
    ///
    /// Where the life is too short for what is asked, the token is renewed after [`TokenSpec::SHORTEST`].
    #[must_use]
    pub fn renewed_after(&self, life: Duration, partner: usize) -> Option<Duration> {
        let margin = match self.renew {
            Renew::Never => return None,
            Renew::AtExpiry => Duration::ZERO,
            Renew::Before(margin) => margin,
            Renew::Ahead => (life / 10).clamp(Duration::from_secs(2), Duration::from_secs(30)).min(life / 2),
        };
        let latest = life.saturating_sub(margin).max(Self::SHORTEST);
        let spread = self.jitter.min(latest.saturating_sub(Self::SHORTEST));
        Some(latest.saturating_sub(spread.mul_f64(share(partner))))
    }
}

/// A number in [0, 1) for each partner: the multiples of the golden ratio, without their whole part, lie about evenly
/// however many there are.
fn share(partner: usize) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_8;
    #[expect(clippy::cast_precision_loss, reason = "no scenario has 2^53 partners")]
    let multiple = partner as f64 * GOLDEN;
    multiple.fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn after(renew: Renew, jitter: Duration, life: Duration, partner: usize) -> Option<Duration> {
        TokenSpec { renew, renew_on: Vec::new(), jitter, grace: Duration::ZERO }.renewed_after(life, partner)
    }

    #[test]
    fn each_policy_has_its_time() {
        let at = |renew, life| after(renew, Duration::ZERO, Duration::from_secs(life), 7);
        let seconds = |count| Some(Duration::from_secs(count));
        assert_eq!(at(Renew::Ahead, 5), seconds(3));
        assert_eq!(at(Renew::Ahead, 100), seconds(90));
        assert_eq!(at(Renew::Ahead, 3600), seconds(3570));
        assert_eq!(at(Renew::Ahead, 2), seconds(1));
        assert_eq!(at(Renew::Before(10 * SECOND), 15), seconds(5));
        assert_eq!(at(Renew::Before(10 * SECOND), 10), seconds(1));
        assert_eq!(at(Renew::AtExpiry, 5), seconds(5));
        assert_eq!(at(Renew::AtExpiry, 0), seconds(1));
        assert_eq!(at(Renew::Never, 5), None);
    }

    #[test]
    fn jitter_spreads_the_partners_evenly() {
        let mut times: Vec<Duration> =
            (0..100).filter_map(|p| after(Renew::AtExpiry, 10 * SECOND, 60 * SECOND, p)).collect();
        times.sort_unstable();
        let widest = times.windows(2).map(|pair| pair[1].abs_diff(pair[0])).max();
        assert!(times.len() == 100 && widest < Some(SECOND / 4), "{widest:?}");
        assert!(times[0] < 51 * SECOND && times[99] == 60 * SECOND, "{times:?}");
    }

    proptest! {
        #[test]
        fn no_policy_asks_more_often_than_once_a_second(
            before in 0..100_000_u64, jitter in 0..100_000_u64, life in 0..100_000_u64, partner in 0..2000_usize,
        ) {
            let millis = Duration::from_millis;
            for renew in [Renew::Ahead, Renew::AtExpiry, Renew::Before(millis(before))] {
                let at = after(renew, millis(jitter), millis(life), partner).unwrap();
                prop_assert!(at >= SECOND && at <= millis(life).max(SECOND), "{renew:?} {at:?}");
            }
        }
    }
}
