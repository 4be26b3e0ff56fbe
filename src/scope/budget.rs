//! How many polls one turn of the driver may spend before it yields to the runtime.

use std::cell::Cell;

/// Polls a turn. Large enough that yielding costs little, small enough that a timer or a socket of
/// the same runtime thread is not kept waiting.
pub(crate) const TURN: u32 = 256;

/// A nested driver gets one part in so many of what is left, so that it leaves some to the siblings of
/// the child that it runs in.
const SHARE: u32 = 4;

/// What a nested driver gets at least, even when nothing is left: enough for a poll of each kind.
///
/// Were it nothing, a child that blocks on a nested nursery, instead of awaiting it, would never see
/// the end of the turn and wait for ever.
const LEAST: u32 = 8;

thread_local! {
    /// What is left of this thread's turn; `None` outside of any driver.
    ///
    /// It belongs to the thread and not to a nursery, so that nested nurseries live on the turn
    /// of the outermost one and a child needs no pointer to its nursery to spend from it.
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// A driver's part of the turn, held while it polls.
pub(crate) struct Turn {
    /// What was left to the driver around this one, if there is one, and how much of it this one got.
    around: Option<(u32, u32)>,
}

impl Turn {
    /// Takes up the turn: `left` polls, or a part of what is left to the driver around this one.
    #[inline]
    pub(crate) fn begin(left: u32) -> Self {
        match LEFT.get() {
            None => {
                LEFT.set(Some(left));
                Self { around: None }
            }
            Some(around) => {
                let part = (around / SHARE).max(LEAST);
                LEFT.set(Some(part));
                Self { around: Some((around, part)) }
            }
        }
    }

    #[inline]
    pub(crate) fn is_outermost(&self) -> bool {
        self.around.is_none()
    }
}

impl Drop for Turn {
    #[inline]
    fn drop(&mut self) {
        LEFT.set(self.around.map(|(around, part)| around.saturating_sub(part - left().min(part))));
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
