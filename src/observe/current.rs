//! Which observed child this thread polls.
//!
//! So a wake knows what woke, a nursery that is made there joins what the child is observed by, and
//! a future finds the child that it names a place in. Nothing here is touched where nothing is
//! observed, but for one look when a nursery or a pool is made.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::record::Record;

thread_local! {
    /// Without a destructor, so that it can be used for as long as the thread is there. Each poll
    /// puts back what was there before.
    static CURRENT: Cell<ManuallyDrop<Option<Arc<Record>>>> =
        const { Cell::new(ManuallyDrop::new(None)) };

    /// Its number, or `NONE`: what most nurseries ask for when they are made, and each wake.
    static NUMBER: Cell<u64> = const { Cell::new(NONE) };
}

/// Stands for no child.
const NONE: u64 = u64::MAX;

fn replace(current: Option<Arc<Record>>) -> Option<Arc<Record>> {
    NUMBER.set(current.as_ref().map_or(NONE, |record| record.number));
    take_place(current)
}

fn take_place(current: Option<Arc<Record>>) -> Option<Arc<Record>> {
    ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(current)))
}

/// This thread polls an observed child, until this is dropped.
pub(crate) struct Entered {
    around: Option<Arc<Record>>,
}

impl Entered {
    pub(super) fn new(record: Arc<Record>) -> Self {
        Self { around: replace(Some(record)) }
    }

    /// This thread polls something that is in no observed child.
    pub(crate) fn nothing() -> Self {
        Self { around: replace(None) }
    }

    /// Polls no more, and returns what was polled.
    pub(super) fn leave(mut self) -> Option<Arc<Record>> {
        let polled = replace(self.around.take());
        // Nothing is left in it, and its destructor would put that back.
        std::mem::forget(self);
        polled
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        drop(replace(self.around.take()));
    }
}

/// The observed child that this thread polls.
#[inline]
pub(crate) fn current() -> Option<Arc<Record>> {
    if NUMBER.get() == NONE { None } else { copy() }
}

#[cold]
fn copy() -> Option<Arc<Record>> {
    let current = take_place(None);
    take_place(current.clone());
    current
}

/// The number of the observed child that this thread polls.
#[inline]
pub(super) fn number() -> Option<u64> {
    Some(NUMBER.get()).filter(|&number| number != NONE)
}

/// What is known of the observed child that this thread polls.
#[cfg(feature = "testing")]
pub(crate) fn current_child() -> Option<crate::info::ChildInfo> {
    current().map(|record| record.info.clone())
}
