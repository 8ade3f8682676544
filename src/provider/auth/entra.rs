//! Microsoft Entra ID: tokens for a client with a secret, a federated workload, a managed identity.

use crate::provider::Base;
use crate::units::Secret;

use super::errand::{Answer, Errand};
use super::{Credential, Minted};

/// What Azure's models are asked for with.
pub const SCOPE: &str = "https://cognitiveservices.azure.com/.default";
/// Where tokens come from, outside the national clouds.
pub const AUTHORITY: &str = "https://login.microsoftonline.com";
/// Where a virtual machine asks for its own identity.
pub const IMDS: &str = "http://169.254.169.254";

/// How a token is got.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Way {
    /// For a registered client that proves itself.
    Client {
        /// Where tokens come from.
        authority: Base,
        /// The tenant's id or domain.
        tenant: String,
        /// The client's id.
        client: String,
        /// What it proves itself with.
        proof: Proof,
        /// What the token is for.
        scope: String,
    },
    /// For the machine this runs on.
    Managed {
        /// Where the machine asks.
        endpoint: Endpoint,
        /// Which of its identities, by the client's id; empty for the only one.
        client: String,
        /// What the token is for.
        scope: String,
    },
}

/// What a client proves itself with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Proof {
    /// A secret.
    Secret(Secret),
    /// A token of another issuer, in a file that is renewed (Kubernetes).
    File(String),
}

/// Where a machine asks for its own identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A virtual machine.
    Imds(Base),
    /// App Service, Container Apps and Functions, with the header they demand.
    App(Base, Secret),
}

impl Way {
    /// The file that must be read before [`Way::ask`].
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Client { proof: Proof::File(path), .. } => Some(path),
            Self::Client { .. } | Self::Managed { .. } => None,
        }
    }

    /// The request for a token; `file` is what stands in [`Way::file`].
    #[must_use]
    pub fn ask(&self, file: &str) -> Errand {
        match self {
            Self::Client { authority, tenant, client, proof, scope } => {
                let target = format!("/{tenant}/oauth2/v2.0/token");
                let mut pairs = vec![
                    ("grant_type", "client_credentials"),
                    ("client_id", client.as_str()),
                    ("scope", scope),
                ];
                match proof {
                    Proof::Secret(secret) => pairs.push(("client_secret", secret.expose())),
                    Proof::File(_) => pairs.extend([
                        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                        ("client_assertion", file.trim()),
                    ]),
                }
                Errand::form(authority, &target, &pairs)
            }
            Self::Managed { endpoint, client, scope } => {
                let resource = scope.strip_suffix("/.default").unwrap_or(scope);
                let query = |version| {
                    let mut pairs = vec![("api-version", version), ("resource", resource)];
                    if !client.is_empty() {
                        pairs.push(("client_id", client));
                    }
                    super::form::form(&pairs)
                };
                match endpoint {
                    Endpoint::Imds(base) => {
                        let target = format!("/metadata/identity/oauth2/token?{}", query("2018-02-01"));
                        Errand::get(base, &target).with("metadata", "true".to_owned())
                    }
                    Endpoint::App(base, header) => {
                        let target = format!("?{}", query("2019-08-01"));
                        Errand::get(base, &target).with("x-identity-header", header.expose().to_owned())
                    }
                }
            }
        }
    }
}

