//! A future under watch: who wakes it is heard, and so is a waker of it that outlives it.
//!
//! Its wakers are its own, and pass on to those that it was polled with. As long as these are the
//! same, there is but one.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What becomes of a future, and of its wakers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It is polled, and was woken so often since the last poll began. The first poll needs no
    /// wake, and counts one.
    Polled { woken: u32 },
    /// The poll is over, and it is pending.
    Pending,
    /// It is woken; the wake is about to be passed on.
    Woken,
    /// It is gone. It was woken so often in all, and so many of its wakers are left.
    Gone { woken: u32, left: usize },
}

/// Counts watches, and the wakers of them: there is one clone of it in each.
pub(crate) type Watches = Arc<()>;

/// Hears of it.
pub(crate) type Hear = Box<dyn Fn(Moment) + Send + Sync>;

pub(crate) struct Watch<F> {
    // Dropped in this order: what the future has left is looked at when it is gone, also by a
    // panic.
    future: Pin<Box<F>>,
    last: Option<Arc<Passing>>,
    ears: Ears,
}

/// What wakers share with the watch.
struct Shared {
    hear: Hear,
    all: AtomicU32,
    since: AtomicU32,
    /// There to be counted.
    _watches: Watches,
}

struct Ears(Arc<Shared>);

struct Passing {
    shared: Arc<Shared>,
    waker: Waker,
}

impl<F> Watch<F> {
    pub(crate) fn new(future: F, watches: &Watches, hear: Hear) -> Self {
        let _watches = Arc::clone(watches);
        let shared = Shared { hear, all: AtomicU32::new(0), since: AtomicU32::new(1), _watches };
        Self { future: Box::pin(future), last: None, ears: Ears(Arc::new(shared)) }
    }
}

impl<F: Future> Future for Watch<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let shared = &this.ears.0;
        (shared.hear)(Moment::Polled { woken: shared.since.swap(0, Ordering::Relaxed) });
        let known = this.last.take().filter(|last| last.waker.will_wake(cx.waker()));
        let passing = known.unwrap_or_else(|| {
            Arc::new(Passing { shared: Arc::clone(shared), waker: cx.waker().clone() })
        });
        this.last = Some(Arc::clone(&passing));
        let poll = this.future.as_mut().poll(&mut Context::from_waker(&passing.into()));
        if poll.is_pending() {
            (shared.hear)(Moment::Pending);
        }
        poll
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        let (woken, left) = (self.0.all.load(Ordering::Relaxed), Arc::strong_count(&self.0) - 1);
        (self.0.hear)(Moment::Gone { woken, left });
    }
}

impl Wake for Passing {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.shared.all.fetch_add(1, Ordering::Relaxed);
        self.shared.since.fetch_add(1, Ordering::Relaxed);
        (self.shared.hear)(Moment::Woken);
        self.waker.wake_by_ref();
    }
}

#[cfg(test)]
mod cases {
    use std::future::poll_fn;
    use std::sync::Mutex;

    use futures::FutureExt;

    use super::*;

    /// What is heard of a future that is polled once, and gives its waker to `keep`.
    fn heard(keep: impl Fn(&Waker)) -> Vec<Moment> {
        let (heard, watches) = (Arc::new(Mutex::new(Vec::new())), Watches::default());
        let hears = Arc::clone(&heard);
        let future = poll_fn(|cx| {
            keep(cx.waker());
            Poll::<()>::Pending
        });
        let hear = Box::new(move |moment| hears.lock().unwrap().push(moment));
        assert_eq!(Watch::new(future, &watches, hear).now_or_never(), None);
        let heard = heard.lock().unwrap();
        heard.clone()
    }

    #[test]
    fn a_waker_that_is_kept_is_heard_of() {
        let kept = Mutex::new(Vec::new());
        let heard = heard(|waker| kept.lock().unwrap().push(waker.clone()));
        assert_eq!(heard.last(), Some(&Moment::Gone { woken: 0, left: 1 }));
    }

    #[test]
    fn a_wake_is_heard_of() {
        let gone = Moment::Gone { woken: 1, left: 0 };
        let expected = [Moment::Polled { woken: 1 }, Moment::Woken, Moment::Pending, gone];
        assert_eq!(heard(Waker::wake_by_ref), expected);
    }
}
