//! What writes to the server, in the order in which it was asked to, and hears what the fleet lets go of.
//!
//! Besides the entries (`e:` and the number) there are two names: `purges` counts how often somebody let go
//! of something, and `purged` is a list of what that was, of which the last ones are kept.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{sleep_until, timeout};

use super::line::Line;
use super::{Heed, Job, Kept, name};
use crate::cache::packed::{LABEL, label, pack};
use crate::cache::{Tier, Which};
use crate::clock;
use crate::store::tiers::Written;
use crate::telemetry::Metrics;
use crate::wire::resp::{self, Reply};

/// So many entries are written at a time.
const BATCH: usize = 64;
/// An answer is waited for so long.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the keeper hears of what was let go of.
const BEAT: Duration = Duration::from_millis(500);
/// How often it tries before it has heard anything.
const FIRST: Duration = Duration::from_millis(50);
/// So many purges are remembered.
const REMEMBERED: i64 = 1000;
/// So many names are looked through at a time.
const SCAN: &[u8] = b"512";
/// Names that are longer than a label's usual length end here.
const LONG_LABEL: usize = 64 << 10;

pub(super) struct Keeper {
    pub(super) key: [u8; 32],
    pub(super) prefix: Arc<str>,
    pub(super) line: Line,
    pub(super) metrics: Arc<Metrics>,
    pub(super) heed: Arc<Heed>,
    /// The file in which that number is, where there is something that outlives the process.
    pub(super) heard: Option<PathBuf>,
    /// How many purges were heard of; `None` where that is not known yet.
    pub(super) seen: Option<i64>,
}

