//! Writing down the cases of a group.

use super::forge::{Draft, Forge};
use super::material::Material;
use crate::conform::{Case, Control, Expected, Level, Need, Probe, Refusal, Step};
use crate::scenario::Flaw;
use crate::secret::Secret;
use crate::wire::produce::v2;

/// A refusal because nobody knows who it is.
pub(super) const UNAUTHORIZED: Expected = Expected::Refused(Refusal::Unauthorized);
/// A refusal because who it is may not.
pub(super) const FORBIDDEN: Expected = Expected::Refused(Refusal::Forbidden);
/// A refusal by whatever status.
pub(super) const ANYHOW: Expected = Expected::Refused(Refusal::Anyhow);

/// Cases about one thing, being written down.
pub(super) struct Group<'m> {
    pub(super) material: &'m Material,
    /// Seconds since 1970.
    pub(super) now: u64,
    number: u8,
    slug: &'static str,
    title: &'static str,
    level: Level,
    sources: &'static [&'static str],
    cases: Vec<Case>,
}

/// A case, being written down.
pub(super) struct Entry<'g> {
    case: &'g mut Case,
}

impl<'m> Group<'m> {
    pub(super) fn new(
        material: &'m Material,
        now: u64,
        (number, slug, title): (u8, &'static str, &'static str),
        level: Level,
        sources: &'static [&'static str],
    ) -> Self {
        Self { material, now, number, slug, title, level, sources, cases: Vec::new() }
    }

    /// The cases that have been written down.
    pub(super) fn into_cases(self) -> Vec<Case> {
        self.cases
    }

    /// A token as good as the provider's, to be spoilt.
    pub(super) fn forge(&self) -> Forge<'m> {
        self.forge_at(self.now)
    }

    /// The same, issued at another time.
    pub(super) fn forge_at(&self, now: u64) -> Forge<'m> {
        Forge::new(self.material, now, &self.marker("token"))
    }

    /// A path at the sink that is the next case's own.
    pub(super) fn trap(&self) -> String {
        format!("/{}-{}-{}", self.material.run, self.number, self.cases.len())
    }

    /// What nothing else has.
    fn marker(&self, of: &str) -> String {
        format!("{}-{}-{}-{of}", self.material.run, self.number, self.cases.len())
    }

    /// A probe that produces a record to the client's topic, without credentials.
    pub(super) fn probe(&self, what: &str, expected: Expected) -> Probe {
        self.probe_to(&self.material.topic, what, expected)
    }

    /// The same to another topic.
    pub(super) fn probe_to(&self, topic: &str, what: &str, expected: Expected) -> Probe {
        // Several probes of a case differ by what they are called.
        let marker = self.marker(&what.chars().filter(char::is_ascii_alphanumeric).collect::<String>());
        Probe {
            what: what.to_owned(),
            method: "POST",
            target: format!("/topics/{topic}"),
            headers: vec![("Content-Type".to_owned(), Secret::new(v2::JSON))],
            body: format!("{{\"records\":[{{\"value\":{{\"case\":\"{marker}\"}}}}]}}"),
            marker,
            // Whatever it carries is made of the good one.
            secrets: vec![self.material.token.clone()],
            trap: None,
            may_break: false,
            from_root: false,
            may_echo: false,
            not_of: Vec::new(),
            expected,
        }
    }

    /// A case of these steps, without needs.
    pub(super) fn add(&mut self, variant: &str, what: &str, steps: Vec<Step>) -> Entry<'_> {
        self.cases.push(Case {
            id: format!("auth/{:02}-{}/{variant}", self.number, self.slug),
            title: self.title.to_owned(),
            what: what.to_owned(),
            level: self.level,
            sources: self.sources.to_vec(),
            needs: Vec::new(),
            shows: Vec::new(),
            steps,
            slow: false,
        });
        let last = self.cases.len() - 1;
        Entry { case: &mut self.cases[last] }
    }

    /// A case of one request, with a token.
    pub(super) fn case(&mut self, variant: &str, what: &str, draft: Draft, expected: Expected) -> Entry<'_> {
        let probe = self.probe(what, expected);
        self.case_of(variant, what, draft, probe)
    }

    /// A case of one request, whose probe is otherwise made.
    pub(super) fn case_of(&mut self, variant: &str, what: &str, draft: Draft, probe: Probe) -> Entry<'_> {
        let steps = draft.token.map(|token| vec![send(probe.bearer(&token))]).unwrap_or_default();
        let entry = self.add(variant, what, steps);
        entry.case.needs = draft.needs;
        entry
    }

    /// A token that is to be refused as nobody's.
    pub(super) fn refused(&mut self, variant: &str, what: &str, draft: Draft) -> Entry<'_> {
        self.case(variant, what, draft, UNAUTHORIZED)
    }
}

impl Entry<'_> {
    /// Which mistakes it finds.
    pub(super) fn shows(self, flaws: &[Flaw]) -> Self {
        self.case.shows.extend(flaws);
        self
    }

    /// How much depends on it, where that differs from its group.
    pub(super) fn level(self, level: Level) -> Self {
        self.case.level = level;
        self
    }

    /// Where else it is written.
    pub(super) fn source(self, source: &'static str) -> Self {
        self.case.sources.push(source);
        self
    }

    /// It names URLs at this path of the sink.
    pub(super) fn trapped(self, trap: &str) -> Self {
        for step in &mut self.case.steps {
            if let Step::Send(probe) = step {
                probe.trap = Some(trap.to_owned());
            }
        }
        self
    }

    /// It takes seconds.
    pub(super) fn slow(self) -> Self {
        self.case.slow = true;
        self
    }

    /// It needs something; it has no steps where that is not `given`.
    pub(super) fn needs(self, need: Need, given: bool) -> Self {
        if !self.case.needs.contains(&need) {
            self.case.needs.push(need);
        }
        if !given {
            self.case.steps.clear();
        }
        self
    }
}

impl Probe {
    /// Sent once more, number `n`: its record can be told from that of the first.
    pub(super) fn again(mut self, n: usize) -> Self {
        if n > 0 {
            let marker = format!("{}-{n}", self.marker);
            self.body = self.body.replace(&self.marker, &marker);
            self.marker = marker;
        }
        self
    }

    /// With this header as well.
    pub(super) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), Secret::new(value)));
        self
    }

    /// With this token, as it should be sent.
    pub(super) fn bearer(self, token: &str) -> Self {
        self.with_header("Authorization", format!("Bearer {token}")).hiding(token)
    }

    /// Nobody may be told that its caller is one of these.
    pub(super) fn apart_from(mut self, names: &[String]) -> Self {
        self.not_of.extend_from_slice(names);
        self
    }

    /// It is so long that a connection may be broken off for it.
    pub(super) fn breaking(mut self) -> Self {
        self.may_break = true;
        self
    }

    /// Answers must not repeat this.
    pub(super) fn hiding(mut self, secret: &str) -> Self {
        // Of what is so short an answer may have it by chance.
        if secret.len() >= 16 {
            self.secrets.push(Secret::new(secret));
        }
        self
    }
}

/// The probe that `make` gives by a number, sent to each copy of the authorizer.
pub(super) fn send_to_each(material: &Material, make: impl Fn(usize) -> Probe) -> Vec<Step> {
    (0..material.copies).map(|copy| send(make(copy).again(copy))).collect()
}

/// A step that sends.
pub(super) fn send(probe: Probe) -> Step {
    Step::Send(Box::new(probe))
}

/// A step that does something else.
pub(super) fn act(control: Control) -> Step {
    Step::Do(control)
}
