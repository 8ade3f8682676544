//! Ollama's own API: chats (`/api/chat`) and the older form in which a model goes on with a prompt
//! (`/api/generate`), which differ in where the words stand and in little else.
//!
//! A stream is one JSON object a line, and is what a client gets that does not say otherwise. Calls
//! of tools hold their arguments as objects and, but for the newest servers, have no ids: what is read
//! gets ids by its place, so that they are the same in every turn.
//!
//! Reference: <https://docs.ollama.com/api> (seen 2026-11).

mod content;
pub mod embed;
pub mod models;
mod reply;
mod request;
mod stream;
#[cfg(test)]
mod tests;
mod types;
mod usage;

use http::HeaderMap;

use super::{
    Codec, Head, Malformed, Rendered, Seed, StreamParser, StreamRenderer, StreamShape, openai_error,
};
use crate::catalog::profile::Profile;
use crate::fault::Fault;
use crate::ir::{Losses, Reply, Request, Usage};
use crate::refusal::Refusal;
use crate::wire::json;
use types::Form;

/// The codec of Ollama's chats.
pub const CHAT: Ollama = Ollama(Form::Chat);

/// The codec of Ollama's prompts.
pub const GENERATE: Ollama = Ollama(Form::Generate);

/// The codec of one of the two forms.
#[derive(Debug, Clone, Copy)]
pub struct Ollama(Form);

impl Codec for Ollama {
    fn parse_request(&self, _head: &Head<'_>, body: &[u8]) -> Result<Request, Malformed> {
        request::parse(self.0, body)
    }

    fn render_request(
        &self,
        request: &Request,
        model: &str,
        profile: &Profile,
        losses: &mut Losses,
    ) -> Rendered {
        let request = request.worded_for(self.0.dialect(), losses);
        request::render(self.0, &request, model, profile, losses)
    }

    fn parse_reply(&self, body: &[u8]) -> Result<Reply, Malformed> {
        reply::parse(self.0, body)
    }

    fn render_reply(&self, reply: &Reply, seed: &Seed, losses: &mut Losses) -> Vec<u8> {
        reply::render(self.0, reply, seed, losses)
    }

    fn stream_parser(&self) -> Box<dyn StreamParser> {
        Box::new(stream::Parser::new(self.0))
    }

    fn stream_renderer(&self, seed: &Seed, _shape: StreamShape) -> Box<dyn StreamRenderer> {
        Box::new(stream::Renderer::new(self.0, seed))
    }

    fn parse_error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
        openai_error::parse(status, headers, body)
    }

    fn render_error(&self, refusal: &Refusal) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + refusal.message.len());
        json::object(&mut out, |body| body.string("error", &refusal.message));
        out
    }

    fn find_usage(&self, json: &[u8]) -> Option<Usage> {
        usage::find(json)
    }
}
