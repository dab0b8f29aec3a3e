//! What is wrong with a template, and where in it.

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", place(.pointer))]
pub struct TemplateError {
    /// JSON pointer (RFC 6901) to the place in the template as it is written.
    pub pointer: String,
    /// What is wrong there.
    pub problem: Problem,
}

fn place(pointer: &str) -> String {
    if pointer.is_empty() { "at the root: ".to_owned() } else { format!("at {pointer}: ") }
}

/// What can be wrong at one place of a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No such generator.
    #[error("there is no generator `{name}`; {suggestion} A member of that name is written `${name}`")]
    UnknownGenerator {
        /// As written.
        name: String,
        /// The nearest, or all there are.
        suggestion: String,
    },
    /// A generator with other members beside it.
    #[error(
        "`{name}` stands beside other members, and a generator stands alone in its object; a member of that name is \
         written `${name}`"
    )]
    NotAlone {
        /// The member's name.
        name: String,
    },
    /// A generator without a mapping or list of parameters.
    #[error("`{generator}` takes {wanted}, and not {found}")]
    Parameters {
        /// The generator.
        generator: &'static str,
        /// What it takes.
        wanted: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A parameter that the generator does not have.
    #[error("`{generator}` has no parameter `{name}`; {suggestion}")]
    UnknownParameter {
        /// The generator.
        generator: &'static str,
        /// As written.
        name: String,
        /// The nearest, or all there are.
        suggestion: String,
    },
    /// A parameter that must be there.
    #[error("`{generator}` needs `{name}`; write for instance {example}")]
    Missing {
        /// The generator.
        generator: &'static str,
        /// The parameter.
        name: &'static str,
        /// A whole generator.
        example: &'static str,
    },
    /// A parameter's value.
    #[error("must be {wanted}, and is {found}")]
    Value {
        /// What it must be.
        wanted: String,
        /// What it is.
        found: String,
    },
    /// Not an object.
    #[error("is not a JSON object, so it cannot carry the identity as a member; write `identity: key`")]
    NotAnObject,
    /// The member is taken.
    #[error("has a member `{member}` of its own; name another one with `identity: {{ member: … }}`")]
    MemberTaken {
        /// The member.
        member: String,
    },
    /// No string stands there, or not in each record.
    #[error("has no string at `{pointer}` that the identity could replace")]
    NoString {
        /// The pointer.
        pointer: String,
    },
    /// No value stands there, or not in each record.
    #[error("has no value at `{pointer}` in each record, which `key` points at")]
    NoKeyThere {
        /// The pointer.
        pointer: String,
    },
    /// The key would be different for each record.
    #[error(
        "holds the identity within the value at `{pointer}`, which is the key: each record would have a key of its own; \
         let the identity stand elsewhere"
    )]
    KeyHoldsIdentity {
        /// The pointer.
        pointer: String,
    },
    /// `$key` without keys to draw.
    #[error(
        "`$key` is the record's drawn key, and no keys are drawn; write for instance `key: {{ uniform: 1000 }}`"
    )]
    NoKeys,
}
