//! A timer of a nursery or a pool itself: its deadline, or its grace.

use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::drive::{DriverWaker, WakeFlag};
use crate::error::Panic;
use crate::flavor::Flavor;
use crate::guard::{CaughtPanic, catch};

/// A future that tells that a time is over, and the line that gave it.
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

    /// Polls it if it was woken, and says whether it is over. One that panics is, too, and its
    /// panic is made by `panic`. It must not be polled again then.
    pub(crate) fn poll(&mut self, panic: fn(CaughtPanic) -> Panic) -> Poll<Option<Fault>> {
        if !self.woken.is_set() {
            return Poll::Pending;
        }
        self.woken.clear();
        let waker = self.woken.waker();
        let mut cx = Context::from_waker(&waker);
        match catch(|| Pin::new(&mut self.future).poll(&mut cx)) {
            Ok(polled) => polled.map(|()| None),
            Err(caught) => Poll::Ready(Some((self.location, panic(caught)))),
        }
    }
}

/// A panic of something that a nursery or a pool was given, and the line that gave it.
pub(crate) type Fault = (&'static Location<'static>, Panic);

/// How long children or items may go on once they are cancelled.
pub(crate) enum Grace<'env, M: Flavor> {
    /// As long as their own grace: there is no other, or it is over.
    None,
    /// Until this is ready; it starts with the cancel.
    Ready(Timer<'env, M>),
    /// Until this is ready.
    Running(ScopeTimer<'env, M>),
}

impl<M: Flavor> Grace<'_, M> {
    /// Starts it if there is one.
    pub(crate) fn start(&mut self, driver: &Arc<DriverWaker>) {
        *self = match mem::replace(self, Self::None) {
            Self::Ready(timer) => Self::Running(ScopeTimer::start(timer, driver)),
            other => other,
        };
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    /// Whether it is to be polled.
    pub(crate) fn is_due(&self) -> bool {
        matches!(self, Self::Running(timer) if timer.is_due())
    }

    /// Polls it if it runs. It must not be polled again once it is over.
    pub(crate) fn poll(&mut self) -> Poll<Option<Fault>> {
        match self {
            Self::Running(timer) => timer.poll(Panic::of_grace),
            Self::None | Self::Ready(_) => Poll::Pending,
        }
    }

    /// The line that gave it.
    pub(crate) fn location(&self) -> Option<&'static Location<'static>> {
        match self {
            Self::None => None,
            Self::Ready((_, location)) => Some(location),
            Self::Running(timer) => Some(timer.location),
        }
    }
}
