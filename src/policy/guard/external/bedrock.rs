//! A guardrail of Amazon Bedrock, applied by itself.
//!
//! The rule is Amazon's `ApplyGuardrail` (seen November 2026).

use crate::wire::json::{self, Json};

use super::super::rule::Direction;
use super::portions::portions;
use super::{Call, Failure, Opinion, Patch, Piece, Question, Says, text};

/// What the service is told besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardrail {
    /// Its id, or the last part of its ARN.
    pub id: String,
    /// Its version: a number, or `DRAFT`.
    pub version: String,
}

/// So many characters go in one request: 25 of Amazon's units of text.
const MOST: usize = 25_000;

/// Where policies tell what they found: under which names, what of it names a rule, and what such rules are
/// called here.
const POLICIES: [(&str, &str, &str, &str); 8] = [
    ("topicPolicy", "topics", "name", "topic"),
    ("contentPolicy", "filters", "type", "content"),
    ("wordPolicy", "customWords", "", "word"),
    ("wordPolicy", "managedWordLists", "type", "word"),
    ("sensitiveInformationPolicy", "piiEntities", "type", "pii"),
    ("sensitiveInformationPolicy", "regexes", "name", "regex"),
    ("contextualGroundingPolicy", "filters", "type", "grounding"),
    ("automatedReasoningPolicy", "findings", "", "reasoning"),
];

pub(super) fn calls(own: &Guardrail, question: &Question, pieces: &[Piece]) -> Vec<Call> {
    let source = match question.stage.direction() {
        Direction::Request => "INPUT",
        Direction::Answer => "OUTPUT",
    };
    let target = format!("/guardrail/{}/version/{}/apply", escaped(&own.id), escaped(&own.version));
    let call = |about: Vec<Piece>| {
        let mut body = Vec::new();
        json::object(&mut body, |root| {
            root.string("source", source);
            root.array("content", |content| {
                for piece in &about {
                    content.object(|block| {
                        block.object("text", |told| told.string("text", question.text(piece)))
                    });
                }
            });
        });
        Call { target: target.clone(), body, about }
    };
    portions(pieces, MOST, |piece| question.text(piece)).into_iter().map(call).collect()
}

/// An id as it stands in a path: an ARN has colons and a slash.
fn escaped(id: &str) -> String {
    id.replace('%', "%25").replace(':', "%3A").replace('/', "%2F")
}

pub(super) fn read(question: &Question, call: &Call, said: &Json<'_>) -> Result<Opinion, Failure> {
    let mut opinion = Opinion::default();
    let intervened = match text(said, "action")? {
        "NONE" => false,
        "GUARDRAIL_INTERVENED" => true,
        _ => return Err(Failure::of("its answer has an action that nobody knows")),
    };
    let mut masked: Vec<(&str, &str)> = Vec::new();
    for assessment in said.field("assessments").map(Json::elements).unwrap_or_default() {
        for (policy, list, named, kind) in POLICIES {
            let found = assessment.at(&[policy, list]).map(Json::elements).unwrap_or_default();
            for one in found {
                let word = |key: &str| one.field(key).and_then(Json::as_str).unwrap_or_default();
                let says = match word("action") {
                    "BLOCKED" => Says::Block,
                    "ANONYMIZED" => Says::Mask,
                    // What a guardrail only watches for.
                    "NONE" if one.field("detected").and_then(Json::as_bool) == Some(true) => Says::Pass,
                    _ => continue,
                };
                let rule = if named.is_empty() { "custom" } else { word(named) };
                opinion.add(&format!("{kind}/{rule}"), says, None);
                if says == Says::Mask {
                    masked.push((word("match"), rule));
                }
            }
        }
    }
    let worst = opinion.found.iter().map(|found| found.says).max();
    match worst {
        _ if !intervened => {}
        Some(Says::Mask) => patch(question, call, said, &masked, &mut opinion),
        Some(Says::Block) => {}
        Some(Says::Pass) | None => opinion.add("guardrail", Says::Block, None),
    }
    Ok(opinion)
}

