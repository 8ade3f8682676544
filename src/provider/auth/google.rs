//! Google's credentials: service accounts, people's own, federated workloads, the metadata server.

use ring::rand::SecureRandom;

use crate::provider::Base;
use crate::units::Secret;
use crate::units::civil::parse_rfc3339;
use crate::wire::json::{self, Json};

use super::errand::{Answer, Errand};
use super::{Credential, Minted, jwt};

/// The field that names whose place is taken.
const IMPERSONATE: &str = "service_account_impersonation_url";
/// What a token may do.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// Where tokens come from.
const TOKENS: &str = "https://oauth2.googleapis.com/token";
/// Where a machine at Google asks for its own.
pub const METADATA: &str = "http://metadata.google.internal";

/// Where credentials may be found, tried in turn.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Chain(pub Vec<Link>);

/// One place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Link {
    /// The credentials themselves, as JSON.
    Inline(Secret),
    /// A file that holds them and must be there.
    File(String),
    /// A file that may hold them: what `gcloud auth application-default login` leaves.
    WellKnown(String),
    /// The metadata server of the machine this runs on.
    Metadata(Base),
}

/// Credentials as a file holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// A service account, which signs its own request.
    Service {
        /// Its address.
        email: String,
        /// The id of its key.
        key_id: String,
        /// Its private key.
        key: Secret,
        /// Where its tokens come from.
        tokens: Base,
    },
    /// A person, by a token of theirs that lasts.
    User {
        /// The client they let in.
        client: String,
        /// Its secret.
        secret: Secret,
        /// Their token.
        refresh: Secret,
        /// Where tokens come from.
        tokens: Base,
    },
    /// A workload that another issuer vouches for.
    External {
        /// Whom the other issuer's token is for.
        audience: String,
        /// Its kind.
        kind: String,
        /// Where it is found.
        subject: Subject,
        /// Where it is exchanged.
        tokens: Base,
    },
    /// A service account in whose place another one asks.
    Impersonated {
        /// Who asks.
        source: Box<Account>,
        /// Where to ask.
        at: Base,
    },
}

/// Where another issuer's token is found, and under which name if it stands in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// In a file.
    File(String, Option<String>),
    /// At an address that wants these headers.
    Url(Box<Errand>, Option<String>),
}

