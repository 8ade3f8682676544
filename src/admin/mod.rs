//! The operator's listener: probes, metrics, the admin API, the dashboard.

pub mod answer;
mod api;
pub mod ask;
pub mod board;
pub mod desk;
pub mod gate;
mod pages;
mod probes;
pub mod refused;
pub mod sessions;
pub mod table;
pub mod tries;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::header::ALLOW;
use http::{HeaderValue, Method};
use pingora::apps::{HttpPersistentSettings, HttpServerApp, ReusedHttpStream};
use pingora::protocols::http::ServerSession;
use pingora::server::ShutdownWatch;
use pingora::services::listening::Service;

use crate::admin::answer::Answer;
use crate::admin::api::Call;
use crate::admin::ask::{Ask, Unread};
use crate::admin::desk::Desk;
use crate::admin::gate::Gate;
use crate::admin::refused::Refused;
use crate::admin::table::Page;
use crate::config::Sources;
use crate::proxy::Shared;
use crate::proxy::reloads::Reloads;

/// How long an idle connection is kept, in seconds.
const KEEPALIVE: u64 = 60;

/// How long a client may take for one read of its body, and for one write to it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the operator's listener serves.
#[derive(Debug)]
pub struct Admin {
    shared: Arc<Shared>,
    reloads: Arc<Reloads>,
    sources: Sources,
    gate: Arc<Gate>,
    desk: Desk,
    player: api::Player,
}

impl Admin {
    /// The pages over this state, of a process with its configuration from there and its data in this
    /// folder.
    #[must_use]
    pub fn new(shared: Arc<Shared>, reloads: Arc<Reloads>, sources: Sources, folder: &Path) -> Self {
        let (gate, desk, player) = (Arc::default(), Desk::new(folder), api::Player::default());
        Self { shared, reloads, sources, gate, desk, player }
    }

    /// The service at this address.
    #[must_use]
    pub fn service(self, address: &str) -> Service<Self> {
        let mut service = Service::new("admin".to_owned(), self);
        service.add_tcp(address);
        service.threads = Some(1);
        service
    }

    /// The answer; none for a client that left before there was one.
    async fn answer(&self, mut ask: Ask, session: &mut ServerSession) -> Option<Answer> {
        let is_api = ask.path == "/api" || ask.path.starts_with("/api/");
        if !is_api {
            return Some(self.page(&ask));
        }
        let (row, who, name) = match api::enter(self, &ask) {
            Ok(entered) => entered,
            Err(refused) => return Some(refused.answer()),
        };
        let mut share = self.shared.held.share();
        let room = self.shared.world.load().downstream.held.as_usize();
        if let Some(body) = row.body
            && let Err(unread) = ask.read(session, body.most, (&mut share, room)).await
        {
            let refused = match unread {
                Unread::TooLarge => Refused::too_large(body.most),
                Unread::NoRoom => Refused::unavailable("there is no room for the body now"),
                Unread::Gone => Refused::malformed("the body did not come"),
            };
            return Some(refused.answer());
        }
        let call = Call { admin: self, ask: &ask, who, name };
        let answered = api::answer(row.page, &call);
        if row.page != Page::Play {
            return Some(answered.await);
        }
        // What is played costs money: it ends with the page that waits for it.
        tokio::select! {
            answer = answered => Some(answer),
            _ = session.read_body_or_idle(true) => None,
        }
    }

    /// What is no path of the API.
    fn page(&self, ask: &Ask) -> Answer {
        if !matches!(ask.method, Method::GET | Method::HEAD) {
            let said = b"{\"error\":\"expected GET\"}".to_vec();
            return Answer::json(405, said).with(ALLOW, "GET, HEAD");
        }
        let found = probes::page(self, &ask.path).or_else(|| pages::page(ask));
        found.unwrap_or_else(|| match ask.path.as_str() {
            "/" => probes::status(self),
            _ => Answer::json(404, b"{\"error\":\"try /health, /ready, /metrics or /status\"}".to_vec()),
        })
    }
}

#[async_trait]
impl HttpServerApp for Admin {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        if !matches!(session.read_request().await, Ok(true)) {
            return None;
        }
        session.set_keepalive((!*shutdown.borrow()).then_some(KEEPALIVE));
        session.set_read_timeout(Some(PATIENCE));
        session.set_write_timeout(Some(PATIENCE));
        let mut ask = Ask::of(&session);
        let world = self.shared.world.load_full();
        let lines = ask.headers.get_all(world.proxies.teller.header()).iter();
        ask.address = world.proxies.client(ask.address, lines.map(HeaderValue::as_bytes));
        drop(world);
        let answer = self.answer(ask, &mut session).await?;
        if !session.is_body_done() {
            session.set_keepalive(None);
        }
        if !answer.send(&mut session).await {
            return None;
        }
        let settings = HttpPersistentSettings::for_session(&session);
        let stream = session.finish().await.ok()??;
        Some(ReusedHttpStream::from_reusable_stream(stream, settings))
    }
}
