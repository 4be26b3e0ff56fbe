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

    /// Whether there is one: what most nurseries ask when they are made.
    static ANY: Cell<bool> = const { Cell::new(false) };
}

fn replace(current: Option<Arc<Record>>) -> Option<Arc<Record>> {
    ANY.set(current.is_some());
    ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(current)))
}

/// This thread polls an observed child, until this is dropped.
pub(crate) struct Entered {
    around: Option<Arc<Record>>,
}

impl Entered {
    pub(super) fn new(record: &Arc<Record>) -> Self {
        Self { around: replace(Some(Arc::clone(record))) }
    }

    /// This thread polls something that is in no observed child.
    pub(crate) fn nothing() -> Self {
        Self { around: replace(None) }
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
    if ANY.get() { copy() } else { None }
}

#[cold]
fn copy() -> Option<Arc<Record>> {
    let current = replace(None);
    replace(current.clone());
    current
}

/// Looks at the observed child that this thread polls. `look` must neither panic nor come back
/// here.
pub(super) fn with<R>(look: impl FnOnce(Option<&Arc<Record>>) -> R) -> R {
    let current = replace(None);
    let result = look(current.as_ref());
    replace(current);
    result
}
