//! How much guards find of what is labelled, and how much else.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate::policy::guard::{Action, Asker, Detector, Direction, Guard, Wanted, Watch, examine};

const LABELLED: &str = include_str!("labelled.txt");

/// What was found as it was meant, what else, and what was not.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub right: u32,
    pub wrong: u32,
    pub missed: u32,
}

/// A text without its labels, and what they say: the rule, and where.
fn labels(line: &str) -> (String, Vec<(String, usize, usize)>) {
    let line = line.replace("\\n", "\n");
    let (mut text, mut meant) = (String::new(), Vec::new());
    let mut rest = line.as_str();
    while let Some((before, behind)) = rest.split_once('⟦') {
        text.push_str(before);
        let (label, after) = behind.split_once('⟧').unwrap();
        let (rule, value) = label.split_once(':').unwrap();
        meant.push((rule.to_owned(), text.len(), text.len() + value.len()));
        text.push_str(value);
        rest = after;
    }
    text.push_str(rest);
    (text, meant)
}

/// The row that a rule counts in.
fn row(rule: &str) -> &'static str {
    match Detector::ALL.into_iter().find(|detector| detector.name() == rule) {
        Some(Detector::Email) => "e-mail",
        Some(Detector::Phone) => "telephone",
        Some(Detector::Card) => "cards",
        Some(Detector::Iban) => "IBAN",
        Some(Detector::Invisible) => "invisible",
        Some(Detector::Exfiltration) => "exfiltration",
        Some(_) => "national numbers",
        None => "secrets",
    }
}

/// What is built in, measured.
pub fn measure() -> BTreeMap<&'static str, Counts> {
    let places = Wanted::PII.with(Detector::Secret).with(Detector::Invisible).with(Detector::Exfiltration);
    let guard = Arc::new(Guard::new("all", places, Action::Monitor));
    let asker = Asker { key: "", owner: "", model: "" };
    let watch = Watch::over(&[guard], Direction::Request, &asker, |a, b| a == b, &[]).unwrap();
    let mut counts: BTreeMap<_, Counts> = BTreeMap::new();
    for line in LABELLED.lines().filter(|line| !line.starts_with('#')) {
        let (text, meant) = labels(line);
        let (sights, _) = examine(&watch, &text);
        let found: Vec<_> = sights
            .iter()
            .filter_map(|sight| sight.place.map(|(start, end)| (sight.rule.to_string(), start, end)))
            .collect();
        for one in &meant {
            let counts = counts.entry(row(&one.0)).or_default();
            if found.contains(one) { counts.right += 1 } else { counts.missed += 1 }
        }
        for other in found.iter().filter(|found| !meant.contains(found)) {
            counts.entry(row(&other.0)).or_default().wrong += 1;
        }
    }
    counts
}

/// The table of it in the documentation.
pub fn table() -> String {
    let mut table = String::from("| what | labelled | precision | recall |\n| --- | --- | --- | --- |\n");
    let share = |part: u32, all: u32| f64::from(part) / f64::from(all.max(1));
    for (name, Counts { right, wrong, missed }) in measure() {
        let (precision, recall) = (share(right, right + wrong), share(right, right + missed));
        table.push_str(&format!("| {name} | {} | {precision:.2} | {recall:.2} |\n", right + missed));
    }
    let none = LABELLED.lines().filter(|line| !line.starts_with('#') && !line.contains('⟦')).count();
    table.push_str(&format!(
        "\n{none} of the texts hold nothing that should be found and much that looks like it.\n"
    ));
    table
}
