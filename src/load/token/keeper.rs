//! The keeper: a task a partner, beside the load, which renews the partner's token as the scenario says, and the
//! account of all that.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::fetch::{Fetched, TokenError, fetch};
use super::request::Credentials;
use super::{Token, TokenCell};
use crate::record::{NEVER, Validity};
use crate::scenario::TokenSpec;
use crate::stats::Histogram;

/// How long is waited after the first renewal that fails, and how long at most, twice as long each time.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// What is assumed of a token whose IdP does not say how long it lives (RFC 6749, section 5.1: it is then known by
/// other means).
const USUAL_LIFE: Duration = Duration::from_hours(1);
/// The longest life that is believed. No run lasts so long, and the sum with any time is a time.
const LONGEST_LIFE: Duration = Duration::from_hours(365 * 24);
/// By how much a token may expire before its life is over: its times are whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);
/// How long a storm is looked at.
const STORM: Duration = Duration::from_secs(1);

/// A partner's credentials, how it keeps its token, and the token to start with.
#[derive(Debug)]
pub struct TokenSource {
    /// Place of the partner in the scenario.
    pub partner: usize,
    /// With which the token is renewed.
    pub credentials: Credentials,
    /// When.
    pub spec: TokenSpec,
    /// The first token.
    pub first: Fetched,
}

/// What became of one partner's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerTokens {
    /// Place of the partner in the scenario.
    pub partner: usize,
    /// Tokens fetched, the first included.
    pub fetched: u64,
    /// Of these, the ones that took the place of a token which had been refused before its time.
    pub replaced: u64,
    /// Renewals that failed.
    pub failed: u64,
    /// What happened to the last of these.
    pub failure: Option<String>,
    /// The longest time without a valid token.
    pub unarmed: Duration,
}

/// What became of all tokens.
#[derive(Debug, Clone, Default)]
pub struct TokenReport {
    /// By partner, in the order of the sources.
    pub partners: Vec<PartnerTokens>,
    /// How long each fetch took, in microseconds, whatever it came to: one histogram for all, since each may take as
    /// much memory as all tokens of a fleet.
    pub fetch: Histogram,
    /// The most renewals that were begun within a second.
    pub storm: u64,
}

/// Keeps the tokens of all partners. Dropped, it stops.
#[derive(Debug)]
pub struct Keeper {
    shared: Arc<Shared>,
    /// Renews for as long as it is here.
    _tasks: JoinSet<()>,
}

impl Keeper {
    /// Starts to keep the tokens of `sources`, of each in its cell. `origin` is the run's. Must be called within a
    /// tokio runtime, on which the renewals then run.
    #[must_use]
    pub fn start(sources: Vec<TokenSource>, origin: Instant) -> (Vec<Arc<TokenCell>>, Self) {
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        let mut cells = Vec::new();
        for source in sources {
            let TokenSource { partner, credentials, spec, first } = source;
            let account =
                Account { partner, credentials, spec, origin, shared: shared.clone(), place: cells.len() };
            let token = account.begin(first);
            let cell = Arc::new(TokenCell::new(token, account.spec.renew_on.clone()));
            cells.push(cell.clone());
            tasks.spawn(async move { account.keep(&cell).await });
        }
        (cells, Self { shared, _tasks: tasks })
    }

    /// What became of the tokens up to now.
    #[must_use]
    pub fn report(&self) -> TokenReport {
        let state = self.shared.lock();
        let now = Instant::now();
        let partner = |kept: &Kept| {
            let since = now.saturating_duration_since(kept.expires);
            PartnerTokens { unarmed: kept.tokens.unarmed.max(since), ..kept.tokens.clone() }
        };
        TokenReport {
            partners: state.kept.iter().map(partner).collect(),
            fetch: state.fetch.clone(),
            storm: state.storm.most,
        }
    }
}

