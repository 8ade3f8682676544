//! An answer waits for the verdicts of guards elsewhere: a stream window by window, another as a whole.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::account::Trace;
use crate::dialect::Framing;
use crate::ir::Dialect;
use crate::policy::guard::external::{External, Question, Said, Stage, Window, Windows, gather, put_back};
use crate::policy::guard::{Action, Memory, Spoken};
use crate::proxy::bytes_held::Share;
use crate::proxy::exchange::{Exchange, Stage as At};
use crate::proxy::guarding::{asker, unreadable};
use crate::refusal::{Kind, Refusal};

use super::{Judged, Outward, consult, question, settle, those, unpatchable};

/// An answer as far as it waits.
#[derive(Debug)]
pub struct Post {
    outward: Arc<Outward>,
    guards: Vec<Arc<External>>,
    /// What each question says of the request.
    asks: Question,
    shape: Shape,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "what holds it is boxed")]
enum Shape {
    Stream {
        windows: Windows,
        pending: VecDeque<Pending>,
        /// Those who ask; they end with the answer.
        tasks: JoinSet<()>,
        /// What goes before all that waits.
        ready: Vec<u8>,
        /// How many bytes of the budget are drawn on.
        drawn: usize,
        /// Whether all of it came, and its end waits for verdicts.
        over: bool,
    },
    Whole(Bytes, Vec<Said>),
}

/// A window whose verdict is waited for.
#[derive(Debug)]
struct Pending {
    question: Arc<Question>,
    /// `None` where nobody need be asked.
    told: Option<oneshot::Receiver<Vec<Judged>>>,
}

/// What became of a piece of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoke {
    /// What of it may go on does.
    On,
    /// A guard ends the answer.
    Ended,
    /// It was the last, and verdicts are waited for.
    Waits,
}

/// Whether somebody elsewhere looks at the answer, so that a whole one must be gathered first.
#[must_use]
pub fn looks_at_answer(exchange: &Exchange) -> bool {
    !guards(exchange).is_empty()
}

fn guards(exchange: &Exchange) -> Vec<Arc<External>> {
    match &exchange.guarding {
        Some(guarding) if guarding.watching.outward.is_some() => {
            let asker = asker(exchange.key.as_deref(), &guarding.watching.model);
            those(&exchange.world, Stage::Post, &asker)
        }
        Some(_) | None => Vec::new(),
    }
}

/// An answer begins that is a stream in this dialect, framed so; any other waits as a whole.
pub fn stream(exchange: &mut Exchange, spoken: Option<(Dialect, Framing)>) {
    if exchange.guarding.as_ref().is_none_or(|guarding| guarding.watching.outward.is_none()) {
        return;
    }
    // What is a head alone says nothing.
    let spoken = spoken.filter(|_| exchange.call().is_some_and(|call| !call.alone));
    let post = spoken.and_then(|(dialect, framing)| Post::of_stream(exchange, dialect, framing));
    let streamed = post.is_some();
    exchange.guarding.get_or_insert_default().watching.post = post.map(Box::new);
    if let Some(call) = exchange.call() {
        call.windowed = streamed;
    }
}

/// A gathered answer is complete: whether it waits for verdicts from here on.
///
/// # Errors
/// When it cannot be looked at by who must.
pub fn hold(exchange: &mut Exchange, body: &Bytes) -> Result<bool, Refusal> {
    let guards = guards(exchange);
    if guards.is_empty() {
        return Ok(false);
    }
    let At::Away(call) = &exchange.stage else { return Ok(false) };
    if call.ask.stream {
        let (dialect, framing) = (call.ask.dialect, call.ask.framing);
        let Some(mut post) = Post::of_stream(exchange, dialect, framing) else { return Ok(false) };
        let mut all = Vec::new();
        post.take(Some(body), true, &mut all).map_err(|()| unreadable())?;
        if let Shape::Stream { ready, over, .. } = &mut post.shape {
            (*ready, *over) = (all, true);
        }
        exchange.guarding.get_or_insert_default().watching.post = Some(Box::new(post));
        return Ok(true);
    }
    let Some(said) = gather(Spoken::Answered, body) else {
        let binds = !body.is_empty() && guards.iter().any(|guard| guard.binds());
        return if binds { Err(unreadable()) } else { Ok(false) };
    };
    if said.is_empty() {
        return Ok(false);
    }
    let Some(mut post) = Post::of(exchange, guards) else { return Ok(false) };
    post.shape = Shape::Whole(body.clone(), said);
    exchange.guarding.get_or_insert_default().watching.post = Some(Box::new(post));
    Ok(true)
}

