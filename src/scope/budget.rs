//! How many polls one turn of the driver may spend before it yields to the runtime.

use std::cell::Cell;

/// Polls a turn. Large enough that yielding costs little, small enough that a timer or a socket of
/// the same runtime thread is not kept waiting.
pub(crate) const TURN: u32 = 256;

thread_local! {
    /// What is left of this thread's turn; `None` outside of any driver.
    ///
    /// It belongs to the thread and not to a nursery, so that nested nurseries share the turn of
    /// the outermost one and a child needs no pointer to its nursery to spend from it.
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// A driver's share of the turn, held while it polls.
pub(crate) struct Turn {
    outermost: bool,
}

impl Turn {
    /// Takes up the turn, with `left` polls to spend if no driver around this one has begun it.
    #[inline]
    pub(crate) fn begin(left: u32) -> Self {
        let outermost = LEFT.get().is_none();
        if outermost {
            LEFT.set(Some(left));
        }
        Self { outermost }
    }

    #[inline]
    pub(crate) fn is_outermost(&self) -> bool {
        self.outermost
    }
}

impl Drop for Turn {
    #[inline]
    fn drop(&mut self) {
        if self.outermost {
            LEFT.set(None);
        }
    }
}

/// What is left of the turn.
#[inline]
pub(crate) fn left() -> u32 {
    LEFT.get().unwrap_or(0)
}

/// Takes one poll out of the turn; `false` when nothing is left.
#[inline]
pub(crate) fn spend() -> bool {
    let left = left();
    if left > 0 {
        LEFT.set(Some(left - 1));
    }
    left > 0
}
