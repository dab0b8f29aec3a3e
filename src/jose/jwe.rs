//! Encrypting (RFC 7516), in the one way that tokens for a provider's public key are encrypted.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use serde_json::json;

use super::public::{PublicKey, base64url};

/// `plain` for who has the private key of `public`, an RSA key: RSA-OAEP-256 and A256GCM (RFC 7518, sections 4.3 and
/// 5.3), in the compact form. `None` where the key is of another kind, or the system gives no randomness.
#[must_use]
pub fn encrypted(public: &PublicKey, kid: &str, plain: &[u8]) -> Option<String> {
    let header = json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "cty": "JWT", "kid": kid}).to_string();
    let header = base64url(header);
    let (mut content_key, mut nonce) = ([0; 32], [0; 12]);
    rand::fill(&mut content_key).ok()?;
    rand::fill(&mut nonce).ok()?;

    let key = PublicEncryptingKey::from_der(&public.to_der()?).ok()?;
    let key = OaepPublicEncryptingKey::new(key).ok()?;
    let mut wrapped = vec![0; key.ciphertext_size()];
    let wrapped = key.encrypt(&OAEP_SHA256_MGF1SHA256, &content_key, &mut wrapped, None).ok()?;

    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &content_key).ok()?);
    let mut sealed = plain.to_vec();
    let aad = Aad::from(header.as_bytes());
    let tag =
        cipher.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()?;
    let parts = [base64url(wrapped), base64url(nonce), base64url(sealed), base64url(tag.as_ref())];
    Some(format!("{header}.{}", parts.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{KeyKind, PrivateKey};

    #[test]
    fn it_has_five_parts_and_needs_an_rsa_key() {
        let key = PrivateKey::generate(KeyKind::Rsa).unwrap();
        let token = encrypted(key.public(), "k", b"hello").unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts.len(), 5);
        assert_eq!(crate::jose::from_base64url(parts[1]).unwrap().len(), 256);
        let curve = PrivateKey::generate(KeyKind::P256).unwrap();
        assert_eq!(encrypted(curve.public(), "k", b"hello"), None);
    }
}