impl Keeper {
    /// Works until nobody can ask for it any more.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let heard = self.heard.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        self.seen = heard.and_then(|number| number.trim().parse().ok());
        let (mut due, mut next) = (clock::now(), None);
        loop {
            let job = match next.take() {
                Some(job) => job,
                None => tokio::select! {
                    job = jobs.recv() => match job {
                        Some(job) => job,
                        None => return,
                    },
                    () = sleep_until(due.into()) => {
                        self.follow().await;
                        due = clock::now() + if self.seen.is_some() { BEAT } else { FIRST };
                        continue;
                    }
                },
            };
            match job {
                Job::Keep(first, room) => {
                    let mut batch = vec![(first, room)];
                    while batch.len() < BATCH && next.is_none() {
                        match jobs.try_recv() {
                            Ok(Job::Keep(kept, room)) => batch.push((kept, room)),
                            Ok(job @ Job::Purge(..)) => next = Some(job),
                            Err(_) => break,
                        }
                    }
                    self.keep(&batch).await;
                }
                Job::Purge(which, answer) => {
                    let purged = self.purge(&which).await;
                    // Whoever asked may have lost patience.
                    let _ = answer.send(purged);
                }
            }
        }
    }

    async fn ask(&self, commands: Vec<u8>, replies: usize) -> Option<Vec<Reply>> {
        timeout(PATIENCE, self.line.ask(commands, replies)?).await.ok()?.ok()
    }

    async fn keep(&self, batch: &[(Kept, OwnedSemaphorePermit)]) {
        let (now, mut commands, mut sent) = (clock::unix_millis(), Vec::new(), 0);
        for (Kept { fingerprint, entry, made, until }, _) in batch {
            let Some(left) = until.checked_sub(now).filter(|left| *left > 0 && self.line.is_up()) else {
                continue;
            };
            let packed = pack(&self.key, *fingerprint, entry, *made, *until);
            let (name, left) = (name(&self.prefix, *fingerprint), left.to_string());
            resp::put(&mut commands, &[b"SET", name.as_bytes(), &packed, b"PX", left.as_bytes()]);
            sent += 1;
        }
        let replies = if sent == 0 { None } else { self.ask(commands, sent).await };
        let kept = replies.iter().flatten().filter(|reply| !matches!(reply, Reply::Error(_))).count();
        if let Some(Reply::Error(why)) =
            replies.iter().flatten().find(|reply| matches!(reply, Reply::Error(_)))
        {
            log::debug!("the cache's server did not take an answer: {}", String::from_utf8_lossy(why));
        }
        let tier = Tier::Redis.name();
        self.metrics.wrote(tier, Written::Kept.name(), kept as u64);
        self.metrics.wrote(tier, Written::Failed.name(), (sent - kept) as u64);
        self.metrics.wrote(tier, Written::Dropped.name(), (batch.len() - sent) as u64);
    }

    fn named(&self, what: &str) -> Vec<u8> {
        [self.prefix.as_bytes(), what.as_bytes()].concat()
    }

    /// Lets go of entries and tells the fleet; how many answers those were, or `None` where the server does
    /// not do it.
    async fn purge(&mut self, which: &Which) -> Option<usize> {
        self.announce(which).await?;
        let purged = self.purge_all(which).await?;
        if purged > 0 {
            // Who looked there meanwhile has it in memory again.
            self.announce(which).await?;
        }
        Some(purged)
    }

    async fn announce(&mut self, which: &Which) -> Option<()> {
        let (count, list) = (self.named("purges"), self.named("purged"));
        let mut commands = Vec::new();
        // Whoever counts must find as many in the list.
        resp::put(&mut commands, &[b"MULTI"]);
        resp::put(&mut commands, &[b"RPUSH", &list, &said(which)]);
        resp::put(&mut commands, &[b"LTRIM", &list, format!("-{REMEMBERED}").as_bytes(), b"-1"]);
        resp::put(&mut commands, &[b"INCR", &count]);
        resp::put(&mut commands, &[b"EXEC"]);
        let Reply::List(done) = self.ask(commands, 5).await?.pop()? else { return None };
        let Some(Reply::Number(count)) = done.last() else { return None };
        // This gateway knows already.
        if self.seen.is_some_and(|seen| seen + 1 == *count) {
            self.has_seen(*count);
        }
        Some(())
    }

    /// Looks all entries through for those that are meant, and lets go of them; how many answers those were.
    async fn purge_all(&self, which: &Which) -> Option<usize> {
        let pattern = self.pattern();
        let (mut purged, mut cursor) = (0, Bytes::from_static(b"0"));
        loop {
            let mut commands = Vec::new();
            resp::put(&mut commands, &[b"SCAN", &cursor, b"MATCH", &pattern, b"COUNT", SCAN]);
            let reply = self.ask(commands, 1).await?.pop()?;
            let Reply::List(parts) = reply else { return None };
            let mut parts = parts.into_iter();
            let (Some(Reply::Bulk(next)), Some(Reply::List(names))) = (parts.next(), parts.next()) else {
                return None;
            };
            purged += self.purge_some(which, &names).await?;
            if next == *"0" {
                return Some(purged);
            }
            cursor = next;
        }
    }

    /// Lets go of those of these names whose entries are meant.
    async fn purge_some(&self, which: &Which, names: &[Reply]) -> Option<usize> {
        let names: Vec<&[u8]> = names.iter().filter_map(|name| bulk(name).map(Bytes::as_ref)).collect();
        if names.is_empty() {
            return Some(0);
        }
        let mut labels = Vec::with_capacity(names.len());
        for (name, first) in names.iter().zip(self.beginnings(&names, LABEL).await?) {
            let known = match bulk(&first) {
                Some(first) if label(first).is_none() && first.len() >= LABEL => {
                    let longer = self.beginnings(&[name], LONG_LABEL).await?;
                    longer.first().and_then(bulk).and_then(|first| label(first))
                }
                first => first.and_then(|first| label(first)),
            };
            labels.push(known);
        }
        let meant = names.iter().zip(&labels).filter_map(|(name, label)| {
            let label = label.as_ref()?;
            which.means(&label.mark, &label.provider, &label.model).then_some((*name, label.count))
        });
        let (meant, counts): (Vec<&[u8]>, Vec<usize>) = meant.unzip();
        if !meant.is_empty() {
            let mut commands = Vec::new();
            resp::put(&mut commands, &[&[b"DEL".as_slice()], meant.as_slice()].concat());
            let Some(Reply::Number(_)) = self.ask(commands, 1).await?.pop() else { return None };
        }
        Some(counts.iter().sum())
    }

    async fn beginnings(&self, names: &[&[u8]], most: usize) -> Option<Vec<Reply>> {
        let (mut commands, last) = (Vec::new(), (most - 1).to_string());
        for name in names {
            resp::put(&mut commands, &[b"GETRANGE", name, b"0", last.as_bytes()]);
        }
        self.ask(commands, names.len()).await
    }

    /// What the names of entries look like, for a server that takes some letters for others.
    fn pattern(&self) -> Vec<u8> {
        let mut pattern = Vec::with_capacity(self.prefix.len() + 8);
        for byte in self.prefix.bytes() {
            if b"*?[]^\\".contains(&byte) {
                pattern.push(b'\\');
            }
            pattern.push(byte);
        }
        pattern.extend_from_slice(b"e:*");
        pattern
    }

    /// Tells whoever is to heed it what others of the fleet let go of since it was last heard.
    async fn follow(&mut self) {
        // Nothing is heard before there is somebody to heed it.
        let heed = Arc::clone(&self.heed);
        let Some(heed) = heed.get() else { return };
        let mut commands = Vec::new();
        resp::put(&mut commands, &[b"GET", &self.named("purges")]);
        let reply = self.ask(commands, 1).await.and_then(|mut replies| number(&replies.pop()?));
        let Some(count) = reply else { return };
        if self.seen == Some(count) {
            return;
        }
        let Some((count, missed)) = self.missed().await else { return };
        missed.iter().for_each(heed);
        self.has_seen(count);
    }

    fn has_seen(&mut self, count: i64) {
        self.seen = Some(count);
        if let Some(path) = &self.heard
            && let Err(error) = std::fs::write(path, count.to_string())
        {
            log::debug!("{} cannot be written: {error}", path.display());
        }
    }

    /// How many purges there were, and those that were not heard of; where not all of them are known, all there
    /// can be.
    async fn missed(&self) -> Option<(i64, Vec<Which>)> {
        let mut commands = Vec::new();
        resp::put(&mut commands, &[b"MULTI"]);
        resp::put(&mut commands, &[b"GET", &self.named("purges")]);
        resp::put(&mut commands, &[b"LRANGE", &self.named("purged"), b"0", b"-1"]);
        resp::put(&mut commands, &[b"EXEC"]);
        let Reply::List(told) = self.ask(commands, 4).await?.pop()? else { return None };
        let [count, Reply::List(items)] = told.as_slice() else { return None };
        let count = number(count)?;
        let missed = match self.seen {
            Some(seen) if seen <= count => Some(count - seen),
            // The server has begun anew, and all were since then.
            Some(_) => Some(count),
            // What was let go of since this gateway began is not known apart from what was before.
            None => (count == 0).then_some(0),
        };
        let first = missed.and_then(|missed| items.len().checked_sub(missed.try_into().ok()?));
        let heard = |items: &[Reply]| items.iter().map(|item| heard(bulk(item)?)).collect();
        let heard: Option<Vec<Which>> = first.and_then(|first| items.get(first..)).and_then(heard);
        Some((count, heard.unwrap_or_else(|| vec![Which::default()])))
    }
}

