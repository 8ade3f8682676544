//! OpenAI's Responses, which several vendors serve beside chat completions: a list of items goes in,
//! a list of items comes out, and a stream tells each of them part by part.
//!
//! Reference: <https://platform.openai.com/docs/api-reference/responses> (seen 2026-11).

mod citations;
mod content;
pub mod count;
mod echo;
mod error;
mod extras;
mod items;
pub mod kept;
mod namespace;
mod reasoning;
mod reply;
mod request;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod types;
mod usage;

pub(super) use usage::find as find_usage;

use http::HeaderMap;

use super::{
    Codec, Head, Malformed, Rendered, Seed, StreamParser, StreamRenderer, StreamShape, strict_tools,
};
use crate::catalog::profile::Profile;
use crate::fault::Fault;
use crate::ir::{Losses, Reply, Request, Usage};
use crate::refusal::Refusal;

/// OpenAI takes any number of strict tools, but all their members must be required.
const STRICT: strict_tools::Room = strict_tools::Room { tools: usize::MAX, optional: 0, choices: usize::MAX };

/// Tells inside a stream what broke it off; `number` is that of the event.
pub fn write_error(refusal: &Refusal, number: u64, out: &mut Vec<u8>) {
    stream::write_error(refusal, number, out);
}

/// The codec of OpenAI's Responses.
#[derive(Debug, Clone, Copy)]
pub struct OpenaiResponses;

impl Codec for OpenaiResponses {
    fn parse_request(&self, _: &Head<'_>, body: &[u8]) -> Result<Request, Malformed> {
        request::parse(body)
    }

    fn render_request(
        &self,
        request: &Request,
        model: &str,
        profile: &Profile,
        losses: &mut Losses,
    ) -> Rendered {
        let request = request.worded_for(types::OWN, losses);
        let request = strict_tools::hold(request, profile, STRICT, &|_| true, losses);
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

    fn stream_renderer(&self, seed: &Seed, _: StreamShape) -> Box<dyn StreamRenderer> {
        Box::new(stream::Renderer::new(seed))
    }

    fn parse_error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
        error::parse(status, headers, body)
    }

    fn render_error(&self, refusal: &Refusal) -> Vec<u8> {
        let mut out = Vec::with_capacity(192 + refusal.message.len());
        super::openai_error::write(&mut out, refusal);
        out
    }

    fn find_usage(&self, json: &[u8]) -> Option<Usage> {
        usage::find(json)
    }
}
