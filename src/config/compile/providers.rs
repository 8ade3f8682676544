//! Providers: a vendor's row, an address and keys each, in order of preference.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::header::{self, HeaderName, HeaderValue};

use crate::catalog::Catalog;
use crate::config::environment::{needs_address, stem};
use crate::config::file::{self, ClientGone, File};
use crate::config::problem::Problems;
use crate::config::read::did_you_mean;
use crate::config::tree::Node;
use crate::ir::Dialect;
use crate::provider::url::BadBase;
use crate::provider::{Auth, Base, Vendor};
use crate::route::Offer;
use crate::snapshot::Provider;
use crate::units::Secret;

use super::clouds::{self, Subject};
use super::{Check, legs, pressure};

/// How a vendor is called that is in no table.
const CUSTOM: &str = "custom";
/// Headers that belong to the connection or the body, not to the provider.
const NOT_YOURS: [HeaderName; 5] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::CONTENT_TYPE,
];

/// The providers with what each offers, the most preferred first.
pub(super) fn compile(file: &File, check: &mut Check<'_>) -> (Vec<Provider>, Vec<Offer>) {
    if !check.declared("providers").any(|_| true) {
        let hint = "set OPENAI_API_KEY or another provider's key, or run `tollgate demo` to try without one";
        check.error(&["providers"], "there is no provider", hint.to_owned());
    }
    let mut order: Vec<(&String, &file::Provider, &'static Vendor)> = Vec::new();
    for (name, written) in &file.providers {
        check_name(name, check);
        if let Some(vendor) = vendor(name, written, check) {
            order.push((name, written, vendor));
        }
    }
    check.providers(&["prefer"], &file.prefer);
    order.sort_by_key(|(name, _, vendor)| {
        let preferred = file.prefer.iter().position(|preferred| preferred.trim() == *name);
        let row = Vendor::all().position(|row| row.id == vendor.id);
        (preferred.is_none(), preferred, row, Reverse(**name == vendor.id))
    });
    let whole = order.iter().filter_map(|(name, written, vendor)| one(name, written, vendor, None, check));
    let (mut providers, mut offers): (Vec<_>, Vec<_>) = whole.unzip();
    for (name, region) in regions(file) {
        let found = order.iter().find(|(known, ..)| *known == name);
        let Some((_, written, vendor)) = found.filter(|_| offers.iter().any(|offer| offer.name == name))
        else {
            continue;
        };
        // What is wrong with the provider itself has been told of.
        let mut told = Problems::default();
        let mut apart = Check { source: check.source, problems: &mut told };
        if let Some((provider, _)) = one(name, written, vendor, Some(region), &mut apart) {
            let name = legs::within(name, region);
            // It is asked where a target says so, and stands for no name and no family by itself.
            let (aliases, models, vendor) = (Vec::new(), Vec::new(), String::new());
            offers.push(Offer { name: name.clone(), aliases, models, vendor });
            providers.push(Provider { name, discover: false, ..provider });
        }
    }
    (providers, offers)
}

/// The regions in which targets have providers asked.
fn regions(file: &File) -> BTreeSet<(&str, &str)> {
    let targets = file.routes.values().flat_map(|route| &route.targets);
    targets
        .filter_map(|target| legs::region(target).map(|(provider, region, _)| (provider, region)))
        .collect()
}

fn check_name(name: &str, check: &mut Check<'_>) {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(fine) {
        let message = "expected a provider's name of letters, digits, -, _ and . alone";
        check.error(&["providers", name], message, None);
    }
}

fn vendor(name: &str, written: &file::Provider, check: &mut Check<'_>) -> Option<&'static Vendor> {
    let id = written.vendor.as_deref().unwrap_or(name).trim();
    if id.eq_ignore_ascii_case(CUSTOM) {
        let wanted = written.dialect.map_or(Dialect::OpenaiChat, Dialect::from);
        let row = custom(wanted);
        if row.is_none() {
            let maker =
                Vendor::all().find(|row| row.speaks.first().is_some_and(|(first, _)| *first == wanted));
            let hint = maker.map(|maker| format!("set vendor: {} and base_url", maker.id));
            check.error(&["providers", name, "dialect"], "no custom vendor speaks this", hint);
        }
        return row;
    }
    let Some(vendor) = Vendor::find(id) else {
        let known = || Vendor::all().flat_map(|row| std::iter::once(&row.id).chain(row.aliases).copied());
        let other = || Some("for any other, set vendor: custom and base_url".to_owned());
        let hint = did_you_mean(id, known()).or_else(other);
        let (path, message): (&[&str], _) = if written.vendor.is_some() {
            (&["providers", name, "vendor"], format!("no vendor is named \"{id}\""))
        } else {
            (&["providers", name], format!("no vendor is named \"{name}\", and the provider names no other"))
        };
        check.error(path, message, hint);
        return None;
    };
    if written.dialect.is_some() {
        let message = format!("the dialects of {} are known; only a custom vendor takes this", vendor.name);
        check.error(&["providers", name, "dialect"], message, None);
    }
    Some(vendor)
}

/// The row for a vendor that is in no table and speaks the dialect.
fn custom(dialect: Dialect) -> Option<&'static Vendor> {
    let speaks = |row: &&Vendor| row.speaks.first().is_some_and(|(first, _)| *first == dialect);
    Vendor::all().filter(|row| row.id.starts_with(CUSTOM)).find(speaks)
}