/// Whether the end of the answer waits for verdicts.
#[must_use]
pub fn waits(exchange: &Exchange) -> bool {
    let post = exchange.guarding.as_ref().and_then(|guarding| guarding.watching.post.as_ref());
    post.is_some_and(|post| match &post.shape {
        Shape::Whole(..) => true,
        Shape::Stream { over, .. } => *over,
    })
}

/// Waits for all verdicts: what is left of the answer.
///
/// # Errors
/// When a guard does not let it pass.
pub async fn resolve(exchange: &mut Exchange) -> Result<Bytes, Refusal> {
    let Exchange { guarding: Some(guarding), trace, .. } = exchange else { return Ok(Bytes::new()) };
    let Some(post) = &mut guarding.watching.post else { return Ok(Bytes::new()) };
    let told = post.resolve(&mut guarding.memory, trace.as_deref_mut()).await;
    if told.is_ok() {
        guarding.watching.post = None;
    }
    told
}

impl Post {
    fn of(exchange: &Exchange, guards: Vec<Arc<External>>) -> Option<Self> {
        let watching = &exchange.guarding.as_ref()?.watching;
        let asks = question(exchange, &watching.model, Stage::Post);
        let shape = Shape::Whole(Bytes::new(), Vec::new());
        Some(Self { outward: watching.outward.clone()?, guards, asks, shape })
    }

    fn of_stream(exchange: &Exchange, dialect: Dialect, framing: Framing) -> Option<Self> {
        let guards = guards(exchange);
        let size = guards.iter().map(|guard| guard.window).min()?;
        // Whoever lets the service decide may be told to mask.
        let masks = guards.iter().any(|guard| match guard.action {
            Action::Mask | Action::MaskAndRestore => true,
            Action::Block => guard.decides(),
            Action::Monitor | Action::Tag | Action::Route => false,
        });
        let windows = Windows::new(dialect, framing, size, masks);
        let (pending, tasks) = (VecDeque::new(), JoinSet::new());
        let shape = Shape::Stream { windows, pending, tasks, ready: Vec::new(), drawn: 0, over: false };
        Some(Self { shape, ..Self::of(exchange, guards)? })
    }

    /// The stream ends here: what of it may still be told, what its client speaks and how that is framed, and
    /// how many events went on.
    pub fn stop(&mut self) -> Option<(Vec<u8>, (Dialect, Framing), u64)> {
        match &mut self.shape {
            Shape::Stream { windows, ready, .. } => {
                Some((std::mem::take(ready), windows.spoken(), windows.told()))
            }
            Shape::Whole(..) => None,
        }
    }

    /// A piece of a stream goes to the client: what of it does by now. Whether all of it that came does.
    ///
    /// # Errors
    /// When a guard ends the answer, or what waits has no room.
    pub fn pass(
        &mut self,
        body: &mut Option<Bytes>,
        end: bool,
        memory: &mut Memory,
        trace: Option<&mut Trace>,
        (share, most): (&mut Share, usize),
    ) -> Result<bool, Refusal> {
        let mut out = Vec::new();
        let taken = self.take(body.take().as_ref(), end, &mut out).map_err(|()| unreadable());
        let polled = taken.and_then(|()| self.poll(memory, trace, &mut out));
        let Shape::Stream { windows, ready, drawn, over, .. } = &mut self.shape else { return Ok(true) };
        if let Err(refusal) = polled {
            *ready = out;
            return Err(refusal);
        }
        let held = windows.held();
        if held > *drawn && !share.grow(held - *drawn, most) {
            *ready = out;
            let message = "there is no room to hold the answer until a guard has looked at it";
            return Err(Refusal::new(Kind::Unavailable, message));
        }
        share.shrink(drawn.saturating_sub(held));
        *drawn = held;
        *over = end && windows.waits();
        if *over {
            // This piece is told with the rest.
            *ready = out;
            return Ok(false);
        }
        if end {
            windows.end(&mut out);
        }
        *body = (!out.is_empty()).then(|| out.into());
        Ok(true)
    }

