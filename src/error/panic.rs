//! A caught panic.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{OnceLock, PoisonError};

use crate::guard::{CaughtPanic, Thrown};
use crate::panic_location::PanicLocation;
use crate::sync::{Mutex, MutexGuard};
use crate::text::{MAX_MESSAGE, Message, NO_MESSAGE, place};

/// A panic that was caught at a child's boundary: its payload, and its message where it has one.
///
/// Given by [`Failure::panic`](crate::Failure::panic). Dropping it drops the payload; the panic goes
/// no further.
pub struct Panic(Box<Caught>);

const IN_DESTRUCTOR: &str = "in the destructor";

/// The payload is in exactly one of the two.
///
/// A payload is only known to be `Send`, but errors have to be `Sync` too. So it waits behind a
/// lock until a caller names its type, and with it shows that it is `Sync`. Then it moves out of
/// the lock, for good, to where it can be lent. No user code runs under the lock.
struct Caught {
    locked: Mutex<Option<Box<dyn Any + Send>>>,
    shared: OnceLock<Box<dyn Any + Send + Sync>>,
    /// What panicked, where that was not the child's own work.
    work: Option<&'static str>,
    location: Option<PanicLocation>,
}

impl Panic {
    #[cfg(all(test, not(nestling_loom)))]
    pub(super) fn of(payload: Box<dyn Any + Send>) -> Self {
        Self::new(CaughtPanic::new(payload, None))
    }

    pub(crate) fn new(thrown: CaughtPanic) -> Self {
        Self::at(None, thrown)
    }

    /// A panic of the destructor of a child's future, or one that was [passed on](Self::passed_on)
    /// in it.
    pub(crate) fn of_destructor(thrown: CaughtPanic) -> Self {
        let Thrown { payload, location } = thrown.into_thrown();
        match payload.downcast::<PassedOn>() {
            Ok(passed_on) => passed_on.0,
            Err(payload) => Self::at(Some(IN_DESTRUCTOR), CaughtPanic::new(payload, location)),
        }
    }

    /// To be thrown in a destructor that this panic was not raised in.
    pub(crate) fn passed_on(self) -> CaughtPanic {
        CaughtPanic::new(Box::new(PassedOn(self)), None)
    }

    /// A panic of the nursery's policy, when it was asked about a child's failure.
    pub(crate) fn of_policy(thrown: CaughtPanic) -> Self {
        Self::at(Some("in the policy of `cancel_when`"), thrown)
    }

    /// A panic of what is told of each failure.
    pub(crate) fn of_failure_callback(thrown: CaughtPanic) -> Self {
        Self::at(Some("in the callback of `on_failure`"), thrown)
    }

    /// A panic of the timeout that a child was spawned with.
    pub(crate) fn of_timeout(thrown: CaughtPanic) -> Self {
        Self::at(Some("in the timeout"), thrown)
    }

    /// A panic of a grace, the child's own or the nursery's.
    pub(crate) fn of_grace(thrown: CaughtPanic) -> Self {
        Self::at(Some("in the grace"), thrown)
    }

    /// A panic of the nursery's deadline.
    pub(crate) fn of_deadline(thrown: CaughtPanic) -> Self {
        Self::at(Some("in the deadline"), thrown)
    }

    /// A panic of the source of a pool's items.
    pub(crate) fn of_source(thrown: CaughtPanic) -> Self {
        Self::at(Some("in the source of items"), thrown)
    }

    /// A panic of the closure that makes a pool's futures, when it is dropped.
    pub(crate) fn of_closure(thrown: CaughtPanic) -> Self {
        Self::at(Some("in the closure"), thrown)
    }

    /// A panic of the executor of a pool, when it is dropped.
    pub(crate) fn of_executor(thrown: CaughtPanic) -> Self {
        Self::at(Some("in the executor"), thrown)
    }

    /// A panic of the timer of a supervisor.
    pub(crate) fn of_timer(thrown: CaughtPanic) -> Self {
        Self::at(Some("in the timer"), thrown)
    }

    /// A panic of what decides by a failure what follows it.
    pub(crate) fn of_decision(thrown: CaughtPanic) -> Self {
        Self::at(Some("in the decision"), thrown)
    }

    /// A panic of the delays of a backoff.
    pub(crate) fn of_backoff(thrown: CaughtPanic) -> Self {
        Self::at(Some("in the backoff"), thrown)
    }

    /// A panic of what is told of the progress.
    pub(crate) fn of_progress(thrown: CaughtPanic) -> Self {
        Self::at(Some("in the progress callback"), thrown)
    }

