//! Oracle's signatures: each request is signed with a user's own RSA key, which is never sent.
//!
//! <https://docs.oracle.com/en-us/iaas/Content/API/Concepts/signingrequests.htm>, seen 2026-11.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use ring::rand::SecureRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use crate::units::Secret;
use crate::units::civil::http_date;

use super::jwt::{self, BadKey};
use super::profile::lines;
use super::sigv4::Head;

/// A user and the key that they sign with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct User {
    /// Tenancy, user and the key's fingerprint, with slashes between them.
    pub key_id: String,
    /// The private key in PEM form.
    pub key: Secret,
}

/// A key that was read and signs.
#[derive(Clone)]
pub struct Signer {
    key_id: String,
    pair: Arc<RsaKeyPair>,
}

impl PartialEq for Signer {
    fn eq(&self, other: &Self) -> bool {
        self.key_id == other.key_id && Arc::ptr_eq(&self.pair, &other.pair)
    }
}

impl Eq for Signer {}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.key_id)
    }
}

impl User {
    /// The user's key, read.
    ///
    /// # Errors
    /// When it is none.
    pub fn signer(&self) -> Result<Signer, BadKey> {
        Ok(Signer { key_id: self.key_id.clone(), pair: Arc::new(jwt::read(self.key.expose())?) })
    }
}

impl Signer {
    /// The headers that a signed request carries beside those in `head`, of which `host` and, where there
    /// is a body, `content-type` are signed. `now` is in seconds since 1970.
    #[must_use]
    pub fn sign(
        &self,
        head: &Head<'_>,
        body: &[u8],
        now: u64,
        random: &dyn SecureRandom,
    ) -> Vec<(&'static str, String)> {
        let date = http_date(now);
        let find = |name: &str| head.headers.iter().find(|(known, _)| *known == name);
        let value = |name: &str| find(name).map(|(_, value)| *value).unwrap_or_default();
        let method = head.method.to_ascii_lowercase();
        let mut names = "date (request-target) host".to_owned();
        let mut text =
            format!("date: {date}\n(request-target): {method} {}\nhost: {}", head.target, value("host"));
        let mut signed = Vec::with_capacity(3);
        if matches!(head.method, "POST" | "PUT" | "PATCH") {
            let hash = STANDARD.encode(digest::digest(&digest::SHA256, body));
            names.push_str(" content-length content-type x-content-sha256");
            let kind = value("content-type");
            let more = ["\ncontent-length: ", &body.len().to_string(), "\ncontent-type: ", kind];
            text.extend(more);
            text.extend(["\nx-content-sha256: ", &hash]);
            signed.push(("x-content-sha256", hash));
        }
        let mut signature = vec![0; self.pair.public().modulus_len()];
        // Where there is no chance to blind it with, the service refuses what is not signed.
        let made = self.pair.sign(&RSA_PKCS1_SHA256, random, text.as_bytes(), &mut signature).is_ok();
        let signature = if made { STANDARD.encode(&signature) } else { String::new() };
        let authorization = format!(
            "Signature version=\"1\",keyId=\"{}\",algorithm=\"rsa-sha256\",headers=\"{names}\",signature=\"{signature}\"",
            self.key_id
        );
        signed.extend([("date", date), ("authorization", authorization)]);
        signed
    }
}

/// The value of a name in a profile of Oracle's own file; what it lacks the profile `DEFAULT` says.
#[must_use]
pub fn of_profile(file: &str, profile: &str, name: &str) -> Option<String> {
    let own = |title: &str| {
        let (_, value) = lines(file, title)?.find(|(key, value)| *key == name && !value.is_empty())?;
        Some(value.to_owned())
    };
    own(profile).or_else(|| own("DEFAULT"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::auth::jwt::tests::KEY;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    #[test]
    fn a_request_is_signed_with_its_body_and_one_without_is_not() {
        let user = User { key_id: "t/u/f".to_owned(), key: Secret::new(KEY) };
        let signer = user.signer().unwrap();
        let headers = [("host", "h"), ("content-type", "application/json")];
        let random = ring::rand::SystemRandom::new();
        for (method, names, text) in [
            (
                "POST",
                "date (request-target) host content-length content-type x-content-sha256",
                "date: Thu, 01 Jan 1970 00:00:07 GMT\n(request-target): post /a?b=c\nhost: h\n\
                 content-length: 2\ncontent-type: application/json\n\
                 x-content-sha256: RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=",
            ),
            (
                "GET",
                "date (request-target) host",
                "date: Thu, 01 Jan 1970 00:00:07 GMT\n(request-target): get /a?b=c\nhost: h",
            ),
        ] {
            let head = Head { method, target: "/a?b=c", headers: &headers };
            let signed = signer.sign(&head, b"{}", 7, &random);
            let (_, shown) = signed.iter().find(|(name, _)| *name == "authorization").unwrap();
            let (lead, signature) = shown.split_once(",signature=\"").unwrap();
            assert_eq!(
                lead,
                format!(
                    "Signature version=\"1\",keyId=\"t/u/f\",algorithm=\"rsa-sha256\",headers=\"{names}\""
                )
            );
            let signature = STANDARD.decode(signature.trim_end_matches('"')).unwrap();
            let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, signer.pair.public().as_ref());
            assert!(key.verify(text.as_bytes(), &signature).is_ok(), "{method}");
        }
        assert_eq!(format!("{signer:?}"), "Signer(t/u/f)");
    }

    #[test]
    fn a_profile_takes_what_it_lacks_from_the_usual_one() {
        let file = "[DEFAULT]\nuser=ocid1.user\nregion = us-chicago-1\n\n[OTHER]\nregion=eu-frankfurt-1\n";
        assert_eq!(of_profile(file, "OTHER", "region").as_deref(), Some("eu-frankfurt-1"));
        assert_eq!(of_profile(file, "OTHER", "user").as_deref(), Some("ocid1.user"));
        assert_eq!(of_profile(file, "OTHER", "tenancy"), None);
    }
}
