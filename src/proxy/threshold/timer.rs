//! A timer for what is waited for again and again, and hardly ever in vain.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::time::{Instant as Moment, Sleep};

/// A timer that is made when it is first needed, and set anew as seldom as can be.
#[derive(Debug, Default)]
pub struct Timer(Option<Set>);

#[derive(Debug)]
struct Set {
    sleep: Pin<Box<Sleep>>,
    /// Who is woken; a timer that will wake the same task need not be asked again.
    waker: Waker,
}

impl Timer {
    /// Ready at this moment. A timer that is set for an earlier one is left alone until it rings,
    /// since what is waited for moves on with every piece of an answer.
    pub fn poll_until(&mut self, cx: &mut Context<'_>, due: Instant) -> Poll<()> {
        let due = Moment::from_std(due);
        let set = self.0.get_or_insert_with(|| Set {
            sleep: Box::pin(tokio::time::sleep_until(due)),
            waker: Waker::noop().clone(),
        });
        if set.sleep.is_elapsed() && set.sleep.deadline() >= due {
            return Poll::Ready(());
        }
        if set.sleep.is_elapsed() || set.sleep.deadline() > due {
            set.sleep.as_mut().reset(due);
            set.waker.clone_from(Waker::noop());
        }
        if set.waker.will_wake(cx.waker()) {
            return Poll::Pending;
        }
        set.waker.clone_from(cx.waker());
        set.sleep.as_mut().poll(cx)
    }
}
