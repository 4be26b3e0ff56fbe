//! Children that park once, and are woken by name.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::signal::Signal;
use crate::work::Outcome;

pub struct Parking {
    slots: Vec<Signal>,
    /// The order of wakes: random, and the same for all that are measured.
    pub order: Vec<usize>,
    parked: AtomicUsize,
    /// Sent when the last child has parked.
    pub all_parked: Signal,
}

impl Parking {
    pub fn new(size: usize) -> Arc<Self> {
        let mut order: Vec<_> = (0..size).collect();
        fastrand::Rng::with_seed(7).shuffle(&mut order);
        let slots = (0..size).map(|_| Signal::default()).collect();
        let (parked, all_parked) = (AtomicUsize::new(0), Signal::default());
        Arc::new(Self { slots, order, parked, all_parked })
    }

    /// Nothing has called the children that come next.
    pub fn fill(&self) {
        self.slots.iter().for_each(Signal::reset);
        self.parked.store(0, Ordering::Relaxed);
        self.all_parked.reset();
    }

    pub async fn child(self: Arc<Self>, n: usize) -> Outcome {
        let mut first = true;
        let mut wait = std::pin::pin!(self.slots[n].wait());
        poll_fn(|cx| {
            let poll = wait.as_mut().poll(cx);
            if std::mem::take(&mut first) {
                self.park();
            }
            poll
        })
        .await;
        Ok(n)
    }

    pub fn call(&self, n: usize) {
        self.slots[n].send();
    }

    fn park(&self) {
        if self.parked.fetch_add(1, Ordering::Relaxed) + 1 == self.slots.len() {
            self.all_parked.send();
        }
    }
}
