//! The budget: how many polls one turn of the driver may spend before it yields to the runtime.

use std::cell::Cell;

/// Polls a turn. Large enough that a yield costs little, small enough that a timer or a socket of
/// the same runtime thread does not wait for long.
pub(crate) const TURN: u32 = 256;

/// Rounds a turn. Where children compute for a millisecond and yield, a turn of that many polls
/// would be a quarter of a second.
pub(crate) const ROUNDS: u8 = 8;

/// More than any turn has: nurseries inside a child that is polled for the last time end in that
/// poll, whatever it takes.
const UNBOUNDED: u32 = u32::MAX / 2;

/// What a nested driver gets at least, even when nothing is left: enough for a poll of each kind.
///
/// Were it nothing, a child that blocks on a nested nursery, instead of awaiting it, would never
/// see the end of the turn, and would wait for ever.
pub(crate) const LEAST: u32 = 8;

thread_local! {
    /// What is left of this thread's turn; `None` outside of any driver.
    ///
    /// It belongs to the thread and not to a nursery, so that nested nurseries share the turn of
    /// the outermost one, and a child needs no pointer to its nursery to spend from it.
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };

    /// Nothing was polled to its end in the turn of this thread's outermost driver.
    static UNTOUCHED: Cell<bool> = const { Cell::new(false) };
}

/// A driver's hold on the budget while it runs.
pub(crate) struct Turn {
    given: u32,
    /// What was left to the driver around this one, if there is one.
    outer: Option<u32>,
}

impl Turn {
    /// Begins with at most `own` polls to spend.
    #[inline]
    pub(crate) fn begin(own: u32) -> Self {
        let outer = LEFT.get();
        let given = match outer {
            None => own,
            Some(outer) if outer > TURN => UNBOUNDED,
            Some(outer) => outer.max(LEAST).min(own),
        };
        LEFT.set(Some(given));
        if outer.is_none() {
            UNTOUCHED.set(true);
        }
        Self { given, outer }
    }

    #[inline]
    pub(crate) fn is_nested(&self) -> bool {
        self.outer.is_some()
    }

    /// Whether the driver is to end what it can, whatever it takes.
    #[inline]
    pub(crate) fn is_unbounded(&self) -> bool {
        self.given > TURN
    }

    /// Whether the driver around this one has nothing left.
    #[inline]
    pub(crate) fn outer_is_over(&self) -> bool {
        self.outer == Some(0)
    }

    /// What this driver has spent.
    #[inline]
    pub(crate) fn spent(&self) -> u32 {
        self.given - left().min(self.given)
    }
}

impl Drop for Turn {
    #[inline]
    fn drop(&mut self) {
        LEFT.set(self.outer.map(|outer| outer.saturating_sub(self.spent())));
    }
}

/// The last poll of a child: nothing that is spent in it counts.
pub(crate) struct Unbounded {
    left: Option<u32>,
}

impl Unbounded {
    pub(crate) fn begin() -> Self {
        Self { left: LEFT.replace(Some(UNBOUNDED)) }
    }
}

impl Drop for Unbounded {
    fn drop(&mut self) {
        LEFT.set(self.left);
    }
}

/// Notes that a child or a body was polled.
#[inline]
pub(crate) fn has_polled() {
    UNTOUCHED.set(false);
}

/// Whether no child and no body was polled before in the turn of the outermost driver.
#[inline]
pub(crate) fn is_untouched() -> bool {
    UNTOUCHED.get()
}

/// A part of the budget: as long as it is there, the rest cannot be spent.
pub(crate) struct Part {
    kept_back: u32,
}

impl Part {
    /// `1 / parts` of what is left, rounded up.
    #[inline]
    pub(crate) fn one_of(parts: u32) -> Self {
        let left = left();
        let part = left.div_ceil(parts.max(1));
        LEFT.set(Some(part));
        Self { kept_back: left - part }
    }
}

impl Drop for Part {
    #[inline]
    fn drop(&mut self) {
        LEFT.set(Some(left() + self.kept_back));
    }
}

/// What is left of the budget.
#[inline]
pub(crate) fn left() -> u32 {
    LEFT.get().unwrap_or(0)
}

/// Spends one poll; `false` when nothing is left.
#[inline]
pub(crate) fn spend() -> bool {
    let left = left();
    if left > 0 {
        LEFT.set(Some(left - 1));
    }
    left > 0
}
