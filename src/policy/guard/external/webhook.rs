//! Anybody's own guard, by our own contract: `docs/guards-webhook.md`.

use crate::wire::json::{self, Json};

use super::{Call, Failure, Opinion, Patch, Piece, Question, Says, text};

/// The version of the contract.
const VERSION: u64 = 1;

/// So many letters of what it tells the client are told.
const LONGEST_MESSAGE: usize = 300;

/// All that is said goes in one request.
pub(super) fn calls(guard: &str, question: &Question, pieces: &[Piece]) -> Vec<Call> {
    let mut body = Vec::new();
    json::object(&mut body, |root| {
        root.number("version", VERSION);
        root.string("guard", guard);
        root.string("stage", question.stage.name());
        root.string("on", question.stage.direction().name());
        root.string("request_id", &question.id);
        root.string("model", &question.model);
        let key = question.key.as_deref();
        root.string("key", key.map_or("", |key| &key.name));
        root.string("owner", key.map_or("", |key| &key.owner));
        if let Some(part) = &question.part {
            root.object("part", |told| {
                told.number("number", part.number);
                told.string("before", &part.before);
            });
        }
        root.array("texts", |texts| {
            for piece in pieces {
                let Some(said) = question.said.get(piece.said) else { continue };
                texts.object(|told| {
                    told.string("text", question.text(piece));
                    told.string("role", &said.role);
                    told.string("path", &said.path);
                });
            }
        });
    });
    vec![Call { target: String::new(), body, about: pieces.to_vec() }]
}

/// What it makes of that.
pub(super) fn read(question: &Question, call: &Call, said: &Json<'_>) -> Result<Opinion, Failure> {
    let mut opinion = Opinion::default();
    let says = match text(said, "action")? {
        "allow" => Says::Pass,
        "mask" => Says::Mask,
        "block" => Says::Block,
        _ => return Err(Failure::of("expected as its action allow, mask or block")),
    };
    let at = said.field("index").and_then(Json::as_u64).and_then(|index| usize::try_from(index).ok());
    let at = at.and_then(|index| call.about.get(index)).map(|piece| piece.said);
    let rule = said.field("rule").and_then(Json::as_str);
    if says != Says::Pass {
        opinion.add(rule.unwrap_or("webhook"), says, at);
    }
    for tag in said.field("tags").map(Json::elements).unwrap_or_default() {
        let Some(tag) = tag.as_str() else {
            return Err(Failure::of("expected tags that are strings"));
        };
        opinion.add(tag, Says::Pass, None);
    }
    if says == Says::Mask {
        let texts = said.field("texts").map(Json::elements).unwrap_or_default();
        if texts.is_empty() {
            return Err(Failure::of("expected texts to mask with"));
        }
        for anew in texts {
            let index = anew.field("index").and_then(Json::as_u64);
            let piece = index.and_then(|index| call.about.get(usize::try_from(index).ok()?));
            let Some(piece) = piece else {
                return Err(Failure::of("expected the index of a text that it was asked about"));
            };
            let text = text(anew, "text")?.to_owned();
            if text != question.text(piece) {
                opinion.patches.push(Patch { said: piece.said, span: piece.start..piece.end, text });
            }
        }
    }
    let message = said.field("message").and_then(Json::as_str).filter(|_| says == Says::Block);
    opinion.message = message.map(|message| message.chars().take(LONGEST_MESSAGE).collect());
    Ok(opinion)
}

#[cfg(test)]
mod tests {
    use super::super::super::body::Spoken;
    use std::sync::Arc;

    use super::super::{Part, Stage, gather};
    use super::*;
    use crate::policy::Key;

    fn question() -> Question {
        let body =
            br#"{"messages":[{"role":"system","content":"be kind"},{"role":"user","content":"I am Anna"}]}"#;
        Question {
            id: "r1".to_owned(),
            stage: Stage::Pre,
            key: Some(Arc::new(Key { name: "web".into(), owner: "acme".into(), ..Key::default() })),
            model: "gpt-4o".to_owned(),
            said: gather(Spoken::Asked, body).unwrap(),
            part: None,
        }
    }

    fn answered(body: &str) -> Result<Opinion, Failure> {
        let question = question();
        let pieces: Vec<_> =
            (0..2).map(|said| Piece { said, start: 0, end: question.said[said].text.len() }).collect();
        let call = calls("own", &question, &pieces).remove(0);
        read(&question, &call, &json::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn it_is_told_who_says_what() {
        let mut question = question();
        question.part = Some(Part { number: 2, before: "so ".to_owned() });
        let pieces = [Piece { said: 1, start: 0, end: 9 }];
        let call = calls("own", &question, &pieces).remove(0);
        let expected = r#"{"version":1,"guard":"own","stage":"pre","on":"request","request_id":"r1","model":"gpt-4o","key":"web","owner":"acme","part":{"number":2,"before":"so "},"texts":[{"text":"I am Anna","role":"user","path":"messages[1].content"}]}"#;
        assert_eq!(String::from_utf8(call.body).unwrap(), expected);
    }

    #[test]
    fn its_answers_mean_what_the_contract_says() {
        assert_eq!(answered(r#"{"action":"allow"}"#), Ok(Opinion::default()));
        let told = answered(r#"{"action":"allow","tags":["a","b"],"unknown":1}"#).unwrap();
        assert_eq!(told.found.iter().map(|found| &*found.rule).collect::<Vec<_>>(), ["a", "b"]);
        let told = answered(r#"{"action":"block","rule":"names","index":1,"message":"no names"}"#).unwrap();
        assert_eq!((told.found[0].says, told.found[0].at), (Says::Block, Some(1)));
        assert_eq!(told.message.as_deref(), Some("no names"));
        let told = answered(
            r#"{"action":"mask","texts":[{"index":0,"text":"be kind"},{"index":1,"text":"I am X"}]}"#,
        );
        let told = told.unwrap();
        assert_eq!(told.found[0].rule, "webhook");
        assert_eq!(told.patches, [Patch { said: 1, span: 0..9, text: "I am X".to_owned() }]);
        for wrong in [
            "{}",
            r#"{"action":"maybe"}"#,
            r#"{"action":"mask"}"#,
            r#"{"action":"mask","texts":[{"index":2,"text":"x"}]}"#,
            r#"{"action":"mask","texts":[{"index":0}]}"#,
            r#"{"action":"allow","tags":[1]}"#,
        ] {
            assert!(answered(wrong).is_err(), "{wrong}");
        }
    }
}
