//! How deep the rendering of errors within errors has gone on this thread.

use std::cell::Cell;

/// The deepest that renderings nest, and the deepest that groups are shown, by default.
pub(super) const MAX_DEPTH: usize = 16;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Held while a joined error is rendered.
///
/// Groups are walked without recursion, but a joined error inside a user's own error type is
/// rendered by that type, which calls back into here: only a count per thread can see how deep.
pub(super) struct Depth(());

impl Depth {
    /// `None` at the cap; write `…` then.
    pub(super) fn enter() -> Option<Self> {
        let depth = DEPTH.get();
        (depth < MAX_DEPTH).then(|| {
            DEPTH.set(depth + 1);
            Self(())
        })
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}
