//! What watches, observers and timelines see.
//!
//! Time is set by hand, so each test says what is when.

mod findings;
mod lines;
mod links;
mod observers;
mod pools;
mod readings;
mod snapshots;
mod stress;
mod texts;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use nestling::observe::{ChildSnapshot, ChildState, Snapshot, TimeSource};

/// A clock that is moved on by hand, and counts how often it is read.
#[derive(Clone, Default)]
pub(crate) struct Hand {
    millis: Arc<AtomicU64>,
    reads: Arc<AtomicUsize>,
}

impl Hand {
    pub(crate) fn pass(&self, millis: u64) {
        self.millis.fetch_add(millis, Ordering::Relaxed);
    }

    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

impl TimeSource for Hand {
    fn now(&self) -> Duration {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Duration::from_millis(self.millis.load(Ordering::Relaxed))
    }
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Polls a future once, which is not ready then.
pub(crate) fn poll_once(future: impl Future) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(future).poll(&mut cx).is_pending());
}

/// The child with this name.
pub(crate) fn child<'a>(snapshot: &'a Snapshot, name: &str) -> &'a ChildSnapshot {
    let mut children = snapshot.children().iter();
    let found = children.find(|child| child.info().name() == Some(name));
    found.unwrap_or_else(|| panic!("no child is named {name}:\n{snapshot:#}"))
}

/// The states of all children, in spawn order.
pub(crate) fn states(snapshot: &Snapshot) -> Vec<ChildState> {
    snapshot.children().iter().map(ChildSnapshot::state).collect()
}
