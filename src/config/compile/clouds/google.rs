//! Google: project and location, and where credentials are looked for.

use crate::provider::Base;
use crate::provider::auth::google::{Account, Chain, Link, METADATA};
use crate::units::Secret;

use super::{Check, Subject, is_name, said};

/// Where the credentials are that somebody named.
const FILE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// Where credentials are looked for.
pub(super) fn chain(subject: &Subject<'_>, check: &mut Check<'_>) -> Option<Chain> {
    let auth = subject.written.auth.as_ref();
    if let Some(text) = auth.and_then(|auth| auth.credentials.as_ref()) {
        let path = ["providers", subject.name, "auth", "credentials"];
        if let Err(wrong) = Account::read(text.0.expose().as_bytes()) {
            check.error(&path, wrong, None);
            return None;
        }
        return Some(Chain(vec![Link::Inline(text.0.clone())]));
    }
    if let Some(path) = auth.and_then(|auth| said(auth.credentials_file.as_ref())) {
        let place = check.place(&["providers", subject.name, "auth", "credentials_file"]);
        let path = check.beside(&path);
        if let Err(wrong) = read(&path).and_then(|text| Account::read(text.as_bytes())) {
            check.problems.error(&place, wrong, None);
            return None;
        }
        return Some(Chain(vec![Link::File(path)]));
    }
    if let Some((value, place)) = check.source.variables.get(FILE) {
        let value = value.trim();
        // Where there are no files, people put the text itself there.
        let (text, link) = if value.starts_with('{') {
            (Ok(value.to_owned()), Link::Inline(Secret::new(value)))
        } else {
            (read(value), Link::File(value.to_owned()))
        };
        if let Err(wrong) = text.and_then(|text| Account::read(text.as_bytes())) {
            check.problems.error(place, wrong, None);
            return None;
        }
        return Some(Chain(vec![link]));
    }
    let folder = check.variable(&["CLOUDSDK_CONFIG"]).unwrap_or_else(|| "~/.config/gcloud".to_owned());
    let left = check.home(&format!("{folder}/application_default_credentials.json"));
    let metadata = check.address("GCE_METADATA_HOST", "http", METADATA)?;
    Some(Chain(vec![Link::WellKnown(left), Link::Metadata(metadata)]))
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("the file cannot be read: {}", error.kind()))
}

/// The address below which the project's models lie at its location.
pub(super) fn base(subject: &Subject<'_>, own: Option<Base>, check: &mut Check<'_>) -> Option<Base> {
    let version = said(subject.written.api_version.as_ref()).unwrap_or_else(|| "v1".to_owned());
    let location = subject
        .location()
        .or_else(|| {
            check.variable(&[
                "VERTEX_LOCATION",
                "VERTEXAI_LOCATION",
                "GOOGLE_CLOUD_LOCATION",
                "CLOUD_ML_REGION",
            ])
        })
        .unwrap_or_else(|| "global".to_owned());
    let project = said(subject.written.project.as_ref())
        .or_else(|| {
            check.variable(&[
                "VERTEX_PROJECT",
                "VERTEXAI_PROJECT",
                "ANTHROPIC_VERTEX_PROJECT_ID",
                "GOOGLE_CLOUD_PROJECT",
            ])
        })
        .or_else(|| of_credentials(subject, check));
    for (field, value) in [("location", Some(&location)), ("project", project.as_ref())] {
        if value.is_some_and(|value| !is_name(value)) {
            check.error(&["providers", subject.name, field], format!("expected the name of a {field}"), None);
            return None;
        }
    }
    if let Some(own) = &own
        && (own.path.contains("/projects/") || own.path.contains("/publishers"))
    {
        let path = own.path.split("/publishers").next().unwrap_or_default().to_owned();
        return Some(Base { path, ..own.clone() });
    }
    let base = match own {
        Some(own) if own.path.is_empty() => Base { path: format!("/{version}"), ..own },
        Some(own) => own,
        None => Base::parse(&format!("https://{}/{version}", host(&location))).ok()?,
    };
    match project {
        Some(project) => {
            let path = format!("{}/projects/{project}/locations/{location}", base.path);
            Some(Base { path, ..base })
        }
        // Keys of the express mode name their project themselves.
        None if subject.key.is_some() => Some(base),
        None => {
            let hint = "set VERTEX_PROJECT, or project: my-project".to_owned();
            let message = format!("{} needs a project", subject.vendor.name);
            check.error(&["providers", subject.name], message, hint);
            None
        }
    }
}

/// The host of a location: one for the world, one for each of two wide regions, one for each region.
fn host(location: &str) -> String {
    match location {
        "global" => "aiplatform.googleapis.com".to_owned(),
        "us" | "eu" => format!("aiplatform.{location}.rep.googleapis.com"),
        region => format!("{region}-aiplatform.googleapis.com"),
    }
}

/// The project that the credentials belong to.
fn of_credentials(subject: &Subject<'_>, check: &Check<'_>) -> Option<String> {
    let auth = subject.written.auth.as_ref();
    if let Some(text) = auth.and_then(|auth| auth.credentials.as_ref()) {
        return Account::project(text.0.expose().as_bytes());
    }
    let path = match auth.and_then(|auth| said(auth.credentials_file.as_ref())) {
        Some(path) => check.beside(&path),
        None => check.variable(&[FILE])?,
    };
    if path.starts_with('{') {
        return Account::project(path.as_bytes());
    }
    Account::project(std::fs::read_to_string(path).ok()?.as_bytes())
}
