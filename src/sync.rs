//! Where locks and atomics come from: the standard library, or the model checker that looks at every
//! interleaving of them, see `tests/loom`. No other file knows of it.
//!
//! `Arc` is the standard library's in both, as a `Waker` is made of no other. So is the one flag in
//! `panic_location`, which is static, as loom's cannot be.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, Ordering};
#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
#[cfg(not(loom))]
pub(crate) use std::sync::{Mutex, MutexGuard};
