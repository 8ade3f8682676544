//! Where guards elsewhere are, and what they are shown.

use http::{HeaderName, HeaderValue};

use crate::catalog::nearest;
use crate::config::compile::keys::Spot;
use crate::config::file::{ExternalGuard as Written, ExternalKind};
use crate::ir::Dialect;
use crate::policy::guard::external::Lender;
use crate::provider::Base;
use crate::snapshot::Provider;
use crate::units::Secret;

/// Where a guard is, and what it is shown.
pub(super) struct Contact {
    pub(super) at: Option<Base>,
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) lender: Option<Lender>,
}

/// OpenAI's own address.
const OPENAI: &str = "https://api.openai.com/v1";

pub(super) fn contact(written: &Written, providers: &[Provider], spot: &mut Spot<'_>) -> Option<Contact> {
    let mut headers = headers(written, spot);
    let mut lender = None;
    let provider = match &written.provider {
        Some(name) => Some(provider(name.trim(), providers, spot)?),
        None => None,
    };
    if let Some(provider) = provider {
        if written.api_key.is_some() {
            spot.error(&["api_key"], "expected an api_key or a provider, not both", None);
        }
        if let Some(key) = provider.keys.first() {
            let shown = provider.vendor.auth.headers(Dialect::OpenaiChat, key);
            headers.extend(shown.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(&value))));
        }
        lender = provider.cloud.as_ref().map(|cloud| Lender {
            source: cloud.source.clone(),
            region: cloud.region.clone(),
            service: cloud.service,
        });
    }
    let clouds = matches!(written.kind, ExternalKind::Bedrock | ExternalKind::ModelArmor);
    if clouds && provider.is_none() && written.api_key.is_none() {
        let hint = "set provider to one of that cloud, whose credentials it has, or api_key".to_owned();
        spot.error(&[], "it is not said with what this guard is asked", hint);
    }
    let at = match (&written.url, written.kind) {
        (_, ExternalKind::Judge) => None,
        (Some(url), _) => Some(parsed(url, &["url"], spot)?),
        (None, ExternalKind::ModelArmor) => {
            let location = written.template.as_deref().and_then(|template| template.split('/').nth(3));
            Some(parsed(
                &format!("https://modelarmor.{}.rep.googleapis.com", location?),
                &["template"],
                spot,
            )?)
        }
        (None, ExternalKind::OpenaiModeration | ExternalKind::Bedrock) if provider.is_some() => {
            provider.map(|provider| provider.base.clone())
        }
        (None, ExternalKind::OpenaiModeration) => Some(parsed(OPENAI, &["url"], spot)?),
        (
            None,
            ExternalKind::Webhook
            | ExternalKind::Presidio
            | ExternalKind::Bedrock
            | ExternalKind::AzureContentSafety,
        ) => {
            spot.error(&[], "it is not said where this guard is", "set url".to_owned());
            return None;
        }
    };
    Some(Contact { at, headers, lender })
}

fn parsed(url: &str, path: &[&str], spot: &mut Spot<'_>) -> Option<Base> {
    Base::parse(url).map_err(|bad| spot.error(path, bad.to_string(), None)).ok()
}

fn provider<'p>(name: &str, providers: &'p [Provider], spot: &mut Spot<'_>) -> Option<&'p Provider> {
    let found = providers.iter().find(|provider| provider.name == name);
    if found.is_none() {
        let names = providers.iter().map(|provider| provider.name.as_str());
        let hint = nearest(name, names).first().map(|near| format!("did you mean \"{near}\"?"));
        spot.error(&["provider"], format!("no provider is named \"{name}\""), hint);
    }
    found
}

fn headers(written: &Written, spot: &mut Spot<'_>) -> Vec<(String, Secret)> {
    /// What says how long a request is, or whose.
    const OURS: [&str; 6] =
        ["host", "content-length", "transfer-encoding", "connection", "content-type", "accept-encoding"];
    let mut headers = Vec::new();
    if let Some(key) = &written.api_key {
        if HeaderValue::try_from(key.0.expose()).is_err() {
            spot.error(&["api_key"], "expected a key that a header can hold", None);
        }
        headers.push(match written.kind {
            ExternalKind::AzureContentSafety => ("ocp-apim-subscription-key".to_owned(), key.0.clone()),
            ExternalKind::Webhook
            | ExternalKind::OpenaiModeration
            | ExternalKind::Presidio
            | ExternalKind::Bedrock
            | ExternalKind::ModelArmor
            | ExternalKind::Judge => {
                ("authorization".to_owned(), Secret::new(&format!("Bearer {}", key.0.expose())))
            }
        });
    }
    for (name, value) in &written.headers {
        let lower = name.trim().to_ascii_lowercase();
        let is_legal = HeaderName::try_from(lower.as_str()).is_ok();
        if !is_legal || OURS.contains(&lower.as_str()) {
            let message = "expected the name of a header that says nothing of the request itself";
            spot.error(&["headers", name], message, None);
        } else if HeaderValue::try_from(value.0.expose()).is_err() {
            spot.error(&["headers", name], "expected a value that a header can hold", None);
        }
        headers.push((lower, value.0.clone()));
    }
    headers
}