impl Account {
    /// Reads the credentials that Google and `gcloud` write.
    ///
    /// # Errors
    /// What is missing or not known; never holds what is there.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let file = json::parse(text).map_err(|_| "expected Google credentials as JSON")?;
        Self::of(&file)
    }

    fn of(file: &Json<'_>) -> Result<Self, String> {
        let text = |name: &str| {
            let value = file.field(name).and_then(Json::as_str).filter(|value| !value.is_empty());
            value.ok_or_else(|| format!("the credentials hold no {name}"))
        };
        let address = |name: &str, usual: &str| {
            let value = file.field(name).and_then(Json::as_str).unwrap_or(usual);
            Base::parse(value).map_err(|bad| format!("the {name} of the credentials is wrong: {bad}"))
        };
        let account = match text("type")? {
            "service_account" => Self::Service {
                email: text("client_email")?.to_owned(),
                key_id: text("private_key_id").unwrap_or_default().to_owned(),
                key: Secret::new(text("private_key")?),
                tokens: address("token_uri", TOKENS)?,
            },
            "authorized_user" => Self::User {
                client: text("client_id")?.to_owned(),
                secret: Secret::new(text("client_secret")?),
                refresh: Secret::new(text("refresh_token")?),
                tokens: address("token_uri", TOKENS)?,
            },
            "external_account" => Self::External {
                audience: text("audience")?.to_owned(),
                kind: text("subject_token_type")?.to_owned(),
                subject: subject(file.field("credential_source"))?,
                tokens: address("token_url", "https://sts.googleapis.com/v1/token")?,
            },
            "impersonated_service_account" => {
                let source = file.field("source_credentials");
                Self::of(source.ok_or("the credentials hold no source_credentials")?)?
            }
            other => return Err(format!("credentials of the type {other} are not known")),
        };
        if file.field(IMPERSONATE).is_some_and(Json::is_string) {
            return Ok(Self::Impersonated { source: Box::new(account), at: address(IMPERSONATE, "")? });
        }
        Ok(account)
    }

    /// The project that the credentials belong to, where a file names it.
    #[must_use]
    pub fn project(text: &[u8]) -> Option<String> {
        let file = json::parse(text).ok()?;
        let named = file.field("project_id").or_else(|| file.field("quota_project_id"))?;
        named.as_str().map(str::to_owned)
    }

    /// The request for a token, where one is enough; `subject` is another issuer's token.
    ///
    /// # Errors
    /// When the private key is none.
    pub fn ask(&self, subject: &str, now: u64, random: &dyn SecureRandom) -> Result<Errand, String> {
        Ok(match self {
            Self::Service { email, key_id, key, tokens } => {
                let mut header = Vec::new();
                json::object(&mut header, |header| {
                    header.string("alg", "RS256");
                    header.string("typ", "JWT");
                    if !key_id.is_empty() {
                        header.string("kid", key_id);
                    }
                });
                let mut claims = Vec::new();
                json::object(&mut claims, |claims| {
                    claims.string("iss", email);
                    claims.string("scope", SCOPE);
                    claims.string("aud", &tokens.to_string());
                    claims.number("iat", now);
                    claims.number("exp", now + 3600);
                });
                let assertion = jwt::sign(&header, &claims, key, random).map_err(|bad| bad.to_string())?;
                Errand::form(
                    tokens,
                    "",
                    &[
                        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                        ("assertion", &assertion),
                    ],
                )
            }
            Self::User { client, secret, refresh, tokens } => Errand::form(
                tokens,
                "",
                &[
                    ("grant_type", "refresh_token"),
                    ("client_id", client),
                    ("client_secret", secret.expose()),
                    ("refresh_token", refresh.expose()),
                ],
            ),
            Self::External { audience, kind, tokens, .. } => Errand::form(
                tokens,
                "",
                &[
                    ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                    ("audience", audience),
                    ("scope", SCOPE),
                    ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                    ("subject_token_type", kind),
                    ("subject_token", subject),
                ],
            ),
            Self::Impersonated { source, .. } => source.ask(subject, now, random)?,
        })
    }

    /// Where another issuer's token must be fetched first.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        match self {
            Self::Service { .. } | Self::User { .. } => None,
            Self::External { subject, .. } => Some(subject),
            Self::Impersonated { source, .. } => source.subject(),
        }
    }

    /// The second request, for whom asks in another's place with a token of its own.
    #[must_use]
    pub fn impersonate(&self, own: &Minted) -> Option<Errand> {
        let (Self::Impersonated { at, .. }, Credential::Bearer(token)) = (self, &own.credential) else {
            return None;
        };
        let mut errand = Errand::get(at, "")
            .with("authorization", format!("Bearer {}", token.expose()))
            .with("content-type", "application/json".to_owned());
        errand.method = "POST";
        errand.body = format!("{{\"scope\":[\"{SCOPE}\"],\"lifetime\":\"3600s\"}}");
        Some(errand)
    }
}

fn subject(source: Option<&Json<'_>>) -> Result<Subject, String> {
    let source = source.ok_or("the credentials hold no credential_source")?;
    let text = |path: &[&str]| source.at(path).and_then(Json::as_str).map(str::to_owned);
    let name = text(&["format", "subject_token_field_name"]);
    if let Some(path) = text(&["file"]) {
        return Ok(Subject::File(path, name));
    }
    let url = text(&["url"]).filter(|_| text(&["environment_id"]).is_none());
    let url = url.ok_or("credentials that come from a program or from AWS are not run; use a file or url")?;
    let (place, query) = url.split_once('?').unwrap_or((&url, ""));
    let base =
        Base::parse(place).map_err(|bad| format!("the url of the credential_source is wrong: {bad}"))?;
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    let mut errand = Errand::get(&base, &query);
    // The names of headers live as long as the program; these are the ones that issuers ask for.
    for name in ["metadata", "authorization", "metadata-flavor", "x-identity-header"] {
        let headers = source.field("headers").map(Json::entries).unwrap_or_default();
        let value = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        if let Some(value) = value.and_then(|(_, value)| value.as_str()) {
            errand = errand.with(name, value.to_owned());
        }
    }
    Ok(Subject::Url(Box::new(errand), name))
}

/// Another issuer's token out of what a file or an address holds.
///
/// # Errors
/// When it is not where it should be.
pub fn subject_token(text: &[u8], name: Option<&str>) -> Result<String, String> {
    let Some(name) = name else {
        return Ok(String::from_utf8_lossy(text).trim().to_owned());
    };
    let file = json::parse(text).map_err(|_| "the subject token's source holds no JSON")?;
    let token = file.field(name).and_then(Json::as_str).map(str::to_owned);
    token.ok_or_else(|| format!("the subject token's source holds no {name}"))
}

/// The request to the metadata server.
#[must_use]
pub fn metadata(base: &Base) -> Errand {
    Errand::get(base, "/computeMetadata/v1/instance/service-accounts/default/token")
        .with("metadata-flavor", "Google".to_owned())
}

