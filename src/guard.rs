//! Calls of foreign code that may panic: children, policies, destructors and wakers.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

use crate::panic_location::{self, PanicLocation};

/// A panic that was caught.
///
/// In a box, so that the result of a guarded call is small: hardly any call panics.
pub(crate) struct CaughtPanic(Box<Thrown>);

/// The payload of a panic, and the line that raised it where that is kept.
pub(crate) struct Thrown {
    pub(crate) payload: Box<dyn Any + Send>,
    pub(crate) location: Option<PanicLocation>,
}

impl CaughtPanic {
    #[cold]
    pub(crate) fn new(payload: Box<dyn Any + Send>, location: Option<PanicLocation>) -> Self {
        Self(Box::new(Thrown { payload, location }))
    }

    pub(crate) fn into_thrown(self) -> Thrown {
        *self.0
    }

    /// Goes on with the panic, for a caller to catch.
    pub(crate) fn resume(self) -> ! {
        let Thrown { payload, location } = self.into_thrown();
        panic_location::set(location);
        resume_unwind(payload)
    }
}

/// Calls `call`, and returns its panic if it panics.
///
/// The caller has to handle what a panic leaves half done: nothing here asks for `UnwindSafe`.
#[inline]
pub(crate) fn catch<R>(call: impl FnOnce() -> R) -> Result<R, CaughtPanic> {
    // If the thread is panicking, the location of that panic is kept for the code that catches it.
    let around = panic_location::take();
    let result = catch_unwind(AssertUnwindSafe(call))
        .map_err(|payload| CaughtPanic::new(payload, panic_location::take()));
    panic_location::set(around);
    result
}

/// Drops `value`, and returns the panic of its destructor if it panics.
pub(crate) fn drop_guarded<V>(value: V) -> Result<(), CaughtPanic> {
    catch(|| drop(value))
}

/// Drops what is of no use any more. A panic of its destructor is discarded.
pub(crate) fn drop_quietly<V>(value: V) {
    if let Err(thrown) = drop_guarded(value) {
        // The payload's destructor is foreign code too. If it panics as well, that payload is
        // leaked.
        std::mem::forget(drop_guarded(thrown));
    }
}

/// [Drops each of them quietly](drop_quietly), also where the destructor of another panics.
pub(crate) fn discard_each<V>(values: impl IntoIterator<Item = V>) {
    let mut first = FirstPanic::default();
    first.drop_each(values);
    drop_quietly(first);
}

/// Hands out `kept` once `dropped` is gone. If its destructor panics, `kept` is dropped as well,
/// and then the panic goes on.
pub(crate) fn keep_and_drop<K, V>(kept: K, dropped: V) -> K {
    match drop_guarded(dropped) {
        Ok(()) => kept,
        Err(thrown) => {
            drop_quietly(kept);
            thrown.resume()
        }
    }
}

/// Wakes all of them, even where the waker of one panics.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        quietly(|| waker.wake());
    }
}

/// Wakes by reference, even where the waker panics.
pub(crate) fn wake_by_ref(waker: &Waker) {
    quietly(|| waker.wake_by_ref());
}

/// Calls what may panic, and discards the panic.
pub(crate) fn quietly(call: impl FnOnce()) {
    if let Err(thrown) = catch(call) {
        drop_quietly(thrown);
    }
}

/// The panic that goes on once everything is dropped that is to be dropped.
#[derive(Default)]
pub(crate) struct FirstPanic(Option<CaughtPanic>);

impl FirstPanic {
    pub(crate) fn of(dropped: Result<(), CaughtPanic>) -> Self {
        Self(dropped.err())
    }

    /// Keeps the panic if it is the first.
    #[inline]
    pub(crate) fn note(&mut self, dropped: Result<(), CaughtPanic>) {
        if let Err(thrown) = dropped {
            self.keep(thrown);
        }
    }

    #[cold]
    fn keep(&mut self, thrown: CaughtPanic) {
        match self.0 {
            None => self.0 = Some(thrown),
            Some(_) => drop_quietly(thrown),
        }
    }

    /// Drops each of them, even if the destructor of another panics.
    ///
    /// One guard serves all values up to the next that panics. The iterator itself must not panic.
    pub(crate) fn drop_each<V>(&mut self, values: impl IntoIterator<Item = V>) {
        let mut values = values.into_iter();
        while let Err(thrown) = catch(|| values.by_ref().for_each(drop)) {
            self.note(Err(thrown));
        }
    }

    /// The panic, if there was one.
    pub(crate) fn into_panic(self) -> Option<CaughtPanic> {
        self.0
    }

    /// Goes on with the panic, if there is one. If the thread is panicking already it is discarded:
    /// a second panic would end the process.
    pub(crate) fn resume(self) {
        match self.0 {
            Some(thrown) if !std::thread::panicking() => thrown.resume(),
            Some(thrown) => drop_quietly(thrown),
            None => {}
        }
    }
}
