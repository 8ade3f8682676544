//! Amazon's credentials: keys, roles assumed by STS, containers, the metadata of a machine.

use crate::provider::Base;
use crate::units::Secret;
use crate::units::civil::parse_rfc3339;
use crate::wire::json::Json;

use super::errand::{Answer, Errand};
use super::sigv4::{self, Head, Keys, Scope};
use super::{Credential, Minted, form};

/// Where a container at Amazon asks for its role.
pub const CONTAINER: &str = "http://169.254.170.2";
/// Where a machine at Amazon asks for its role.
pub const IMDS: &str = "http://169.254.169.254";
/// What a session is called where nobody says.
const SESSION: &str = "tollgate";

/// Where credentials may be found, tried in turn, and what is done with them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Chain {
    /// The places.
    pub links: Vec<Link>,
    /// A role to assume with what they give.
    pub role: Option<Role>,
    /// Where roles are assumed.
    pub sts: Sts,
}

/// Where roles are assumed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sts {
    /// The address.
    pub base: Base,
    /// The region that its signatures name.
    pub region: String,
}

/// One place where credentials may be found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Link {
    /// These keys.
    Keys(Keys),
    /// A role for whoever holds the token in this file (Kubernetes, CI).
    WebIdentity(WebIdentity),
    /// The files of the command line.
    Profile {
        /// The profile's name.
        name: String,
        /// Whether somebody chose it, so that it must be there.
        chosen: bool,
        /// The path of the credentials file.
        credentials: String,
        /// The path of the config file.
        config: String,
    },
    /// A container's own address.
    Container {
        /// The address, with its path.
        base: Base,
        /// What to show there.
        token: Secret,
        /// The file that holds what to show there, read each time; "" for none.
        token_file: String,
    },
    /// A machine's own address.
    Imds(Base),
}

/// A role for whoever holds a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebIdentity {
    /// The file that holds the token, read each time.
    pub token_file: String,
    /// The role.
    pub role: Role,
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// What the session is called; "" for the usual name.
    pub session: String,
    /// What the role's owner wants to hear; "" for nothing.
    pub external_id: String,
}

impl Role {
    fn form(&self, action: &str, more: &[(&str, &str)]) -> String {
        let session = if self.session.is_empty() { SESSION } else { &self.session };
        let mut pairs = vec![
            ("Action", action),
            ("Version", "2011-06-15"),
            ("RoleArn", self.arn.as_str()),
            ("RoleSessionName", session),
        ];
        if !self.external_id.is_empty() {
            pairs.push(("ExternalId", &self.external_id));
        }
        pairs.extend(more);
        form::form(&pairs)
    }
}

impl Sts {
    /// The request by which the holder of keys takes on a role.
    #[must_use]
    pub fn assume(&self, role: &Role, keys: &Keys, now: u64) -> Errand {
        let mut errand = self.post(role.form("AssumeRole", &[]));
        let host = self.base.authority();
        let headers = [("content-type", FORM), ("host", host.as_str())];
        let head = Head { method: errand.method, target: &errand.target, headers: &headers };
        let scope = Scope { region: &self.region, service: "sts" };
        let signed = sigv4::sign(&head, &sigv4::hash(errand.body.as_bytes()), keys, scope, now);
        errand.headers.extend(signed);
        errand
    }

    /// The request by which the holder of a token takes on a role.
    #[must_use]
    pub fn assume_with_token(&self, role: &Role, token: &str) -> Errand {
        self.post(role.form("AssumeRoleWithWebIdentity", &[("WebIdentityToken", token.trim())]))
    }

    fn post(&self, body: String) -> Errand {
        let target = format!("{}/", self.base.path);
        let headers = vec![("content-type", FORM.to_owned())];
        Errand { method: "POST", base: self.base.clone(), target, headers, body }
    }
}

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// The region's own STS.
///
/// # Errors
/// When the region is no part of a host's name.
pub fn sts(region: &str) -> Result<Base, crate::provider::url::BadBase> {
    Base::parse(&format!("https://sts.{region}.{}", suffix(region)))
}

/// The domain of a region's services.
#[must_use]
pub fn suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// Reads what STS says, which is XML.
///
/// # Errors
/// What it said instead of credentials.
pub fn read_sts(answer: &Answer) -> Result<Minted, String> {
    let text = std::str::from_utf8(&answer.body).unwrap_or_default();
    let tag = |name: &str| tagged(text, name).filter(|value| !value.is_empty());
    let found = (answer.status == 200)
        .then(|| Some((tag("AccessKeyId")?, tag("SecretAccessKey")?, tag("SessionToken")?)))
        .flatten();
    let Some((access_key, secret_key, token)) = found else { return Err(answer.complaint()) };
    let expires = tag("Expiration").and_then(parse_rfc3339);
    Ok(minted(access_key, secret_key, token, expires))
}

/// Reads what a container's or machine's own address says.
///
/// # Errors
/// What it said instead of credentials.
pub fn read_json(answer: &Answer) -> Result<Minted, String> {
    let body = answer.json()?;
    let text = |name: &str| body.field(name).and_then(Json::as_str).filter(|value| !value.is_empty());
    match text("Code") {
        None | Some("Success") => {}
        Some(code) => return Err(format!("it answered {code}: {}", text("Message").unwrap_or_default())),
    }
    let access_key = text("AccessKeyId").ok_or("its answer holds no AccessKeyId")?;
    let secret_key = text("SecretAccessKey").ok_or("its answer holds no SecretAccessKey")?;
    let expires = text("Expiration").and_then(parse_rfc3339);
    Ok(minted(access_key, secret_key, text("Token").unwrap_or_default(), expires))
}