    fn at(work: Option<&'static str>, thrown: CaughtPanic) -> Self {
        let Thrown { payload, location } = thrown.into_thrown();
        let (locked, shared) = (Mutex::new(Some(payload)), OnceLock::new());
        let panic = Self(Box::new(Caught { locked, shared, work, location }));
        // Text moves out at once: `message` lends it without a lock.
        let _ = panic.downcast_ref::<&'static str>().is_some()
            || panic.downcast_ref::<String>().is_some();
        panic
    }

    /// The text given to `panic!`, or a note that the payload is not text.
    #[must_use]
    pub fn message(&self) -> &str {
        match self.0.shared.get() {
            Some(payload) => {
                if let Some(text) = payload.downcast_ref::<&'static str>() {
                    text
                } else if let Some(text) = payload.downcast_ref::<String>() {
                    text
                } else {
                    NOT_TEXT
                }
            }
            None => NOT_TEXT,
        }
    }

    /// Whether a destructor raised it: that of the child's future, after the child had come to its
    /// end or was cancelled.
    #[must_use]
    pub fn is_of_destructor(&self) -> bool {
        self.0.work == Some(IN_DESTRUCTOR)
    }

    /// The line that it was raised on; `None` unless the program called
    /// [`keep_panic_locations`](crate::keep_panic_locations), which says more.
    #[must_use]
    pub fn location(&self) -> Option<&PanicLocation> {
        self.0.location.as_ref()
    }

    /// Whether the payload is an `X`.
    #[must_use]
    pub fn is<X: Any>(&self) -> bool {
        match &*self.lock() {
            Some(payload) => payload.is::<X>(),
            None => self.0.shared.get().is_some_and(|payload| payload.is::<X>()),
        }
    }

    /// The payload, if it is an `X`.
    ///
    /// For a payload that is not `Sync` there is [`into_payload`](Self::into_payload).
    #[must_use]
    pub fn downcast_ref<X: Any + Send + Sync>(&self) -> Option<&X> {
        if self.0.shared.get().is_none() {
            let mut locked = self.lock();
            match locked.take().map(|payload| payload.downcast::<X>()) {
                // Set while locked: a thread that finds the lock empty finds the payload here.
                Some(Ok(payload)) => drop(self.0.shared.set(payload)),
                Some(Err(payload)) => *locked = Some(payload),
                None => {}
            }
        }
        self.0.shared.get()?.downcast_ref()
    }

    /// The payload itself.
    #[must_use]
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.into_caught().into_thrown().payload
    }

    fn into_caught(self) -> CaughtPanic {
        let Caught { locked, shared, location, .. } = *self.0;
        let locked = locked.into_inner().unwrap_or_else(PoisonError::into_inner);
        let payload = match (locked, shared.into_inner()) {
            (Some(payload), _) => payload,
            (None, Some(payload)) => payload,
            (None, None) => Box::new(NOT_TEXT),
        };
        CaughtPanic::new(payload, location)
    }

    /// Goes on with the panic where it was caught, without calling the panic hook again.
    pub fn resume(self) -> ! {
        self.into_caught().resume()
    }

    /// Writes the panic with all of its message.
    pub(super) fn write(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.write_work(out)?;
        match self.message() {
            blank if blank.trim().is_empty() => out.write_str(NO_MESSAGE),
            message => out.write_str(message),
        }
    }

    fn write_work(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str("panicked")?;
        if let Some(work) = self.0.work {
            write!(out, " {work}")?;
        }
        if let Some(location) = self.location() {
            write!(out, " at {}", place(location.file(), location.line()))?;
        }
        out.write_str(": ")
    }

    /// An error that was thrown as a payload, boxed: what `panic_any(error)` makes of a
    /// `Box<dyn Error + Send + Sync>`.
    pub(super) fn boxed_error(&self) -> Option<&(dyn Error + 'static)> {
        let error = self.downcast_ref::<Box<dyn Error + Send + Sync>>()?;
        Some(&**error)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Any + Send>>> {
        self.0.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A payload that is a panic which knows where it was raised.
struct PassedOn(Panic);

const NOT_TEXT: &str = "a payload that is not text";

// A payload is moved and lent, never changed: an unwind cannot leave it half done.
impl UnwindSafe for Panic {}
impl RefUnwindSafe for Panic {}

/// `panicked: ` and the first line of the message; it says where, if that was in the destructor of
/// a child or in a nursery's policy, and the line if that is known.
impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_work(f)?;
        Message::new(self.message(), MAX_MESSAGE).fmt(f)
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Panic");
        all.field("message", &self.message());
        if let Some(location) = self.location() {
            all.field("location", &format_args!("{location}"));
        }
        all.finish_non_exhaustive()
    }
}
