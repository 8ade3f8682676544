//! Amazon: the region, and the chain in which credentials are looked for.

use crate::config::file;
use crate::provider::Base;
use crate::provider::auth::aws::{self, Chain, Link, Role, Sts, WebIdentity};
use crate::provider::auth::profile::Files;
use crate::provider::auth::sigv4::Keys;
use crate::units::Secret;

use super::{Check, Subject, is_name, said};

/// The region that requests are signed for.
pub(super) fn region(subject: &Subject<'_>, check: &mut Check<'_>) -> Option<String> {
    let path = ["providers", subject.name, "region"];
    let region = subject
        .region()
        .or_else(|| check.variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]))
        .or_else(|| of_address(subject.written.base_url.as_deref()?))
        .or_else(|| of_profile(subject, check));
    let Some(region) = region else {
        let hint = "set AWS_REGION, or region: us-east-1".to_owned();
        check.error(&["providers", subject.name], format!("{} needs a region", subject.vendor.name), hint);
        return None;
    };
    if !is_name(&region) {
        check.error(&path, "expected a region such as eu-central-1", None);
        return None;
    }
    Some(region)
}

/// The region in an address such as `https://bedrock-runtime.eu-central-1.amazonaws.com`.
fn of_address(address: &str) -> Option<String> {
    let host = Base::parse(address).ok()?.host;
    let amazon = host.contains(".amazonaws.com") || host.ends_with(".api.aws");
    amazon.then(|| host.split('.').nth(1).map(str::to_owned))?
}

fn of_profile(subject: &Subject<'_>, check: &Check<'_>) -> Option<String> {
    let (name, _) = profile(subject, check);
    let [_, config] = files(check);
    let config = std::fs::read_to_string(config).ok()?;
    Files { credentials: "", config: &config }.region(&name)
}

