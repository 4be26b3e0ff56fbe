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
    static MESSAGE: RefCell<Message> = const { RefCell::new(Message::EMPTY) };
}

/// What is known of the message that is being written.
struct Message {
    /// The rows of joined errors in it.
    hidden: Vec<Row>,
    /// The addresses of these errors.
    shown: Vec<*const ()>,
}

impl Message {
    const EMPTY: Self = Self { hidden: Vec::new(), shown: Vec::new() };
}

/// At the end of a thread it may be gone; joined errors that hide are not shown as trees then.
fn message<R: Default>(change: impl FnOnce(&mut Message) -> R) -> R {
    MESSAGE.try_with(|message| change(&mut message.borrow_mut())).unwrap_or_default()
}

pub(super) fn around() -> Around {
    AROUND.get()
}

/// Held while a joined error is shown.
pub(super) struct Showing {
    before: Around,
    /// What was left to the trees around, where this one begins anew.
    left: Option<usize>,
}

impl Showing {
    /// `None` where too many are within each other; write `…` then.
    pub(super) fn enter(now: Around) -> Option<Self> {
        let depth = DEPTH.get();
        if depth >= MAX_DEPTH {
            return None;
        }
        DEPTH.set(depth + 1);
        let before = AROUND.replace(now);
        let left = match (before, now) {
            (Around::Nothing | Around::Line, Around::Tree(settings)) => {
                Some(LEFT.replace(settings.total))
            }
            _ => None,
        };
        Some(Self { before, left })
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        AROUND.set(self.before);
        DEPTH.set(DEPTH.get() - 1);
        if let Some(left) = self.left {
            LEFT.set(left);
        }
        if std::thread::panicking() && DEPTH.get() == 0 {
            // A `Display` has panicked in the middle of a message.
            message(|message| *message = Message::EMPTY);
        }
    }
}

/// Bounds a tree by what is left to those around it, and takes as many rows as `show` makes.
pub(super) fn within_total<R>(
    mut settings: Settings,
    show: impl FnOnce(Settings) -> Vec<R>,
) -> Vec<R> {
    settings.total = settings.total.min(LEFT.get());
    let shown = show(settings);
    LEFT.set(LEFT.get().saturating_sub(shown.len()));
    shown
}

/// Adds rows to be shown below the message that is being written.
pub(super) fn hide(rows: Vec<Row>) {
    message(|message| message.hidden.extend(rows));
}

/// Remembers a joined error that is a part of the message that is being written.
pub(super) fn note(address: *const ()) {
    message(|message| message.shown.push(address));
}

/// Whether the message that is being written has the joined error at this address.
pub(super) fn was_shown(address: *const ()) -> bool {
    message(|message| message.shown.contains(&address))
}

/// Writes a message, and returns the rows of the joined errors in it, too.
pub(super) fn with_hidden<R>(write: impl FnOnce() -> R) -> (R, Vec<Row>) {
    let before = message(|message| Some(mem::replace(message, Message::EMPTY)));
    let written = write();
    let own = message(|message| Some(mem::replace(message, before.unwrap_or(Message::EMPTY))));
    (written, own.map(|own| own.hidden).unwrap_or_default())
}
