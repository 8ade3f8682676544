//! What a client is told of an answer that ends in the middle of its stream.

use crate::dialect::{Framing, bedrock_converse, codec, cohere_chat, openai_responses};
use crate::fault::Fault;
use crate::ir::Dialect;
use crate::wire::sse;

/// Ends a stream of this dialect behind so many whole events.
#[must_use]
pub fn in_stream(dialect: Dialect, framing: Framing, told: u64, fault: Fault) -> Vec<u8> {
    let mut out = Vec::new();
    match framing {
        Framing::AwsEvents => bedrock_converse::write_exception(&mut out, fault.kind, &fault.message),
        Framing::JsonArray => {
            out.extend_from_slice(if told == 0 { b"[" } else { b",\r\n" });
            out.extend_from_slice(&codec(dialect).render_error(&fault.into_refusal()));
            out.push(b']');
        }
        Framing::Lines => {
            out.extend_from_slice(&codec(dialect).render_error(&fault.into_refusal()));
            out.push(b'\n');
        }
        Framing::Sse if dialect == Dialect::OpenaiResponses => {
            openai_responses::write_error(&fault.into_refusal(), told, &mut out);
        }
        Framing::Sse if dialect == Dialect::CohereChat => {
            cohere_chat::write_in_stream(&fault.into_refusal(), &mut out);
        }
        Framing::Sse => {
            let event = (dialect == Dialect::AnthropicMessages).then_some("error");
            sse::write(&mut out, event, &codec(dialect).render_error(&fault.into_refusal()));
        }
    }
    out
}
