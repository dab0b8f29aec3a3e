//! JSON Web Signatures, keys and tokens (RFC 7515, 7517, 7518, 7519): keys that are kept parsed, tokens signed by any of
//! the algorithms that access tokens are signed with, and signatures checked.
//!
//! `jsonwebtoken` parses a private key anew at each signature, which costs more than signing by elliptic curves, knows
//! no P-521, and signs nothing that is wrong on purpose. Here a header and a payload are signed whatever they say.

mod algorithm;
mod jwe;
mod jws;
mod private;
mod public;

pub use algorithm::{Algorithm, KeyKind, sha256};
pub use jwe::encrypted;
pub use jws::{Compact, Signer, hmac, signing_input};
pub use private::{KeyError, PrivateKey, SigningError};
pub use public::{PublicKey, PublicKeyError, base64url, from_base64url};
