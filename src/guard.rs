//! Calling what is not ours and may panic: destructors and wakers.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Drops `value`, and hands out the payload if that panics.
pub(crate) fn drop_guarded<V>(value: V) -> Result<(), Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| drop(value)))
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
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            discard(payload);
        }
    }
}
