//! Providers that the environment configures: `OPENAI_API_KEY`, `OPENAI_API_KEY_2`,
//! `OPENAI_EU_API_KEY`, `OLLAMA_BASE_URL` …

use std::collections::BTreeMap;

use crate::config::problem::{Place, Problems};
use crate::config::tree::{Node, Value};
use crate::provider::Vendor;

use super::{Variables, list};

/// Keys by these names are in many environments for other reasons; they serve a provider that is
/// configured, but configure none.
const FOR_OTHER_USES: [&str; 3] = ["GITHUB_TOKEN", "HF_TOKEN", "VERCEL_OIDC_TOKEN"];

/// What a variable says of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    /// A key, by its rank among the vendor's variables and its number.
    Key {
        rank: usize,
        number: u32,
    },
    BaseUrl,
    Models,
    ApiVersion,
}

/// Whose variable it is.
#[derive(Debug, Clone)]
struct Instance {
    name: String,
    vendor: Option<&'static Vendor>,
    /// Whether the name was made from a suffix, so that the variable may be about something else.
    guessed: bool,
}

/// What the variables say of one provider.
#[derive(Debug, Default)]
struct Found<'a> {
    vendor: Option<&'static Vendor>,
    guessed: bool,
    /// By rank and number.
    keys: BTreeMap<(usize, u32), (&'a str, &'a Place)>,
    base_url: Option<(&'a str, &'a Place)>,
    models: Option<(&'a str, &'a Place)>,
    api_version: Option<(&'a str, &'a Place)>,
}

pub(super) fn lay_over(tree: &mut Node, variables: &Variables, problems: &mut Problems) {
    let configured: Vec<String> = tree
        .get("providers")
        .map(|providers| providers.entries().iter().map(|entry| entry.key.clone()).collect())
        .unwrap_or_default();
    let mut found: BTreeMap<String, Found<'_>> = BTreeMap::new();
    for (name, value, place) in variables.iter() {
        let Some((instance, field)) = read_name(name, &configured) else {
            continue;
        };
        if FOR_OTHER_USES.contains(&name) && !configured.contains(&instance.name) {
            continue;
        }
        let entry = found.entry(instance.name).or_default();
        entry.vendor = instance.vendor;
        entry.guessed = instance.guessed;
        match field {
            Field::Key { rank, number } => {
                entry.keys.insert((rank, number), (value, place));
            }
            Field::BaseUrl => entry.base_url = Some((value, place)),
            Field::Models => entry.models = Some((value, place)),
            Field::ApiVersion => entry.api_version = Some((value, place)),
        }
    }
    for (name, found) in &found {
        if configured.contains(name) || found.suffices() {
            found.put(tree, name);
        } else if let Some(place) = found.first_place()
            && !found.guessed
        {
            let hint = found.wanted().map(|name| format!("set {name} too"));
            problems.warning(place, "this alone makes no provider, so it changes nothing", hint);
        }
    }
}

impl Found<'_> {
    /// Whether a provider can come of the variables alone.
    fn suffices(&self) -> bool {
        self.vendor.is_some() && self.wanted().is_none()
    }

    fn put(&self, tree: &mut Node, name: &str) {
        // Of two names for one key, such as GEMINI_API_KEY and GOOGLE_API_KEY, one is used.
        let best = self.keys.keys().next().map(|(rank, _)| *rank);
        let keys = self.keys.iter().filter(|((rank, _), _)| Some(*rank) == best);
        let nodes: Vec<Node> = keys.map(|(_, (value, place))| Node::text(place, *value)).collect();
        if let Some(first) = nodes.first() {
            let place = first.place.clone();
            tree.remove(&["providers", name], "api_key");
            tree.put(&["providers", name, "api_keys"], Node::new(&place, Value::List(nodes)));
        }
        if let Some((value, place)) = self.base_url {
            tree.put(&["providers", name, "base_url"], Node::text(place, value.trim()));
        }
        if let Some((value, place)) = self.models {
            tree.put(&["providers", name, "models"], list(value, place));
        }
        if let Some((value, place)) = self.api_version {
            tree.put(&["providers", name, "api_version"], Node::text(place, value.trim()));
        }
        if self.guessed
            && let (Some(vendor), Some(place)) = (self.vendor, self.first_place())
        {
            tree.put(&["providers", name, "vendor"], Node::text(place, vendor.id));
        }
    }

    fn first_place(&self) -> Option<&Place> {
        let key = self.keys.values().next().map(|(_, place)| *place);
        let others = [self.base_url, self.models, self.api_version];
        key.or_else(|| others.into_iter().flatten().next().map(|(_, place)| place))
    }

    /// The variable that is missing to make a provider of the others: a key where there must be
    /// one, an address where the vendor has none or runs on a machine of the user's.
    fn wanted(&self) -> Option<String> {
        let vendor = self.vendor?;
        let has_address = vendor.key_required && !needs_address(vendor);
        if vendor.key_required && self.keys.is_empty() {
            vendor.key_env.first().map(|name| (*name).to_owned())
        } else if has_address || self.base_url.is_some() {
            None
        } else {
            Some(format!("{}_BASE_URL", stem(vendor.id)))
        }
    }
}

