//! The keys that an issuer publishes (JWK, RFC 7517) or that were written down, and what they check.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};

use crate::policy::token::der;
use crate::policy::token::jws::Algorithm;
use crate::units::Secret;
use crate::wire::json::{self, Json};

/// An issuer has no more keys than this.
const MOST: usize = 256;

/// Keys of one issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Set(Vec<Jwk>);

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    kid: Option<String>,
    /// The one way in which it may be used, where that is said.
    only: Option<Algorithm>,
    material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Material {
    /// Modulus and exponent.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// The same as PKCS#1 writes them.
    Pkcs1(Vec<u8>),
    /// A point on P-256, uncompressed.
    P256(Vec<u8>),
    /// A point on P-384, uncompressed.
    P384(Vec<u8>),
    /// A key of Ed25519.
    Ed25519(Vec<u8>),
    /// What both sides know.
    Shared(Secret),
}

impl Set {
    /// Reads what an issuer publishes. Keys that are for something else, or of a kind that is not
    /// known, are left out; secrets are never taken from there.
    ///
    /// # Errors
    /// When it is no set of keys.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let tree = json::parse(text).map_err(|_| "expected keys as JSON")?;
        let keys = tree.field("keys").filter(|keys| keys.is_array()).ok_or("expected a list of keys")?;
        Ok(Self(keys.elements().iter().take(MOST).filter_map(Jwk::read).collect()))
    }

    /// Reads what a human wrote down: a set, one key, or a public key in PEM form.
    ///
    /// # Errors
    /// When it is none of them, or holds no key that can be used.
    pub fn written(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let set = if text.starts_with('{') {
            match Self::read(text.as_bytes()) {
                Ok(set) => set,
                Err(_) => {
                    let tree = json::parse(text.as_bytes()).map_err(|_| "expected a key as JSON or PEM")?;
                    Self(Jwk::read(&tree).into_iter().collect())
                }
            }
        } else {
            let material = der::public_key(text).ok_or("expected a public key in PEM form, or as JSON")?;
            Self(vec![Jwk { kid: None, only: None, material }])
        };
        if set.0.is_empty() {
            return Err("expected an RSA key, one on P-256 or P-384, or one of Ed25519".to_owned());
        }
        Ok(set)
    }

    /// The set of one secret that both sides know.
    #[must_use]
    pub fn shared(secret: Secret) -> Self {
        Self(vec![Jwk { kid: None, only: None, material: Material::Shared(secret) }])
    }

    /// Adds the keys of another set.
    pub fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[Jwk] {
        &self.0
    }
}

impl Jwk {
    fn read(tree: &Json<'_>) -> Option<Self> {
        let text = |name: &str| tree.field(name).and_then(Json::as_str);
        let signs = text("use").is_none_or(|used| used == "sig");
        let operations = tree.field("key_ops").map(Json::elements);
        let verifies = operations.is_none_or(|all| all.iter().any(|one| one.as_str() == Some("verify")));
        if !signs || !verifies {
            return None;
        }
        let only = match text("alg") {
            // For a way that is not known, it is for none of ours.
            Some(name) => Some(name.parse().ok()?),
            None => None,
        };
        let number = |name: &str| bytes(text(name)?);
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => Material::Rsa { n: number("n")?, e: number("e")? },
            ("EC", Some("P-256")) => Material::P256(point(&number("x")?, &number("y")?, 32)?),
            ("EC", Some("P-384")) => Material::P384(point(&number("x")?, &number("y")?, 48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(text("x")?)?),
            _ => return None,
        };
        Some(Self { kid: text("kid").map(str::to_owned), only, material })
    }

    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether it may check what is signed in this way: a key is of one kind alone, so that a public
    /// key can never be taken for a secret.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{ES256, ES384, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512};
        let of_its_kind = match algorithm {
            RS256 | RS384 | RS512 | PS256 | PS384 | PS512 => {
                matches!(self.material, Material::Rsa { .. } | Material::Pkcs1(_))
            }
            ES256 => matches!(self.material, Material::P256(_)),
            ES384 => matches!(self.material, Material::P384(_)),
            EdDSA => matches!(self.material, Material::Ed25519(_)),
            HS256 | HS384 | HS512 => matches!(self.material, Material::Shared(_)),
        };
        of_its_kind && self.only.is_none_or(|only| only == algorithm)
    }

    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (&self.material, algorithm) {
            (Material::Rsa { n, e }, _) => rsa(algorithm).is_some_and(|rule| {
                let n = n.get(n.iter().take_while(|byte| **byte == 0).count()..).unwrap_or_default();
                RsaPublicKeyComponents { n, e }.verify(rule, message, signature).is_ok()
            }),
            (Material::Pkcs1(der), _) => rsa(algorithm)
                .is_some_and(|rule| UnparsedPublicKey::new(rule, der).verify(message, signature).is_ok()),
            (Material::P256(point), Algorithm::ES256) => {
                let key = UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point);
                key.verify(message, signature).is_ok()
            }
            (Material::P384(point), Algorithm::ES384) => {
                let key = UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point);
                key.verify(message, signature).is_ok()
            }
            (Material::Ed25519(key), Algorithm::EdDSA) => {
                UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature).is_ok()
            }
            (Material::Shared(secret), _) => hash(algorithm).is_some_and(|hash| {
                let key = hmac::Key::new(hash, secret.expose().as_bytes());
                hmac::verify(&key, message, signature).is_ok()
            }),
            (Material::P256(_) | Material::P384(_) | Material::Ed25519(_), _) => false,
        }
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::ES256
        | Algorithm::ES384
        | Algorithm::EdDSA
        | Algorithm::HS256
        | Algorithm::HS384
        | Algorithm::HS512 => return None,
    })
}

fn hash(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::HS256 => Some(hmac::HMAC_SHA256),
        Algorithm::HS384 => Some(hmac::HMAC_SHA384),
        Algorithm::HS512 => Some(hmac::HMAC_SHA512),
        Algorithm::RS256
        | Algorithm::RS384
        | Algorithm::RS512
        | Algorithm::PS256
        | Algorithm::PS384
        | Algorithm::PS512
        | Algorithm::ES256
        | Algorithm::ES384
        | Algorithm::EdDSA => None,
    }
}

/// Some issuers pad what should not be padded.
fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// A point as it is written uncompressed; some issuers leave the zeros before a number out.
fn point(x: &[u8], y: &[u8], width: usize) -> Option<Vec<u8>> {
    let mut point = vec![4];
    for number in [x, y] {
        point.extend(std::iter::repeat_n(0, width.checked_sub(number.len())?));
        point.extend_from_slice(number);
    }
    Some(point)
}
