//! Bedrock's Converse API, whole and streamed,
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html> (November
//! 2026): one dialect for the models of many makers.
//!
//! The model stands in the path, and so does whether to stream. A stream is AWS's binary one: its
//! messages are named after their event types, or after the exception that ended it.

mod content;
pub mod count;
mod error;
mod reply;
mod request;
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
pub use error::{read_exception, type_of, write_exception};

/// What Claude takes of strict tools in one request.
const STRICT: strict_tools::Room = strict_tools::Room { tools: 20, optional: 24, choices: 16 };

/// The codec of the Converse API.
#[derive(Debug, Clone, Copy)]
pub struct BedrockConverse;

impl Codec for BedrockConverse {
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
        let request = request.worded_for(types::DIALECT, losses);
        let request = strict_tools::hold(request, profile, STRICT, &closed_schema::is_held, losses);
        request::render(&request, profile, losses)
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
}
