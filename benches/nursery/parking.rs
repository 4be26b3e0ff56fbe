//! Children that park once and are woken in random order.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;

use super::Outcome;

#[derive(Default)]
struct Slot {
    waker: AtomicWaker,
    called: AtomicBool,
}

pub(crate) struct Parking {
    slots: Vec<Slot>,
    /// The order of wakes: random, and the same for all who are measured.
    order: Vec<usize>,
}

impl Parking {
    pub(crate) fn new(size: usize) -> Self {
        let mut order: Vec<_> = (0..size).collect();
        fastrand::Rng::with_seed(7).shuffle(&mut order);
        Self { slots: (0..size).map(|_| Slot::default()).collect(), order }
    }

    pub(crate) async fn child(&self, n: usize) -> Outcome {
        let slot = &self.slots[n];
        poll_fn(|cx| {
            slot.waker.register(cx.waker());
            if slot.called.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        Ok(n)
    }

    /// Polls `all` until every child is parked, wakes them one by one, and polls on to the end.
    pub(crate) fn drive<F: Future>(&self, all: F) -> F::Output {
        for slot in &self.slots {
            slot.called.store(false, Ordering::Relaxed);
        }
        let mut all = pin!(all);
        let again = Arc::new(Again::default());
        let waker = Waker::from(Arc::clone(&again));
        let mut cx = Context::from_waker(&waker);
        let mut woken = false;
        loop {
            again.0.store(false, Ordering::Relaxed);
            if let Poll::Ready(output) = all.as_mut().poll(&mut cx) {
                return output;
            }
            if !again.0.load(Ordering::Relaxed) {
                assert!(!woken, "every child was woken, and yet it waits");
                woken = true;
                for &n in &self.order {
                    self.slots[n].called.store(true, Ordering::Release);
                    self.slots[n].waker.wake();
                }
            }
        }
    }
}

/// Whether the driver asked to be polled again.
#[derive(Default)]
struct Again(AtomicBool);

impl Wake for Again {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