fn minted(access_key: &str, secret_key: &str, token: &str, expires: Option<u64>) -> Minted {
    let credential = Credential::Aws(Keys {
        access_key: access_key.to_owned(),
        secret_key: Secret::new(secret_key),
        session_token: Secret::new(token),
    });
    Minted { credential, expires }
}

/// What stands between a tag and its end, for the flat XML of STS.
#[must_use]
pub fn tagged<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    Some(inner.trim())
}

/// The request to a container's own address.
#[must_use]
pub fn container(base: &Base, token: &str) -> Errand {
    let errand = Errand::get(base, "");
    if token.is_empty() { errand } else { errand.with("authorization", token.trim().to_owned()) }
}

/// The three requests to a machine's own address: for a session, for the role's name, for its keys.
pub mod imds {
    use super::{Base, Errand};

    /// For a session, which must be shown in the others.
    #[must_use]
    pub fn session(base: &Base) -> Errand {
        let ttl = ("x-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned());
        Errand { method: "PUT", ..Errand::get(base, "/latest/api/token").with(ttl.0, ttl.1) }
    }

    /// For the role's name, or with it for its keys.
    #[must_use]
    pub fn role(base: &Base, session: &str, name: &str) -> Errand {
        let target = format!("/latest/meta-data/iam/security-credentials/{name}");
        Errand::get(base, &target).with("x-aws-ec2-metadata-token", session.trim().to_owned())
    }
}

/// Whether keys may be asked for at a container's address: over TLS anywhere, else only on the
/// machine itself or at the addresses that Amazon gives to its agents.
#[must_use]
pub fn is_own(base: &Base) -> bool {
    const AGENTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];
    let loopback = base.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    base.tls || loopback || base.host == "localhost" || AGENTS.contains(&base.host.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role() -> Role {
        Role {
            arn: "arn:aws:iam::123456789012:role/ai".to_owned(),
            session: String::new(),
            external_id: String::new(),
        }
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_role_is_assumed_with_keys_or_with_a_token() {
        let sts = Sts { base: sts("eu-west-1").unwrap(), region: "eu-west-1".to_owned() };
        let keys = Keys {
            access_key: "AKID".to_owned(),
            secret_key: Secret::new("s"),
            session_token: Secret::default(),
        };
        let told = Role { external_id: "e 1".to_owned(), session: "me".to_owned(), ..role() };
        let errand = sts.assume(&told, &keys, 1_440_938_160);
        assert_eq!(
            errand.body,
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fai&\
             RoleSessionName=me&ExternalId=e%201"
        );
        assert_eq!(format!("{errand:?}"), "POST sts.eu-west-1.amazonaws.com/");
        let authorization = &errand.headers.iter().find(|(name, _)| *name == "authorization").unwrap().1;
        assert!(authorization.contains("Credential=AKID/20150830/eu-west-1/sts/aws4_request"));
        assert!(authorization.contains("SignedHeaders=content-type;host;x-amz-date"));
        let errand = sts.assume_with_token(&role(), "jwt\n");
        assert!(errand.body.ends_with("&RoleSessionName=tollgate&WebIdentityToken=jwt"), "{}", errand.body);
        assert!(errand.headers.iter().all(|(name, _)| *name != "authorization"));
        assert_eq!(super::sts("cn-north-1").unwrap().host, "sts.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn credentials_are_read_from_xml_and_json() {
        let xml = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId>\
            <SecretAccessKey>s</SecretAccessKey><SessionToken>t/+=</SessionToken>\
            <Expiration>2015-08-30T12:36:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
        let json = r#"{"Code":"Success","AccessKeyId":"ASIA","SecretAccessKey":"s","Token":"t/+=","Expiration":"2015-08-30T12:36:00Z"}"#;
        let expected = minted("ASIA", "s", "t/+=", Some(1_440_938_160));
        assert_eq!(read_sts(&answer(200, xml)), Ok(expected.clone()));
        assert_eq!(read_json(&answer(200, json)), Ok(expected));
        let denied =
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
        assert_eq!(read_sts(&answer(403, denied)).unwrap_err(), "it answered 403: AccessDenied: no");
        let failed = r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"no"}"#;
        assert_eq!(
            read_json(&answer(200, failed)).unwrap_err(),
            "it answered AssumeRoleUnauthorizedAccess: no"
        );
    }

    #[test]
    fn a_machine_is_asked_for_a_session_first() {
        let base = Base::parse(IMDS).unwrap();
        let errand = imds::session(&base);
        assert_eq!((errand.method, errand.target.as_str()), ("PUT", "/latest/api/token"));
        let errand = imds::role(&base, "session", "my-role");
        assert_eq!(errand.target, "/latest/meta-data/iam/security-credentials/my-role");
        assert!(errand.headers.contains(&("x-aws-ec2-metadata-token", "session".to_owned())));
    }

    #[test]
    fn keys_are_asked_for_at_our_own_addresses_only() {
        for (address, own) in [
            ("http://169.254.170.2/v2/credentials", true),
            ("http://[fd00:ec2::23]/v1", true),
            ("http://127.0.0.1:8080/x", true),
            ("https://example.com/x", true),
            ("http://example.com/x", false),
        ] {
            assert_eq!(is_own(&Base::parse(address).unwrap()), own, "{address}");
        }
    }
}
