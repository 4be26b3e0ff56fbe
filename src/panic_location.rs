//! Where a panic was raised. Only the panic hook knows, and the hook is the program's: it is
//! changed on request only.

use std::cell::Cell;
use std::fmt;
use std::panic::{Location, set_hook, take_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the hook is there, so that other programs do not pay for it.
static KEPT: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Where the last panic of this thread was raised, until that is asked for.
    static LAST: Cell<Option<PanicLocation>> = const { Cell::new(None) };
}

/// The line that a panic was raised on.
///
/// Known only after [`keep_panic_locations`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct PanicLocation {
    file: Box<str>,
    line: u32,
    column: u32,
}

impl PanicLocation {
    fn of(location: &Location<'_>) -> Self {
        Self { file: location.file().into(), line: location.line(), column: location.column() }
    }

    /// The source file, as the compiler was given it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, counted from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The column, counted from 1.
    #[must_use]
    pub fn column(&self) -> u32 {
        self.column
    }
}

/// `src/main.rs:31:9`.
impl fmt::Display for PanicLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Lets every [`Panic`](crate::failure::Panic) from now on tell where it was raised.
///
/// Of a panic that is caught only its payload is left; where it was raised, only the panic hook
/// hears. So this puts a hook of its own in front of the one that is set, which it calls as before:
/// what is printed stays the same. Call it once, where the program starts; further calls do
/// nothing. A hook that is set later, and does not call the one before it, ends this.
///
/// The location is kept for the thread that panics, at the cost of an allocation for each panic.
/// What is thrown by [`resume_unwind`](std::panic::resume_unwind) passes the hook by: its location
/// is that of the last panic in the same poll or destructor, which as a rule is the one that goes
/// on, and `None` if there was none.
///
/// A library should leave the decision to the program. Without this call the crate leaves the hook
/// alone.
///
/// # Panics
///
/// If the calling thread is panicking: the hook cannot be changed then.
///
/// # Examples
///
/// ```
/// use nestling::{Nursery, keep_panic_locations};
///
/// keep_panic_locations();
/// let mut nursery: Nursery<'_, (), ()> = Nursery::new();
/// nursery.spawn(async { panic!("out of ideas") });
/// let error = futures::executor::block_on(nursery.join()).unwrap_err();
/// let panic = error.first().failure().panic().unwrap();
/// assert_eq!(panic.location().unwrap().file(), file!());
/// ```
pub fn keep_panic_locations() {
    static HOOK: Once = Once::new();
    assert!(!std::thread::panicking(), "the panic hook cannot be changed by a thread that panics");
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            let location = info.location().map(PanicLocation::of);
            // A thread that is ending may have given up its variables.
            let _ = LAST.try_with(|last| last.set(location));
            before(info);
        }));
        // Relaxed: a thread that misses it keeps no location for a moment.
        KEPT.store(true, Ordering::Relaxed);
    });
}

/// Takes the location of this thread's last panic.
#[inline]
pub(crate) fn take() -> Option<PanicLocation> {
    if KEPT.load(Ordering::Relaxed) { LAST.try_with(Cell::take).ok().flatten() } else { None }
}

/// Makes `location` that of this thread's last panic.
#[inline]
pub(crate) fn set(location: Option<PanicLocation>) {
    // Out of line: every poll of every child comes by here, and hardly any program keeps locations.
    if location.is_some() || KEPT.load(Ordering::Relaxed) {
        put(location);
    } else {
        // There is nothing to drop, and nothing that looks whether there is.
        std::mem::forget(location);
    }
}

#[cold]
fn put(location: Option<PanicLocation>) {
    let _ = LAST.try_with(|last| last.set(location));
}
