//! Authorizers, made ready to be asked.

use std::borrow::Cow;
use std::time::Duration;

use regex::Regex;

use crate::api::expression::of_values;
use crate::api::model::{Authorizer, AuthorizerKind, Place, Remark};
use crate::api::reference::{Reference, Scope};

/// An authorizer, ready to be asked.
#[derive(Debug)]
pub struct PlannedAuthorizer {
    /// What it looks at.
    pub kind: PlannedKind,
    /// How long its results are kept; zero: not at all.
    pub ttl: Duration,
}

/// What an authorizer looks at.
#[derive(Debug)]
pub enum PlannedKind {
    /// One header.
    Token {
        /// Its name.
        header: String,
        /// What the whole of its value must fit.
        expression: Option<Regex>,
    },
    /// The request.
    Request {
        /// What results are kept by.
        sources: Vec<IdentitySource>,
    },
}

/// Something that identifies a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentitySource(Reference);

impl IdentitySource {
    /// `method.request.header.NAME`, `method.request.querystring.NAME`, `stageVariables.NAME` or `context.NAME`.
    fn parse(text: &str) -> Option<Self> {
        let reference = Reference::parse(text)?;
        let permitted = match &reference {
            Reference::Parameter { place, every, .. } => *place != Place::Path && !every,
            Reference::Body(_) => false,
            Reference::Context(_) | Reference::StageVariable(_) => true,
        };
        permitted.then_some(Self(reference))
    }

    /// All of its values in this request, in their order; `None` where it is missing or its last value is empty.
    #[must_use]
    pub fn values(&self, scope: &impl Scope) -> Option<Vec<String>> {
        let values: Vec<String> = match &self.0 {
            Reference::Parameter { place, name, .. } => {
                scope.parameters(*place, name).into_iter().map(Cow::into_owned).collect()
            }
            other => other.value(scope).map(Cow::into_owned).into_iter().collect(),
        };
        values.last().is_some_and(|value| !value.is_empty()).then_some(values)
    }
}

impl PlannedAuthorizer {
    /// # Errors
    /// What landfall cannot do as the definition asks.
    pub(super) fn new(authorizer: &Authorizer) -> Result<Self, Remark> {
        let remark = |member: &str, message: String| Remark {
            pointer: format!("{}/{member}", authorizer.pointer),
            message,
        };
        let kind = match &authorizer.kind {
            AuthorizerKind::Token { header, expression } => {
                // The whole value must fit: AWS documents no more than examples, which read so.
                let expression = expression.as_deref().map(of_values).transpose();
                let expression = expression.map_err(|error| {
                    let cause = error.to_string();
                    let cause = cause.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
                    let message =
                        format!("is an expression that landfall's gateway cannot evaluate: {cause}");
                    remark("identityValidationExpression", message)
                })?;
                PlannedKind::Token { header: header.clone(), expression }
            }
            AuthorizerKind::Request { sources } => {
                let parse = |source: &String| {
                    IdentitySource::parse(source).ok_or_else(|| {
                        remark("identitySource", format!("names `{source}`, which can be no identity source"))
                    })
                };
                PlannedKind::Request { sources: sources.iter().map(parse).collect::<Result<_, _>>()? }
            }
        };
        Ok(Self { kind, ttl: authorizer.ttl })
    }
}
