//! What is polled beside the children: a body, a deadline, a grace.

use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::flavor::Flavor;
use crate::gate::Gate;
use crate::guard::{Thrown, catch};
use crate::sync::{AtomicBool, Ordering};

/// Wakes the nursery, and remembers who it was that was woken.
pub(crate) struct Bell {
    rung: AtomicBool,
    gate: Arc<Gate>,
}

impl Bell {
    /// A bell that has rung, as for whoever was not polled yet.
    pub(crate) fn new(gate: &Arc<Gate>) -> Arc<Self> {
        Arc::new(Self { rung: AtomicBool::new(true), gate: Arc::clone(gate) })
    }

    pub(crate) fn has_rung(&self) -> bool {
        self.rung.load(Ordering::Acquire)
    }

    /// Sets the mark, and wakes nobody: the driver is at work.
    pub(crate) fn ring_quietly(&self) {
        self.rung.store(true, Ordering::Release);
    }

    /// Clears the mark; whoever rings from now on is heard.
    pub(crate) fn take(&self) {
        self.rung.swap(false, Ordering::AcqRel);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: the poll that takes the mark sees what the waker did before. The mark goes first:
        // a driver that hears of the wake by the gate must find it.
        self.rung.store(true, Ordering::Release);
        self.gate.notify();
    }
}

/// A future that tells the nursery that some time is up.
pub(crate) struct Alarm<'env, M: Flavor> {
    future: M::Boxed<'env, ()>,
    bell: Arc<Bell>,
    waker: Waker,
    /// The line that set it.
    pub(crate) location: &'static Location<'static>,
}

/// A future for an alarm that is not set yet, and the line that gave it.
pub(crate) type Timer<'env, M> = (<M as Flavor>::Boxed<'env, ()>, &'static Location<'static>);

impl<'env, M: Flavor> Alarm<'env, M> {
    pub(crate) fn set((future, location): Timer<'env, M>, gate: &Arc<Gate>) -> Box<Self> {
        let bell = Bell::new(gate);
        Box::new(Self { future, waker: Waker::from(Arc::clone(&bell)), bell, location })
    }

    /// Polls it if it was woken. It is not to be polled again once it has come, or has panicked.
    pub(crate) fn poll(&mut self) -> Result<Poll<()>, Thrown> {
        if !self.bell.has_rung() {
            return Ok(Poll::Pending);
        }
        self.bell.take();
        let mut cx = Context::from_waker(&self.waker);
        catch(|| Pin::new(&mut self.future).poll(&mut cx))
    }
}