/// Reads the answer to [`Account::impersonate`].
///
/// # Errors
/// What the other side said instead of a token.
pub fn read_impersonated(answer: &Answer) -> Result<Minted, String> {
    let body = answer.json()?;
    let token = body.field("accessToken").and_then(Json::as_str).ok_or("its answer holds no accessToken")?;
    let expires = body.field("expireTime").and_then(Json::as_str).and_then(parse_rfc3339);
    Ok(Minted { credential: Credential::Bearer(Secret::new(token)), expires })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn account(text: &str) -> Account {
        Account::read(text.as_bytes()).unwrap()
    }

    fn ask(account: &Account, subject: &str) -> Errand {
        account.ask(subject, 1_700_000_000, &ring::rand::SystemRandom::new()).unwrap()
    }

    #[test]
    fn a_service_account_signs_its_request() {
        let key = json::string(jwt::tests::KEY);
        let text = format!(
            r#"{{"type":"service_account","project_id":"p","private_key_id":"k1","private_key":{key},
                "client_email":"me@p.iam.gserviceaccount.com","token_uri":"https://oauth2.googleapis.com/token"}}"#
        );
        let errand = ask(&account(&text), "");
        assert_eq!(format!("{errand:?}"), "POST oauth2.googleapis.com/token");
        let assertion = errand.body.split_once("&assertion=").unwrap().1;
        assert!(errand.body.starts_with("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&"));
        let parts: Vec<_> = assertion.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        assert_eq!(parts[0], br#"{"alg":"RS256","typ":"JWT","kid":"k1"}"#);
        let claims = String::from_utf8(parts[1].clone()).unwrap();
        assert_eq!(
            claims,
            r#"{"iss":"me@p.iam.gserviceaccount.com","scope":"https://www.googleapis.com/auth/cloud-platform","aud":"https://oauth2.googleapis.com/token","iat":1700000000,"exp":1700003600}"#
        );
        assert_eq!(Account::project(text.as_bytes()).as_deref(), Some("p"));
    }

    #[test]
    fn a_person_shows_the_token_that_lasts() {
        let user = account(
            r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"1//r"}"#,
        );
        let errand = ask(&user, "");
        assert_eq!(
            errand.body,
            "grant_type=refresh_token&client_id=c&client_secret=s&refresh_token=1%2F%2Fr"
        );
        assert_eq!(errand.target, "/token");
    }

    #[test]
    fn a_workload_exchanges_another_issuers_token_and_asks_in_anothers_place() {
        let external = account(
            r#"{"type":"external_account","audience":"//iam/x","subject_token_type":"urn:jwt",
                "token_url":"https://sts.googleapis.com/v1/token",
                "service_account_impersonation_url":"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b:generateAccessToken",
                "credential_source":{"file":"/token","format":{"type":"json","subject_token_field_name":"id"}}}"#,
        );
        let subject = Subject::File("/token".to_owned(), Some("id".to_owned()));
        assert_eq!(external.subject(), Some(&subject));
        assert_eq!(subject_token(br#"{"id":"jwt"}"#, Some("id")).unwrap(), "jwt");
        assert_eq!(subject_token(b"jwt\n", None).unwrap(), "jwt");
        assert!(subject_token(b"{}", Some("id")).is_err());
        assert!(ask(&external, "jwt").body.ends_with("&subject_token_type=urn%3Ajwt&subject_token=jwt"));
        let own = Minted { credential: Credential::Bearer(Secret::new("own")), expires: None };
        let second = external.impersonate(&own).unwrap();
        assert_eq!(second.target, "/v1/projects/-/serviceAccounts/a@b:generateAccessToken");
        assert!(second.headers.contains(&("authorization", "Bearer own".to_owned())));
        let body = br#"{"accessToken":"t","expireTime":"2015-08-30T12:36:00Z"}"#.to_vec();
        let read = read_impersonated(&Answer { status: 200, body }).unwrap();
        assert_eq!(read.expires, Some(1_440_938_160));
    }

    #[test]
    fn what_is_missing_is_named_and_what_is_there_is_not() {
        let refused = |text: &str| Account::read(text.as_bytes()).unwrap_err();
        assert_eq!(refused("secret"), "expected Google credentials as JSON");
        assert_eq!(refused("{}"), "the credentials hold no type");
        assert_eq!(refused(r#"{"type":"gdch"}"#), "credentials of the type gdch are not known");
        assert_eq!(
            refused(r#"{"type":"service_account","client_email":"e"}"#),
            "the credentials hold no private_key"
        );
        let program = r#"{"type":"external_account","audience":"a","subject_token_type":"t","credential_source":{"executable":{"command":"x"}}}"#;
        assert!(refused(program).contains("are not run"));
    }
}