fn one(
    name: &str,
    written: &file::Provider,
    vendor: &'static Vendor,
    region: Option<&str>,
    check: &mut Check<'_>,
) -> Option<(Provider, Offer)> {
    let mut keys = keys(name, written, check);
    if written.auth.is_some() && vendor.auth.is_lent() && !keys.is_empty() {
        let message = "the key is not used, since auth says how credentials are lent";
        check.problems.warning(&check.place(&["providers", name, "api_key"]), message, None);
        keys.clear();
    }
    if vendor.auth.is_exchanged() && keys.len() > 1 {
        let message = format!("{} takes one key, for which it lends tokens", vendor.name);
        check.error(&["providers", name, "api_keys"], message, "make a provider for each".to_owned());
    }
    let subject = Subject { name, written, vendor, key: keys.first(), region };
    clouds::check_fields(&subject, check);
    let base = base(&subject, check);
    let account = clouds::account(&subject, check);
    let cloud = clouds::cloud(&subject, base.as_ref(), check);
    let lent = written.auth.is_some() && !vendor.auth.is_exchanged();
    if vendor.key_required && keys.is_empty() && cloud.is_none() && !lent {
        want_key(name, written, vendor, check);
    }
    let mut headers = headers(name, &written.headers, check);
    clouds::name_account(&subject, &mut headers, check);
    let models = models(name, written, vendor, check);
    let base = base?;
    let mut aliases = vec![vendor.id.to_owned()];
    aliases.extend(vendor.aliases.iter().map(|&alias| alias.to_owned()));
    if vendor.id.starts_with(CUSTOM) {
        aliases.clear();
    }
    let offer = Offer { name: name.to_owned(), aliases, vendor: vendor.id.to_owned(), models };
    let api_version = written.api_version.as_deref().map(str::trim).filter(|version| !version.is_empty());
    let api_version = api_version.map(str::to_owned);
    let discover = written.models.is_empty();
    let only = dialects(&subject, check);
    if vendor.auth.is_exchanged() {
        keys.clear();
    }
    Some((
        Provider {
            name: name.to_owned(),
            vendor,
            base,
            keys,
            cloud,
            headers,
            account,
            api_version,
            discover,
            only,
            heard_out: written.client_gone == ClientGone::Drain,
            cap: pressure::cap(name, check.source.file, check),
            // Whoever serves looks it up.
            health: Arc::default(),
        },
        offer,
    ))
}

/// The dialects that it is spoken to in, where not in all of its vendor's.
fn dialects(subject: &Subject<'_>, check: &mut Check<'_>) -> Vec<Dialect> {
    let Subject { name, written, vendor, .. } = *subject;
    let mut only = Vec::new();
    for (index, dialect) in written.dialects.iter().map(|dialect| Dialect::from(*dialect)).enumerate() {
        if vendor.speaks.iter().any(|(spoken, _)| *spoken == dialect) {
            only.push(dialect);
        } else {
            let spoken: Vec<_> = vendor.speaks.iter().map(|(spoken, _)| spoken.name()).collect();
            let message = format!("{} does not speak {}", vendor.name, dialect.name());
            let hint = format!("it speaks {}", spoken.join(", "));
            check.error(&["providers", name, "dialects", &index.to_string()], message, hint);
        }
    }
    only
}

fn keys(name: &str, written: &file::Provider, check: &mut Check<'_>) -> Vec<Secret> {
    let mut keys = Vec::new();
    let one = written.api_key.iter().map(|key| ("api_key", key));
    for (field, key) in one.chain(written.api_keys.iter().map(|key| ("api_keys", key))) {
        let path = ["providers", name, field];
        if key.0.is_empty() {
            check.error(&path, "the key is empty", None);
        } else if !key.0.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            check.error(&path, "the key holds spaces or letters that no key has", None);
        } else if !keys.contains(&key.0) {
            keys.push(key.0.clone());
        }
    }
    keys
}