/// What a count is said to be, which is 0 before anybody has counted.
fn number(reply: &Reply) -> Option<i64> {
    match reply {
        Reply::Nil => Some(0),
        Reply::Bulk(digits) => std::str::from_utf8(digits).ok()?.parse().ok(),
        Reply::Text(_) | Reply::Number(_) | Reply::List(_) | Reply::Error(_) => None,
    }
}

const fn bulk(reply: &Reply) -> Option<&Bytes> {
    match reply {
        Reply::Bulk(bytes) => Some(bytes),
        Reply::Nil | Reply::Text(_) | Reply::Number(_) | Reply::List(_) | Reply::Error(_) => None,
    }
}

/// What was let go of, as it is told to others: for each of key, owner, model and tag that is said its sign
/// and itself.
fn said(which: &Which) -> Vec<u8> {
    let Which { key, owner, model, tag } = which;
    let all = [(b"k", key), (b"o", owner), (b"m", model), (b"t", tag)];
    let said: Vec<&[u8]> = all
        .iter()
        .filter_map(|(sign, said)| Some([sign.as_slice(), said.as_ref()?.as_bytes()]))
        .flatten()
        .collect();
    let mut out = Vec::new();
    resp::put(&mut out, &said);
    out
}

fn heard(said: &Bytes) -> Option<Which> {
    let Reply::List(items) = resp::read(said).ok()? else { return None };
    let mut which = Which::default();
    let (pairs, rest) = items.as_chunks();
    for [sign, said] in pairs {
        let said = Some(String::from_utf8(bulk(said)?.to_vec()).ok()?);
        match bulk(sign)?.as_ref() {
            b"k" => which.key = said,
            b"o" => which.owner = said,
            b"m" => which.model = said,
            b"t" => which.tag = said,
            _ => return None,
        }
    }
    rest.is_empty().then_some(which)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_gateway_lets_go_of_another_hears() {
        let whole = Which {
            key: Some("web".into()),
            owner: Some("acme/ü".into()),
            model: Some("m\r\n".into()),
            tag: Some(String::new()),
        };
        for which in [Which::default(), Which { tag: Some("nightly".into()), ..Which::default() }, whole] {
            assert_eq!(heard(&said(&which).into()), Some(which));
        }
        assert_eq!(heard(&Bytes::from_static(b"*2\r\n$1\r\nx\r\n$1\r\ny\r\n")), None);
        assert_eq!(heard(&Bytes::from_static(b"*1\r\n$1\r\nk\r\n")), None);
    }
}
