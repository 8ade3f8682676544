//! Clouds: where a provider's region or project lies, and how its credentials are lent.
//!
//! What the file does not say is found as the clouds' own tools find it: in their variables, in
//! files of theirs and on the machine.

mod aws;
mod entra;
mod google;
mod oauth;
mod oracle;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::file;
use crate::provider::{Auth, Base, Source, Vendor};
use crate::snapshot::Cloud;
use crate::units::Secret;

use super::Check;

/// What the file says of one provider, and whose it is.
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) written: &'a file::Provider,
    pub(super) vendor: &'static Vendor,
    /// Its key, which makes lent credentials needless, or is what they are lent for.
    pub(super) key: Option<&'a Secret>,
    /// The region in which a target has it asked, where that says one.
    pub(super) region: Option<&'a str>,
}

impl Subject<'_> {
    /// The region that is written: of a target, else its own.
    pub(super) fn region(&self) -> Option<String> {
        self.region.map(str::to_owned).or_else(|| said(self.written.region.as_ref()))
    }

    /// Google's location, likewise.
    fn location(&self) -> Option<String> {
        self.region.map(str::to_owned).or_else(|| said(self.written.location.as_ref()))
    }
}

/// What stands in an address for the region.
pub(super) const REGION: &str = "{region}";

/// The fields of `auth` and the clouds that each belongs to.
const FIELDS: [(&str, &[House]); 21] = [
    ("access_key_id", &[House::Amazon]),
    ("secret_access_key", &[House::Amazon]),
    ("session_token", &[House::Amazon]),
    ("profile", &[House::Amazon, House::Oracle]),
    ("role_arn", &[House::Amazon]),
    ("role_session_name", &[House::Amazon]),
    ("external_id", &[House::Amazon]),
    ("credentials_file", &[House::Google]),
    ("credentials", &[House::Google]),
    ("tenant_id", &[House::Microsoft]),
    ("client_id", &[House::Microsoft, House::Databricks, House::Sber]),
    ("client_secret", &[House::Microsoft, House::Databricks, House::Sber]),
    ("scope", &[House::Microsoft, House::Sber]),
    ("managed_identity", &[House::Microsoft]),
    ("token_file", &[House::Amazon, House::Microsoft]),
    ("tenancy", &[House::Oracle]),
    ("user", &[House::Oracle]),
    ("fingerprint", &[House::Oracle]),
    ("private_key", &[House::Oracle]),
    ("key_file", &[House::Oracle]),
    ("token_url", &[House::Ibm, House::Databricks, House::Sber, House::GitHub]),
];