/// Says that there is no key, unless what was written of one was wrong, or a region is missing.
fn want_key(name: &str, written: &file::Provider, vendor: &Vendor, check: &mut Check<'_>) {
    let none_written = written.api_key.is_none() && written.api_keys.is_empty();
    let none_failed = ["api_key", "api_keys"].iter().all(|field| {
        let provider = check.source.written.get("providers").and_then(|providers| providers.get(name));
        let node = provider.and_then(|provider| provider.get(field));
        node.is_none_or(Node::is_blank)
    });
    if none_written && none_failed && !(vendor.is_regional() && vendor.auth.is_lent()) {
        let own = format!("{}_API_KEY", stem(name));
        let variable = match vendor.key_env.first() {
            Some(first) if name == vendor.id => first,
            _ => own.as_str(),
        };
        let or = if vendor.auth == Auth::Azure {
            "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
        } else if vendor.auth == Auth::Databricks {
            "DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET"
        } else {
            "api_key: ${file:PATH}"
        };
        let hint = format!("set {variable}, or {or}");
        check.error(&["providers", name], format!("{} needs a key", vendor.name), hint);
    }
}

fn headers(
    name: &str,
    written: &BTreeMap<String, String>,
    check: &mut Check<'_>,
) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    for (key, value) in written {
        let path = ["providers", name, "headers", key];
        let value = value.trim();
        match HeaderName::from_bytes(key.as_bytes()) {
            Err(_) => check.error(&path, "expected the name of a header", None),
            Ok(header) if NOT_YOURS.contains(&header) => {
                check.error(&path, format!("the header {header} is Tollgate's own to set"), None);
            }
            Ok(_) if HeaderValue::from_str(value).is_err() => {
                check.error(&path, "the value holds letters that no header can carry", None);
            }
            Ok(header) => {
                headers.insert(header.as_str().to_owned(), value.to_owned());
            }
        }
    }
    headers
}

/// The names it serves: as written, else all that the catalogue has of the vendor.
fn models(name: &str, written: &file::Provider, vendor: &Vendor, check: &mut Check<'_>) -> Vec<String> {
    if written.models.is_empty() {
        let known = vendor.catalogue_ids.iter().flat_map(|id| Catalog::builtin().of_provider(id));
        return known.flat_map(|model| model.names().map(str::to_owned)).collect();
    }
    for (index, model) in written.models.iter().enumerate() {
        if model.trim().is_empty() {
            let index = index.to_string();
            check.error(&["providers", name, "models", &index], "expected the name of a model", None);
        }
    }
    written.models.iter().map(|model| model.trim().to_owned()).collect()
}

fn base(subject: &Subject<'_>, check: &mut Check<'_>) -> Option<Base> {
    let Subject { name, written, vendor, .. } = *subject;
    let path = ["providers", name, "base_url"];
    let Some(text) = written.base_url.as_deref().map(str::trim).filter(|text| !text.is_empty()) else {
        if vendor.is_regional() {
            return clouds::base(subject, None, check);
        }
        if needs_address(vendor) {
            let variable = format!("{}_BASE_URL", stem(name));
            let example = if vendor.base_url.is_empty() { "https://…" } else { vendor.base_url };
            let hint = format!("set {variable}, or base_url: {example} with your own names");
            check.error(&["providers", name], format!("{} needs a base_url", vendor.name), hint);
            return None;
        }
        return Base::parse(vendor.base_url).ok();
    };
    let mut text = Cow::Borrowed(text);
    if text.contains(clouds::REGION) {
        match subject.region().filter(|region| clouds::is_name(region)) {
            Some(region) => text = text.replace(clouds::REGION, &region).into(),
            None => {
                let message = format!("the region is not said, which stands in the base_url of \"{name}\"");
                check.error(&["providers", name, "region"], message, "set region: eu-west-1".to_owned());
                return None;
            }
        }
    }
    match Base::parse(&text) {
        Ok(base) if vendor.is_regional() => clouds::base(subject, Some(base), check),
        Ok(base) => Some(with_usual_path(base, vendor)),
        Err(bad) => {
            let known = vendor.base_url.contains('{').then(|| format!("the form is {}", vendor.base_url));
            let hint = if bad == BadBase::Placeholder { None } else { known };
            check.error(&path, bad.to_string(), hint);
            None
        }
    }
}

/// People write the address of their own server without its `/v1`, and that of their workspace as
/// Databricks' tools have it.
fn with_usual_path(base: Base, vendor: &Vendor) -> Base {
    if vendor.auth == Auth::Databricks && base.path.is_empty() {
        return Base { path: "/serving-endpoints".to_owned(), ..base };
    }
    if vendor.key_required || !base.path.is_empty() {
        return base;
    }
    let usual = Base::parse(vendor.base_url).map(|usual| usual.path).unwrap_or_default();
    Base { path: usual, ..base }
}
