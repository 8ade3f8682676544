//! Gemini: `generateContent` and `streamGenerateContent` of v1beta, as Google AI Studio speaks it
//! (<https://ai.google.dev/api/generate-content>, seen 2026-11).
//!
//! Its contents alternate between user and model, its calls have no ids of their own before Gemini
//! 3, and its streams are slices of whole answers. Keys are read in camel and in snake case.

mod case;
mod content;
pub mod count;
pub mod embed;
mod error;
mod grounding;
mod logprobs;
mod media;
pub mod models;
mod names;
mod reply;
mod request;
mod schema;
mod seal;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod types;
mod usage;

pub use usage::so_far;

use http::HeaderMap;

use crate::catalog::profile::Profile;
use crate::dialect::{
    Codec, Framing, Head, Malformed, Rendered, Seed, StreamParser, StreamRenderer, StreamShape,
};
use crate::fault::Fault;
use crate::ir::{Losses, Reply, Request, Usage};
use crate::refusal::Refusal;

/// The codec of this dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GeminiGenerate;

/// The model and the method that a path such as `/v1beta/models/gemini-2.5-pro:countTokens` names.
#[must_use]
pub fn model_and_method(path: &str) -> Option<(String, String)> {
    request::model_of(path)
}

/// How a client wants its stream: an array, unless the query says `alt=sse`.
#[must_use]
pub fn framing(query: &str) -> Framing {
    let mut pairs = query.split('&');
    let is_sse = pairs.any(|pair| matches!(pair, "alt=sse" | "$alt=sse" | "%24alt=sse"));
    if is_sse { Framing::Sse } else { Framing::JsonArray }
}

impl Codec for GeminiGenerate {
    fn parse_request(&self, head: &Head<'_>, body: &[u8]) -> Result<Request, Malformed> {
        request::parse(head, body)
    }

    fn render_request(
        &self,
        request: &Request,
        _model: &str,
        profile: &Profile,
        losses: &mut Losses,
    ) -> Rendered {
        request::render(&request.worded_for(types::DIALECT, losses), profile, losses)
    }

    fn parse_reply(&self, body: &[u8]) -> Result<Reply, Malformed> {
        reply::parse(body)
    }

    fn render_reply(&self, reply: &Reply, seed: &Seed, losses: &mut Losses) -> Vec<u8> {
        reply::render(reply, seed, losses)
    }

    fn stream_parser(&self) -> Box<dyn StreamParser> {
        Box::new(stream::Parser::default())
    }

    fn stream_renderer(&self, seed: &Seed, shape: StreamShape) -> Box<dyn StreamRenderer> {
        Box::new(stream::Renderer::new(seed, shape))
    }

    fn parse_error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
        error::parse(status, headers, body)
    }

    fn render_error(&self, refusal: &Refusal) -> Vec<u8> {
        error::render(refusal)
    }

    fn find_usage(&self, json: &[u8]) -> Option<Usage> {
        usage::find(json)
    }
}
