//! Requests in the background, for targets that have none: they are asked of the gateway itself, so
//! that they go the way of any other, and what comes of them is kept to be found.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use pingora::http::RequestHeader;
use rustc_hash::FxHashMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::clock::{self, RequestId};
use crate::dialect::openai_responses::kept;
use crate::dialect::{Seed, codec};
use crate::ir::Dialect;
use crate::policy::Key;
use crate::proxy::bytes_held::Share;
use crate::proxy::exchange::{Ask, Exchange};
use crate::proxy::shared::Shared;
use crate::refusal::{Kind, Refusal};
use crate::store::{Answered, Owner, Store};
use crate::wire::lens::{Edit, Lens};

/// What such a request shows of itself: our word, and its id.
const MARK: &str = "x-tollgate-background";

/// What a request of the gateway's own pages shows of itself: our word, and where their client is.
const SPEAKS_FOR: HeaderName = HeaderName::from_static("x-tollgate-speaks-for");

/// What a request shows that a judge of the gateway's own is asked with: our word, and which it is.
const JUDGES: HeaderName = HeaderName::from_static("x-tollgate-judges");

/// So many may run at one time.
const MOST: usize = 512;

/// Of an answer this much is read: its status, and why it is none.
const FIRST: usize = 64 << 10;

/// What runs in the background.
#[derive(Debug, Default)]
pub struct Background {
    /// Where the gateway itself can be reached; none where it listens on nothing that is known.
    own: Option<SocketAddr>,
    /// What no client can know.
    word: String,
    running: Mutex<FxHashMap<String, Running>>,
    /// The keys with which judges are asked now, by the number of their request.
    judging: Mutex<FxHashMap<u64, Option<Arc<Key>>>>,
    asked: AtomicU64,
}

/// A judge is being asked.
#[derive(Debug)]
pub struct Asking<'b> {
    background: &'b Background,
    number: u64,
}

