//! A waker that tells when it is cloned.
//!
//! A future that has to wait clones the waker it is polled with. At that moment the call stack shows
//! where it waits. [`with_clone_hook`] gives a poll a waker that calls a function then; `nestling`
//! takes a backtrace there. The safe traits for wakers, [`Wake`](https://doc.rust-lang.org/std/task/trait.Wake.html)
//! for one, have no such hook. So this takes `unsafe`, which is all in this file; `nestling` itself
//! forbids it.
//!
//! # How it works
//!
//! The waker is a reference to what is on the stack of [`with_clone_hook`]: the hook, and the waker
//! that was there before, the *inner* one. A clone of it is a clone of the inner one, and no more.
//! So what a future keeps knows nothing of the hook: it wakes as ever, costs as ever,
//! [`will_wake`](Waker::will_wake) knows it again, and nothing is allocated.

#![no_std]

use core::mem::ManuallyDrop;
use core::ptr;
use core::task::{RawWaker, RawWakerVTable, Waker};

/// Calls `body` with a waker that calls `hook` whenever it is cloned, and returns what `body`
/// returns.
///
/// The clones are clones of `inner`, made after the hook has returned. To wake by the reference
/// wakes `inner`. The waker never says that it [will wake](Waker::will_wake) the same task as
/// `inner` or a clone, so a future that keeps one of these replaces it by a new clone.
///
/// The hook may be called on other threads, while `body` runs, as `&Waker` is `Send`.
///
/// # Panics
///
/// If the hook panics, the panic goes on in what cloned the waker, and nothing is cloned. A panic of
/// `body` goes on.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::task::Waker;
///
/// let clones = AtomicUsize::new(0);
/// let hook = || {
///     clones.fetch_add(1, Ordering::Relaxed);
/// };
/// let inner = Waker::noop();
/// let kept = nestling_stacks::with_clone_hook(inner, &hook, |waker| waker.clone());
/// assert_eq!(clones.into_inner(), 1);
/// assert!(kept.will_wake(inner));
/// ```
pub fn with_clone_hook<R>(
    inner: &Waker,
    hook: &(dyn Fn() + Sync),
    body: impl FnOnce(&Waker) -> R,
) -> R {
    let hooked = Hooked { inner, hook };
    // SAFETY: `Waker::new` asks that the functions of the table do what `RawWakerVTable` says, with
    // this pointer. Each says below why it does, and relies on this:
    //
    // - While this waker is there, the pointer is to a `Hooked` that is neither moved nor changed:
    //   `hooked` was made before the waker, so it is dropped after it, also in a panic, and nothing
    //   else here names it.
    // - No other waker has this pointer and table: `clone` returns those of `inner`.
    // - Nothing outlives the borrow by `body`, which has to take a reference of any lifetime. What
    //   owns a waker could keep it, but from a reference only a clone is to be had.
    // - The functions may be called on any thread, as `Hooked` is `Sync`; see `IS_SYNC`.
    let waker = unsafe { Waker::new(ptr::from_ref(&hooked).cast(), &TABLE) };
    body(&waker)
}

/// What the data pointer of the waker is to.
struct Hooked<'a> {
    inner: &'a Waker,
    hook: &'a (dyn Fn() + Sync),
}

/// Wakers are called on any thread.
const IS_SYNC: () = {
    const fn is_sync<T: Sync>() {}
    is_sync::<Hooked<'_>>();
};

static TABLE: RawWakerVTable = {
    let () = IS_SYNC;
    RawWakerVTable::new(clone, wake_by_ref, wake_by_ref, drop_nothing)
};

/// # Safety
///
/// `data` is that of a waker of [`with_clone_hook`] which is still there.
unsafe fn hooked<'a>(data: *const ()) -> &'a Hooked<'a> {
    // SAFETY: it points to a `Hooked` which is there as long as the waker, and is only read. The
    // caller uses the reference no longer than that; the lifetimes inside it are longer.
    unsafe { &*data.cast::<Hooked<'a>>() }
}

/// A clone of the inner waker. It has to own what it needs, and to wake the same task: it does, as
/// it is a waker of its own, that the inner one's table made. It needs nothing of this waker.
///
/// # Safety
///
/// As for [`hooked`]: the table's functions are called with the pointer of a waker that is there.
unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the caller's promise. The borrow that `Waker::clone` has of the waker lasts longer
    // than this call.
    let hooked = unsafe { hooked(data) };
    // It may panic: there is nothing yet that could leak or be dropped twice.
    (hooked.hook)();
    // Not dropped here, as its parts go on in what is returned, which drops them once.
    let clone = ManuallyDrop::new(hooked.inner.clone());
    RawWaker::new(clone.data(), clone.vtable())
}

/// Wakes the inner waker. It serves `wake`, too: that would have to release what the waker owns,
/// which is nothing.
///
/// # Safety
///
/// As for [`hooked`].
unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the caller's promise.
    unsafe { hooked(data) }.inner.wake_by_ref();
}

/// Nothing is owned: the stack frame of [`with_clone_hook`] has it all.
///
/// # Safety
///
/// Any call is sound.
unsafe fn drop_nothing(_data: *const ()) {}
