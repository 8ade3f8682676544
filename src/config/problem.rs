//! What is wrong with a configuration, and where: every problem at once, none with a secret in it.

use std::fmt;
use std::sync::Arc;

use super::tree::Node;

/// What stands for a text that may be a secret.
pub(super) const HIDDEN: &str = "***";

/// A text that is shorter than this is also part of common words, and hidden only where it is quoted.
const SHORT: usize = 4;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is served, or swapped in, until it is mended.
    Error,
    /// Something was left out or looks mistaken; the rest holds.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: `tollgate.yaml:12:5` or `environment OPENAI_BASE_URL`.
    pub place: String,
    /// Which field, by its path: `limits.body`, `keys.web.owner`; none where it is no field's.
    pub field: Option<String>,
    /// What, in one sentence without a full stop; never holds a secret.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How bad it is.
    pub severity: Severity,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.severity, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// Where a value was written; places sort in reading order, files before the environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// A line and column of a file, from 1; line 0 is the file as a whole.
    File { name: Arc<str>, line: u64, column: u64 },
    /// A variable of the process environment.
    Variable(String),
    /// No file and no variable: something is missing altogether.
    Nowhere,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line: 0, .. } => f.write_str(name),
            Self::File { name, line, column } => write!(f, "{name}:{line}:{column}"),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::Nowhere => f.write_str("configuration"),
        }
    }
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<(Place, Problem)>);

impl Problems {
    pub(super) fn error(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        self.push(place, message.into(), hint.into(), Severity::Error);
    }

    pub(super) fn warning(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        self.push(place, message.into(), hint.into(), Severity::Warning);
    }

    fn push(&mut self, place: &Place, message: String, hint: Option<String>, severity: Severity) {
        let problem = Problem { place: place.to_string(), field: None, message, hint, severity };
        if !self.0.iter().any(|(_, known)| *known == problem) {
            self.0.push((place.clone(), problem));
        }
    }

    /// Whether nothing worse than a warning was found.
    pub(super) fn has_no_errors(&self) -> bool {
        self.0.iter().all(|(_, problem)| problem.severity == Severity::Warning)
    }

    /// Names the field of each problem, as it stands in this tree.
    pub(super) fn name_fields(&mut self, tree: &Node) {
        for (place, problem) in &mut self.0 {
            let field = tree.path_to(place);
            // A file begins where its first field does: what is wrong with it as a whole is not that one's.
            let is_whole = *place == tree.place;
            let named = |field: &String| !is_whole || problem.message.contains(&format!("\"{field}\""));
            problem.field = field.filter(named);
        }
    }

    /// Hides what references gave in the words of all problems. Whoever looks for what is wrong need not
    /// know which of the texts before them may be secrets.
    pub(super) fn mask(&mut self, tree: &Node) {
        let mut texts = Vec::new();
        tree.gather_referred(&mut texts);
        // A name of the form provider/model is also told of in its parts.
        let mut hidden: Vec<&str> = texts.iter().flat_map(|text| parts(text)).collect();
        hidden.sort_unstable_by_key(|text| std::cmp::Reverse((text.len(), *text)));
        hidden.dedup();
        if hidden.is_empty() {
            return;
        }
        for (place, problem) in &mut self.0 {
            // A reference may have given the name of a file, too.
            if matches!(place, Place::File { name, .. } if hidden.contains(&name.trim())) {
                HIDDEN.clone_into(&mut problem.place);
            }
            problem.message = masked(&problem.message, &hidden);
            problem.hint = problem.hint.as_deref().map(|hint| masked(hint, &hidden));
        }
    }

    /// Adds those found elsewhere.
    pub(super) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// Everything, in reading order.
    pub(super) fn into_all(mut self) -> Vec<Problem> {
        self.0.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.0.into_iter().map(|(_, problem)| problem).collect()
    }

    /// The warnings if there is nothing worse, else everything; both in reading order.
    pub(super) fn into_warnings(self) -> Result<Vec<Problem>, Vec<Problem>> {
        let all = self.into_all();
        let failed = all.iter().any(|problem| problem.severity == Severity::Error);
        if failed { Err(all) } else { Ok(all) }
    }
}

/// A text and what stands between its slashes, without the space around.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let halves = text.split_once('/').into_iter().flat_map(|(before, after)| [before, after]);
    let all = std::iter::once(text).chain(halves).chain(text.split('/'));
    all.map(str::trim).filter(|part| !part.is_empty())
}

/// A sentence without the texts that are hidden, the longest of which come first.
fn masked(sentence: &str, hidden: &[&str]) -> String {
    hidden.iter().fold(sentence.to_owned(), |sentence, text| {
        if text.len() < SHORT {
            sentence.replace(&format!("\"{text}\""), &format!("\"{HIDDEN}\""))
        } else {
            sentence.replace(text, HIDDEN)
        }
    })
}