/// Copilot answers editors alone.
const EDITOR: [(&str, &str); 4] = [
    ("copilot-integration-id", "vscode-chat"),
    // It takes no pictures without.
    ("copilot-vision-request", "true"),
    ("editor-plugin-version", "copilot-chat/0.26.7"),
    ("editor-version", "vscode/1.104.0"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum House {
    Amazon,
    Google,
    Microsoft,
    Ibm,
    Databricks,
    Sber,
    Oracle,
    GitHub,
}

impl House {
    const fn of(auth: Auth) -> Option<Self> {
        match auth {
            Auth::Aws { .. } => Some(Self::Amazon),
            Auth::GoogleCloud => Some(Self::Google),
            Auth::Azure => Some(Self::Microsoft),
            Auth::Ibm => Some(Self::Ibm),
            Auth::Databricks => Some(Self::Databricks),
            Auth::Sber => Some(Self::Sber),
            Auth::Oracle => Some(Self::Oracle),
            Auth::Copilot => Some(Self::GitHub),
            Auth::Bearer
            | Auth::Header(_)
            | Auth::Prefixed(_)
            | Auth::Anthropic
            | Auth::Google
            | Auth::None => None,
        }
    }
}

/// Notes what is written of a cloud that the provider's vendor has no use for.
pub(super) fn check_fields(subject: &Subject<'_>, check: &mut Check<'_>) {
    let Subject { name, written, vendor, .. } = subject;
    let house = House::of(vendor.auth);
    let places: [(&str, bool, &[House]); 5] = [
        (
            "region",
            written.region.is_some() && !names_region(written),
            &[House::Amazon, House::Ibm, House::Oracle],
        ),
        ("compartment", written.compartment.is_some(), &[House::Oracle]),
        ("project", written.project.is_some(), &[House::Google, House::Ibm]),
        ("space", written.space.is_some(), &[House::Ibm]),
        ("location", written.location.is_some(), &[House::Google]),
    ];
    for (field, is_written, own) in places {
        if is_written && !house.is_some_and(|house| own.contains(&house)) {
            let hint = match (field, house) {
                ("region", Some(House::Google)) => Some("set location".to_owned()),
                ("location", Some(House::Amazon | House::Ibm | House::Oracle)) => {
                    Some("set region".to_owned())
                }
                _ => None,
            };
            check.error(&["providers", name, field], format!("{} has no {field}", vendor.name), hint);
        }
    }
    if written.auth.is_none() {
        return;
    }
    let Some(house) = house else {
        let message = format!("{} takes a key; only clouds lend credentials", vendor.name);
        check.error(&["providers", name, "auth"], message, "set api_key".to_owned());
        return;
    };
    let node = check.source.written.get("providers").and_then(|providers| providers.get(name));
    let node = node.and_then(|provider| provider.get("auth"));
    let is_written = |field: &str| node.is_some_and(|auth| auth.get(field).is_some());
    let foreign: Vec<&str> = FIELDS
        .iter()
        .filter(|(field, own)| !own.contains(&house) && is_written(field))
        .map(|(field, _)| *field)
        .collect();
    let own = FIELDS.iter().filter(|(_, own)| own.contains(&house));
    let own: Vec<&str> = own.map(|(field, _)| *field).collect();
    for field in foreign {
        let message = format!("{} takes no {field}", vendor.name);
        check.error(&["providers", name, "auth", field], message, format!("it takes {}", own.join(", ")));
    }
}

/// The cloud that lends the provider its credentials; none for one whose key is enough.
///
/// `base` is where it is, unless that is not known.
pub(super) fn cloud(subject: &Subject<'_>, base: Option<&Base>, check: &mut Check<'_>) -> Option<Cloud> {
    if subject.key.is_some() && !subject.vendor.auth.is_exchanged() {
        return None;
    }
    let (source, region, service) = match subject.vendor.auth {
        Auth::Aws { service, .. } => {
            let region = aws::region(subject, check)?;
            (Source::Aws(aws::chain(subject, &region, check)?), region, service)
        }
        Auth::GoogleCloud => (Source::Google(google::chain(subject, check)?), String::new(), ""),
        Auth::Azure => (Source::Entra(entra::way(subject, check)?), String::new(), ""),
        Auth::Ibm => (Source::Oauth(oauth::ibm(subject, check)?), String::new(), ""),
        Auth::Copilot => (Source::Oauth(oauth::copilot(subject, check)?), String::new(), ""),
        Auth::Oracle => (Source::Oracle(oracle::user(subject, check)?), String::new(), ""),
        Auth::Sber => (Source::Oauth(oauth::sber(subject, check)?), String::new(), ""),
        Auth::Databricks => (Source::Oauth(oauth::databricks(subject, base, check)?), String::new(), ""),
        Auth::Bearer | Auth::Header(_) | Auth::Prefixed(_) | Auth::Anthropic | Auth::Google | Auth::None => {
            return None;
        }
    };
    Some(Cloud { source: Arc::new(source), region, service })
}

/// What each body names as whose account pays: the name of the member, and its value.
pub(super) fn account(subject: &Subject<'_>, check: &mut Check<'_>) -> Vec<(&'static str, String)> {
    if subject.vendor.auth == Auth::Ibm { oauth::ibm_account(subject, check) } else { Vec::new() }
}

/// Adds the headers that name whose account pays, or which program asks where only some may.
pub(super) fn name_account(
    subject: &Subject<'_>,
    headers: &mut BTreeMap<String, String>,
    check: &mut Check<'_>,
) {
    if subject.vendor.auth == Auth::Oracle {
        oracle::name_compartment(subject, headers, check);
    }
    if subject.vendor.auth == Auth::Copilot {
        for (name, value) in EDITOR {
            headers.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
}

/// The address of a regional vendor: the user's own, or the usual one with its places filled in.
pub(super) fn base(subject: &Subject<'_>, own: Option<Base>, check: &mut Check<'_>) -> Option<Base> {
    match subject.vendor.auth {
        Auth::Aws { service, .. } => own.or_else(|| aws::base(subject, service, check)),
        Auth::GoogleCloud => google::base(subject, own, check),
        Auth::Ibm => own.or_else(|| oauth::ibm_base(subject, check)),
        Auth::Oracle => own.or_else(|| oracle::base(subject, check)),
        Auth::Azure
        | Auth::Databricks
        | Auth::Sber
        | Auth::Copilot
        | Auth::Bearer
        | Auth::Header(_)
        | Auth::Prefixed(_)
        | Auth::Anthropic
        | Auth::Google
        | Auth::None => own,
    }
}

impl Check<'_> {
    /// The first of these variables that is set.
    fn variable(&self, names: &[&str]) -> Option<String> {
        let found = names.iter().find_map(|name| self.source.variables.get(name));
        found.map(|(value, _)| value.trim().to_owned())
    }

    /// The base address in a variable, perhaps written without its scheme; the usual one else.
    fn address(&mut self, name: &str, scheme: &str, usual: &str) -> Option<Base> {
        let Some((value, place)) = self.source.variables.get(name) else { return Base::parse(usual).ok() };
        let value = value.trim();
        let full = if value.contains("://") { value.to_owned() } else { format!("{scheme}://{value}") };
        Base::parse(&full).map_err(|bad| self.problems.error(place, bad.to_string(), None)).ok()
    }

    /// A path below the user's folder, which may be written with `~`.
    fn home(&self, path: &str) -> String {
        let home = || self.variable(&["HOME"]).unwrap_or_else(|| "/".to_owned());
        match path.strip_prefix("~/") {
            Some(rest) => format!("{}/{rest}", home().trim_end_matches('/')),
            None => path.to_owned(),
        }
    }

    /// A path in the file, which is relative to the file itself.
    fn beside(&self, path: &str) -> String {
        let path = self.home(path);
        self.source.folder.join(path).display().to_string()
    }
}

/// A text that is not blank.
fn said(text: Option<&String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Whether a provider's address has a place for the region.
pub(super) fn names_region(written: &file::Provider) -> bool {
    written.base_url.as_ref().is_some_and(|base| base.contains(REGION))
}

/// Whether a region, location or project can stand in an address.
pub(super) fn is_name(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    !text.is_empty() && text.bytes().all(fine) && !text.contains("..")
}
