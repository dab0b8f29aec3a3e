//! What a weak authorizer does wrong.

/// A mistake that authorizers make, which the embedded one can be told to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flaw {
    /// Takes tokens with `alg: none`, in any case of letters.
    AcceptsNone,
    /// Takes a token whose signature is empty, whatever its algorithm.
    AcceptsNoSignature,
    /// Never checks a signature.
    IgnoresSignature,
    /// Checks an HMAC with the PEM of the public key, where the header asks for one.
    HmacWithPublicKey,
    /// Takes any algorithm that the key could have made, and not only those agreed on.
    AnyAlgorithm,
    /// Takes the key in the header's `jwk`.
    TrustsJwk,
    /// Fetches the key from the header's `jku`.
    TrustsJku,
    /// Reads the key of an HMAC from the file that `kid` names.
    KidAsPath,
    /// Takes any of the issuer's keys, whichever `kid` names.
    IgnoresKid,
    /// Never forgets a key that it has seen.
    KeepsRetiredKeys,
    /// Fetches the key set for each unknown `kid`.
    FetchesWithoutCoolDown,
    /// Lets everybody pass while it cannot fetch keys.
    AllowsWithoutKeys,
    /// Drops the keys that it has when it cannot fetch them anew.
    DropsKeysOnFailure,
    /// Takes a key set without keys for the truth, though it has some.
    BelievesEmptySets,
    /// Does not look at `iss`.
    IgnoresIssuer,
    /// Takes an issuer that begins with the right one.
    IssuerByPrefix,
    /// Takes an issuer that differs in case or by a slash at its end.
    IssuerNormalized,
    /// Takes a list of issuers with the right one in it.
    IssuerInList,
    /// Does not look at `aud`.
    IgnoresAudience,
    /// Takes an audience that is a part of the right one, or has it as a part.
    AudienceBySubstring,
    /// Does not look at `exp`.
    IgnoresExpiry,
    /// Takes tokens without `exp`.
    ExpiryOptional,
    /// Takes an `exp` that is no number for one that is far away.
    ExpiryOfAnyType,
    /// Takes tokens until an hour after their expiry.
    GenerousLeeway,
    /// Does not look at `nbf`.
    IgnoresNotBefore,
    /// Takes tokens without `sub`.
    SubjectOptional,
    /// Takes tokens whose claims name different clients.
    IgnoresOtherClient,
    /// Takes the last of claims that stand twice.
    LastClaimWins,
    /// Takes base64 with padding, with the standard alphabet, and with bits left over.
    LenientBase64,
    /// Does not look at `crit`.
    IgnoresCritical,
    /// Takes tokens of any type, id tokens for instance.
    AnyType,
    /// Takes a token that is bound to a key, without a proof that the caller holds it.
    IgnoresConfirmation,
    /// Looks for the scope anywhere in the text.
    ScopeBySubstring,
    /// Compares scopes without regard to case.
    ScopeInAnyCase,
    /// Allows every topic to who may write one.
    AllowsEveryTopic,
    /// Allows every topic whose name begins with one of the token's.
    TopicByPrefix,
    /// Allows the topic that results from writing the token's in small letters.
    TopicInSmallLetters,
    /// Remembers what it decided for a path, and decides the same for the next caller.
    SharesDecisions,
    /// Names its first caller to the gateway, whoever calls.
    NamesFirstCaller,
    /// Takes a token after any scheme, or none.
    AnyScheme,
    /// Tells in its error why it refuses, of which the gateway makes 500.
    ExplainsRefusals,
    /// Crashes on a token that is none.
    CrashesOnGarbage,
    /// Takes permissions from any claim that usually holds them, in any shape.
    AnyPermissionClaim,
    /// Lets a person's token do what only an application's may.
    TakesUserTokens,
}

impl Flaw {
    /// Every flaw, in the order in which documentation lists them.
    pub const ALL: [Self; 44] = [
        Self::AcceptsNone,
        Self::AcceptsNoSignature,
        Self::IgnoresSignature,
        Self::HmacWithPublicKey,
        Self::AnyAlgorithm,
        Self::TrustsJwk,
        Self::TrustsJku,
        Self::KidAsPath,
        Self::IgnoresKid,
        Self::KeepsRetiredKeys,
        Self::FetchesWithoutCoolDown,
        Self::AllowsWithoutKeys,
        Self::DropsKeysOnFailure,
        Self::BelievesEmptySets,
        Self::IgnoresIssuer,
        Self::IssuerByPrefix,
        Self::IssuerNormalized,
        Self::IssuerInList,
        Self::IgnoresAudience,
        Self::AudienceBySubstring,
        Self::IgnoresExpiry,
        Self::ExpiryOptional,
        Self::ExpiryOfAnyType,
        Self::GenerousLeeway,
        Self::IgnoresNotBefore,
        Self::SubjectOptional,
        Self::IgnoresOtherClient,
        Self::LastClaimWins,
        Self::LenientBase64,
        Self::IgnoresCritical,
        Self::AnyType,
        Self::IgnoresConfirmation,
        Self::ScopeBySubstring,
        Self::ScopeInAnyCase,
        Self::AllowsEveryTopic,
        Self::TopicByPrefix,
        Self::TopicInSmallLetters,
        Self::SharesDecisions,
        Self::NamesFirstCaller,
        Self::AnyScheme,
        Self::ExplainsRefusals,
        Self::CrashesOnGarbage,
        Self::AnyPermissionClaim,
        Self::TakesUserTokens,
    ];

