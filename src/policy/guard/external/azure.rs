//! Azure AI Content Safety: how harmful texts are, and attacks by prompt.
//!
//! The rule is Microsoft's reference of version 2024-09-01 (seen November 2026).

use std::collections::BTreeMap;

use crate::wire::json::{self, Json};

use super::super::rule::Direction;
use super::portions::portions;
use super::{Call, Failure, Opinion, Piece, Question, Says};

/// What the service is told besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentSafety {
    /// The categories that count, all where there are none.
    pub categories: Vec<String>,
    /// From which severity on, 0 to 6, a category counts.
    pub severity: u64,
    /// The same of one category.
    pub severities: BTreeMap<String, u64>,
    /// Lists of words that are kept there.
    pub blocklists: Vec<String>,
    /// Whether requests are looked at for attacks, too.
    pub shield: bool,
}

/// So many characters it takes in one request.
const MOST: usize = 10_000;
/// So many documents.
const MOST_DOCUMENTS: usize = 5;

const ANALYZE: &str = "/contentsafety/text:analyze?api-version=2024-09-01";
const SHIELD: &str = "/contentsafety/text:shieldPrompt?api-version=2024-09-01";

pub(super) fn calls(own: &ContentSafety, question: &Question, pieces: &[Piece]) -> Vec<Call> {
    let split = |pieces: &[Piece]| portions(pieces, MOST, |piece| question.text(piece));
    let joined = |about: &[Piece]| {
        let texts: Vec<&str> = about.iter().map(|piece| question.text(piece)).collect();
        texts.join("\n")
    };
    let analyze = |about: Vec<Piece>| {
        let mut body = Vec::new();
        json::object(&mut body, |root| {
            root.string("text", &joined(&about));
            for (name, list) in [("categories", &own.categories), ("blocklistNames", &own.blocklists)] {
                if !list.is_empty() {
                    root.array(name, |told| list.iter().for_each(|one| told.string(one)));
                }
            }
            root.string("outputType", "FourSeverityLevels");
        });
        Call { target: ANALYZE.to_owned(), body, about }
    };
    let mut calls: Vec<Call> = split(pieces).into_iter().map(analyze).collect();
    if !own.shield || question.stage.direction() == Direction::Answer {
        return calls;
    }
    let role = |piece: &Piece| question.said.get(piece.said).map_or("", |said| &*said.role);
    let those = |wanted: &[&str]| {
        let own = pieces.iter().filter(|piece| wanted.contains(&role(piece)));
        split(&own.copied().collect::<Vec<_>>())
    };
    for about in those(&["user", ""]) {
        let mut body = Vec::new();
        json::object(&mut body, |root| {
            root.string("userPrompt", &joined(&about));
            root.array("documents", |_| {});
        });
        calls.push(Call { target: SHIELD.to_owned(), body, about });
    }
    // What tools tell is where such attacks come from that the user knows nothing of.
    for about in those(&["tool"]).iter().flat_map(|about| about.chunks(MOST_DOCUMENTS)) {
        let mut body = Vec::new();
        json::object(&mut body, |root| {
            root.array("documents", |list| about.iter().for_each(|piece| list.string(question.text(piece))));
        });
        calls.push(Call { target: SHIELD.to_owned(), body, about: about.to_vec() });
    }
    calls
}

pub(super) fn read(own: &ContentSafety, call: &Call, said: &Json<'_>) -> Result<Opinion, Failure> {
    let mut opinion = Opinion::default();
    let at = match call.about.as_slice() {
        [piece] => Some(piece.said),
        _ => None,
    };
    if call.target == SHIELD {
        let attacks = |one: &Json<'_>| one.field("attackDetected").and_then(Json::as_bool) == Some(true);
        let (prompt, documents) = (said.field("userPromptAnalysis"), said.field("documentsAnalysis"));
        if prompt.is_none() && documents.is_none() {
            return Err(Failure::of("its answer tells of neither prompt nor documents"));
        }
        if prompt.is_some_and(attacks) {
            opinion.add("user_prompt_attack", Says::Block, at);
        }
        for (place, document) in documents.map(Json::elements).unwrap_or_default().iter().enumerate() {
            if attacks(document) {
                let at = call.about.get(place).map(|piece| piece.said);
                opinion.add("document_attack", Says::Block, at);
            }
        }
        return Ok(opinion);
    }
    let Some(categories) = said.field("categoriesAnalysis") else {
        return Err(Failure::of("its answer has no categoriesAnalysis"));
    };
    for one in categories.elements() {
        let name = super::text(one, "category")?;
        // Severities may be left out where they are 0.
        let severity = one.field("severity").and_then(Json::as_u64).unwrap_or(0);
        if severity >= own.severities.get(name).copied().unwrap_or(own.severity) {
            opinion.add(name, Says::Block, at);
        }
    }
    for hit in said.field("blocklistsMatch").map(Json::elements).unwrap_or_default() {
        let list = hit.field("blocklistName").and_then(Json::as_str).unwrap_or_default();
        opinion.add(&format!("blocklist/{list}"), Says::Block, at);
    }
    Ok(opinion)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{asked_by, pieces, told};
    use super::*;

    fn own() -> ContentSafety {
        ContentSafety {
            categories: vec!["Hate".to_owned(), "Violence".to_owned()],
            severity: 2,
            severities: BTreeMap::from([("Hate".to_owned(), 4)]),
            blocklists: vec!["ours".to_owned()],
            shield: true,
        }
    }

    #[test]
    fn texts_are_weighed_and_prompts_and_documents_shielded_apart() {
        let question = asked_by(&[("system", "be kind"), ("user", "hello"), ("tool", "a page")]);
        let calls = calls(&own(), &question, &pieces(&question));
        let told: Vec<_> = calls
            .iter()
            .map(|call| (call.target.as_str(), std::str::from_utf8(&call.body).unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                (
                    ANALYZE,
                    r#"{"text":"be kind\nhello\na page","categories":["Hate","Violence"],"blocklistNames":["ours"],"outputType":"FourSeverityLevels"}"#
                ),
                (SHIELD, r#"{"userPrompt":"hello","documents":[]}"#),
                (SHIELD, r#"{"documents":["a page"]}"#),
            ]
        );
    }

    #[test]
    fn what_is_harmful_enough_counts() {
        let question = asked_by(&[("user", "hello"), ("tool", "a page")]);
        let calls = calls(&own(), &question, &pieces(&question));
        let judged = |place: usize, answer: &str| {
            read(&own(), &calls[place], &json::parse(answer.as_bytes()).unwrap()).map(told)
        };
        let analyzed = r#"{"blocklistsMatch":[{"blocklistName":"ours","blocklistItemId":"1","blocklistItemText":"x"}],"categoriesAnalysis":[{"category":"Hate","severity":2},{"category":"Violence","severity":2}]}"#;
        assert_eq!(
            judged(0, analyzed).unwrap(),
            [("Violence".to_owned(), None), ("blocklist/ours".to_owned(), None)]
        );
        let shielded = r#"{"userPromptAnalysis":{"attackDetected":true},"documentsAnalysis":[]}"#;
        assert_eq!(judged(1, shielded).unwrap(), [("user_prompt_attack".to_owned(), Some(0))]);
        let shielded = r#"{"documentsAnalysis":[{"attackDetected":true}]}"#;
        assert_eq!(judged(2, shielded).unwrap(), [("document_attack".to_owned(), Some(1))]);
        assert!(judged(0, "{}").is_err() && judged(1, "{}").is_err());
    }
}
