//! Tokens for a key or a client's secret: IBM's for watsonx, Sber's for its `GigaChat`, Databricks', and
//! GitHub's for Copilot.

use crate::config::file;
use crate::provider::Base;
use crate::provider::auth::oauth::{GITHUB, IBM, SBER, Way, basic};
use crate::units::Secret;

use super::{Check, Subject, is_name, said};

/// Where watsonx is asked unless somebody says otherwise.
const REGION: &str = "us-south";

/// The token that IBM lends for the provider's key.
pub(super) fn ibm(subject: &Subject<'_>, check: &mut Check<'_>) -> Option<Way> {
    let key = subject.key?;
    let tokens =
        written_tokens(subject, check)?.or_else(|| check.address("WATSONX_IAM_URL", "https", IBM))?;
    Some(Way::ibm(tokens, key))
}

/// The address of watsonx in its region.
pub(super) fn ibm_base(subject: &Subject<'_>, check: &mut Check<'_>) -> Option<Base> {
    let region = subject.region().or_else(|| check.variable(&["WATSONX_REGION"]));
    let region = region.unwrap_or_else(|| REGION.to_owned());
    if !is_name(&region) {
        check.error(&["providers", subject.name, "region"], "expected a region such as eu-de", None);
        return None;
    }
    Base::parse(&subject.vendor.base_url.replace("{region}", &region)).ok()
}

/// The project or space that pays. What is deployed belongs to one already.
pub(super) fn ibm_account(subject: &Subject<'_>, check: &mut Check<'_>) -> Vec<(&'static str, String)> {
    let written = subject.written;
    let found = said(written.space.as_ref())
        .map(|space| ("space_id", space))
        .or_else(|| Some(("project_id", said(written.project.as_ref())?)))
        .or_else(|| Some(("project_id", check.variable(&["WATSONX_PROJECT_ID"])?)))
        .or_else(|| {
            Some(("space_id", check.variable(&["WATSONX_SPACE_ID", "WATSONX_DEPLOYMENT_SPACE_ID"])?))
        });
    let deployed = !written.models.is_empty()
        && written.models.iter().all(|model| model.trim().starts_with("deployment/"));
    if found.is_none() && !deployed {
        let message = format!("{} needs a project or a space", subject.vendor.name);
        let hint = "set WATSONX_PROJECT_ID, or project: its-id, or space: its-id".to_owned();
        check.error(&["providers", subject.name], message, hint);
    }
    found.into_iter().collect()
}

/// The token that Sber lends for the provider's key, or for the id and secret that it is made of.
pub(super) fn sber(subject: &Subject<'_>, check: &mut Check<'_>) -> Option<Way> {
    let auth = subject.written.auth.as_ref();
    let client = auth.and_then(|auth| said(auth.client_id.as_ref()));
    let secret = auth.and_then(|auth| auth.client_secret.as_ref()).map(|secret| &secret.0);
    let made = client.as_deref().zip(secret).map(|(client, secret)| basic(client, secret));
    let key = made.or_else(|| subject.key.cloned())?;
    let tokens = written_tokens(subject, check)?;
    let tokens = tokens.or_else(|| check.address("GIGACHAT_AUTH_URL", "https", SBER))?;
    let scope = auth.and_then(|auth| said(auth.scope.as_ref()));
    let scope = scope.or_else(|| check.variable(&["GIGACHAT_SCOPE"]));
    Some(Way::sber(tokens, &key, scope.as_deref().unwrap_or("GIGACHAT_API_PERS")))
}

/// The token that GitHub lends for a user's own.
pub(super) fn copilot(subject: &Subject<'_>, check: &mut Check<'_>) -> Option<Way> {
    let key = subject.key?;
    let tokens = written_tokens(subject, check)?.or_else(|| Base::parse(GITHUB).ok())?;
    Some(Way::copilot(tokens, key))
}

/// The token that a workspace lends to a service principal; none where nobody names one.
pub(super) fn databricks(subject: &Subject<'_>, base: Option<&Base>, check: &mut Check<'_>) -> Option<Way> {
    let none = file::Auth::default();
    let auth = subject.written.auth.as_ref().unwrap_or(&none);
    let client = said(auth.client_id.as_ref()).or_else(|| check.variable(&["DATABRICKS_CLIENT_ID"]));
    let secret =
        auth.client_secret.as_ref().map(|secret| secret.0.clone()).filter(|secret| !secret.is_empty());
    let secret =
        secret.or_else(|| check.variable(&["DATABRICKS_CLIENT_SECRET"]).map(|secret| Secret::new(&secret)));
    let own = || Some(Base { path: "/oidc/v1/token".to_owned(), ..base?.clone() });
    let tokens = written_tokens(subject, check)?.or_else(own)?;
    match (client, secret) {
        (Some(client), Some(secret)) => Some(Way::databricks(tokens, &client, &secret)),
        (client, _) => {
            if subject.written.auth.is_some() {
                let missing = if client.is_none() { "client_id" } else { "client_secret" };
                check.error(&["providers", subject.name, "auth"], format!("{missing} is missing"), None);
            }
            None
        }
    }
}

/// Where tokens come from as the file says it; `None` where that is no address.
#[allow(clippy::option_option, reason = "nothing written is not the same as something wrong")]
fn written_tokens(subject: &Subject<'_>, check: &mut Check<'_>) -> Option<Option<Base>> {
    let auth = subject.written.auth.as_ref();
    let Some(text) = auth.and_then(|auth| said(auth.token_url.as_ref())) else { return Some(None) };
    match Base::parse(&text) {
        Ok(base) => Some(Some(base)),
        Err(bad) => {
            check.error(&["providers", subject.name, "auth", "token_url"], bad.to_string(), None);
            None
        }
    }
}
