//! What is seen of a request.

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There was an answer.
    Answered {
        /// Its status.
        status: u16,
        /// `x-amzn-ErrorType`, with which a gateway says why it refuses.
        error_type: Option<String>,
        /// The beginning of its body, without what is secret.
        excerpt: String,
        /// Whether it says of the record that it was written.
        acked: bool,
        /// Whether it is the proxy's, by the error code in its body: then the gateway and its authorizer let the request pass.
        from_behind: bool,
    },
    /// There was none in time.
    Silence,
    /// The connection ended, or there was none, or what came was no HTTP.
    Broken(String),
}

/// What is seen of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// How it ended.
    pub outcome: Outcome,
    /// How long that took, in microseconds.
    pub took_us: u64,
    /// Whether an answer repeats a secret.
    pub echoed: bool,
    /// How many records with its marker landed; `None`: the topics could not be read.
    pub landed: Option<u64>,
    /// What the target asked of the places that it was to keep away from, as methods and paths.
    pub calls: Vec<String>,
    /// What the gateway and the back end were told of the caller, each by its name; `None`: nobody knows.
    pub told: Option<Vec<(String, String)>>,
}

impl Observation {
    /// The status, where there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.outcome {
            Outcome::Answered { status, .. } => Some(status),
            Outcome::Silence | Outcome::Broken(_) => None,
        }
    }

    /// In a few words: what came.
    #[must_use]
    pub fn in_words(&self) -> String {
        match &self.outcome {
            Outcome::Answered { status, acked, .. } if (200..300).contains(status) => {
                format!(
                    "{status}, {}",
                    if *acked { "and its record acknowledged" } else { "but no record acknowledged" }
                )
            }
            Outcome::Answered { status, error_type: Some(kind), .. } => format!("{status} {kind}"),
            Outcome::Answered { status, error_type: None, .. } => status.to_string(),
            Outcome::Silence => "no answer".to_owned(),
            Outcome::Broken(how) => format!("no answer: {how}"),
        }
    }
}
