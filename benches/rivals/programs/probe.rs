//! Children that tell what becomes of them.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::work::Outcome;
use crate::works::Signal;

pub(super) struct Probe {
    slots: Vec<Slot>,
    pub(super) polls: AtomicUsize,
    pub(super) ended: AtomicUsize,
    pub(super) dropped: AtomicUsize,
    parked: AtomicUsize,
    /// Sent when all children have been polled and wait.
    pub(super) all_parked: Signal,
}

#[derive(Default)]
struct Slot {
    called: Signal,
    ended: Signal,
}

struct Guard(Arc<Probe>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::AcqRel);
    }
}

impl Probe {
    pub(super) fn new(children: usize) -> Arc<Self> {
        Arc::new(Self {
            slots: (0..children).map(|_| Slot::default()).collect(),
            polls: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            parked: AtomicUsize::new(0),
            all_parked: Signal::default(),
        })
    }

    /// A child that waits until it is called.
    pub(super) fn child(self: &Arc<Self>, n: usize) -> impl Future<Output = Outcome> + 'static {
        let guard = Guard(Arc::clone(self));
        async move {
            let probe = &guard.0;
            let mut parks = false;
            let mut called = pin!(probe.slots[n].called.wait());
            poll_fn(|cx| {
                probe.polls.fetch_add(1, Ordering::AcqRel);
                let poll = called.as_mut().poll(cx);
                if poll.is_pending() && !std::mem::replace(&mut parks, true) {
                    probe.park();
                }
                poll
            })
            .await;
            probe.ended.fetch_add(1, Ordering::AcqRel);
            probe.slots[n].ended.send();
            Ok(n)
        }
    }

    pub(super) fn call(&self, n: usize) {
        self.slots[n].called.send();
    }

    /// Waits until this child is about to end.
    pub(super) async fn ended(&self, n: usize) {
        self.slots[n].ended.wait().await;
    }

    pub(super) fn children(&self) -> usize {
        self.slots.len()
    }

    fn park(&self) {
        if self.parked.fetch_add(1, Ordering::AcqRel) + 1 == self.slots.len() {
            self.all_parked.send();
        }
    }
}

pub(super) fn count(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::Acquire)
}
