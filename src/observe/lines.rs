//! Whether await lines are asked for, and those that were found. Without the feature `stacks` there
//! is neither.

#[cfg(not(feature = "stacks"))]
use std::convert::Infallible;
#[cfg(feature = "stacks")]
use std::sync::Arc;
use std::task::{Context, Waker};

#[cfg(feature = "stacks")]
use super::stacks::{AwaitTree, capture};

/// What a record has of await lines.
#[derive(Clone, Default)]
pub(super) struct Lines {
    /// The next poll is to find them.
    #[cfg(feature = "stacks")]
    wanted: bool,
    /// Those of the last poll.
    #[cfg(feature = "stacks")]
    found: Option<Arc<AwaitTree>>,
}

/// What a poll has found.
pub(super) struct Found {
    #[cfg(feature = "stacks")]
    tree: AwaitTree,
}

#[cfg(feature = "stacks")]
impl Lines {
    pub(super) fn ask(&mut self) {
        self.wanted = true;
    }

    /// A poll begins, after which the lines of the last one do not hold. Says whether it is to find
    /// lines, and returns what is to be dropped without the lock.
    pub(super) fn begin(&mut self) -> (bool, Option<Arc<AwaitTree>>) {
        (std::mem::take(&mut self.wanted), self.found.take())
    }

    pub(super) fn set(&mut self, found: Found) {
        self.found = Some(Arc::new(found.tree));
    }

    pub(super) fn found(&self) -> Option<&Arc<AwaitTree>> {
        self.found.as_ref()
    }
}

#[cfg(not(feature = "stacks"))]
impl Lines {
    pub(super) fn begin(&mut self) -> (bool, Option<Infallible>) {
        (false, None)
    }

    pub(super) fn set(&mut self, Found {}: Found) {}
}

/// Polls by `poll`, which is given `waker`, and finds the lines.
#[cfg(feature = "stacks")]
pub(super) fn find<R>(waker: &Waker, poll: impl FnOnce(&mut Context<'_>) -> R) -> (R, Found) {
    let (result, tree) = capture(waker, poll);
    (result, Found { tree })
}

#[cfg(not(feature = "stacks"))]
pub(super) fn find<R>(waker: &Waker, poll: impl FnOnce(&mut Context<'_>) -> R) -> (R, Found) {
    (poll(&mut Context::from_waker(waker)), Found {})
}
