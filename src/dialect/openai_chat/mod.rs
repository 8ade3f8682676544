//! OpenAI's chat completions, which nearly every vendor imitates; where one differs, the
//! [`Profile`] of the target says so and nothing here knows its name.
//!
//! Reference: <https://platform.openai.com/docs/api-reference/chat> (seen 2026-11).

mod content;
mod extras;
mod inside;
pub mod models;
mod older;
mod plain;
mod reasoning;
mod reply;
mod request;
mod stream;
mod tags;
#[cfg(test)]
mod tests;
mod tools;
mod types;

use http::HeaderMap;

use super::{
    Codec, Head, Malformed, Rendered, Seed, StreamParser, StreamRenderer, StreamShape, openai_error as error,
    openai_usage as usage, strict_tools,
};
use crate::catalog::profile::Profile;
use crate::fault::Fault;
use crate::ir::{Losses, Reply, Request, Usage};
use crate::refusal::Refusal;

/// OpenAI takes any number of strict tools, but all their members must be required.
const STRICT: strict_tools::Room = strict_tools::Room { tools: usize::MAX, optional: 0, choices: usize::MAX };

/// The codec of OpenAI's chat completions.
#[derive(Debug, Clone, Copy)]
pub struct OpenaiChat;

impl Codec for OpenaiChat {
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

    fn stream_renderer(&self, seed: &Seed, shape: StreamShape) -> Box<dyn StreamRenderer> {
        Box::new(stream::Renderer::new(seed, shape))
    }

    fn parse_error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
        error::parse(status, headers, body)
    }

    fn render_error(&self, refusal: &Refusal) -> Vec<u8> {
        let mut out = Vec::with_capacity(192 + refusal.message.len());
        error::write(&mut out, refusal);
        out
    }

    fn find_usage(&self, json: &[u8]) -> Option<Usage> {
        usage::find(json)
    }

    fn is_plain(&self, body: &[u8]) -> bool {
        plain::look(body).is_some()
    }

    fn retell(&self, body: &[u8], seed: &Seed) -> Option<Vec<u8>> {
        plain::retell(body, seed)
    }
}
