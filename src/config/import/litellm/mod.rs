//! LiteLLM's `config.yaml`.

mod deployment;
mod settings;

pub(super) use deployment::maker;

use crate::config::problem::{Place, Problems};
use crate::config::tree::{Entry, Node, Value};
use crate::config::yaml;

use super::written::Written;
use super::{Draft, Imported, text};

/// Tollgate's words for a file of LiteLLM's; `name` is the file's for humans. None where it cannot be
/// read; then the notes say why.
#[must_use]
pub fn litellm(name: &str, source: &str) -> Imported {
    let mut notes = Problems::default();
    let tree = yaml::parse(name, source, &mut notes);
    let mut reader = Reader { draft: Draft::new(notes), environment: Vec::new(), order: Vec::new() };
    let Some(tree) = tree else { return reader.draft.finish("litellm") };
    for entry in tree.get("environment_variables").map(Node::entries).unwrap_or_default() {
        if let Some(value) = text(&entry.node) {
            reader.environment.push((entry.key.clone(), value.to_owned()));
        }
    }
    // Names must be known before what refers to them.
    for item in tree.get("model_list").map(Node::items).unwrap_or_default() {
        reader.deployment(item);
    }
    reader.settle_order();
    for entry in tree.entries() {
        reader.section(entry);
    }
    reader.draft.finish("litellm")
}

struct Reader {
    draft: Draft,
    /// What the file sets of the environment.
    environment: Vec<(String, String)>,
    /// Deployments: name, rank, target, and where they stand.
    order: Vec<(String, u64, String, Place)>,
}

impl Reader {
    fn section(&mut self, entry: &Entry) {
        match entry.key.as_str() {
            "model_list" | "environment_variables" => {}
            "litellm_settings" => self.settings(&entry.node, settings::LITELLM, "litellm_settings"),
            "router_settings" => self.settings(&entry.node, settings::ROUTER, "router_settings"),
            "general_settings" => self.settings(&entry.node, settings::GENERAL, "general_settings"),
            "include" => self.draft.note(&entry.place, "include: import those files by themselves"),
            "guardrails" => self.draft.note(&entry.place, "guardrails: they are not imported"),
            "mcp_servers" | "mcp_tools" => {
                self.draft.note(&entry.place, format!("{}: there is no MCP gateway", entry.key));
            }
            "pass_through_endpoints" => {
                let message = "pass_through_endpoints: every provider is reached under /p/ and its name";
                self.draft.note(&entry.place, message);
            }
            "credential_list" => {
                self.draft.note(&entry.place, "credential_list: write the credentials at each provider");
            }
            other => self.draft.note(&entry.place, format!("{other}: it has no counterpart")),
        }
    }

    /// Deployments of one name by their rank, those of one rank in the order of the file.
    fn settle_order(&mut self) {
        let mut order = std::mem::take(&mut self.order);
        order.sort_by_key(|(_, rank, ..)| *rank);
        let mut last: Vec<(String, u64)> = Vec::new();
        for (name, rank, target, place) in order {
            if last.contains(&(name.clone(), rank)) {
                let message = format!(
                    "\"{name}\": targets of one name are tried in their order; a route's strategy shares them out"
                );
                self.note(&place, message);
            }
            self.draft.target(&name, target);
            last.push((name, rank));
        }
    }

    /// A value with what it refers to.
    fn value(&self, written: &str) -> String {
        match written.strip_prefix("os.environ/") {
            Some(name) => match self.environment.iter().find(|(known, _)| known == name) {
                Some((_, value)) => value.replace("${", "$${"),
                None => format!("${{env:{name}}}"),
            },
            None => written.replace("${", "$${"),
        }
    }

    /// The same as a value to be written.
    fn written(&self, node: &Node) -> Option<Written> {
        text(node).filter(|text| !text.is_empty()).map(|text| Written::Text(self.value(text)))
    }

    fn note(&mut self, place: &Place, message: impl Into<String>) {
        self.draft.note(place, message);
    }
}

/// Where an entry's value stands, or its name.
fn place(entry: &Entry) -> &Place {
    match entry.node.value {
        Value::Text(_) => &entry.node.place,
        Value::Null | Value::List(_) | Value::Map(_) => &entry.place,
    }
}
