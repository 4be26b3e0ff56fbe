//! Something to wait for that the test brings about.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::hub::Hub;
use super::state::For;

/// An event that comes once; made by [`Executor::signal`](super::Executor::signal).
///
/// Clones are the same signal. What waits for it is woken under the executor's
/// [`Hazards`](super::Hazards): late, twice, or before it has come.
#[derive(Clone)]
pub struct Signal {
    hub: Arc<Hub>,
    number: usize,
}

impl Signal {
    pub(super) fn new(hub: Arc<Hub>, made: &'static Location<'static>) -> Self {
        let number = hub.new_signal(made);
        Self { hub, number }
    }

    /// Brings it about. Firing twice is firing once.
    pub fn fire(&self) {
        self.hub.fire(self.number);
    }

    /// Whether it has come.
    #[must_use]
    pub fn has_fired(&self) -> bool {
        self.hub.has_come(For::Signal(self.number))
    }

    /// Waits until it has come.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub fn wait(&self) -> Wait {
        Wait::new(Arc::clone(&self.hub), For::Signal(self.number))
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal")
            .field("number", &self.number)
            .field("fired", &self.has_fired())
            .finish()
    }
}

/// Waits for a signal; see [`Signal::wait`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Wait {
    hub: Arc<Hub>,
    waits_for: For,
    /// Where its waker is kept, once there is one.
    ticket: Option<u64>,
}

impl Wait {
    pub(super) fn new(hub: Arc<Hub>, waits_for: For) -> Self {
        Self { hub, waits_for, ticket: None }
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.hub.poll_wait(this.waits_for, &mut this.ticket, cx.waker())
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.hub.stop_waiting(ticket);
        }
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("come", &self.hub.has_come(self.waits_for)).finish()
    }
}
