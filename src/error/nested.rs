//! Joined errors inside the errors of children: what their text is while another is shown.
//!
//! Groups are walked without recursion. But a joined error may hide in an error of the user's own
//! type, or among its sources. That error's `Display` then calls back into this crate. So each
//! thread knows what it is showing: a joined error inside a line is one line too, and inside a tree
//! it is its title, and its rows go below the row that it is in. No type has to be known for that.

use std::cell::{Cell, RefCell};
use std::mem;

use super::settings::Settings;
use super::tree::Row;

/// The deepest that joined errors are shown within each other's text.
const MAX_DEPTH: usize = 16;

/// What is being shown on this thread.
#[derive(Clone, Copy)]
pub(super) enum Around {
    Nothing,
    Line,
    Tree(Settings),
}

thread_local! {
    static AROUND: Cell<Around> = const { Cell::new(Around::Nothing) };
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// How many rows may be shown yet, of all that are within each other.
    static LEFT: Cell<usize> = const { Cell::new(0) };
    /// The rows of joined errors in the message that is being written.
    static HIDDEN: RefCell<Vec<Row>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn around() -> Around {
    AROUND.get()
}

/// Held while a joined error is shown.
pub(super) struct Showing {
    before: Around,
}

impl Showing {
    /// `None` where too many are within each other; write `…` then.
    pub(super) fn enter(now: Around) -> Option<Self> {
        let depth = DEPTH.get();
        (depth < MAX_DEPTH).then(|| {
            DEPTH.set(depth + 1);
            Self { before: AROUND.replace(now) }
        })
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        AROUND.set(self.before);
        DEPTH.set(DEPTH.get() - 1);
        if DEPTH.get() == 0 {
            // There are some only if a `Display` panicked.
            HIDDEN.take();
        }
    }
}

/// Bounds a tree by what is left to those around it, and takes as many rows as `show` makes.
pub(super) fn within_total<R>(
    mut settings: Settings,
    show: impl FnOnce(Settings) -> Vec<R>,
) -> Vec<R> {
    if DEPTH.get() == 1 {
        LEFT.set(settings.total);
    }
    settings.total = settings.total.min(LEFT.get());
    let shown = show(settings);
    LEFT.set(LEFT.get().saturating_sub(shown.len()));
    shown
}

/// Adds rows to be shown below the message that is being written.
pub(super) fn hide(rows: Vec<Row>) {
    HIDDEN.with_borrow_mut(|hidden| hidden.extend(rows));
}

/// Writes a message, and returns the rows of the joined errors in it, too.
pub(super) fn with_hidden<R>(write: impl FnOnce() -> R) -> (R, Vec<Row>) {
    let before = HIDDEN.take();
    let written = write();
    (written, HIDDEN.with_borrow_mut(|hidden| mem::replace(hidden, before)))
}
