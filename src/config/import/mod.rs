//! Other gateways' configurations, said again in Tollgate's words.
//!
//! What has a counterpart here is written; everything else is told, with its place and the reason.

mod gomodel;
mod litellm;
mod money;
mod paths;
mod providers;
#[cfg(test)]
mod tests;
mod written;

pub use gomodel::gomodel;
pub use litellm::litellm;

use super::problem::{Place, Problem, Problems, Severity};
use super::tree::{Node, Value};

use providers::Providers;
use written::Written;

/// What came of somebody's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The configuration file of Tollgate.
    pub yaml: String,
    /// What has no counterpart, or not quite the same meaning, each with its place.
    pub notes: Vec<Problem>,
}

impl Imported {
    /// Whether the other configuration could be read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.notes.iter().all(|note| note.severity == Severity::Warning)
    }
}

/// So many attempts a request makes where nothing is said, and so many it may make.
const USUAL_ATTEMPTS: usize = 3;
const MOST_ATTEMPTS: usize = 20;

/// What is being made.
struct Draft {
    file: Written,
    providers: Providers,
    /// Name → targets, in their order.
    names: Vec<(String, Vec<String>)>,
    models: Vec<Written>,
    notes: Problems,
}

impl Draft {
    fn new(notes: Problems) -> Self {
        Self {
            file: Written::map(),
            providers: Providers::default(),
            names: Vec::new(),
            models: Vec::new(),
            notes,
        }
    }

    /// Something has no counterpart.
    fn note(&mut self, place: &Place, message: impl Into<String>) {
        self.notes.warning(place, message, None);
    }

    /// Adds a target to a name.
    fn target(&mut self, name: &str, target: String) {
        match self.names.iter_mut().find(|(known, _)| known == name) {
            Some((_, targets)) if targets.contains(&target) => {}
            Some((_, targets)) => targets.push(target),
            None => self.names.push((name.to_owned(), vec![target])),
        }
    }

    fn targets(&self, name: &str) -> Option<&Vec<String>> {
        self.names.iter().find(|(known, _)| known == name).map(|(_, targets)| targets)
    }

    /// There, every target of a name is tried after its retries; here, attempts are of all together.
    fn reach_all(&mut self) {
        let longest = self.names.iter().max_by_key(|(_, targets)| targets.len());
        let Some((name, targets)) = longest.map(|(name, targets)| (name, targets.len())) else { return };
        let written = self.file.text_at(&["upstream", "attempts"]).map(str::parse::<usize>);
        let now = match written {
            Some(Ok(attempts)) => attempts,
            // What is wrong with it is told where it is read.
            Some(Err(_)) => return,
            None => USUAL_ATTEMPTS,
        };
        let wanted = targets.min(MOST_ATTEMPTS);
        if now < wanted {
            let message = format!(
                "upstream.attempts is {wanted} instead of {now}, so that \"{name}\" gets to all its targets"
            );
            self.file.put(&["upstream", "attempts"], Written::text(wanted.to_string()));
            self.notes.warning(&Place::Nowhere, message, None);
        }
    }

    fn finish(mut self, from: &str) -> Imported {
        self.reach_all();
        if !self.providers.is_empty() {
            self.file.put(&["providers"], self.providers.into_written());
        }
        for (name, targets) in &self.names {
            // A name that stands for itself and others would lead in a circle.
            let others: Vec<&String> = targets.iter().filter(|target| *target != name).collect();
            if others.len() < targets.len() && !others.is_empty() {
                let message = format!(
                    "\"{name}\": a model cannot have its own name and others behind it; ask for a name of another kind"
                );
                self.notes.warning(&Place::Nowhere, message, None);
                continue;
            }
            match &targets[..] {
                // What is asked for by its own name needs none.
                [one] if one == name => {}
                [one] => self.file.put(&["aliases", name], Written::text(one)),
                several => {
                    let list = several.iter().map(Written::text).collect();
                    self.file.put(&["routes", name, "targets"], Written::List(list));
                }
            }
        }
        if !self.models.is_empty() {
            self.file.put(&["models"], Written::List(self.models));
        }
        let head = "What has no counterpart was told there; variables it refers to must be set.";
        let yaml = format!("# Made by `tollgate import {from}`. {head}\n{}", self.file);
        Imported { yaml, notes: self.notes.into_all() }
    }
}

/// A text as it is written, if it is one.
fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) => Some(text.trim()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

fn is_true(node: &Node) -> bool {
    text(node).is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1"))
}
