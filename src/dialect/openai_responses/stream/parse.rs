//! An upstream's events → the hub's.
//!
//! Each event says its own type, and of which item and part it is. Vendors that imitate the format leave
//! events out, so that a block opens with the first that speaks of it, and what only the event of its
//! end tells is told then. An event of a type that nobody knows is passed over.

use crate::dialect::StreamParser;
use crate::dialect::openai_responses::reply::{created, finish, members};
use crate::dialect::openai_responses::types::{filled, kind, service_tier, text};
use crate::dialect::openai_responses::{error, usage};
use crate::dialect::phase::Phase;
use crate::fault::Fault;
use crate::ir::{Event, Extras, Signature};
use crate::refusal::Kind;
use crate::wire::json::{self, Json};

use super::item::{Item, Out};

/// Reads one stream.
#[derive(Debug, Default)]
pub(in crate::dialect::openai_responses) struct Parser {
    phase: Phase,
    /// The number of the next block.
    next: u32,
    /// A seal that waits for the block it is on.
    seal: Option<Signature>,
    items: Vec<Item>,
    /// The members of the response that were told with its start.
    told: Extras,
}

impl StreamParser for Parser {
    fn push(&mut self, event: Option<&str>, data: &[u8], events: &mut Vec<Event>) {
        let data = data.trim_ascii();
        if self.phase.is_over() || data.is_empty() || data == b"[DONE]" {
            return;
        }
        let Ok(root) = json::parse(data) else {
            let message = "the provider sent an event that is not valid JSON";
            self.phase.fail(Fault::new(Kind::BadGateway, message), events);
            return;
        };
        // Some vendors say the type beside the data alone.
        let name = filled(Some(kind(&root))).or(event).unwrap_or_default();
        match name {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.start(root.field("response"), events);
            }
            "response.completed" | "response.incomplete" | "response.done" => {
                self.complete(root.field("response"), events);
            }
            "response.failed" | "error" | "response.error" | "response.cancelled" => {
                let fault = error::of(&root);
                let unsaid = || Fault::new(Kind::BadGateway, "the provider broke its answer off");
                self.usage(root.field("response"), events);
                self.phase.fail(fault.unwrap_or_else(unsaid), events);
            }
            _ if root.field("error").is_some_and(Json::is_object) && name.is_empty() => {
                self.phase.fail(error::of(&root).unwrap_or_else(|| Fault::from_status(502)), events);
            }
            name => {
                if let Some(what) = name.strip_prefix("response.") {
                    self.item(what, &root, events);
                }
            }
        }
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        self.phase.finish(events);
    }
}

impl Parser {
    fn start(&mut self, response: Option<&Json<'_>>, events: &mut Vec<Event>) {
        if self.phase != Phase::Before {
            return;
        }
        self.phase = Phase::Running;
        let string = |key: &str| filled(response?.get(key)?.as_str()).map(str::to_owned);
        self.told = response.map(members).unwrap_or_default();
        events.push(Event::Start {
            id: string("id"),
            model: string("model"),
            created: response.and_then(created),
            service_tier: string("service_tier").as_deref().map(service_tier),
            extras: self.told.clone(),
        });
    }

    /// An event of one item, or of a part of one.
    fn item(&mut self, what: &str, root: &Json<'_>, events: &mut Vec<Event>) {
        let number = root.get("output_index").and_then(Json::as_u64);
        let inner = root.field("item");
        let id = inner.map_or_else(|| text(root, "item_id"), |item| text(item, "id"));
        if number.is_none() && id.is_empty() && inner.is_none() {
            return;
        }
        self.start(None, events);
        let known = |item: &Item| match number {
            Some(number) => item.number == Some(number),
            None => item.id == id,
        };
        let place = self.items.iter().rposition(known).unwrap_or_else(|| {
            self.items.push(Item::new(number, id));
            self.items.len() - 1
        });
        let mut out = Out { next: &mut self.next, seal: &mut self.seal, events };
        if let Some(item) = self.items.get_mut(place) {
            item.push(what, root, &mut out);
        }
    }

    fn complete(&mut self, response: Option<&Json<'_>>, events: &mut Vec<Event>) {
        self.start(response, events);
        let output = response.and_then(|response| response.field("output"));
        for (number, value) in (0_u64..).zip(output.map(Json::elements).unwrap_or_default()) {
            let id = text(value, "id");
            let known = |item: &Item| item.number == Some(number) || (!id.is_empty() && item.id == id);
            if !self.items.iter().any(known) {
                self.items.push(Item::new(Some(number), id));
            }
            let mut out = Out { next: &mut self.next, seal: &mut self.seal, events };
            if let Some(item) = self.items.iter_mut().find(|item| known(item)) {
                item.end(value, &mut out);
            }
        }
        let mut out = Out { next: &mut self.next, seal: &mut self.seal, events };
        self.items.iter_mut().for_each(|item| item.close(&mut out));
        let mut late = response.map(members).unwrap_or_default();
        late.retain(|extra| !self.told.all().contains(extra));
        if !late.is_empty() {
            events.push(Event::Extras { candidate: None, extras: late });
        }
        self.usage(response, events);
        let called = self.items.iter().any(Item::is_call);
        let finish = response.and_then(|response| finish(response, called));
        events.extend(finish.map(|finish| Event::Finish { candidate: 0, finish }));
        self.phase.end(events);
    }

    fn usage(&mut self, response: Option<&Json<'_>>, events: &mut Vec<Event>) {
        if let Some(used) = response.and_then(usage::of) {
            self.start(response, events);
            events.push(Event::Usage(used));
        }
    }
}
