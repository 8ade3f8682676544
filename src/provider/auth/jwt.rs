//! JSON web tokens signed with RS256, as Google takes them from its service accounts.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SecureRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use crate::units::Secret;

/// What is wrong with a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// It is not framed by BEGIN and END PRIVATE KEY, or not base64 in between.
    #[error("expected a private key in PEM form")]
    Pem,
    /// It is no RSA key of a usable size.
    #[error("expected an RSA private key of 2048 bits or more")]
    Rsa,
    /// It could not sign.
    #[error("the private key could not sign")]
    Sign,
}

/// A token of this header and these claims, signed with a private key in PEM form (PKCS#8 or
/// PKCS#1). `random` blinds the arithmetic; the signature does not depend on it.
///
/// # Errors
/// When the key is none.
pub fn sign(header: &[u8], claims: &[u8], key: &Secret, random: &dyn SecureRandom) -> Result<String, BadKey> {
    let pair = read(key.expose())?;
    let mut token = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, random, token.as_bytes(), &mut signature).map_err(|_| BadKey::Sign)?;
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Ok(token)
}

/// A private key in PEM form (PKCS#8 or PKCS#1).
///
/// # Errors
/// When it is none.
pub(super) fn read(pem: &str) -> Result<RsaKeyPair, BadKey> {
    let (_, rest) = pem.split_once("-----BEGIN ").ok_or(BadKey::Pem)?;
    let (kind, rest) = rest.split_once("-----").ok_or(BadKey::Pem)?;
    let (body, _) = rest.split_once("-----END ").ok_or(BadKey::Pem)?;
    let body: String = body.chars().filter(|letter| !letter.is_whitespace()).collect();
    let der = STANDARD.decode(body).map_err(|_| BadKey::Pem)?;
    match kind {
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der).map_err(|_| BadKey::Rsa),
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).map_err(|_| BadKey::Rsa),
        _ => Err(BadKey::Pem),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    /// A key made for this test alone.
    pub(crate) const KEY: &str = include_str!("testdata/service-account.pem");

    #[test]
    fn a_token_holds_its_claims_and_a_signature_over_them() {
        let random = ring::rand::SystemRandom::new();
        let token = sign(b"{\"alg\":\"RS256\"}", b"{\"iss\":\"me\"}", &Secret::new(KEY), &random).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts[0], "eyJhbGciOiJSUzI1NiJ9");
        assert_eq!(parts[1], "eyJpc3MiOiJtZSJ9");
        let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        let signed = token.rsplit_once('.').unwrap().0;
        let pair = read(KEY).unwrap();
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public().as_ref());
        assert!(key.verify(signed.as_bytes(), &signature).is_ok());
        assert!(key.verify(b"something else", &signature).is_err());
    }

    #[test]
    fn a_key_that_is_none_is_told_apart() {
        let random = ring::rand::SystemRandom::new();
        let refused = |key: &str| sign(b"", b"", &Secret::new(key), &random).unwrap_err();
        assert_eq!(refused("no key"), BadKey::Pem);
        assert_eq!(
            refused("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----"),
            BadKey::Pem
        );
        assert_eq!(refused("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"), BadKey::Rsa);
    }
}
