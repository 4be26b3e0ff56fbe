//! Calling what is not ours and may panic: children, policies, destructors and wakers.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

use crate::panic_location::{self, PanicLocation};

/// A panic that was caught: its payload, and the line that raised it where that is kept.
pub(crate) struct Thrown {
    pub(crate) payload: Box<dyn Any + Send>,
    pub(crate) location: Option<PanicLocation>,
}

impl Thrown {
    /// Goes on with the panic, for someone else to catch.
    pub(crate) fn resume(self) -> ! {
        panic_location::set(self.location);
        resume_unwind(self.payload)
    }
}

/// Calls `call`, and hands out what it throws if it panics.
///
/// What a panic leaves half done is the caller's to see to: nothing here asks for `UnwindSafe`.
#[inline]
pub(crate) fn catch<R>(call: impl FnOnce() -> R) -> Result<R, Thrown> {
    // If the thread is panicking, that panic's location is for whoever catches it later.
    let around = panic_location::take();
    let result = catch_unwind(AssertUnwindSafe(call))
        .map_err(|payload| Thrown { payload, location: panic_location::take() });
    panic_location::set(around);
    result
}

/// Drops `value`, and hands out what that throws if it panics.
pub(crate) fn drop_guarded<V>(value: V) -> Result<(), Thrown> {
    catch(|| drop(value))
}

/// Drops what is of no use any more. If that panics there is nobody to tell.
pub(crate) fn discard<V>(value: V) {
    if let Err(thrown) = drop_guarded(value) {
        // Its destructor is as foreign as the one that threw it; if it panics too, enough is enough.
        std::mem::forget(drop_guarded(thrown));
    }
}

/// [Discards](discard) each of them, even if the destructor of another panics.
pub(crate) fn discard_each<V>(values: impl IntoIterator<Item = V>) {
    let mut first = FirstPanic::default();
    first.drop_each(values);
    discard(first);
}

/// Hands out `kept` once `dropped` is gone. If its destructor panics, `kept` is dropped as well,
/// and then the panic goes on.
pub(crate) fn keep_and_drop<K, V>(kept: K, dropped: V) -> K {
    match drop_guarded(dropped) {
        Ok(()) => kept,
        Err(thrown) => {
            discard(kept);
            thrown.resume()
        }
    }
}

/// Wakes all of them, even where the waker of one panics.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        regardless(|| waker.wake());
    }
}

/// Wakes by reference, even where the waker panics.
pub(crate) fn wake_by_ref(waker: &Waker) {
    regardless(|| waker.wake_by_ref());
}

/// Calls what may panic and leaves nothing behind then.
fn regardless(call: impl FnOnce()) {
    if let Err(thrown) = catch(call) {
        discard(thrown);
    }
}

/// The panic that goes on once everything is dropped that is to be dropped.
#[derive(Default)]
pub(crate) struct FirstPanic(Option<Thrown>);

impl FirstPanic {
    pub(crate) fn of(dropped: Result<(), Thrown>) -> Self {
        Self(dropped.err())
    }

    /// Keeps what was thrown if it is the first.
    pub(crate) fn note(&mut self, dropped: Result<(), Thrown>) {
        match (dropped, &self.0) {
            (Ok(()), _) => {}
            (Err(thrown), None) => self.0 = Some(thrown),
            (Err(thrown), Some(_)) => discard(thrown),
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

    /// Goes on with it, if there is one and the thread is not panicking already: then there is no
    /// one left to report it to.
    pub(crate) fn resume(self) {
        match self.0 {
            Some(thrown) if !std::thread::panicking() => thrown.resume(),
            Some(thrown) => discard(thrown),
            None => {}
        }
    }
}
