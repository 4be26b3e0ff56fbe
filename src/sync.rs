//! Where the locks and atomics come from that loom looks at: the standard library, or loom itself,
//! see `tests/loom`.
//!
//! The standard library's in both are `Arc`, as a `Waker` is made of no other; the `OnceLock` of a
//! word of wakes, which loom has not, and a flag of loom's beside it; the flag in `panic_location`,
//! which is static, as loom's cannot be; a panic's `OnceLock`, which loom has not; and what
//! `testing` is made of.

#[cfg(nestling_loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
#[cfg(nestling_loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(nestling_loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
#[cfg(not(nestling_loom))]
pub(crate) use std::sync::{Mutex, MutexGuard};
