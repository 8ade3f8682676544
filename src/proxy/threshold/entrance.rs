//! Where connections come in, before Pingora reads from them.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp as _};
use pingora::connectors::{ConnectorOptions, TransportConnector};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::H2Options;
use pingora::proxy::{HttpProxy, ProcessCustomSession, ProxyServiceBuilder};
use pingora::server::ShutdownWatch;
use pingora::server::configuration::ServerConf;
use pingora::services::listening::Service;

use crate::proxy::Gateway;
use crate::proxy::departure::joined::Joining;
use crate::proxy::shared::Shared;
use crate::proxy::threshold::Threshold;
use crate::refusal::{Kind, Refusal};

/// The gateway as Pingora runs it for one worker.
pub type Proxy = HttpProxy<Gateway, Joining>;

/// What one worker serves: connections, each behind a [`Threshold`]. Pingora builds a proxy with a
/// connector of our own only as a service, and gives the proxy out only to what takes its
/// connections in its place: that is `enter`.
#[must_use]
pub fn service(
    name: &str,
    conf: &Arc<ServerConf>,
    shared: &Arc<Shared>,
    options: HttpServerOptions,
) -> Service<Proxy> {
    let connector = Joining::new(TransportConnector::new(Some(ConnectorOptions::from_server_conf(conf))));
    let mut ours = HttpServerOptions::default();
    ours.force_custom = true;
    let (options, door) = (Arc::new(options), Arc::clone(shared));
    let on_connection: ProcessCustomSession<Gateway, Joining> =
        Arc::new(move |proxy, stream, shutdown: &ShutdownWatch| {
            let requests = Requests { proxy, shared: Arc::clone(&door), options: Arc::clone(&options) };
            Box::pin(enter(Arc::new(requests), stream, shutdown.clone()))
        });
    ProxyServiceBuilder::new(conf, Gateway::new(Arc::clone(shared)))
        .name(name)
        .custom(connector, on_connection)
        .server_options(ours)
        .build()
}

/// The requests of one connection, as Pingora finds them.
struct Requests {
    proxy: Arc<Proxy>,
    shared: Arc<Shared>,
    options: Arc<HttpServerOptions>,
}

/// Serves a connection to its end.
async fn enter(requests: Arc<Requests>, stream: Stream, shutdown: ShutdownWatch) -> Option<Stream> {
    let shared = &requests.shared;
    // The system gives the lowest number that is free: this one tells how many are taken.
    let number = u64::try_from(stream.id()).unwrap_or(0);
    let threshold = Threshold::new(stream, shared);
    if shared.files.is_short(number) {
        let refusal = Refusal::new(Kind::Unavailable, "the gateway has too many connections open")
            .with_retry_after(Duration::from_secs(1));
        threshold.turn_away(refusal).await;
        return None;
    }
    let vigil = Arc::clone(threshold.vigil());
    let mut stream: Stream = Box::new(threshold);
    loop {
        let serving = requests.process_new(stream, &shutdown);
        until_the_end(shared, serving).await?;
        // Pingora closes a connection after any failure of a provider.
        stream = take_up(*vigil.take_kept()?).await?;
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
        Some(&self.options)
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
