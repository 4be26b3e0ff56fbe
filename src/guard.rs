//! Calling what is not ours and may panic: destructors and wakers.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

use crate::panic_location;

/// What a panic throws.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Calls `call`, and hands out the payload if that panics.
///
/// What a panic leaves half done is the caller's to see to: nothing here asks for `UnwindSafe`.
#[inline]
pub(crate) fn catch<R>(call: impl FnOnce() -> R) -> Result<R, Payload> {
    panic_location::forget();
    catch_unwind(AssertUnwindSafe(call))
}

/// Drops `value`, and hands out the payload if that panics.
pub(crate) fn drop_guarded<V>(value: V) -> Result<(), Payload> {
    catch(|| drop(value))
}

/// Drops what is of no use any more. If that panics there is nobody to tell.
pub(crate) fn discard<V>(value: V) {
    if let Err(payload) = drop_guarded(value) {
        // Its destructor is as foreign as the one that threw it; if it panics too, enough is enough.
        std::mem::forget(drop_guarded(payload));
    }
}

/// Wakes all of them, even where the waker of one panics.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        if let Err(payload) = catch(|| waker.wake()) {
            discard(payload);
        }
    }
}

/// The panic that goes on once everything is dropped that is to be dropped.
#[derive(Default)]
pub(crate) struct FirstPanic(Option<Payload>);

impl FirstPanic {
    /// Keeps the payload if it is the first.
    pub(crate) fn note(&mut self, dropped: Result<(), Payload>) {
        match (dropped, &self.0) {
            (Ok(()), _) => {}
            (Err(payload), None) => self.0 = Some(payload),
            (Err(payload), Some(_)) => discard(payload),
        }
    }

    /// Goes on with it, if there is one and the thread is not panicking already: then there is no
    /// one left to report it to.
    pub(crate) fn resume(self) {
        match self.0 {
            Some(payload) if !std::thread::panicking() => resume_unwind(payload),
            Some(payload) => discard(payload),
            None => {}
        }
    }
}
