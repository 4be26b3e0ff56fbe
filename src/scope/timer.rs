//! A timer of the nursery itself: its deadline, or its grace.

use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::drive::{DriverWaker, WakeFlag};
use crate::flavor::Flavor;
use crate::guard::{CaughtPanic, catch};

/// A future that tells the nursery that a time is over, and the line that gave it.
pub(crate) type Timer<'env, M> = (<M as Flavor>::Boxed<'env, ()>, &'static Location<'static>);

/// A timer that runs.
pub(crate) struct ScopeTimer<'env, M: Flavor> {
    future: M::Boxed<'env, ()>,
    woken: Arc<WakeFlag>,
    pub(crate) location: &'static Location<'static>,
}

impl<'env, M: Flavor> ScopeTimer<'env, M> {
    pub(crate) fn start((future, location): Timer<'env, M>, driver: &Arc<DriverWaker>) -> Self {
        Self { future, woken: WakeFlag::new(driver), location }
    }

    /// Whether it was woken, or was not polled yet.
    pub(crate) fn is_due(&self) -> bool {
        self.woken.is_set()
    }

    /// Polls it if it was woken. It must not be polled again once it was ready, or has panicked.
    pub(crate) fn poll(&mut self) -> Result<Poll<()>, CaughtPanic> {
        if !self.woken.is_set() {
            return Ok(Poll::Pending);
        }
        self.woken.clear();
        let waker = self.woken.waker();
        catch(|| Pin::new(&mut self.future).poll(&mut Context::from_waker(&waker)))
    }
}
