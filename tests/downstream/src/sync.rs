//! The locks of the channel: the only place that knows what it is tested by.

#[cfg(loom)]
pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};
#[cfg(all(feature = "shuttle", not(loom)))]
pub(crate) use shuttle::sync::{Arc, Mutex, MutexGuard};
#[cfg(not(any(feature = "shuttle", loom)))]
pub(crate) use std::sync::{Arc, Mutex, MutexGuard};