    /// Takes a piece in, and asks about the windows that it fills.
    fn take(&mut self, piece: Option<&Bytes>, end: bool, out: &mut Vec<u8>) -> Result<(), ()> {
        let Shape::Stream { windows, .. } = &mut self.shape else { return Ok(()) };
        let mut full = Vec::new();
        if let Some(piece) = piece {
            windows.push(piece, &mut full, out).map_err(|_| ())?;
        }
        if end {
            windows.finish(&mut full, out);
        }
        for window in full {
            self.ask(window);
        }
        Ok(())
    }

    fn ask(&mut self, window: Window) {
        let Window { part, said } = window;
        let silent = said.iter().all(|said| said.text.trim().is_empty());
        let question = Arc::new(self.asks.about(said, Some(part)));
        let (outward, guards) = (Arc::clone(&self.outward), self.guards.clone());
        let Shape::Stream { pending, tasks, .. } = &mut self.shape else { return };
        while tasks.try_join_next().is_some() {}
        let told = (!silent).then(|| {
            let (tell, told) = oneshot::channel();
            let asked = Arc::clone(&question);
            tasks.spawn(async move {
                // Whoever waited may be gone.
                let _ = tell.send(consult(outward, guards, asked).await);
            });
            told
        });
        pending.push_back(Pending { question, told });
    }

    /// Lets go on what has its verdict by now.
    fn poll(
        &mut self,
        memory: &mut Memory,
        mut trace: Option<&mut Trace>,
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let Self { outward, guards, shape: Shape::Stream { windows, pending, .. }, .. } = self else {
            return Ok(());
        };
        while let Some(first) = pending.front_mut() {
            let told = match &mut first.told {
                None => Vec::new(),
                Some(told) => match told.try_recv() {
                    Ok(told) => told,
                    Err(oneshot::error::TryRecvError::Empty) => break,
                    Err(oneshot::error::TryRecvError::Closed) => return Err(unreadable()),
                },
            };
            let Some(Pending { question, .. }) = pending.pop_front() else { break };
            let patches = settle(outward, told, &question, memory, trace.as_deref_mut())?;
            windows.decide(&patches, out).map_err(|_| unpatchable(guards, Stage::Post))?;
        }
        Ok(())
    }

    async fn resolve(
        &mut self,
        memory: &mut Memory,
        mut trace: Option<&mut Trace>,
    ) -> Result<Bytes, Refusal> {
        let Self { outward, guards, asks, shape } = self;
        match shape {
            Shape::Whole(body, said) => {
                let asked = Arc::new(asks.about(std::mem::take(said), None));
                let told = consult(Arc::clone(outward), guards.clone(), Arc::clone(&asked)).await;
                let patches = settle(outward, told, &asked, memory, trace)?;
                let anew = put_back(Spoken::Answered, body, &asked.said, &patches);
                let anew = anew.map_err(|_| unpatchable(guards, Stage::Post))?;
                Ok(anew.map_or_else(|| body.clone(), Bytes::from))
            }
            Shape::Stream { windows, pending, ready, .. } => {
                while let Some(Pending { question, told }) = pending.pop_front() {
                    let told = match told {
                        Some(told) => told.await.map_err(|_| unreadable())?,
                        None => Vec::new(),
                    };
                    let patches = settle(outward, told, &question, memory, trace.as_deref_mut())?;
                    windows.decide(&patches, ready).map_err(|_| unpatchable(guards, Stage::Post))?;
                }
                windows.end(ready);
                Ok(std::mem::take(ready).into())
            }
        }
    }
}