/// Reads the answer of any token endpoint of OAuth; machines write their numbers as text, and Sber
/// tells an end in milliseconds. GitHub calls a token just that.
///
/// # Errors
/// What the other side said instead of a token.
pub fn read(answer: &Answer, now: u64) -> Result<Minted, String> {
    let body = answer.json()?;
    let token = body
        .field("access_token")
        .or_else(|| body.field("token"))
        .and_then(|token| token.as_str())
        .filter(|token| !token.is_empty());
    let token = token.ok_or("its answer holds no access_token")?;
    let number = |name: &str| {
        let value = body.field(name)?;
        value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
    };
    let expires = number("expires_in").map(|seconds| now.saturating_add(seconds));
    let expires = expires.or_else(|| number("expires_on"));
    // No moment of ours has as many seconds.
    let seconds = |end: u64| if end > 100_000_000_000 { end / 1000 } else { end };
    let expires = expires.or_else(|| number("expires_at").map(seconds)).unwrap_or(now + 3600);
    Ok(Minted { credential: Credential::Bearer(Secret::new(token)), expires: Some(expires) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> Base {
        Base::parse(text).unwrap()
    }

    #[test]
    fn a_client_shows_its_secret_or_another_issuers_token() {
        let client = |proof| Way::Client {
            authority: base(AUTHORITY),
            tenant: "my-tenant".to_owned(),
            client: "my-client".to_owned(),
            proof,
            scope: SCOPE.to_owned(),
        };
        let errand = client(Proof::Secret(Secret::new("s&cret"))).ask("");
        assert_eq!((errand.method, errand.target.as_str()), ("POST", "/my-tenant/oauth2/v2.0/token"));
        assert_eq!(
            errand.body,
            "grant_type=client_credentials&client_id=my-client&\
             scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default&client_secret=s%26cret"
        );
        assert_eq!(format!("{errand:?}"), "POST login.microsoftonline.com/my-tenant/oauth2/v2.0/token");
        let federated = client(Proof::File("/token".to_owned()));
        assert_eq!(federated.file(), Some("/token"));
        let errand = federated.ask("jwt\n");
        assert!(
            errand.body.ends_with("client-assertion-type%3Ajwt-bearer&client_assertion=jwt"),
            "{}",
            errand.body
        );
    }

    #[test]
    fn a_machine_asks_for_its_own_identity() {
        let scope = SCOPE.to_owned();
        let vm = Way::Managed {
            endpoint: Endpoint::Imds(base(IMDS)),
            client: String::new(),
            scope: scope.clone(),
        };
        let errand = vm.ask("");
        assert_eq!(
            errand.target,
            "/metadata/identity/oauth2/token?api-version=2018-02-01&\
             resource=https%3A%2F%2Fcognitiveservices.azure.com"
        );
        assert!(errand.headers.contains(&("metadata", "true".to_owned())));
        let endpoint = Endpoint::App(base("http://localhost:42356/msi/token"), Secret::new("h"));
        let errand = Way::Managed { endpoint, client: "c".to_owned(), scope }.ask("");
        assert!(
            errand.target.starts_with("/msi/token?api-version=2019-08-01&resource="),
            "{}",
            errand.target
        );
        assert!(errand.target.ends_with("&client_id=c"));
        assert!(errand.headers.contains(&("x-identity-header", "h".to_owned())));
    }

    #[test]
    fn a_token_lives_as_long_as_its_answer_says() {
        let answer = |status, body: &str| Answer { status, body: body.as_bytes().to_vec() };
        let expires = |body: &str| read(&answer(200, body), 1000).unwrap().expires;
        assert_eq!(expires(r#"{"access_token":"t","expires_in":3599}"#), Some(4599));
        assert_eq!(expires(r#"{"access_token":"t","expires_in":"86400","expires_on":"9"}"#), Some(87_400));
        assert_eq!(expires(r#"{"access_token":"t","expires_on":"5000"}"#), Some(5000));
        assert_eq!(expires(r#"{"access_token":"t","expires_at":1679471442123}"#), Some(1_679_471_442));
        assert_eq!(expires(r#"{"token":"tid=1;exp=2","expires_at":1679471442}"#), Some(1_679_471_442));
        let refused =
            answer(401, r#"{"error":"invalid_client","error_description":"AADSTS7000215: no\nTrace"}"#);
        let said = read(&refused, 0).unwrap_err();
        assert_eq!(said, "it answered 401: invalid_client: AADSTS7000215: no");
        assert_eq!(read(&answer(200, "{}"), 0).unwrap_err(), "its answer holds no access_token");
    }
}
