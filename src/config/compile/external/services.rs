//! What each kind of guard elsewhere is told besides.

use std::collections::BTreeMap;

use crate::config::compile::keys::Spot;
use crate::config::file::{ExternalGuard as Written, ExternalKind};
use crate::policy::guard::external::{ContentSafety, Guardrail, Judge, Moderation, Presidio, RULES, Service};

/// A field, whether it is written, and the kinds that have it.
type Field = (&'static str, fn(&Written) -> bool, &'static [ExternalKind]);

/// The fields that not all kinds have.
const FIELDS: [Field; 16] = {
    use ExternalKind::{AzureContentSafety, Bedrock, Judge, ModelArmor, OpenaiModeration, Presidio, Webhook};
    [
        (
            "url",
            |written| written.url.is_some(),
            &[Webhook, OpenaiModeration, Presidio, Bedrock, AzureContentSafety, ModelArmor],
        ),
        ("provider", |written| written.provider.is_some(), &[OpenaiModeration, Bedrock, ModelArmor]),
        ("model", |written| written.model.is_some(), &[OpenaiModeration, Judge]),
        ("categories", |written| !written.categories.is_empty(), &[OpenaiModeration, AzureContentSafety]),
        ("threshold", |written| written.threshold.is_some(), &[OpenaiModeration, Presidio]),
        ("thresholds", |written| !written.thresholds.is_empty(), &[OpenaiModeration]),
        ("language", |written| written.language.is_some(), &[Presidio]),
        ("entities", |written| !written.entities.is_empty(), &[Presidio]),
        ("guardrail", |written| written.guardrail.is_some(), &[Bedrock]),
        ("version", |written| written.version.is_some(), &[Bedrock]),
        ("severity", |written| written.severity.is_some(), &[AzureContentSafety]),
        ("severities", |written| !written.severities.is_empty(), &[AzureContentSafety]),
        ("blocklists", |written| !written.blocklists.is_empty(), &[AzureContentSafety]),
        ("shield", |written| written.shield.is_some(), &[AzureContentSafety]),
        ("template", |written| written.template.is_some(), &[ModelArmor]),
        ("prompt", |written| written.prompt.is_some(), &[Judge]),
    ]
};

/// Notes what is written that this kind of guard has no use for.
pub(super) fn check_fields(written: &Written, spot: &mut Spot<'_>) {
    for (name, is_written, kinds) in FIELDS {
        if is_written(written) && !kinds.contains(&written.kind) {
            spot.error(&[name], format!("a guard of this kind has no {name}"), None);
        }
    }
}

/// What the service is; none where something is missing that it needs.
pub(super) fn service(written: &Written, spot: &mut Spot<'_>) -> Option<Service> {
    Some(match written.kind {
        ExternalKind::Webhook => Service::Webhook,
        ExternalKind::OpenaiModeration => Service::Moderation(Moderation {
            model: text(written.model.as_ref()).unwrap_or_else(|| "omni-moderation-latest".to_owned()),
            categories: trimmed(&written.categories),
            threshold: written.threshold.map(|part| part.0),
            thresholds: written
                .thresholds
                .iter()
                .map(|(name, part)| (name.trim().to_owned(), part.0))
                .collect(),
        }),
        ExternalKind::Presidio => Service::Presidio(Presidio {
            language: text(written.language.as_ref()).unwrap_or_else(|| "en".to_owned()),
            entities: trimmed(&written.entities),
            threshold: written.threshold.map(|part| part.0),
        }),
        ExternalKind::Bedrock => Service::Bedrock(Guardrail {
            id: wanted(written.guardrail.as_ref(), "guardrail", spot)?,
            version: text(written.version.as_ref()).unwrap_or_else(|| "DRAFT".to_owned()),
        }),
        ExternalKind::AzureContentSafety => Service::Azure(safety(written, spot)),
        ExternalKind::ModelArmor => {
            let template = wanted(written.template.as_ref(), "template", spot)?;
            let parts: Vec<&str> = template.split('/').collect();
            if !matches!(parts.as_slice(), ["projects", _, "locations", _, "templates", _])
                || parts.iter().any(|part| !is_word(part))
            {
                spot.error(&["template"], "expected projects/…/locations/…/templates/…", None);
                return None;
            }
            Service::ModelArmor(template)
        }
        ExternalKind::Judge => Service::Judge(Judge {
            model: wanted(written.model.as_ref(), "model", spot)?,
            prompt: text(written.prompt.as_ref()).unwrap_or_else(|| RULES.to_owned()),
        }),
    })
}

fn safety(written: &Written, spot: &mut Spot<'_>) -> ContentSafety {
    const MOST: u64 = 7;
    let levels = written.severity.iter().chain(written.severities.values());
    if levels.clone().any(|level| *level > MOST) {
        spot.error(&[], format!("expected severities from 0 to {MOST}"), None);
    }
    let severities: BTreeMap<String, u64> =
        written.severities.iter().map(|(name, level)| (name.trim().to_owned(), *level)).collect();
    ContentSafety {
        categories: trimmed(&written.categories),
        severity: written.severity.unwrap_or(2),
        severities,
        blocklists: trimmed(&written.blocklists),
        shield: written.shield.unwrap_or(true),
    }
}

/// Whether this can be a part of a path.
fn is_word(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    !text.is_empty() && text.bytes().all(fine) && !text.contains("..")
}

fn text(written: Option<&String>) -> Option<String> {
    written.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn wanted(written: Option<&String>, field: &str, spot: &mut Spot<'_>) -> Option<String> {
    let text = text(written);
    if text.is_none() {
        spot.error(&[], format!("a guard of this kind needs {field}"), format!("set {field}"));
    }
    text
}

fn trimmed(list: &[String]) -> Vec<String> {
    list.iter().map(|one| one.trim().to_owned()).collect()
}
