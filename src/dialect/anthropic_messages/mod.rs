//! Anthropic's Messages API, <https://platform.claude.com/docs/en/api/messages> (November 2026).
//!
//! Many vendors and clouds offer it beside their own.

mod client_run;
mod content;
pub mod count;
mod error;
pub mod models;
mod plain;
mod reply;
mod request;
mod services;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod types;
mod usage;

use http::HeaderMap;

use super::{
    Codec, Head, Malformed, Rendered, Seed, StreamParser, StreamRenderer, StreamShape, closed_schema,
    strict_tools,
};
use crate::catalog::profile::Profile;
use crate::fault::Fault;
use crate::ir::{Losses, Reply, Request, Usage};
use crate::refusal::Refusal;

/// What Anthropic takes of strict tools in one request.
const STRICT: strict_tools::Room = strict_tools::Room { tools: 20, optional: 24, choices: 16 };

/// The codec of the Messages API.
#[derive(Debug, Clone, Copy)]
pub struct AnthropicMessages;

impl Codec for AnthropicMessages {
    fn parse_request(&self, head: &Head<'_>, body: &[u8]) -> Result<Request, Malformed> {
        request::parse(head, body, request::Limit::Required)
    }

    fn render_request(
        &self,
        request: &Request,
        model: &str,
        profile: &Profile,
        losses: &mut Losses,
    ) -> Rendered {
        let request = request.worded_for(types::DIALECT, losses);
        let request = strict_tools::hold(request, profile, STRICT, &closed_schema::is_held, losses);
        request::render(&request, model, profile, losses)
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

    fn stream_renderer(&self, seed: &Seed, _shape: StreamShape) -> Box<dyn StreamRenderer> {
        Box::new(stream::Renderer::new(seed))
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

    fn is_plain(&self, body: &[u8]) -> bool {
        plain::look(body).is_some()
    }

    fn retell(&self, body: &[u8], seed: &Seed) -> Option<Vec<u8>> {
        plain::retell(body, seed)
    }
}
