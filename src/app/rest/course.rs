//! The order in which places are opened and cases tried: first all that share their boxes, then procedures, and in the end what
//! something is done to the boxes for.

use tokio::sync::watch;

use super::Trial;
use super::contained::Hands;
use super::error::RestError;
use super::place::Place;
use super::procedures::{self, CarriedOut};
use super::suite::{self, Outcome, Site};
use super::surroundings::{Group, groups};
use crate::app::golden::signalled;
use crate::app::run::Interrupt;
use crate::conform::rest::{Brokers, Requires, RestCase};
use crate::stack::StackError;

/// A suite under way.
pub(super) struct Course<'c> {
    pub(super) trial: Trial<'c>,
    /// The run's id.
    pub(super) run: &'c str,
    pub(super) interrupt: watch::Receiver<Option<Interrupt>>,
    /// What came of the cases, in the order of the plan.
    pub(super) outcomes: Vec<Outcome>,
    /// What came of the procedures, in the order of the plan.
    pub(super) procedures: Vec<procedures::Outcome>,
    /// What has been left behind, in words.
    pub(super) left: Vec<String>,
    /// Why it is not known what landed, where it is not.
    pub(super) unread: Option<String>,
    /// Where most requests went.
    pub(super) target: String,
}

impl Course<'_> {
    /// Tries everything.
    pub(super) async fn run(&mut self, each: &mut impl FnMut()) -> Result<(), RestError> {
        let Trial { plan, options, hands } = self.trial;
        let cases: Vec<&RestCase> = plan.cases.iter().map(|(_, case)| case).collect();
        let all = groups(options, self.trial.contained(), &cases, &plan.wanting);
        let (first, late): (Vec<Group>, Vec<Group>) =
            all.into_iter().partition(|group| hands.is_none() || !group.is_late());
        self.at_once(first, &cases, each).await?;
        if !self.has_ended() {
            let interrupt = self.interrupt.clone();
            let CarriedOut { outcomes, left } =
                procedures::run(self.trial, self.run, interrupt, &mut *each).await?;
            self.procedures = outcomes;
            self.left.extend(left);
        }
        let Some(hands) = hands else { return Ok(()) };
        let (own, late): (Vec<Group>, Vec<Group>) =
            late.into_iter().partition(|group| group.surroundings.own);
        self.own(hands, own, &cases, each).await?;
        let mut late = late.into_iter().peekable();
        while let Some(group) = late.next() {
            if self.has_ended() {
                break;
            }
            self.late(hands, group, &cases, each).await?;
            if late.peek().is_some() {
                self.unless_signalled(hands.stack.start_brokers()).await??;
            }
        }
        Ok(())
    }

    /// Tries what may harm a proxy, each case at another one as far as there are so many, and starts these proxies again.
    async fn own(
        &mut self,
        hands: &Hands<'_>,
        groups: Vec<Group>,
        cases: &[&RestCase],
        each: &mut impl FnMut(),
    ) -> Result<(), RestError> {
        let proxies = hands.contained.proxies.len().max(1);
        let mut groups = groups.into_iter().peekable();
        while groups.peek().is_some() && !self.has_ended() {
            let some: Vec<Group> = groups.by_ref().take(proxies).collect();
            let harmed: Vec<usize> = some.iter().map(|group| group.proxy).collect();
            self.at_once(some, cases, each).await?;
            for proxy in harmed {
                let again = async {
                    hands.stack.stop_proxy(proxy).await?;
                    hands.stack.start_proxy_again(hands.scenario, proxy, false).await
                };
                self.unless_signalled(again).await??;
            }
        }
        Ok(())
    }

    /// Tries all cases of these groups, each group in its place, some at the same time.
    async fn at_once(
        &mut self,
        groups: Vec<Group>,
        cases: &[&RestCase],
        each: &mut impl FnMut(),
    ) -> Result<(), RestError> {
        let mut sites: Vec<Site> = Vec::new();
        let mut outcome = Ok(());
        for group in groups {
            match self.open(&group, cases).await {
                Ok(place) => sites.push(Site { group, place }),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        if let Some(site) = sites.first().filter(|_| self.target.is_empty()) {
            self.target.clone_from(&site.place.url);
        }
        if outcome.is_ok() {
            outcome = self.tried(&sites, each).await;
        }
        self.close(&sites).await;
        outcome
    }

    /// Tries a group for which the brokers go.
    async fn late(
        &mut self,
        hands: &Hands<'_>,
        group: Group,
        cases: &[&RestCase],
        each: &mut impl FnMut(),
    ) -> Result<(), RestError> {
        let mut place = self.open(&group, cases).await?;
        hands.stack.kill_brokers().await?;
        place.forget_kafka();
        if group.surroundings.broker == Brokers::Never {
            // A proxy that has just been started has never heard of a broker.
            let starting = async {
                hands.stack.stop_proxy(0).await?;
                hands.stack.start_proxy_again(hands.scenario, 0, true).await
            };
            match self.unless_signalled(starting).await? {
                Ok(()) => {}
                // It may be one that does not come up without Kafka.
                Err(error @ (StackError::ContainerEnded { .. } | StackError::NotReady { .. })) => {
                    for index in group.cases {
                        self.outcomes[index] = Outcome::Without {
                            missing: Requires::StoppedBroker.name().to_owned(),
                            why: format!("the proxy does not come up while Kafka is away: {error}"),
                        };
                        each();
                    }
                    self.close(&[Site { group: Group { cases: Vec::new(), ..group }, place }]).await;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        let sites = [Site { group, place }];
        let outcome = self.tried(&sites, each).await;
        self.close(&sites).await;
        outcome
    }

    async fn open(&mut self, group: &Group, cases: &[&RestCase]) -> Result<Place, RestError> {
        let run = self.run;
        let name = |index: usize| format!("landfall-{run}-{}", index + 1);
        Place::open(self.trial, group, cases, name, &mut self.interrupt).await
    }

    async fn tried(&mut self, sites: &[Site], each: &mut impl FnMut()) -> Result<(), RestError> {
        let interrupt = self.interrupt.clone();
        suite::run(self.trial, sites, interrupt, &mut self.outcomes, each).await
    }

    async fn close(&mut self, sites: &[Site]) {
        for Site { place, .. } in sites {
            self.left.extend(place.close().await);
            self.unread = self.unread.take().or_else(|| place.unread.clone());
        }
    }

    /// Whether the first failure has ended the suite.
    fn has_ended(&self) -> bool {
        let plan = self.trial.plan;
        let case_failed = plan.cases.iter().zip(&self.outcomes).any(|((_, case), outcome)| {
            matches!(outcome, Outcome::Tried(tried) if plan.is_failure(&case.id, tried.assessment.outcome))
        });
        self.trial.options.fail_fast && (case_failed || procedures::has_failed(plan, &self.procedures))
    }

    async fn unless_signalled<T>(&self, work: impl Future<Output = T>) -> Result<T, RestError> {
        let mut interrupt = self.interrupt.clone();
        tokio::select! {
            signal = signalled(&mut interrupt) => Err(RestError::Interrupted(signal)),
            done = work => Ok(done),
        }
    }
}