/// The address of the service in its region.
pub(super) fn base(subject: &Subject<'_>, service: &str, check: &mut Check<'_>) -> Option<Base> {
    let endpoint = match service {
        "bedrock" => &["AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL"][..],
        "sagemaker" => &["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "AWS_ENDPOINT_URL"][..],
        _ => &[],
    };
    if let Some((address, place)) = endpoint.iter().find_map(|name| check.source.variables.get(name)) {
        return Base::parse(address).map_err(|bad| check.problems.error(place, bad.to_string(), None)).ok();
    }
    let region = region(subject, check)?;
    let address = subject.vendor.base_url.replace("{region}", &region);
    Base::parse(&address.replace("amazonaws.com", aws::suffix(&region))).ok()
}

/// Where credentials are looked for.
pub(super) fn chain(subject: &Subject<'_>, region: &str, check: &mut Check<'_>) -> Option<Chain> {
    let none = file::Auth::default();
    let auth = subject.written.auth.as_ref().unwrap_or(&none);
    let endpoint = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"];
    let endpoint = endpoint.into_iter().find_map(|name| check.source.variables.get(name));
    let base = match endpoint {
        Some((address, place)) => {
            Base::parse(address).map_err(|bad| check.problems.error(place, bad.to_string(), None)).ok()?
        }
        None => aws::sts(region).ok()?,
    };
    let sts = Sts { base, region: region.to_owned() };
    let session = said(auth.role_session_name.as_ref())
        .or_else(|| check.variable(&["AWS_ROLE_SESSION_NAME"]))
        .unwrap_or_default();
    let external_id = said(auth.external_id.as_ref()).unwrap_or_default();
    let role = |arn: String| Role { arn, session: session.clone(), external_id: external_id.clone() };
    let own_role = said(auth.role_arn.as_ref());
    if let Some(token_file) = said(auth.token_file.as_ref()) {
        let Some(arn) = own_role.or_else(|| check.variable(&["AWS_ROLE_ARN"])) else {
            let path = ["providers", subject.name, "auth", "token_file"];
            check.error(&path, "a token_file needs the role_arn that it is for", "set role_arn".to_owned());
            return None;
        };
        let token_file = check.beside(&token_file);
        let links = vec![Link::WebIdentity(WebIdentity { token_file, role: role(arn) })];
        return Some(Chain { links, role: None, sts });
    }
    let links = match written(subject, auth, check)? {
        Some(link) => vec![link],
        None => ambient(subject, auth, role, check)?,
    };
    Some(Chain { links, role: own_role.map(role), sts })
}

/// The keys that the file itself holds: none to look elsewhere, nothing at all after a mistake.
#[allow(clippy::option_option, reason = "a mistake is not the same as nothing said")]
fn written(subject: &Subject<'_>, auth: &file::Auth, check: &mut Check<'_>) -> Option<Option<Link>> {
    let secret = auth.secret_access_key.as_ref().filter(|secret| !secret.0.is_empty());
    match (said(auth.access_key_id.as_ref()), secret) {
        (Some(access_key), Some(secret)) => {
            let session_token = auth.session_token.as_ref().map(|token| token.0.clone()).unwrap_or_default();
            Some(Some(Link::Keys(Keys { access_key, secret_key: secret.0.clone(), session_token })))
        }
        (None, None) => Some(None),
        (have, _) => {
            let (there, missing) = if have.is_some() {
                ("access_key_id", "secret_access_key")
            } else {
                ("secret_access_key", "access_key_id")
            };
            let path = ["providers", subject.name, "auth", there];
            check.error(&path, format!("{there} needs {missing} beside it"), None);
            None
        }
    }
}

/// The chain of Amazon's own tools.
fn ambient(
    subject: &Subject<'_>,
    auth: &file::Auth,
    role: impl Fn(String) -> Role,
    check: &mut Check<'_>,
) -> Option<Vec<Link>> {
    let mut links = Vec::new();
    let secret = |name: &str, check: &Check<'_>| Secret::new(&check.variable(&[name]).unwrap_or_default());
    let (name, chosen) = profile(subject, check);
    let [credentials, config] = files(check);
    let from_files = Link::Profile { name, chosen, credentials, config };
    if said(auth.profile.as_ref()).is_some() {
        links.push(from_files);
        return Some(links);
    }
    if let Some(access_key) = check.variable(&["AWS_ACCESS_KEY_ID"]) {
        let secret_key = secret("AWS_SECRET_ACCESS_KEY", check);
        if !secret_key.is_empty() {
            let session_token = secret("AWS_SESSION_TOKEN", check);
            links.push(Link::Keys(Keys { access_key, secret_key, session_token }));
        }
    }
    if let (Some(token_file), Some(arn)) =
        (check.variable(&["AWS_WEB_IDENTITY_TOKEN_FILE"]), check.variable(&["AWS_ROLE_ARN"]))
    {
        let session = check.variable(&["AWS_ROLE_SESSION_NAME"]).unwrap_or_default();
        let role = Role { session, external_id: String::new(), ..role(arn) };
        links.push(Link::WebIdentity(WebIdentity { token_file, role }));
    }
    links.push(from_files);
    if let Some(link) = container(check)? {
        links.push(link);
    }
    let disabled = check.variable(&["AWS_EC2_METADATA_DISABLED"]);
    if disabled.is_none_or(|disabled| !disabled.eq_ignore_ascii_case("true")) {
        let v6 = check.variable(&["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]);
        let v6 = v6.is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6"));
        let usual = if v6 { "http://[fd00:ec2::254]" } else { aws::IMDS };
        links.push(Link::Imds(check.address("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http", usual)?));
    }
    Some(links)
}

#[allow(clippy::option_option, reason = "a mistake is not the same as nothing said")]
fn container(check: &mut Check<'_>) -> Option<Option<Link>> {
    const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let relative = check.variable(&["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]);
    let base = match relative {
        Some(path) => Base::parse(&format!("{}{path}", aws::CONTAINER)).ok()?,
        None => {
            let Some((address, place)) = check.source.variables.get(FULL) else { return Some(None) };
            match Base::parse(address) {
                Ok(base) if aws::is_own(&base) => base,
                Ok(_) => {
                    let message = "expected an address of this machine, of Amazon's agents, or over TLS";
                    check.problems.error(place, message, None);
                    return None;
                }
                Err(bad) => {
                    check.problems.error(place, bad.to_string(), None);
                    return None;
                }
            }
        }
    };
    let token = Secret::new(&check.variable(&["AWS_CONTAINER_AUTHORIZATION_TOKEN"]).unwrap_or_default());
    let token_file = check.variable(&["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).unwrap_or_default();
    Some(Some(Link::Container { base, token, token_file }))
}

/// The profile's name, and whether somebody chose it.
fn profile(subject: &Subject<'_>, check: &Check<'_>) -> (String, bool) {
    let written = subject.written.auth.as_ref().and_then(|auth| said(auth.profile.as_ref()));
    let chosen = written.or_else(|| check.variable(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]));
    let is_chosen = chosen.is_some();
    (chosen.unwrap_or_else(|| "default".to_owned()), is_chosen)
}

/// The credentials file and the config file.
fn files(check: &Check<'_>) -> [String; 2] {
    [("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"), ("AWS_CONFIG_FILE", "~/.aws/config")]
        .map(|(variable, usual)| check.home(&check.variable(&[variable]).unwrap_or_else(|| usual.to_owned())))
}
