//! Oracle: the region, the compartment that pays, and the user who signs.

use std::collections::BTreeMap;

use crate::config::file;
use crate::provider::Base;
use crate::provider::auth::oracle::{User, of_profile};
use crate::units::Secret;

use super::{Check, Subject, is_name, said};

/// The headers that name the compartment, the one for chat and the one for all else.
const COMPARTMENT: [&str; 2] = ["opc-compartment-id", "compartmentid"];

/// The address of the service in its region.
pub(super) fn base(subject: &Subject<'_>, check: &mut Check<'_>) -> Option<Base> {
    let region = subject
        .region()
        .or_else(|| check.variable(&["OCI_REGION", "OCI_CLI_REGION"]))
        .or_else(|| in_profile(subject, "region", check));
    let Some(region) = region else {
        let hint = "set OCI_REGION, or region: us-chicago-1".to_owned();
        check.error(&["providers", subject.name], format!("{} needs a region", subject.vendor.name), hint);
        return None;
    };
    if !is_name(&region) {
        let path = ["providers", subject.name, "region"];
        check.error(&path, "expected a region such as eu-frankfurt-1", None);
        return None;
    }
    Base::parse(&subject.vendor.base_url.replace("{region}", &region)).ok()
}

/// Names the compartment in the headers, unless they do already; that of the whole tenancy where nobody
/// names one.
pub(super) fn name_compartment(
    subject: &Subject<'_>,
    headers: &mut BTreeMap<String, String>,
    check: &mut Check<'_>,
) {
    let compartment = said(subject.written.compartment.as_ref())
        .or_else(|| check.variable(&["OCI_COMPARTMENT_ID", "OCI_COMPARTMENT"]))
        .or_else(|| subject.key.is_none().then(|| part(subject, "tenancy", check)).flatten());
    let Some(compartment) = compartment else { return };
    if !is_name(&compartment) {
        let path = ["providers", subject.name, "compartment"];
        check.error(&path, "expected a compartment's OCID", None);
        return;
    }
    for name in COMPARTMENT {
        headers.entry(name.to_owned()).or_insert_with(|| compartment.clone());
    }
}

/// Who signs; nobody where nothing says so.
pub(super) fn user(subject: &Subject<'_>, check: &mut Check<'_>) -> Option<User> {
    let parts = ["tenancy", "user", "fingerprint"].map(|name| (name, part(subject, name, check)));
    let key = key(subject, check)?;
    let missing = parts.iter().find(|(_, value)| value.is_none()).map(|(name, _)| *name);
    let missing = missing.or_else(|| key.is_none().then_some("private_key or key_file"));
    let path = ["providers", subject.name, "auth"];
    if let Some(missing) = missing {
        if subject.written.auth.is_some() || parts.iter().any(|(_, value)| value.is_some()) {
            let hint = "or set OCI_GENAI_API_KEY".to_owned();
            let at = if subject.written.auth.is_some() { &path[..] } else { &path[..2] };
            check.error(at, format!("{missing} is missing"), hint);
        } else {
            let message = format!("{} needs a key, or a user who signs", subject.vendor.name);
            let hint = "set OCI_GENAI_API_KEY, or auth: { tenancy, user, fingerprint, key_file }".to_owned();
            check.error(&path[..2], message, hint);
        }
        return None;
    }
    let key_id = parts.map(|(_, value)| value.unwrap_or_default()).join("/");
    let user = User { key_id, key: key.unwrap_or_default() };
    if let Err(wrong) = user.signer() {
        check.error(&path[..2], format!("the key that should sign is none: {wrong}"), None);
        return None;
    }
    Some(user)
}

/// A part of who signs: as the file, the variables or the profile have it.
fn part(subject: &Subject<'_>, name: &'static str, check: &mut Check<'_>) -> Option<String> {
    let none = file::Auth::default();
    let auth = subject.written.auth.as_ref().unwrap_or(&none);
    let (written, variables) = match name {
        "tenancy" => (&auth.tenancy, ["OCI_TENANCY", "OCI_CLI_TENANCY"]),
        "user" => (&auth.user, ["OCI_USER", "OCI_CLI_USER"]),
        _ => (&auth.fingerprint, ["OCI_FINGERPRINT", "OCI_CLI_FINGERPRINT"]),
    };
    said(written.as_ref()).or_else(|| check.variable(&variables)).or_else(|| in_profile(subject, name, check))
}

/// The private key; `None` where a file that somebody names cannot be read.
#[allow(clippy::option_option, reason = "no key is not the same as one that cannot be read")]
fn key(subject: &Subject<'_>, check: &mut Check<'_>) -> Option<Option<Secret>> {
    let none = file::Auth::default();
    let auth = subject.written.auth.as_ref().unwrap_or(&none);
    if let Some(key) = auth.private_key.as_ref().map(|key| &key.0).filter(|key| !key.is_empty()) {
        return Some(Some(key.clone()));
    }
    if let Some(key) = check.variable(&["OCI_KEY", "OCI_CLI_KEY_CONTENT"]) {
        // Where a variable holds one line, people write the ends of lines.
        return Some(Some(Secret::new(&key.replace("\\n", "\n"))));
    }
    let path = said(auth.key_file.as_ref())
        .map(|path| check.beside(&path))
        .or_else(|| check.variable(&["OCI_KEY_FILE", "OCI_CLI_KEY_FILE"]).map(|path| check.home(&path)))
        .or_else(|| in_profile(subject, "key_file", check).map(|path| check.home(&path)));
    let Some(path) = path else { return Some(None) };
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(Some(Secret::new(&text))),
        Err(error) => {
            let message = format!("the key's file {path} cannot be read: {}", error.kind());
            check.error(&["providers", subject.name], message, None);
            None
        }
    }
}

/// What the profile in Oracle's own file says.
fn in_profile(subject: &Subject<'_>, name: &str, check: &Check<'_>) -> Option<String> {
    let auth = subject.written.auth.as_ref();
    let profile = auth.and_then(|auth| said(auth.profile.as_ref()));
    let profile = profile.or_else(|| check.variable(&["OCI_CLI_PROFILE", "OCI_PROFILE"]));
    let path = check.variable(&["OCI_CONFIG_FILE", "OCI_CLI_CONFIG_FILE"]);
    let path = check.home(path.as_deref().unwrap_or("~/.oci/config"));
    let file = std::fs::read_to_string(path).ok()?;
    of_profile(&file, profile.as_deref().unwrap_or("DEFAULT"), name)
}
