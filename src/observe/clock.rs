//! Where the time of what is observed comes from.

use std::fmt;
use std::time::{Duration, Instant};

/// A clock for what is observed: the time since a moment of its own choice, which never goes back.
///
/// [`SystemClock`] is what a [`Watch`](super::Watch) and a [`Timeline`](super::Timeline) have unless
/// they are given another. It is read only while something is observed. The virtual clock of the
/// feature `testing` is one, and so is a closure that returns a [`Duration`]: for targets where
/// [`Instant`] does not work, or for coarser clocks that are cheaper to read.
///
/// It is read by whatever polls, spawns and wakes children, so it must not panic.
pub trait TimeSource: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Duration;
}

impl<F: Fn() -> Duration + Send + Sync + 'static> TimeSource for F {
    fn now(&self) -> Duration {
        self()
    }
}

/// The clock of [`Instant`], which begins when this is made.
#[derive(Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl TimeSource for SystemClock {
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }
}

impl fmt::Debug for SystemClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SystemClock").field(&self.now()).finish()
    }
}
