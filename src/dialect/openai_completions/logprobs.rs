//! Log probabilities: four lists side by side here, one object a token in the hub.

use crate::wire::json::{self, Json, Object};

/// The hub's object for a choice's `logprobs`; none where there are no tokens.
pub(super) fn parse(choice: &Json<'_>) -> Option<String> {
    let lists = choice.field("logprobs").filter(|value| value.is_object())?;
    let list = |key: &str| lists.get(key).map(Json::elements).unwrap_or_default();
    let (tokens, chances, tops) = (list("tokens"), list("token_logprobs"), list("top_logprobs"));
    if tokens.is_empty() {
        // Some vendors answer here as they do in chat.
        let chat = lists.get("content").filter(|content| !content.elements().is_empty())?;
        return Some(format!("{{\"content\":{}}}", crate::dialect::unknown::compact(chat)));
    }
    let mut out = Vec::new();
    json::object(&mut out, |object| {
        object.array("content", |content| {
            for (place, token) in tokens.iter().enumerate() {
                content.object(|entry| {
                    // The first token of an echoed prompt has no chance of its own.
                    write_token(entry, token.as_str().unwrap_or_default(), chances.get(place));
                    entry.array("top_logprobs", |array| {
                        for (token, chance) in tops.get(place).map(Json::entries).unwrap_or_default() {
                            array.object(|entry| write_token(entry, token, Some(chance)));
                        }
                    });
                });
            }
        });
    });
    String::from_utf8(out).ok()
}

fn write_token(entry: &mut Object<'_>, token: &str, chance: Option<&Json<'_>>) {
    entry.string("token", token);
    let number = chance.filter(|chance| chance.as_f64().is_some());
    entry.raw("logprob", number.map_or("0", Json::raw));
    entry.null("bytes");
}

/// Writes a choice's `logprobs` from the hub's object; `offset` is how many characters were said
/// before, and moves on. Null where there are none.
pub(super) fn write(choice: &mut Object<'_>, hub: Option<&str>, offset: &mut usize) {
    let parsed = hub.and_then(|hub| json::parse(hub.as_bytes()).ok());
    let tokens = parsed.as_ref().and_then(|hub| hub.get("content")).map(Json::elements);
    let Some(tokens) = tokens.filter(|tokens| !tokens.is_empty()) else {
        choice.null("logprobs");
        return;
    };
    let text = |token: &Json<'_>| token.get("token").and_then(Json::as_str).unwrap_or_default().to_owned();
    let chance = |token: &Json<'_>| token.get("logprob").map_or("null".to_owned(), |it| it.raw().to_owned());
    choice.object("logprobs", |lists| {
        lists.array("tokens", |list| tokens.iter().for_each(|token| list.string(&text(token))));
        lists.array("token_logprobs", |list| tokens.iter().for_each(|token| list.raw(&chance(token))));
        lists.array("top_logprobs", |list| {
            for token in tokens {
                list.object(|top| {
                    let mut known: Vec<String> = Vec::new();
                    for other in token.get("top_logprobs").map(Json::elements).unwrap_or_default() {
                        let name = text(other);
                        // Two tokens that are cut characters read alike; a key stands once.
                        if !known.contains(&name) {
                            top.raw(&name, &chance(other));
                            known.push(name);
                        }
                    }
                });
            }
        });
        lists.array("text_offset", |list| {
            for token in tokens {
                list.number(*offset);
                *offset += text(token).chars().count();
            }
        });
    });
}
