//! OpenAI's text completions, the older API in which a model goes on with a prompt.
//!
//! Servers of open models and endpoints that fill in the middle still speak it, and clients made
//! for it ask any model. A prompt becomes a user's turn, and what a chat model says is the text; what
//! has no place in the form is a loss. Errors and usage are those of all of OpenAI's APIs.
//!
//! Reference: <https://platform.openai.com/docs/api-reference/completions> (seen 2026-11).

mod logprobs;
mod reply;
mod request;
mod stream;
#[cfg(test)]
mod tests;
mod types;

use http::HeaderMap;

use super::{
    Codec, Head, Malformed, Rendered, Seed, StreamParser, StreamRenderer, StreamShape, openai_error,
    openai_usage,
};
use crate::catalog::profile::Profile;
use crate::fault::Fault;
use crate::ir::{Losses, Reply, Request, Usage};
use crate::refusal::Refusal;

/// The codec of OpenAI's text completions.
#[derive(Debug, Clone, Copy)]
pub struct OpenaiCompletions;

impl Codec for OpenaiCompletions {
    fn parse_request(&self, head: &Head<'_>, body: &[u8]) -> Result<Request, Malformed> {
        request::parse(head, body)
    }

    fn render_request(
        &self,
        request: &Request,
        model: &str,
        profile: &Profile,
        losses: &mut Losses,
    ) -> Rendered {
        let request = request.worded_for(types::OWN, losses);
        request::render(&request, model, profile, losses)
    }

    fn parse_reply(&self, body: &[u8]) -> Result<Reply, Malformed> {
        reply::parse(body)
    }

    fn render_reply(&self, reply: &Reply, seed: &Seed, losses: &mut Losses) -> Vec<u8> {
        reply::render(reply, seed, losses)
    }

    fn stream_parser(&self) -> Box<dyn StreamParser> {
        Box::<stream::Parser>::default()
    }

    fn stream_renderer(&self, seed: &Seed, shape: StreamShape) -> Box<dyn StreamRenderer> {
        Box::new(stream::Renderer::new(seed, shape))
    }

    fn parse_error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
        openai_error::parse(status, headers, body)
    }

    fn render_error(&self, refusal: &Refusal) -> Vec<u8> {
        let mut out = Vec::with_capacity(192 + refusal.message.len());
        openai_error::write(&mut out, refusal);
        out
    }

    fn find_usage(&self, json: &[u8]) -> Option<Usage> {
        openai_usage::find(json)
    }
}
