//! Pictures and documents of a request that lie behind addresses, and what was got from there.

use std::collections::BTreeMap;

use super::request::{Block, Content, Media, Request, Source};

/// What lies behind an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// A picture.
    Image,
    /// A document.
    Document,
}

/// What is to be got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressed {
    /// The address.
    pub url: String,
    /// What is expected there.
    pub medium: Medium,
    /// How many blocks name it: what is got takes the place of each.
    pub times: usize,
}

/// What was got from an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The address.
    pub url: String,
    /// The MIME type.
    pub media_type: String,
    /// The bytes in base64.
    pub base64: String,
}

/// The addresses of the web in a request that lead to such media, each once.
#[must_use]
pub fn addresses(request: &Request, of: impl Fn(Medium) -> bool) -> Vec<Addressed> {
    let mut places = BTreeMap::new();
    let mut found: Vec<(&str, Option<Medium>, usize)> = Vec::new();
    let turns = request.turns.iter().flat_map(|turn| &turn.blocks);
    for block in request.system.iter().chain(turns) {
        visit(block, &mut |media, medium| {
            let Source::Url(url) = &media.source else { return };
            if !url.starts_with("https://") && !url.starts_with("http://") {
                return;
            }
            let place = *places.entry(url.as_str()).or_insert_with(|| {
                found.push((url, None, 0));
                found.len() - 1
            });
            if let Some((_, wanted, times)) = found.get_mut(place) {
                *times += 1;
                *wanted = wanted.or_else(|| Some(medium).filter(|medium| of(*medium)));
            }
        });
    }
    let wanted = |(url, medium, times): (&str, Option<Medium>, usize)| {
        Some(Addressed { url: url.to_owned(), medium: medium?, times })
    };
    found.into_iter().filter_map(wanted).collect()
}

fn visit<'r>(block: &'r Block, on: &mut impl FnMut(&'r Media, Medium)) {
    match &block.content {
        Content::Image(media) => on(media, Medium::Image),
        Content::Document(media) => on(media, Medium::Document),
        Content::ToolResult(result) => result.content.iter().for_each(|block| visit(block, on)),
        Content::Text { .. }
        | Content::Reasoning(_)
        | Content::Refusal(_)
        | Content::ToolCall(_)
        | Content::Audio(_)
        | Content::Video(_)
        | Content::Opaque { .. } => {}
    }
}

/// Puts what was got in the place of its address.
pub fn fill(request: &mut Request, fetched: &[Fetched]) {
    if fetched.is_empty() {
        return;
    }
    let turns = request.turns.iter_mut().flat_map(|turn| &mut turn.blocks);
    request.system.iter_mut().chain(turns).for_each(|block| fill_block(block, fetched));
}

fn fill_block(block: &mut Block, fetched: &[Fetched]) {
    match &mut block.content {
        Content::Image(media) | Content::Document(media) => {
            let Source::Url(url) = &media.source else { return };
            if let Some(found) = fetched.iter().find(|found| found.url == *url) {
                media.media_type = Some(found.media_type.clone());
                media.source = Source::Base64(found.base64.clone());
            }
        }
        Content::ToolResult(result) => {
            result.content.iter_mut().for_each(|block| fill_block(block, fetched));
        }
        Content::Text { .. }
        | Content::Reasoning(_)
        | Content::Refusal(_)
        | Content::ToolCall(_)
        | Content::Audio(_)
        | Content::Video(_)
        | Content::Opaque { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Role, ToolResult, Turn};

    fn image(url: &str) -> Block {
        Block::new(Content::Image(Media::new(Source::Url(url.to_owned()), None)))
    }

    #[test]
    fn media_are_found_and_filled_at_any_depth() {
        let inner = ToolResult {
            call_id: "c".to_owned(),
            name: None,
            content: vec![image("https://a/2")],
            is_error: false,
        };
        let blocks = vec![
            image("https://a/1"),
            image("https://a/1"),
            image("gs://bucket/3"),
            Block::new(Content::ToolResult(inner)),
        ];
        let mut request = Request { turns: vec![Turn::new(Role::User, blocks)], ..Request::default() };
        let found = addresses(&request, |_| true);
        assert_eq!(
            found.iter().map(|found| (found.url.as_str(), found.times)).collect::<Vec<_>>(),
            [("https://a/1", 2), ("https://a/2", 1)]
        );
        assert!(addresses(&request, |medium| medium == Medium::Document).is_empty());
        let got = |url: &str| Fetched {
            url: url.to_owned(),
            media_type: "image/png".to_owned(),
            base64: "QQ==".to_owned(),
        };
        fill(&mut request, &[got("https://a/1"), got("https://a/2")]);
        assert!(addresses(&request, |_| true).is_empty());
    }
}
