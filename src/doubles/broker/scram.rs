//! SCRAM: proving that one knows a password without saying it (RFC 5802; RFC 7677 for SHA-256).

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::config::Credentials;

/// How often the password is hashed: the least that Kafka takes (`ScramMechanism.minIterations`).
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("it is not zero");

/// What Kafka says of everything that does not fit, so that nobody learns what.
const INVALID: &str = "Authentication failed: Invalid user credentials";

/// The hash that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    /// Its name as a mechanism of SASL.
    pub(super) fn mechanism(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    fn mac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), message).as_ref().to_vec()
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }

    /// RFC 5802's `Hi`.
    fn salted(self, password: &str, salt: &[u8]) -> Vec<u8> {
        let (algorithm, length) = match self {
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
            Self::Sha512 => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
        };
        let mut salted = vec![0; length];
        pbkdf2::derive(algorithm, ITERATIONS, salt, password.as_bytes(), &mut salted);
        salted
    }
}

/// An exchange that waits for the client's proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exchange {
    hash: Hash,
    nonce: String,
    salt: Vec<u8>,
    /// What the client has said first, without its header, and what was answered.
    said: String,
    /// The header, as the client must repeat it.
    header: String,
}

impl Exchange {
    /// Takes the client's first message, and gives the answer. `random` is drawn for this exchange alone.
    ///
    /// # Errors
    /// What the client is told.
    pub(super) fn begin(
        hash: Hash,
        wanted: &Credentials,
        message: &[u8],
        random: &[u8; 32],
    ) -> Result<(Self, String), &'static str> {
        const MALFORMED: &str = "Authentication failed: Invalid SCRAM client first message";
        let message = std::str::from_utf8(message).map_err(|_| MALFORMED)?;
        // Without channel binding: `n,` or `y,`, perhaps a name to act for, and a comma.
        let mut parts = message.splitn(3, ',');
        let (Some(binding @ ("n" | "y")), Some(acts_for), Some(bare)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(MALFORMED);
        };
        let mut members = bare.split(',');
        let name = members.next().and_then(|member| member.strip_prefix("n=")).ok_or(MALFORMED)?;
        let nonce = members.next().and_then(|member| member.strip_prefix("r=")).ok_or(MALFORMED)?;
        let plain = |name: &str| name.replace("=2C", ",").replace("=3D", "=");
        let other = acts_for.strip_prefix("a=").is_some_and(|acts_for| acts_for != name);
        if nonce.is_empty() || plain(name) != wanted.username || other {
            return Err(INVALID);
        }
        let (mine, salt) = random.split_at(16);
        let nonce = format!("{nonce}{}", hex::encode(mine));
        Ok(Self::answered(hash, nonce, salt.to_vec(), bare, format!("{binding},{acts_for},")))
    }

    fn answered(hash: Hash, nonce: String, salt: Vec<u8>, bare: &str, header: String) -> (Self, String) {
        let answer = format!("r={nonce},s={},i={ITERATIONS}", STANDARD.encode(&salt));
        let said = format!("{bare},{answer}");
        (Self { hash, nonce, salt, said, header }, answer)
    }

    /// Takes the client's proof, and gives the broker's own.
    ///
    /// # Errors
    /// What the client is told.
    pub(super) fn finish(&self, wanted: &Credentials, message: &[u8]) -> Result<String, &'static str> {
        const MALFORMED: &str = "Authentication failed: Invalid SCRAM client final message";
        let message = std::str::from_utf8(message).map_err(|_| MALFORMED)?;
        let (without_proof, proof) = message.rsplit_once(",p=").ok_or(MALFORMED)?;
        let mut members = without_proof.split(',');
        let header = members.next().and_then(|member| member.strip_prefix("c=")).ok_or(MALFORMED)?;
        let nonce = members.next().and_then(|member| member.strip_prefix("r=")).ok_or(MALFORMED)?;
        let proof = STANDARD.decode(proof).map_err(|_| MALFORMED)?;
        if STANDARD.decode(header).map_err(|_| MALFORMED)? != self.header.as_bytes() || nonce != self.nonce {
            return Err(INVALID);
        }
        let Self { hash, salt, said, .. } = self;
        let salted = hash.salted(wanted.password.expose(), salt);
        let stored = hash.digest(&hash.mac(&salted, b"Client Key"));
        let everything = format!("{said},{without_proof}");
        let signature = hash.mac(&stored, everything.as_bytes());
        if proof.len() != signature.len() {
            return Err(INVALID);
        }
        let key: Vec<u8> = proof.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        if hash.digest(&key) != stored {
            return Err(INVALID);
        }
        let own = hash.mac(&hash.mac(&salted, b"Server Key"), everything.as_bytes());
        Ok(format!("v={}", STANDARD.encode(own)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn wanted(password: &str) -> Credentials {
        Credentials { username: "user".to_owned(), password: Secret::new(password) }
    }

    /// The exchange of RFC 7677, section 3.
    #[test]
    fn it_is_the_exchange_of_the_specification() {
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let (exchange, answer) = Exchange::answered(
            Hash::Sha256,
            nonce.to_owned(),
            salt,
            "n=user,r=rOprNGfwEbeRWgbNEkqO",
            "n,,".to_owned(),
        );
        assert_eq!(answer, format!("r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
        let last = format!("c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        let own = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        assert_eq!(exchange.finish(&wanted("pencil"), last.as_bytes()).as_deref(), Ok(own));
        assert_eq!(exchange.finish(&wanted("pencils"), last.as_bytes()), Err(INVALID));
        for bad in [
            String::new(),
            last.replace("biws", "eSws"),
            last.replace("k0,p", "k1,p"),
            last.replace("dHzb", "dHzc"),
            last.replace("VQ=", "VQ"),
        ] {
            assert!(exchange.finish(&wanted("pencil"), bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_who_is_wanted_may_begin() {
        let begin = |message: &str| Exchange::begin(Hash::Sha512, &wanted("x"), message.as_bytes(), &[7; 32]);
        let (exchange, answer) = begin("n,,n=user,r=abc").unwrap();
        assert!(answer.starts_with("r=abc0707") && answer.ends_with(",i=4096"), "{answer}");
        assert!(exchange.nonce.len() > 30);
        assert!(begin("y,a=user,n=user,r=abc,tokenauth=true").is_ok());
        for bad in [
            "",
            "n,,",
            "p=tls-unique,,n=user,r=a",
            "n,,n=other,r=a",
            "n,,n=user,r=",
            "n,,r=a,n=user",
            "n,a=x,n=user,r=a",
        ] {
            assert!(begin(bad).is_err(), "{bad}");
        }
        assert!(Exchange::begin(Hash::Sha256, &wanted("x"), b"\xff,,", &[0; 32]).is_err());
    }
}
