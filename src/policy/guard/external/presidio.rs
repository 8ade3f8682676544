//! Microsoft Presidio's analyzer. It tells where something is; it is masked here.
//!
//! The rule is the analyzer's OpenAPI description (seen November 2026): places are counted in code points.

use crate::wire::json::{self, Json};

use super::portions::{Joined, portions};
use super::{Call, Failure, Opinion, Patch, Piece, Question, Says, text};

/// What the service is told besides.
#[derive(Debug, Clone, PartialEq)]
pub struct Presidio {
    /// The language that texts are in.
    pub language: String,
    /// What is looked for; all that it knows where nothing is said.
    pub entities: Vec<String>,
    /// From which score on something counts.
    pub threshold: Option<f64>,
}

/// So many characters go in one request; the language models behind it take a million.
const MOST: usize = 100_000;

pub(super) fn calls(own: &Presidio, question: &Question, pieces: &[Piece]) -> Vec<Call> {
    let call = |about: Vec<Piece>| {
        let mut body = Vec::new();
        json::object(&mut body, |root| {
            root.string("text", &Joined::new(&about, |piece| question.text(piece)).text);
            root.string("language", &own.language);
            if !own.entities.is_empty() {
                root.array("entities", |list| own.entities.iter().for_each(|entity| list.string(entity)));
            }
            root.opt_float("score_threshold", own.threshold);
            root.string("correlation_id", &question.id);
        });
        Call { target: "/analyze".to_owned(), body, about }
    };
    portions(pieces, MOST, |piece| question.text(piece)).into_iter().map(call).collect()
}

pub(super) fn read(question: &Question, call: &Call, said: &Json<'_>) -> Result<Opinion, Failure> {
    let json::Kind::Array(found) = said.kind() else {
        return Err(Failure::of("it did not answer with a list"));
    };
    let mut opinion = Opinion::default();
    if found.is_empty() {
        return Ok(opinion);
    }
    let joined = Joined::new(&call.about, |piece| question.text(piece));
    // Where each letter begins, and the last one ends.
    let places: Vec<usize> =
        joined.text.char_indices().map(|(at, _)| at).chain([joined.text.len()]).collect();
    for one in found {
        let entity = text(one, "entity_type")?;
        let place = |key: &str| {
            let at = one.field(key).and_then(Json::as_u64).and_then(|at| usize::try_from(at).ok());
            at.and_then(|at| places.get(at).copied())
        };
        let (Some(start), Some(end)) = (place("start"), place("end")) else {
            return Err(Failure::of("it found something that is nowhere in the text"));
        };
        if is_masked(&joined.text, start, end) {
            continue;
        }
        let mut base = 0;
        for piece in &call.about {
            let length = piece.end - piece.start;
            let (from, to) = (start.max(base), end.min(base + length));
            if from < to {
                opinion.add(entity, Says::Mask, Some(piece.said));
                let span = piece.start + from - base..piece.start + to - base;
                opinion.patches.push(Patch { said: piece.said, span, text: format!("[{entity}]") });
            }
            base += length + joined.between.len();
        }
    }
    Ok(opinion)
}

/// Whether this is a word that stands for something which was masked before: `[PHONE_NUMBER]` looks like a name
/// to models of language. A number between brackets is none.
fn is_masked(text: &str, start: usize, end: usize) -> bool {
    let (before, found, behind) = (text.get(..start), text.get(start..end), text.get(end..));
    let (Some(before), Some(found), Some(behind)) = (before, found, behind) else { return false };
    let opens = found.starts_with('[') || before.ends_with('[');
    let closes = found.ends_with(']') || behind.starts_with(']');
    let word = found.trim_start_matches('[').trim_end_matches(']');
    let kind = match word.rsplit_once('_') {
        // Names that are undone in answers are counted.
        Some((kind, number)) if number.len() <= 6 && number.bytes().all(|byte| byte.is_ascii_digit()) => kind,
        Some(_) | None => word,
    };
    opens && closes && !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::super::opinion::patched;
    use super::super::tests::{asked, pieces, told};
    use super::*;

    #[test]
    fn places_are_counted_in_letters_over_all_texts() {
        let own =
            Presidio { language: "de".to_owned(), entities: vec!["PERSON".to_owned()], threshold: Some(0.5) };
        let question = asked(&["Grüße 😀 von Anna Berg", "sagt Bert"]);
        let call = calls(&own, &question, &pieces(&question)).remove(0);
        let expected = "{\"text\":\"Grüße 😀 von Anna Berg\\nsagt Bert\",\"language\":\"de\",\"entities\":[\"PERSON\"],\
            \"score_threshold\":0.5,\"correlation_id\":\"r1\"}";
        assert_eq!(String::from_utf8(call.body.clone()).unwrap(), expected);
        let answer = r#"[{"analysis_explanation":null,"end":21,"entity_type":"PERSON","recognition_metadata":{"recognizer_name":"SpacyRecognizer"},"score":0.85,"start":12},
            {"end":31,"entity_type":"PERSON","score":0.85,"start":27}]"#;
        let opinion = read(&question, &call, &json::parse(answer.as_bytes()).unwrap()).unwrap();
        let texts: Vec<_> = question
            .said
            .iter()
            .enumerate()
            .map(|(at, said)| patched(&opinion.patches, at, &said.text))
            .collect();
        assert_eq!(texts, [Some("Grüße 😀 von [PERSON]".to_owned()), Some("sagt [PERSON]".to_owned())]);
        assert_eq!(told(opinion), [("PERSON".to_owned(), Some(0)), ("PERSON".to_owned(), Some(1))]);
        for wrong in [r#"{"error":"No text provided"}"#, r#"[{"entity_type":"PERSON","start":3,"end":90}]"#] {
            assert!(read(&question, &call, &json::parse(wrong.as_bytes()).unwrap()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_was_masked_before_is_not_masked_again() {
        let text = "call [PHONE_NUMBER] or [Anna]";
        assert!(is_masked(text, 6, 18) && is_masked(text, 5, 19));
        assert!(!is_masked(text, 24, 28) && !is_masked(text, 0, 4));
        for (word, expected) in [
            ("[EMAIL_1]", true),
            ("[CARD_123456]", true),
            ("[4111111111111111]", false),
            ("[DE89370400440532013000]", false),
            ("[CARD_4111111111111111]", false),
            ("[_1]", false),
        ] {
            assert_eq!(is_masked(word, 0, word.len()), expected, "{word}");
            assert_eq!(is_masked(word, 1, word.len() - 1), expected, "{word}");
        }
    }

    #[test]
    fn texts_with_lines_are_still_told_apart() {
        let own = Presidio { language: "en".to_owned(), entities: Vec::new(), threshold: None };
        let question = asked(&["one\ntwo\n\nthree", "Bert"]);
        let call = calls(&own, &question, &pieces(&question)).remove(0);
        // Behind 14 letters and five between.
        let answer = br#"[{"entity_type":"PERSON","start":19,"end":23,"score":1.0}]"#;
        let opinion = read(&question, &call, &json::parse(answer).unwrap()).unwrap();
        assert_eq!(opinion.patches, [Patch { said: 1, span: 0..4, text: "[PERSON]".to_owned() }]);
    }
}
