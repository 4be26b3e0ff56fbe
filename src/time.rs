//! Where time comes from.

use std::time::Duration;

/// A source of time: the sleep function of whichever runtime is used.
///
/// Closures and functions that take a [`Duration`] and return a future are timers:
/// `|d| smol::Timer::after(d)`, `tokio::time::sleep` and `async_std::task::sleep`. Tests take the
/// virtual clock of the feature `testing`.
pub trait Timer {
    /// Waits; what it resolves to is of no interest.
    type Sleep: Future;

    /// A future that is ready no earlier than `duration` after it was made.
    fn sleep(&self, duration: Duration) -> Self::Sleep;
}

impl<F, S> Timer for F
where
    F: Fn(Duration) -> S,
    S: Future,
{
    type Sleep = S;

    fn sleep(&self, duration: Duration) -> S {
        self(duration)
    }
}
