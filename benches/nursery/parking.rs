//! Children that park once and are woken in random order.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures::task::AtomicWaker;

use crate::children::Outcome;
use crate::rest::Owner;

#[derive(Default)]
struct Slot {
    waker: AtomicWaker,
    called: AtomicBool,
}

pub(crate) struct Parking {
    slots: Vec<Slot>,
    /// The order of wakes: random, and the same for all that are measured.
    order: Vec<usize>,
    owner: Owner,
}

impl Parking {
    pub(crate) fn new(size: usize) -> Self {
        let mut order: Vec<_> = (0..size).collect();
        fastrand::Rng::with_seed(7).shuffle(&mut order);
        let slots = (0..size).map(|_| Slot::default()).collect();
        Self { slots, order, owner: Owner::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) async fn child(&self, n: usize) -> Outcome {
        let slot = &self.slots[n];
        let called = || slot.called.load(Ordering::Acquire);
        poll_fn(|cx| {
            // A child that was called leaves no waker behind.
            if called() {
                return Poll::Ready(());
            }
            slot.waker.register(cx.waker());
            if called() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        Ok(n)
    }

    /// Polls `all` until every child is parked, wakes all of them, and polls on to the end.
    pub(crate) fn wake_all<F: Future>(&self, all: F) -> F::Output {
        self.fill();
        let mut all = pin!(all);
        assert!(self.owner.poll(all.as_mut()).is_pending());
        self.order.iter().for_each(|&n| self.call(n));
        let Poll::Ready(output) = self.owner.poll(all) else {
            panic!("every child was woken, and yet it waits");
        };
        output
    }

    /// Polls `all` until every child is parked; wakes one, polls until `all` rests, and so on.
    pub(crate) fn wake_singly<F: Future>(&self, all: F) -> F::Output {
        self.fill();
        let mut all = pin!(all);
        assert!(self.owner.poll(all.as_mut()).is_pending());
        for &n in &self.order {
            self.call(n);
            if let Poll::Ready(output) = self.owner.poll(all.as_mut()) {
                return output;
            }
        }
        panic!("every child was woken, and yet it waits");
    }

    /// Nothing has called the children that come next.
    fn fill(&self) {
        for slot in &self.slots {
            slot.called.store(false, Ordering::Relaxed);
        }
    }

    fn call(&self, n: usize) {
        self.slots[n].called.store(true, Ordering::Release);
        self.slots[n].waker.wake();
    }
}
