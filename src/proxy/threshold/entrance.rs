//! Where connections come in, before Pingora reads from them.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::H2Options;
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;

use crate::proxy::Gateway;
use crate::proxy::shared::Shared;
use crate::proxy::threshold::Threshold;
use crate::refusal::{Kind, Refusal};

/// What one worker serves: connections, each behind a [`Threshold`].
pub struct Entrance {
    requests: Arc<Requests>,
    shared: Arc<Shared>,
}

/// The requests of those connections, as Pingora finds them.
struct Requests {
    proxy: Arc<HttpProxy<Gateway>>,
    shared: Arc<Shared>,
}

impl Entrance {
    /// The entrance to this proxy.
    #[must_use]
    pub fn new(proxy: HttpProxy<Gateway>, shared: Arc<Shared>) -> Self {
        let requests = Requests { proxy: Arc::new(proxy), shared: Arc::clone(&shared) };
        Self { requests: Arc::new(requests), shared }
    }
}

#[async_trait]
impl ServerApp for Entrance {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        // The system gives the lowest number that is free: this one tells how many are taken.
        let number = u64::try_from(stream.id()).unwrap_or(0);
        let threshold = Threshold::new(stream, &self.shared);
        if self.shared.files.is_short(number) {
            let refusal = Refusal::new(Kind::Unavailable, "the gateway has too many connections open")
                .with_retry_after(Duration::from_secs(1));
            threshold.turn_away(refusal).await;
            return None;
        }
        let vigil = Arc::clone(threshold.vigil());
        let mut stream: Stream = Box::new(threshold);
        loop {
            let serving = self.requests.process_new(stream, shutdown);
            until_the_end(&self.shared, serving).await?;
            // Pingora closes a connection after any failure of a provider.
            stream = take_up(*vigil.take_kept()?).await?;
        }
    }

    async fn cleanup(&self) {
        self.requests.cleanup().await;
    }
}

impl HttpServerApp for Requests {
    fn process_new_http<'app, 'watch, 'all>(
        self: &'app Arc<Self>,
        session: ServerSession,
        shutdown: &'watch ShutdownWatch,
    ) -> Pin<Box<dyn Future<Output = Option<ReusedHttpStream>> + Send + 'all>>
    where
        'app: 'all,
        'watch: 'all,
        Self: 'all,
    {
        let over_http2 = session.is_http2();
        let serving = self.proxy.process_new_http(session, shutdown);
        if !over_http2 {
            return serving;
        }
        // Each stream of HTTP/2 is a task of its own, which its connection's end does not end.
        Box::pin(async { until_the_end(&self.shared, serving).await.flatten() })
    }

    fn h2_options(&self) -> Option<H2Options> {
        self.proxy.h2_options()
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        self.proxy.server_options()
    }

    fn http_cleanup<'app, 'all>(&'app self) -> Pin<Box<dyn Future<Output = ()> + Send + 'all>>
    where
        'app: 'all,
        Self: 'all,
    {
        self.proxy.http_cleanup()
    }
}

/// The stream of a session that is over, ready for the next.
async fn take_up(session: ServerSession) -> Option<Stream> {
    let (stream, early) = session.finish().await.ok()??.into_parts();
    let mut threshold = stream.into_any().downcast::<Threshold>().ok()?;
    if let Some(early) = early {
        threshold.rewind(early.freeze());
    }
    Some(threshold)
}

/// Runs this until it is done or the process ends. At the drain's limit it is woken, so that it
/// can say what must be said; what is still not done a moment later is dropped, and the drop of an
/// exchange leaves its record.
async fn until_the_end<T>(shared: &Shared, serving: impl Future<Output = T>) -> Option<T> {
    let mut serving = pin!(serving);
    let mut call = pin!(shared.last_call());
    let mut listens = false;
    poll_fn(|cx| {
        if !listens || shared.is_cutting() {
            listens = true;
            while call.as_mut().poll(cx).is_ready() {
                call.set(shared.last_call());
            }
            if shared.is_dropping() {
                return Poll::Ready(None);
            }
        }
        serving.as_mut().poll(cx).map(Some)
    })
    .await
}
