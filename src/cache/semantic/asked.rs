//! What a request asks, where that is a question in words and nothing else.

use super::{Turn, Unfit, forms};
use crate::ir::{Block, Content, Request, Role};

/// The forms of the question that a request asks: of its last turn, if that is all that is asked and
/// everything before it is words, too.
///
/// # Errors
/// No other request may be taken for this one.
pub fn asked(request: &Request) -> Result<Vec<String>, Unfit> {
    let sampling = &request.sampling;
    let several = sampling.candidates.is_some_and(|candidates| candidates != 1)
        || sampling.logprobs == Some(true)
        || sampling.top_logprobs.is_some_and(|logprobs| logprobs > 0)
        || sampling.logit_bias.is_some();
    if several || !request.tools.is_empty() {
        return Err(Unfit::Mixed);
    }
    let Some((last, earlier)) = request.turns.split_last() else { return Err(Unfit::Vague) };
    let [block] = last.blocks.as_slice() else { return Err(Unfit::Mixed) };
    let before = request.system.iter().chain(earlier.iter().flat_map(|turn| &turn.blocks));
    if last.role != Role::User || !before.chain([block]).all(is_words) {
        return Err(Unfit::Mixed);
    }
    let turn = if earlier.is_empty() { Turn::First } else { Turn::Later };
    forms(block.as_text().unwrap_or_default(), turn)
}

/// Whether a block is words alone.
fn is_words(block: &Block) -> bool {
    match &block.content {
        Content::Text { citations, .. } => citations.is_empty(),
        Content::Reasoning(_)
        | Content::Refusal(_)
        | Content::ToolCall(_)
        | Content::ToolResult(_)
        | Content::Image(_)
        | Content::Document(_)
        | Content::Audio(_)
        | Content::Video(_)
        | Content::Opaque { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Media, Source, Turn as Said};

    fn request(said: &[(Role, &str)]) -> Request {
        let turns = said.iter().map(|(role, text)| Said::new(*role, vec![Block::text(*text)])).collect();
        Request { turns, ..Request::default() }
    }

    #[test]
    fn a_question_in_words_has_forms() {
        let what = asked(&request(&[(Role::User, "What is Go?")])).unwrap();
        assert_eq!(asked(&request(&[(Role::User, "tell me about Go")])).unwrap(), what);
        assert_ne!(asked(&request(&[(Role::User, "What is Rust?")])).unwrap(), what);
    }

    #[test]
    fn what_is_not_words_alone_has_none() {
        let fit = request(&[(Role::User, "What is Go?")]);
        let mut several = fit.clone();
        several.sampling.candidates = Some(2);
        let mut odds = fit.clone();
        odds.sampling.logprobs = Some(true);
        let mut picture = fit;
        let media = Media::new(Source::Url("https://a.example/x.png".to_owned()), None);
        picture.turns[0].blocks.push(Block::new(Content::Image(media)));
        let answered = request(&[(Role::User, "What is Go?"), (Role::Assistant, "Go is")]);
        for unfit in [several, odds, picture, answered] {
            assert_eq!(asked(&unfit), Err(Unfit::Mixed));
        }
        assert_eq!(asked(&Request::default()), Err(Unfit::Vague));
    }

    #[test]
    fn later_turns_must_stand_on_their_own() {
        let after =
            |text| asked(&request(&[(Role::User, "Hi"), (Role::Assistant, "Hello"), (Role::User, text)]));
        assert!(after("What is the capital of Peru?").is_ok());
        for leaning in
            ["What about Peru?", "Why is that?", "How does it work?", "And in winter?", "Qui est-ce?"]
        {
            assert_eq!(after(leaning), Err(Unfit::Context), "{leaning}");
        }
        assert_eq!(after("What is Go?"), Err(Unfit::Vague));
    }
}