impl Asking<'_> {
    /// The header by which its request is known.
    #[must_use]
    pub fn header(&self) -> (HeaderName, String) {
        (JUDGES, format!("{} {}", self.background.word, self.number))
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.background.judging.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

/// One request in the background, as those who look for it see it.
#[derive(Debug)]
struct Running {
    /// Gives it up.
    cancel: oneshot::Sender<()>,
    /// The virtual key that it was asked with.
    key: Option<Arc<Key>>,
}

impl Background {
    /// The background of a process that listens there.
    #[must_use]
    pub fn new(listen: &str) -> Self {
        let near = |ip: IpAddr| match ip {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let own = listen.parse::<SocketAddr>().ok();
        let own = own.map(|address| SocketAddr::new(near(address.ip()), address.port()));
        Self { own, word: clock::secret(), ..Self::default() }
    }

    /// A judge is asked on behalf of this key.
    #[must_use]
    pub fn ask(&self, key: Option<Arc<Key>>) -> Asking<'_> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        self.judging.lock().unwrap_or_else(PoisonError::into_inner).insert(number, key);
        Asking { background: self, number }
    }

    /// Whether this is a question to a judge, and on whose behalf.
    #[must_use]
    pub fn judged(&self, head: &RequestHeader) -> Option<Option<Arc<Key>>> {
        let (word, number) = head.headers.get(JUDGES)?.to_str().ok()?.split_once(' ')?;
        let number = number.parse::<u64>().ok().filter(|_| self.knows(word))?;
        self.judging.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    /// Where the gateway itself can be reached.
    #[must_use]
    pub const fn own(&self) -> Option<SocketAddr> {
        self.own
    }

    /// The header with which a request that the gateway makes to itself says for whom it does.
    #[must_use]
    pub fn speaks_for(&self, client: IpAddr) -> (HeaderName, String) {
        (SPEAKS_FOR, format!("{} {client}", self.word))
    }

    /// Where the client is that a request of this peer is made for, if that is the gateway itself.
    #[must_use]
    pub fn client(&self, peer: IpAddr, head: &RequestHeader) -> Option<IpAddr> {
        if !peer.is_loopback() && self.own.is_none_or(|own| own.ip() != peer) {
            return None;
        }
        let (word, client) = head.headers.get(SPEAKS_FOR)?.to_str().ok()?.split_once(' ')?;
        if self.knows(word) { client.parse().ok() } else { None }
    }

    /// Whether somebody knows what only the gateway does.
    fn knows(&self, word: &str) -> bool {
        !self.word.is_empty() && blake3::hash(word.as_bytes()) == blake3::hash(self.word.as_bytes())
    }

    /// The id under which a request that the gateway made to itself is kept, and the virtual key with
    /// which it was asked.
    #[must_use]
    pub fn of(&self, head: &RequestHeader) -> Option<(RequestId, Option<Arc<Key>>)> {
        let mark = head.headers.get(MARK)?.to_str().ok()?;
        let (word, id) = mark.split_once(' ')?;
        let id = RequestId::parse(id).filter(|_| self.knows(word))?;
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // What was given up meanwhile is nobody's, and need not begin.
        let key = running.get(&format!("resp_{id}"))?.key.clone();
        Some((id, key))
    }

    /// Gives up what runs under this id, if it runs here.
    pub fn cancel(&self, id: &str) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(running) = running {
            // It may be done by now.
            let _ = running.cancel.send(());
        }
    }

    fn enter(&self, id: &str, key: Option<Arc<Key>>) -> Option<oneshot::Receiver<()>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.len() >= MOST {
            return None;
        }
        let (cancel, cancelled) = oneshot::channel();
        running.insert(id.to_owned(), Running { cancel, key });
        Some(cancelled)
    }

    fn leave(&self, id: &str) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// Begins a request in the background: the response that its client can ask for from now on.
///
/// # Errors
/// When it could not be found again, or too much runs already.
pub fn begin(
    shared: &Shared,
    exchange: &Exchange,
    ask: &Ask,
    lens: &Lens<'_>,
    share: Share,
) -> Result<Vec<u8>, Refusal> {
    let store = Arc::clone(shared.shelf.open()?);
    if !ask.keep {
        let message = "a response in the background is kept until it is asked for; 'store' must not be false";
        return Err(Refusal::new(Kind::InvalidRequest, message).with_param("background"));
    }
    let background = Arc::clone(&shared.background);
    let Some(own) = background.own else {
        return Err(Refusal::new(Kind::InvalidRequest, "this gateway has no address for the background")
            .with_param("background"));
    };
    let seed = Seed { kept: true, ..exchange.seed(&ask.model, 0, ask.body.clone()) };
    let queued = kept::waiting(&seed);
    let id = format!("resp_{}", seed.id);
    let recall = ask.recall.as_deref();
    let answered = Answered {
        owner: exchange.owner(),
        id: id.clone(),
        seed: seed.id.clone(),
        made: exchange.at,
        asked: recall.and_then(|recall| recall.asked.clone()).unwrap_or_else(|| ask.body.clone()),
        said: kept::with_status(&queued, "in_progress").into(),
        previous: recall.and_then(|recall| recall.previous.clone()),
        conversation: None,
    };
    let cancelled = background.enter(&id, exchange.key.clone()).ok_or_else(|| {
        let message = "as many responses run in the background as may; try again in a moment";
        Refusal::new(Kind::RateLimited, message).with_retry_after(Duration::from_secs(5))
    })?;
    let job = Job {
        request: request(ask, lens, &format!("{} {}", background.word, seed.id)),
        own,
        limit: exchange.world.upstream.total_timeout + Duration::from_secs(60),
        waiting: answered.said.clone(),
        owner: exchange.owner(),
        id: id.clone(),
        store: Arc::clone(&store),
        background: Arc::clone(&background),
    };
    if let Err(why) = store.begin(answered) {
        background.leave(&id);
        return Err(super::unavailable(why));
    }
    tokio::spawn(async move {
        job.run(cancelled).await;
        drop(share);
    });
    Ok(queued)
}

/// The request as the gateway asks it of itself.
fn request(ask: &Ask, lens: &Lens<'_>, mark: &str) -> Vec<u8> {
    let body = lens.apply(&[Edit::Remove { key: "background".into() }]);
    let mut head = format!(
        "POST {} HTTP/1.1\r\nhost: tollgate\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n{MARK}: {mark}\r\n",
        ask.path,
        body.len()
    );
    if ask.strict {
        head.push_str("x-tollgate-strict: true\r\n");
    }
    for (name, value) in &ask.carried {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    let mut request = head.into_bytes();
    request.extend_from_slice(&body);
    request
}

/// One request in the background.
struct Job {
    request: Vec<u8>,
    own: SocketAddr,
    limit: Duration,
    /// The response as long as it waits.
    waiting: Bytes,
    owner: Owner,
    id: String,
    store: Arc<Store>,
    background: Arc<Background>,
}

impl Job {
    async fn run(self, cancelled: oneshot::Receiver<()>) {
        let asked = tokio::time::timeout(self.limit, exchange(self.own, &self.request));
        let end = tokio::select! {
            answered = asked => match answered {
                Ok(Ok(None)) => {
                    // Normally it is kept by now, and then this says nothing.
                    failed(&self.waiting, &Refusal::new(Kind::Internal, "the answer could not be kept"))
                }
                Ok(Ok(Some(refusal))) => failed(&self.waiting, &refusal),
                Ok(Err(error)) => {
                    log::warn!("response {} in the background broke off: {error}", self.id);
                    failed(&self.waiting, &Refusal::new(Kind::Internal, "the gateway broke off"))
                }
                Err(_) => failed(&self.waiting, &Refusal::new(Kind::Timeout, "it took too long")),
            },
            _ = cancelled => kept::with_status(&self.waiting, "cancelled"),
        };
        self.background.leave(&self.id);
        if let Err(why) = self.store.settle(self.owner, self.id, end) {
            log::warn!("what became of a response in the background is not kept: {why}");
        }
    }
}

/// The codes of a response that failed are few; others would be none that SDKs know.
fn failed(waiting: &[u8], refusal: &Refusal) -> Vec<u8> {
    kept::failed(waiting, &Refusal { code: None, ..refusal.clone() })
}

/// Asks; `None` when it was answered, else why it was not.
async fn exchange(own: SocketAddr, request: &[u8]) -> std::io::Result<Option<Refusal>> {
    let mut stream = TcpStream::connect(own).await?;
    stream.write_all(request).await?;
    let mut first = Vec::new();
    let mut piece = vec![0; 8 << 10];
    loop {
        let read = stream.read(&mut piece).await?;
        if read == 0 {
            break;
        }
        let room = FIRST.saturating_sub(first.len()).min(read);
        first.extend_from_slice(piece.get(..room).unwrap_or_default());
    }
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(&first).ok().filter(httparse::Status::is_complete);
    let (Some(httparse::Status::Complete(length)), Some(status)) = (parsed, head.code) else {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    };
    if status < 300 {
        return Ok(None);
    }
    let body = first.get(length..).unwrap_or_default();
    let fault = codec(Dialect::OpenaiResponses).parse_error(status, &HeaderMap::new(), body);
    Ok(Some(fault.into_refusal()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_word_opens_the_background_or_speaks_for_others() {
        let background = Background::new("0.0.0.0:8080");
        assert_eq!(background.own, Some("127.0.0.1:8080".parse().unwrap()));
        let id = RequestId::fresh();
        let head = |mark: &str| {
            let mut head = RequestHeader::build("POST", b"/v1/responses", None).unwrap();
            head.insert_header(MARK, mark).unwrap();
            head
        };
        let own = head(&format!("{} {id}", background.word));
        assert_eq!(background.of(&own), None);
        let key = Some(Arc::new(Key::default()));
        let _cancelled = background.enter(&format!("resp_{id}"), key.clone()).unwrap();
        assert_eq!(background.of(&own), Some((id, key)));
        for wrong in [format!("guess {id}"), format!(" {id}"), format!("{} short", background.word)] {
            assert_eq!(background.of(&head(&wrong)), None, "{wrong}");
        }
        let (peer, client) = ("127.0.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let mut spoken = RequestHeader::build("POST", b"/v1/responses", None).unwrap();
        let (name, said) = background.speaks_for(client);
        spoken.insert_header(name.clone(), said).unwrap();
        assert_eq!(background.client(peer, &spoken), Some(client));
        assert_eq!(background.client(client, &spoken), None);
        spoken.insert_header(name, format!("guess {client}")).unwrap();
        assert_eq!(background.client(peer, &spoken), None);
        assert_ne!(background.word, Background::new("0.0.0.0:8080").word);
    }
}
