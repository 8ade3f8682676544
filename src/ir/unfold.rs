//! Reply → events: what the same answer would have looked like as a stream.

use super::event::{Delta, Event, Opening};
use super::reply::Reply;
use super::request::{Block, Content};

/// The events that fold to `reply`, in legal order.
#[must_use]
pub fn unfold(reply: Reply) -> Vec<Event> {
    let mut events = vec![Event::Start {
        id: reply.id,
        model: reply.model,
        created: reply.created,
        service_tier: reply.service_tier,
        extras: reply.extras,
    }];
    let mut index = 0;
    for (number, candidate) in (0_u32..).zip(reply.candidates) {
        for block in candidate.blocks {
            unfold_block(index, number, block, &mut events);
            index += 1;
        }
        if let Some(json) = candidate.logprobs {
            events.push(Event::Logprobs { candidate: number, json });
        }
        if !candidate.extras.is_empty() {
            events.push(Event::Extras { candidate: Some(number), extras: candidate.extras });
        }
        if let Some(finish) = candidate.finish {
            events.push(Event::Finish { candidate: number, finish });
        }
    }
    events.extend(reply.usage.map(Event::Usage));
    events.push(Event::End);
    events
}

fn unfold_block(index: u32, candidate: u32, block: Block, events: &mut Vec<Event>) {
    let Block { content, cache, signature, extras } = block;
    let (opening, deltas) = match content {
        Content::Text { text, citations } => {
            let cited = citations.into_iter().map(Delta::Citation);
            (Opening::Text, std::iter::once(Delta::Text(text)).chain(cited).collect())
        }
        Content::Reasoning(thought) if thought.redacted.is_none() => {
            (Opening::Reasoning, vec![Delta::Reasoning(thought.text)])
        }
        Content::Refusal(text) => (Opening::Refusal, vec![Delta::Refusal(text)]),
        Content::ToolCall(call) => {
            let opening = Opening::ToolCall { id: call.id, name: call.name, kind: call.kind };
            (opening, vec![Delta::Arguments(call.arguments)])
        }
        content => {
            let whole = Block { content, cache, signature, extras };
            events.push(Event::BlockStart { index, candidate, opening: Opening::Whole(Box::new(whole)) });
            events.push(Event::BlockStop { index });
            return;
        }
    };
    events.push(Event::BlockStart { index, candidate, opening });
    // A call's seal comes before its arguments: some formats must tell it with the call's id.
    let early = matches!(events.last(), Some(Event::BlockStart { opening: Opening::ToolCall { .. }, .. }));
    let mut seal = signature.map(Delta::Signature);
    let first = if early { seal.take() } else { None };
    for delta in first.into_iter().chain(deltas).chain(seal) {
        if !is_empty(&delta) {
            events.push(Event::Delta { index, delta });
        }
    }
    events.push(Event::BlockStop { index });
}

fn is_empty(delta: &Delta) -> bool {
    match delta {
        Delta::Text(text) | Delta::Reasoning(text) | Delta::Refusal(text) | Delta::Arguments(text) => {
            text.is_empty()
        }
        Delta::Signature(_) | Delta::Citation(_) => false,
    }
}
