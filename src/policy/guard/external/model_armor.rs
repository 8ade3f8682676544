//! Google Cloud's Model Armor.
//!
//! The rule is Google's reference of version 1 (seen November 2026). What a template only inspects is blocked, and what
//! it de-identifies is said as it says.

use crate::wire::json::{self, Json};

use super::super::rule::Direction;
use super::portions::{Joined, portions};
use super::{Call, Failure, Opinion, Patch, Piece, Question, Says};

/// So many characters go in one request.
const MOST: usize = 30_000;

/// `projects/…/locations/…/templates/…`.
pub(super) fn calls(template: &str, question: &Question, pieces: &[Piece]) -> Vec<Call> {
    let (verb, member) = match question.stage.direction() {
        Direction::Request => ("sanitizeUserPrompt", "userPromptData"),
        Direction::Answer => ("sanitizeModelResponse", "modelResponseData"),
    };
    let call = |about: Vec<Piece>| {
        let joined = Joined::new(&about, |piece| question.text(piece));
        let mut body = Vec::new();
        json::object(&mut body, |root| root.object(member, |told| told.string("text", &joined.text)));
        Call { target: format!("/v1/{template}:{verb}"), body, about }
    };
    portions(pieces, MOST, |piece| question.text(piece)).into_iter().map(call).collect()
}

pub(super) fn read(question: &Question, call: &Call, said: &Json<'_>) -> Result<Opinion, Failure> {
    let mut opinion = Opinion::default();
    let Some(result) = said.field("sanitizationResult") else {
        return Err(Failure::of("its answer has no sanitizationResult"));
    };
    let word = |object: &Json<'_>, key: &str| object.field(key).and_then(Json::as_str).map(str::to_owned);
    if matches!(word(result, "invocationResult").as_deref(), Some("FAILURE" | "PARTIAL")) {
        return Err(Failure::of("not all of its filters have run"));
    }
    let matched = word(result, "filterMatchState").as_deref() == Some("MATCH_FOUND");
    let at = match call.about.as_slice() {
        [piece] => Some(piece.said),
        _ => None,
    };
    for (name, filter) in result.field("filterResults").map(Json::entries).unwrap_or_default() {
        // Each holds one member, which is called after it.
        for (_, told) in filter.entries() {
            if let Some(deidentified) = told.field("deidentifyResult").filter(|one| is_match(one)) {
                masked(question, call, deidentified, &mut opinion);
                continue;
            }
            if let Some(kinds) = told.field("raiFilterTypeResults") {
                for (kind, _) in kinds.entries().iter().filter(|(_, one)| is_match(one)) {
                    opinion.add(&format!("{name}/{kind}"), Says::Block, at);
                }
                continue;
            }
            if is_match(told) || told.field("inspectResult").is_some_and(is_match) {
                opinion.add(name, Says::Block, at);
            }
        }
    }
    if matched && opinion.found.is_empty() {
        opinion.add("match", Says::Block, at);
    }
    Ok(opinion)
}

fn is_match(told: &Json<'_>) -> bool {
    told.field("matchState").and_then(Json::as_str) == Some("MATCH_FOUND")
}

/// What it says instead, where that can be told apart again.
fn masked(question: &Question, call: &Call, deidentified: &Json<'_>, opinion: &mut Opinion) {
    let joined = Joined::new(&call.about, |piece| question.text(piece));
    let anew = deidentified.at(&["data", "text"]).and_then(Json::as_str);
    let Some(parts) = anew.and_then(|anew| joined.apart(anew, call.about.len())) else {
        return opinion.add("sdp", Says::Block, None);
    };
    let kinds = deidentified.field("infoTypes").map(Json::elements).unwrap_or_default();
    for kind in kinds.iter().filter_map(Json::as_str) {
        opinion.add(&format!("sdp/{kind}"), Says::Mask, None);
    }
    if kinds.is_empty() {
        opinion.add("sdp", Says::Mask, None);
    }
    for (piece, anew) in call.about.iter().zip(parts) {
        if anew != question.text(piece) {
            let text = anew.to_owned();
            opinion.patches.push(Patch { said: piece.said, span: piece.start..piece.end, text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{asked, pieces, told};
    use super::*;

    fn judged(answer: &str) -> Result<Opinion, Failure> {
        let question = asked(&["hello", "I am Anna"]);
        let call = calls("projects/p/locations/l/templates/t", &question, &pieces(&question)).remove(0);
        assert_eq!(call.target, "/v1/projects/p/locations/l/templates/t:sanitizeUserPrompt");
        assert_eq!(
            std::str::from_utf8(&call.body).unwrap(),
            r#"{"userPromptData":{"text":"hello\nI am Anna"}}"#
        );
        read(&question, &call, &json::parse(answer.as_bytes()).unwrap())
    }

    #[test]
    fn each_filter_tells_in_its_own_way_what_it_found() {
        let blocks = r#"{"sanitizationResult":{"filterMatchState":"MATCH_FOUND","filterResults":{
            "csam":{"csamFilterFilterResult":{"executionState":"EXECUTION_SUCCESS","matchState":"NO_MATCH_FOUND"}},
            "malicious_uris":{"maliciousUriFilterResult":{"executionState":"EXECUTION_SUCCESS","matchState":"MATCH_FOUND"}},
            "rai":{"raiFilterResult":{"executionState":"EXECUTION_SUCCESS","matchState":"MATCH_FOUND","raiFilterTypeResults":{"dangerous":{"confidenceLevel":"HIGH","matchState":"MATCH_FOUND"},"harassment":{"matchState":"NO_MATCH_FOUND"}}}},
            "pi_and_jailbreak":{"piAndJailbreakFilterResult":{"executionState":"EXECUTION_SUCCESS","matchState":"MATCH_FOUND","confidenceLevel":"HIGH"}},
            "sdp":{"sdpFilterResult":{"inspectResult":{"executionState":"EXECUTION_SUCCESS","matchState":"MATCH_FOUND","findings":[{"infoType":"PERSON_NAME"}]}}}},
            "invocationResult":"SUCCESS"}}"#;
        let rules: Vec<_> = told(judged(blocks).unwrap()).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(rules, ["malicious_uris", "rai/dangerous", "pi_and_jailbreak", "sdp"]);
        let masks = r#"{"sanitizationResult":{"filterMatchState":"MATCH_FOUND","invocationResult":"SUCCESS","filterResults":{
            "sdp":{"sdpFilterResult":{"deidentifyResult":{"executionState":"EXECUTION_SUCCESS","matchState":"MATCH_FOUND","data":{"text":"hello\nI am [PERSON_NAME]"},"transformedBytes":"4","infoTypes":["PERSON_NAME"]}}}}}}"#;
        let opinion = judged(masks).unwrap();
        assert_eq!(opinion.patches, [Patch { said: 1, span: 0..9, text: "I am [PERSON_NAME]".to_owned() }]);
        assert_eq!(told(opinion), [("sdp/PERSON_NAME".to_owned(), None)]);
        let clean = r#"{"sanitizationResult":{"filterMatchState":"NO_MATCH_FOUND","filterResults":{},"invocationResult":"SUCCESS"}}"#;
        assert_eq!(judged(clean), Ok(Opinion::default()));
        for failed in ["{}", r#"{"sanitizationResult":{"invocationResult":"PARTIAL","filterResults":{}}}"#] {
            assert!(judged(failed).is_err(), "{failed}");
        }
    }
}