    /// Its name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// What it does, as the end of a sentence that begins with "the authorizer".
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::AcceptsNone => ("accepts-none", "takes tokens with `alg: none`"),
            Self::AcceptsNoSignature => ("accepts-no-signature", "takes tokens whose signature is empty"),
            Self::IgnoresSignature => ("ignores-signature", "does not check signatures"),
            Self::HmacWithPublicKey => {
                ("hmac-with-public-key", "checks an HMAC with the public key as its secret")
            }
            Self::AnyAlgorithm => ("any-algorithm", "takes algorithms that nobody agreed on"),
            Self::TrustsJwk => ("trusts-jwk", "takes the key that stands in the token's header"),
            Self::TrustsJku => ("trusts-jku", "fetches the key from where the token's header says"),
            Self::KidAsPath => ("kid-as-path", "reads a key from the file that `kid` names"),
            Self::IgnoresKid => ("ignores-kid", "takes any key, whichever `kid` names"),
            Self::KeepsRetiredKeys => ("keeps-retired-keys", "never forgets a key that was withdrawn"),
            Self::FetchesWithoutCoolDown => {
                ("fetches-without-cool-down", "fetches the key set for each unknown `kid`")
            }
            Self::AllowsWithoutKeys => {
                ("allows-without-keys", "lets everybody pass while it cannot fetch keys")
            }
            Self::DropsKeysOnFailure => {
                ("drops-keys-on-failure", "drops the keys that it has when it cannot fetch them anew")
            }
            Self::BelievesEmptySets => {
                ("believes-empty-sets", "takes a key set without keys for the truth, though it has some")
            }
            Self::IgnoresIssuer => ("ignores-issuer", "does not look at `iss`"),
            Self::IssuerByPrefix => ("issuer-by-prefix", "takes issuers that begin with the right one"),
            Self::IssuerNormalized => {
                ("issuer-normalized", "takes issuers that differ in case or by a slash at the end")
            }
            Self::IssuerInList => ("issuer-in-list", "takes a list of issuers"),
            Self::IgnoresAudience => ("ignores-audience", "does not look at `aud`"),
            Self::AudienceBySubstring => {
                ("audience-by-substring", "takes audiences that are a part of the right one")
            }
            Self::IgnoresExpiry => ("ignores-expiry", "does not look at `exp`"),
            Self::ExpiryOptional => ("expiry-optional", "takes tokens without `exp`"),
            Self::ExpiryOfAnyType => ("expiry-of-any-type", "takes an `exp` that is no number"),
            Self::GenerousLeeway => ("generous-leeway", "takes tokens until an hour after their expiry"),
            Self::IgnoresNotBefore => ("ignores-not-before", "does not look at `nbf`"),
            Self::SubjectOptional => ("subject-optional", "takes tokens without `sub`"),
            Self::IgnoresOtherClient => {
                ("ignores-other-client", "takes tokens whose claims name different clients")
            }
            Self::LastClaimWins => ("last-claim-wins", "takes the last of claims that stand twice"),
            Self::LenientBase64 => ("lenient-base64", "takes base64 that is not base64url"),
            Self::IgnoresCritical => ("ignores-critical", "does not look at `crit`"),
            Self::AnyType => ("any-type", "takes tokens that are no access tokens"),
            Self::IgnoresConfirmation => {
                ("ignores-confirmation", "takes tokens that are bound to a key without a proof")
            }
            Self::ScopeBySubstring => ("scope-by-substring", "looks for the scope anywhere in the text"),
            Self::ScopeInAnyCase => ("scope-in-any-case", "compares scopes without regard to case"),
            Self::AllowsEveryTopic => ("allows-every-topic", "allows every topic to who may write one"),
            Self::TopicByPrefix => ("topic-by-prefix", "allows topics that begin with the right name"),
            Self::TopicInSmallLetters => {
                ("topic-in-small-letters", "allows the topic of the same name in small letters")
            }
            Self::SharesDecisions => ("shares-decisions", "gives a caller what it decided for another"),
            Self::NamesFirstCaller => {
                ("names-first-caller", "names its first caller to the gateway, whoever calls")
            }
            Self::AnyScheme => ("any-scheme", "takes a token after any scheme"),
            Self::ExplainsRefusals => {
                ("explains-refusals", "says in its error why it refuses, of which the gateway makes 500")
            }
            Self::CrashesOnGarbage => ("crashes-on-garbage", "crashes on a token that is none"),
            Self::AnyPermissionClaim => {
                ("any-permission-claim", "takes permissions from any claim, in any shape")
            }
            Self::TakesUserTokens => {
                ("takes-user-tokens", "lets a person's token do what only an application's may")
            }
        }
    }
}
