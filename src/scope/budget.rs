//! How many polls one turn of the driver may spend before it yields to the runtime.

use std::cell::Cell;

/// Polls a turn. Large enough that yielding costs little, small enough that a timer or a socket of
/// the same runtime thread is not kept waiting.
pub(crate) const TURN: u32 = 256;

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

/// A driver's hold on the turn while it polls.
pub(crate) struct Turn {
    given: u32,
    /// What was left to the driver around this one, if there is one.
    around: Option<u32>,
}

impl Turn {
    /// Takes up the turn, with at most `own` polls to spend.
    #[inline]
    pub(crate) fn begin(own: u32) -> Self {
        let around = LEFT.get();
        let given = around.map_or(own, |around| around.max(LEAST).min(own));
        LEFT.set(Some(given));
        Self { given, around }
    }

    #[inline]
    pub(crate) fn is_nested(&self) -> bool {
        self.around.is_some()
    }

    /// Whether the driver is to yield at once, since the one around it has nothing left. `before` says
    /// whether it did the last time: it is put off once and no more, as a child in the set is, or whoever
    /// runs one small nursery after the other would never yield.
    #[inline]
    pub(crate) fn puts_off(&self, before: &mut bool) -> bool {
        *before = self.around == Some(0) && !*before;
        *before
    }

    /// What this driver has spent.
    #[inline]
    pub(crate) fn used(&self) -> u32 {
        self.given - left().min(self.given)
    }
}

impl Drop for Turn {
    #[inline]
    fn drop(&mut self) {
        LEFT.set(self.around.map(|around| around.saturating_sub(self.used())));
    }
}

/// What is left of the turn.
#[inline]
pub(crate) fn left() -> u32 {
    LEFT.get().unwrap_or(0)
}

/// What one kind of work has to leave of the turn, if it may spend one part in `share` of what is left.
#[inline]
pub(crate) fn reserve(share: u32) -> u32 {
    let left = left();
    left - left.div_ceil(share)
}

/// Takes one poll out of the turn; `false` when nothing is left.
#[inline]
pub(crate) fn spend() -> bool {
    spend_beyond(0)
}

/// Takes one poll out of the turn, if more than `reserve` is left.
#[inline]
pub(crate) fn spend_beyond(reserve: u32) -> bool {
    let left = left();
    if left > reserve {
        LEFT.set(Some(left - 1));
    }
    left > reserve
}