/// What the tasks account for together.
#[derive(Debug, Default)]
struct Shared(Mutex<State>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is a few additions, which leave nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct State {
    kept: Vec<Kept>,
    fetch: Histogram,
    storm: Storm,
}

/// One partner's tokens up to now.
#[derive(Debug)]
struct Kept {
    tokens: PartnerTokens,
    /// When the current token has expired for certain.
    expires: Instant,
}

/// Counts how many renewals begin within a second.
#[derive(Debug, Default)]
struct Storm {
    recent: VecDeque<Instant>,
    most: u64,
}

impl Storm {
    fn begins(&mut self, at: Instant) {
        while self.recent.front().is_some_and(|first| at.saturating_duration_since(*first) >= STORM) {
            self.recent.pop_front();
        }
        self.recent.push_back(at);
        self.most = self.most.max(self.recent.len() as u64);
    }
}

/// A partner's account with its IdP.
struct Account {
    partner: usize,
    credentials: Credentials,
    spec: TokenSpec,
    origin: Instant,
    shared: Arc<Shared>,
    /// Place in the shared state.
    place: usize,
}

impl Account {
    /// Enters the first token.
    fn begin(&self, first: Fetched) -> Token {
        let mut state = self.shared.lock();
        state.fetch.record(micros(first.asked, first.received));
        let token = self.token(first, 1);
        let tokens = PartnerTokens {
            partner: self.partner,
            fetched: 1,
            replaced: 0,
            failed: 0,
            failure: None,
            unarmed: Duration::ZERO,
        };
        state.kept.push(Kept { tokens, expires: token.expires });
        token
    }

    /// Renews the token until the policy says no more.
    async fn keep(&self, cell: &TokenCell) {
        loop {
            let current = cell.current();
            let life = current.expires.saturating_duration_since(current.issued);
            let Some(after) = self.spec.renewed_after(life, self.partner) else { return };
            let refused = tokio::select! {
                () = tokio::time::sleep_until((current.issued + after).into()) => false,
                () = cell.refused(current.serial) => true,
            };
            if refused {
                // Who is refused whatever token it has must not ask for one after another.
                tokio::time::sleep_until((current.issued + TokenSpec::SHORTEST).into()).await;
            }
            let fetched = self.renew().await;
            let token = self.token(fetched, current.serial + 1);
            self.enter(&token, refused);
            cell.replace(token);
        }
    }

    /// Fetches a token, again and again if need be. Meanwhile the old one goes on being used, and the answers tell what
    /// comes of it.
    async fn renew(&self) -> Fetched {
        let (mut pause, longest) = BACKOFF;
        loop {
            let begun = Instant::now();
            self.shared.lock().storm.begins(begun);
            let fetched = fetch(&self.credentials).await;
            let took = micros(begun, Instant::now());
            match fetched {
                Ok(fetched) => {
                    self.shared.lock().fetch.record(took);
                    return fetched;
                }
                Err(error) => self.fail(&error, took),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    fn fail(&self, error: &TokenError, took: u64) {
        let mut state = self.shared.lock();
        state.fetch.record(took);
        let tokens = &mut state.kept[self.place].tokens;
        tokens.failed += 1;
        tokens.failure = Some(error.reason().to_owned());
    }

    /// Enters a renewed token; the one before may have been `refused`.
    fn enter(&self, token: &Token, refused: bool) {
        let mut state = self.shared.lock();
        let kept = &mut state.kept[self.place];
        kept.tokens.fetched += 1;
        kept.tokens.replaced += u64::from(refused);
        let without = Instant::now().saturating_duration_since(kept.expires);
        kept.tokens.unarmed = kept.tokens.unarmed.max(without);
        kept.expires = token.expires;
    }

    /// The token with what can be told of its times: it was issued between asking and receiving.
    fn token(&self, fetched: Fetched, serial: u64) -> Token {
        let Fetched { secret, asked, received, life, scope: _ } = fetched;
        let (known, life) = (life.is_some(), life.unwrap_or(USUAL_LIFE).min(LONGEST_LIFE));
        let good_until = asked + life.saturating_sub(ROUNDING);
        let expires = received + life;
        let expired_us = if known { micros(self.origin, expires) } else { NEVER };
        let validity = Validity { good_until_us: micros(self.origin, good_until), expired_us };
        Token { secret, issued: asked, expires, validity, serial }
    }
}

/// Whole microseconds from `from` to `to`; 0 where `to` is earlier.
fn micros(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX)
}
