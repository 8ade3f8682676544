//! Cohere's chats, version 2 (`/v2/chat`).
//!
//! Words before a call are a plan, documents stand beside the messages and are cited in the answer,
//! and the events of a stream are named by their parts. Names of errors and of usage are its own.
//!
//! Reference: <https://docs.cohere.com/v2/reference/chat> (seen 2026-11).

mod citation;
mod error;
mod logprobs;
pub mod models;
mod reply;
mod request;
mod stream;
#[cfg(test)]
mod tests;
mod types;
mod usage;

use http::HeaderMap;

use super::{Codec, Head, Malformed, Rendered, Seed, StreamParser, StreamRenderer, StreamShape};
use crate::catalog::profile::Profile;
use crate::fault::Fault;
use crate::ir::{Losses, Reply, Request, Usage};
use crate::refusal::Refusal;

pub use error::write_in_stream;

/// The codec of Cohere's chats.
#[derive(Debug, Clone, Copy)]
pub struct CohereChat;

impl Codec for CohereChat {
    fn parse_request(&self, _head: &Head<'_>, body: &[u8]) -> Result<Request, Malformed> {
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