/// What stands there instead: as it says where it says so text by text, else what it names by that name.
fn patch(question: &Question, call: &Call, said: &Json<'_>, masked: &[(&str, &str)], opinion: &mut Opinion) {
    let outputs = said.field("outputs").map(Json::elements).unwrap_or_default();
    for (place, piece) in call.about.iter().enumerate() {
        let own = question.text(piece);
        let told = outputs.get(place).filter(|_| outputs.len() == call.about.len());
        let anew = match told.and_then(|told| told.field("text")).and_then(Json::as_str) {
            Some(told) => told.to_owned(),
            None => masked
                .iter()
                .filter(|(found, _)| !found.is_empty())
                .fold(own.to_owned(), |text, (found, rule)| text.replace(found, &format!("{{{rule}}}"))),
        };
        if anew != own {
            opinion.patches.push(Patch { said: piece.said, span: piece.start..piece.end, text: anew });
        }
    }
    if opinion.patches.is_empty() {
        // It masked something that is nowhere: nobody knows what.
        opinion.add("guardrail", Says::Block, None);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{asked, pieces, told};
    use super::*;

    fn judged(texts: &[&str], answer: &str) -> Result<Opinion, Failure> {
        let own = Guardrail {
            id: "arn:aws:bedrock:us-east-1:1:guardrail/gr1".to_owned(),
            version: "DRAFT".to_owned(),
        };
        let question = asked(texts);
        let call = calls(&own, &question, &pieces(&question)).remove(0);
        assert_eq!(
            call.target,
            "/guardrail/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aguardrail%2Fgr1/version/DRAFT/apply"
        );
        let body = String::from_utf8(call.body.clone()).unwrap();
        assert!(body.starts_with(r#"{"source":"INPUT","content":[{"text":{"text":""#), "{body}");
        read(&question, &call, &json::parse(answer.as_bytes()).unwrap())
    }

    #[test]
    fn what_it_masks_is_masked_and_what_it_blocks_is_blocked() {
        let masks = r#"{"usage":{"topicPolicyUnits":1},"action":"GUARDRAIL_INTERVENED","actionReason":"Guardrail masked.","outputs":[{"text":"I am {NAME}"}],
            "assessments":[{"sensitiveInformationPolicy":{"piiEntities":[{"match":"Anna","type":"NAME","action":"ANONYMIZED","detected":true}],"regexes":[]}}]}"#;
        let opinion = judged(&["I am Anna"], masks).unwrap();
        assert_eq!(opinion.patches, [Patch { said: 0, span: 0..9, text: "I am {NAME}".to_owned() }]);
        assert_eq!(told(opinion), [("pii/NAME".to_owned(), None)]);
        // One output for several texts says nothing of which is which.
        let opinion = judged(&["hello", "I am Anna"], masks).unwrap();
        assert_eq!(opinion.patches, [Patch { said: 1, span: 0..9, text: "I am {NAME}".to_owned() }]);
        let blocks = r#"{"action":"GUARDRAIL_INTERVENED","outputs":[{"text":"Sorry."}],"assessments":[{
            "topicPolicy":{"topics":[{"name":"Finance","type":"DENY","action":"BLOCKED"}]},
            "contentPolicy":{"filters":[{"type":"VIOLENCE","confidence":"HIGH","filterStrength":"LOW","action":"BLOCKED"},{"type":"HATE","confidence":"LOW","action":"NONE","detected":true}]},
            "wordPolicy":{"customWords":[{"match":"x","action":"BLOCKED"}],"managedWordLists":[{"match":"y","type":"PROFANITY","action":"BLOCKED"}]},
            "sensitiveInformationPolicy":{"piiEntities":[{"match":"Anna","type":"NAME","action":"ANONYMIZED"}]}}]}"#;
        let opinion = judged(&["I am Anna"], blocks).unwrap();
        assert!(opinion.patches.is_empty());
        let rules: Vec<_> = told(opinion).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(
            rules,
            [
                "topic/Finance",
                "content/VIOLENCE",
                "content/HATE",
                "word/custom",
                "word/PROFANITY",
                "pii/NAME"
            ]
        );
        assert_eq!(
            judged(&["x"], r#"{"action":"NONE","outputs":[],"assessments":[{}]}"#),
            Ok(Opinion::default())
        );
        let unknown =
            judged(&["x"], r#"{"action":"GUARDRAIL_INTERVENED","outputs":[],"assessments":[{"new":{}}]}"#);
        assert_eq!(unknown.unwrap().found[0].says, Says::Block);
        assert!(judged(&["x"], "{}").is_err());
    }
}
