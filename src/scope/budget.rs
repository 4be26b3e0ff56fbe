//! How many polls one turn of the driver may spend before it yields to the runtime.

use std::cell::Cell;

/// Polls a turn. Large enough that yielding costs little, small enough that a timer or a socket of
/// the same runtime thread is not kept waiting.
pub(crate) const TURN: u32 = 256;

/// What a nested driver gets when the turn is spent: enough to make progress.
///
/// Were it nothing, a child that blocks on a nested nursery, instead of awaiting it, would never see
/// the end of the turn and wait for ever.
const SCRAP: u32 = 8;

thread_local! {
    /// What is left of this thread's turn; `None` outside of any driver.
    ///
    /// It belongs to the thread and not to a nursery, so that nested nurseries share the turn of
    /// the outermost one and a child needs no pointer to its nursery to spend from it.
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// A driver's share of the turn, held while it polls.
pub(crate) struct Turn {
    /// What to leave behind, where this driver was given something of its own.
    before: Option<Option<u32>>,
}

impl Turn {
    /// Takes up the turn, with `left` polls to spend if no driver around this one has begun it.
    #[inline]
    pub(crate) fn begin(left: u32) -> Self {
        let own = match LEFT.get() {
            None => left,
            Some(0) => SCRAP,
            Some(_) => return Self { before: None },
        };
        Self { before: Some(LEFT.replace(Some(own))) }
    }

    #[inline]
    pub(crate) fn is_outermost(&self) -> bool {
        self.before == Some(None)
    }
}

impl Drop for Turn {
    #[inline]
    fn drop(&mut self) {
        if let Some(before) = self.before {
            LEFT.set(before);
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
