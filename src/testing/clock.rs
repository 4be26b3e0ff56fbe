//! Time that passes only when there is nothing else to do.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::hub::Hub;
use super::signal::Wait;
use super::state::For;
use crate::observe::TimeSource;
use crate::time::Timer;

/// An executor's virtual clock; see [`Executor::clock`](super::Executor::clock).
///
/// It starts at zero and jumps to the next sleep that is due once every task rests, so an hour
/// costs nothing. Clones are the same clock.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use nestling::future::Timer;
/// use nestling::testing::Executor;
///
/// let mut executor = Executor::new(7);
/// let clock = executor.clock();
/// executor.block_on(clock.sleep(Duration::from_secs(3_600)));
/// assert_eq!(clock.now(), Duration::from_secs(3_600));
/// ```
#[derive(Clone)]
pub struct Clock(Arc<Hub>);

impl Clock {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self(hub)
    }

    /// The time since the executor was made.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.0.now()
    }
}

impl Timer for Clock {
    type Sleep = Sleep;

    /// Is ready once the clock shows `duration` more than now. If that is more than a [`Duration`]
    /// holds, it never is.
    fn sleep(&self, duration: Duration) -> Sleep {
        let due = self.now().saturating_add(duration);
        Sleep(Wait::new(Arc::clone(&self.0), For::Time(due)))
    }
}

/// The virtual time, for what is observed.
impl TimeSource for Clock {
    fn now(&self) -> Duration {
        self.0.now()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// Waits for a virtual time; made by [`Clock`] as a [`Timer`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Sleep(Wait);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}
