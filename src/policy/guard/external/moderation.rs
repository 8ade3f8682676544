//! OpenAI's moderation, and what speaks as it does.
//!
//! The rule is OpenAI's "Create moderation" (seen November 2026): a list of texts has a result for each.

use std::collections::BTreeMap;

use crate::wire::json::{self, Json};

use super::portions::portions;
use super::{Call, Failure, Opinion, Piece, Question, Says};

/// What the service is told besides.
#[derive(Debug, Clone, PartialEq)]
pub struct Moderation {
    /// The model.
    pub model: String,
    /// The categories that count, all where there are none.
    pub categories: Vec<String>,
    /// From which score on a category counts, where that is not left to the service.
    pub threshold: Option<f64>,
    /// The same of one category.
    pub thresholds: BTreeMap<String, f64>,
}

/// So many characters go in one request.
const MOST: usize = 30_000;

pub(super) fn calls(own: &Moderation, question: &Question, pieces: &[Piece]) -> Vec<Call> {
    let portions = portions(pieces, MOST, |piece| question.text(piece));
    let call = |about: Vec<Piece>| {
        let mut body = Vec::new();
        json::object(&mut body, |root| {
            root.string("model", &own.model);
            root.array("input", |input| about.iter().for_each(|piece| input.string(question.text(piece))));
        });
        Call { target: "/moderations".to_owned(), body, about }
    };
    portions.into_iter().map(call).collect()
}

pub(super) fn read(own: &Moderation, call: &Call, said: &Json<'_>) -> Result<Opinion, Failure> {
    let results = said.field("results").map(Json::elements).unwrap_or_default();
    if results.len() != call.about.len() {
        return Err(Failure::of("it did not answer with a result for each text"));
    }
    let mut opinion = Opinion::default();
    for (result, piece) in results.iter().zip(&call.about) {
        let (categories, scores) = (result.field("categories"), result.field("category_scores"));
        let Some(categories) = categories else { return Err(Failure::of("a result has no categories")) };
        for (name, flagged) in categories.entries() {
            if !own.categories.is_empty() && !own.categories.iter().any(|wanted| wanted == name) {
                continue;
            }
            let score = scores.and_then(|scores| scores.field(name)).and_then(Json::as_f64);
            let counts = match own.thresholds.get(&**name).copied().or(own.threshold) {
                Some(least) => score.is_some_and(|score| score >= least),
                None => flagged.as_bool() == Some(true),
            };
            if counts {
                opinion.add(name, Says::Block, Some(piece.said));
            }
        }
    }
    Ok(opinion)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{asked, pieces, told};
    use super::*;

    /// As omni-moderation answers, but for most of its categories.
    const ANSWER: &str = r#"{"id":"modr-1","model":"omni-moderation-latest","results":[
        {"flagged":false,"categories":{"hate":false,"violence":false,"self-harm/intent":false},"category_scores":{"hate":0.0001,"violence":0.31,"self-harm/intent":0.0002},"category_applied_input_types":{"hate":["text"]}},
        {"flagged":true,"categories":{"hate":false,"violence":true,"self-harm/intent":false},"category_scores":{"hate":0.2,"violence":0.97,"self-harm/intent":0.0002}}]}"#;

    fn judged(own: &Moderation) -> Vec<(String, Option<usize>)> {
        let question = asked(&["first", "second"]);
        let call = calls(own, &question, &pieces(&question)).remove(0);
        let body = String::from_utf8(call.body.clone()).unwrap();
        assert_eq!(body, r#"{"model":"m","input":["first","second"]}"#);
        told(read(own, &call, &json::parse(ANSWER.as_bytes()).unwrap()).unwrap())
    }

    #[test]
    fn what_counts_is_the_services_or_ones_own_to_say() {
        let mut own = Moderation {
            model: "m".to_owned(),
            categories: Vec::new(),
            threshold: None,
            thresholds: BTreeMap::new(),
        };
        let one = |name: &str, at| (name.to_owned(), Some(at));
        assert_eq!(judged(&own), [one("violence", 1)]);
        own.threshold = Some(0.1);
        assert_eq!(judged(&own), [one("violence", 0), one("hate", 1), one("violence", 1)]);
        own.thresholds.insert("hate".to_owned(), 0.5);
        own.categories = vec!["hate".to_owned(), "violence".to_owned()];
        assert_eq!(judged(&own), [one("violence", 0), one("violence", 1)]);
    }

    #[test]
    fn a_result_is_wanted_for_each_text() {
        let own = Moderation {
            model: "m".to_owned(),
            categories: Vec::new(),
            threshold: None,
            thresholds: BTreeMap::new(),
        };
        let question = asked(&["first"]);
        let call = calls(&own, &question, &pieces(&question)).remove(0);
        for wrong in [ANSWER, "{}", r#"{"results":[{"flagged":true}]}"#] {
            assert!(read(&own, &call, &json::parse(wrong.as_bytes()).unwrap()).is_err(), "{wrong}");
        }
    }
}
