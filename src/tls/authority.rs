//! An authority of a run's own: it signs certificates for the boxes that the run starts, and ends with it.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use super::identity::IdentityError;
use crate::secret::Secret;

/// How long a certificate is good for: no client is known that takes fewer days for too long.
const LIFE: Duration = Duration::from_hours(397 * 24);
/// By how much a client's clock may be slow.
const SLOW: Duration = Duration::from_hours(24);

/// From when until when a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// From.
    pub from: SystemTime,
    /// Until.
    pub until: SystemTime,
}

impl Validity {
    /// Good for somewhat more than a year, and from a day before `now` on.
    #[must_use]
    pub fn around(now: SystemTime) -> Self {
        Self { from: now - SLOW, until: now + LIFE }
    }

    /// One that ended a day before `now`.
    #[must_use]
    pub fn ended_before(now: SystemTime) -> Self {
        Self { from: now - SLOW - LIFE, until: now - SLOW }
    }
}

/// An authority whose key is in memory only.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Certified {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The private key, PKCS #8 DER.
    pub key: Vec<u8>,
    /// The private key, PKCS #8 PEM.
    pub key_pem: Secret,
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn making(error: rcgen::Error) -> IdentityError {
    IdentityError::Making(error.to_string())
}

impl Authority {
    /// Makes an authority.
    ///
    /// # Errors
    /// [`IdentityError::Making`] where the system has no randomness.
    pub fn new(now: SystemTime) -> Result<Self, IdentityError> {
        let Validity { from, until } = Validity::around(now);
        let mut issuer = CertificateParams::default();
        issuer.distinguished_name.push(DnType::CommonName, "landfall, for one run");
        issuer.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        issuer.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        (issuer.not_before, issuer.not_after) = (from.into(), until.into());
        let issuer =
            CertifiedIssuer::self_signed(issuer, KeyPair::generate().map_err(making)?).map_err(making)?;
        Ok(Self { issuer })
    }

    /// Its own certificate, PEM: whoever trusts it trusts what it has signed.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a server with these names and addresses.
    ///
    /// # Errors
    /// [`IdentityError::Making`] where a name is none, or the system has no randomness.
    pub fn certify(&self, names: &[&str], validity: Validity) -> Result<Certified, IdentityError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let common = names.first().cloned().unwrap_or_default();
        let mut leaf = CertificateParams::new(names).map_err(making)?;
        leaf.distinguished_name.push(DnType::CommonName, common);
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Strict clients, such as Python's since 3.13, want to see whose key it is signed with.
        leaf.use_authority_key_identifier_extension = true;
        (leaf.not_before, leaf.not_after) = (validity.from.into(), validity.until.into());
        let key = KeyPair::generate().map_err(making)?;
        let leaf = leaf.signed_by(&key, &self.issuer).map_err(making)?;
        Ok(Certified {
            certificate: leaf.der().to_vec(),
            certificate_pem: leaf.pem(),
            key: key.serialize_der(),
            key_pem: Secret::new(key.serialize_pem()),
        })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Authority").finish_non_exhaustive()
    }
}