/// Whether a variable of this name says something of a provider.
pub(super) fn is_read(name: &str) -> bool {
    read_name(name, &[]).is_some()
}

/// Whether a variable of this name holds a provider's key.
pub(super) fn is_key(name: &str) -> bool {
    read_name(name, &[]).is_some_and(|(_, field)| matches!(field, Field::Key { .. }))
}

/// Whose variable this is and what it says; `None` if it is none of ours.
fn read_name(name: &str, configured: &[String]) -> Option<(Instance, Field)> {
    if let Some((vendor, field)) = vendor_key(name) {
        return Some((of_vendor(vendor, configured), field));
    }
    let (owner, field) = foreign(name).or_else(|| split(name))?;
    if let Some(name) = configured.iter().find(|name| stem(name) == owner) {
        let instance = Instance { name: name.clone(), vendor: Vendor::find(name), guessed: false };
        return Some((instance, field));
    }
    if let Some(vendor) = vendor_of(owner) {
        return Some((of_vendor(vendor, configured), field));
    }
    suffixed(owner).map(|instance| (instance, field))
}

/// The provider that a vendor's own variables are for: the one that is called after it.
fn of_vendor(vendor: &'static Vendor, configured: &[String]) -> Instance {
    let named = configured.iter().find(|name| Vendor::find(name).is_some_and(|found| found.id == vendor.id));
    let name = named.cloned().unwrap_or_else(|| vendor.id.to_owned());
    Instance { name, vendor: Some(vendor), guessed: false }
}

/// A name from a vendor's row, perhaps numbered.
fn vendor_key(name: &str) -> Option<(&'static Vendor, Field)> {
    let (plain, number) = split_number(name);
    let find = |name: &str| {
        Vendor::all().find_map(|vendor| {
            let rank = vendor.key_env.iter().position(|known| *known == name)?;
            Some((vendor, rank))
        })
    };
    let (vendor, rank, number) = match find(name) {
        Some((vendor, rank)) => (vendor, rank, 1),
        None => find(plain).map(|(vendor, rank)| (vendor, rank, number))?,
    };
    Some((vendor, Field::Key { rank, number }))
}

/// Names that a vendor's own tools read, and that no rule gives.
fn foreign(name: &str) -> Option<(&str, Field)> {
    match name {
        "AZURE_OPENAI_ENDPOINT" | "AZURE_API_BASE" => Some(("AZURE", Field::BaseUrl)),
        "AZURE_AI_ENDPOINT" | "AZURE_AI_API_BASE" => Some(("AZURE_AI", Field::BaseUrl)),
        "WATSONX_URL" | "WATSONX_API_BASE" => Some(("WATSONX", Field::BaseUrl)),
        "DATABRICKS_HOST" | "DATABRICKS_API_BASE" => Some(("DATABRICKS", Field::BaseUrl)),
        _ => None,
    }
}

fn split(name: &str) -> Option<(&str, Field)> {
    let fields =
        [("_BASE_URL", Field::BaseUrl), ("_MODELS", Field::Models), ("_API_VERSION", Field::ApiVersion)];
    for (suffix, field) in fields {
        if let Some(owner) = name.strip_suffix(suffix) {
            return Some((owner, field));
        }
    }
    let (plain, number) = split_number(name);
    // A name that no row has comes after all those that one has.
    plain.strip_suffix("_API_KEY").map(|owner| (owner, Field::Key { rank: usize::MAX, number }))
}

/// A name without the number at its end; the first has none.
fn split_number(name: &str) -> (&str, u32) {
    name.rsplit_once('_')
        .and_then(|(plain, number)| Some((plain, number.parse().ok().filter(|number| *number > 1)?)))
        .unwrap_or((name, 1))
}

/// The vendor whose variables begin like this: by its id, an alias or the names of its keys.
fn vendor_of(owner: &str) -> Option<&'static Vendor> {
    Vendor::all().find(|vendor| {
        stem(vendor.id) == owner
            || vendor.aliases.iter().any(|alias| stem(alias) == owner)
            || vendor.key_env.iter().any(|name| name.strip_suffix("_API_KEY") == Some(owner))
    })
}

/// A further provider of a vendor: `OPENAI_EU` is `openai-eu`.
fn suffixed(owner: &str) -> Option<Instance> {
    let fits = |vendor: &&Vendor| {
        let rest = owner.strip_prefix(stem(vendor.id).as_str()).and_then(|rest| rest.strip_prefix('_'));
        rest.is_some_and(|suffix| !suffix.is_empty() && suffix.parse::<u64>().is_err())
    };
    let vendor = Vendor::all().filter(fits).max_by_key(|vendor| vendor.id.len())?;
    let suffix = owner.get(vendor.id.len() + 1..)?.to_ascii_lowercase().replace('_', "-");
    Some(Instance { name: format!("{}-{suffix}", vendor.id), vendor: Some(vendor), guessed: true })
}

/// Whether only the user can know where the vendor is.
pub(in crate::config) fn needs_address(vendor: &Vendor) -> bool {
    vendor.base_url.is_empty() || (vendor.base_url.contains('{') && !vendor.is_regional())
}

/// What the variables of a provider of this name begin with.
pub(in crate::config) fn stem(name: &str) -> String {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }
    };
    name.chars().map(letter).collect()
}
