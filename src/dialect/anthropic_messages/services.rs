//! Tools that the provider runs itself and that others have too: search, pages, code.

use crate::dialect::searching;
use crate::ir::{Breadth, Losses, Service, WebSearch};
use crate::wire::json::{Array, Json, Object};

/// What a tool does that this provider runs, where others have one like it.
pub(super) fn read(kind: &str, tool: &Json<'_>) -> Option<Service> {
    match kind {
        _ if kind.starts_with("web_search_") => Some(Service::WebSearch(searching::read(tool))),
        _ if kind.starts_with("web_fetch_") => Some(Service::WebFetch),
        _ if kind.starts_with("code_execution_") => Some(Service::CodeExecution),
        _ => None,
    }
}

/// Says another provider's tool as this provider's own of that kind.
pub(super) fn write(service: &Service, a: &mut Array<'_>, losses: &mut Losses) {
    losses.bent("tools.hosted", "the provider's own tool of that kind");
    a.object(|o| match service {
        Service::WebSearch(search) => write_web_search(search, o, losses),
        Service::WebFetch => {
            o.string("type", "web_fetch_20250910");
            o.string("name", "web_fetch");
        }
        Service::CodeExecution => {
            o.string("type", "code_execution_20250825");
            o.string("name", "code_execution");
        }
    });
}

fn write_web_search(search: &WebSearch, o: &mut Object<'_>, losses: &mut Losses) {
    let breadth = search.breadth.map(|breadth| match breadth {
        Breadth::Low => 1,
        Breadth::Medium => 5,
        Breadth::High => 10,
    });
    o.string("type", "web_search_20250305");
    o.string("name", "web_search");
    o.opt_number("max_uses", search.most.or(breadth));
    // Only one of the two lists is taken.
    let lists = [("allowed_domains", &search.only), ("blocked_domains", &search.never)];
    let mut lists = lists.into_iter().filter(|(_, domains)| !domains.is_empty());
    if let Some((key, domains)) = lists.next() {
        o.array(key, |a| domains.iter().for_each(|domain| a.string(domain)));
    }
    if let Some((key, _)) = lists.next() {
        losses.dropped(format!("tools.{key}"), "domains are either allowed or blocked");
    }
    searching::write_near(search, o);
}
