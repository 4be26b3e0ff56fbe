//! Backpressure: waiting for a slot, as the owner and as a spawner.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use super::prepared::{Prepared, no_introduction};
use super::{Inner, Nursery, Rejected};
use crate::adapt::Plain;
use crate::drive::Running;
use crate::flavor::{Flavor, Hold};
use crate::info::ChildId;
use crate::scope::inbox::{Admission, By, Inbox, Ticket};
use crate::scope::{NoBody, Pass};

/// Waits for a slot while driving the children; see [`Nursery::spawn_when_free`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct SpawnWhenFree<'a, 'env, T, E, M: Flavor, F> {
    nursery: &'a mut Nursery<'env, T, E, M>,
    /// `None` once the child was spawned.
    child: Option<Prepared<'env, F, Plain, M>>,
    /// The place in the queue, if spawners wait too.
    ticket: Option<Ticket>,
}

impl<'a, 'env, T, E, M: Flavor, F> SpawnWhenFree<'a, 'env, T, E, M, F> {
    pub(super) fn new(
        nursery: &'a mut Nursery<'env, T, E, M>,
        child: Prepared<'env, F, Plain, M>,
    ) -> Self {
        Self { nursery, child: Some(child), ticket: None }
    }
}

// The future that waits is in a box, and is not pinned before it is spawned.
impl<T, E, M: Flavor, F> Unpin for SpawnWhenFree<'_, '_, T, E, M, F> {}

impl<'env, T, E, M, F> Future for SpawnWhenFree<'_, 'env, T, E, M, F>
where
    M: Hold<'env, F>,
    F: Future<Output = Result<T, E>>,
{
    type Output = ChildId;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { nursery, child, ticket } = self.get_mut();
        let Some(prepared) = child.as_ref() else {
            panic!("`SpawnWhenFree` was polled after it was ready")
        };
        let daemon = prepared.admission(Admission::Always) == Admission::Daemon;
        let Inner { driver, scope, held, bounds } = &mut *nursery.inner;
        // The slot is granted to the driver, not to the owner: while the driver runs, a wake costs
        // nothing.
        let driver_waker = Waker::from(Arc::clone(driver.waker()));
        let mut running = Running::begin(driver, cx);
        let admission = loop {
            if daemon {
                break Admission::Daemon;
            }
            if let Poll::Ready(admission) =
                scope.poll_slot(&mut Context::from_waker(&driver_waker), ticket)
            {
                break admission;
            }
            let mut next = None;
            ready!(running.drive(cx, &mut Pass::new(scope, &mut next, NoBody)));
            match next {
                Some(completion) => {
                    let dropped = held.push_within(completion, *bounds);
                    scope.count_not_stored(u64::from(dropped));
                }
                // The slot was granted to a spawner, which has not used it.
                None if running.rest() => return Poll::Pending,
                None => {}
            }
        };
        drop(running);
        match child.take() {
            Some(prepared) => {
                let spawned = nursery.place(admission, prepared, no_introduction);
                if let Admission::Granted(_) = admission {
                    *ticket = None;
                }
                Poll::Ready(spawned.id)
            }
            None => unreachable!("it was there a moment ago"),
        }
    }
}

impl<T, E, M: Flavor, F> Drop for SpawnWhenFree<'_, '_, T, E, M, F> {
    fn drop(&mut self) {
        if let (Some(ticket), Some(inbox)) = (self.ticket, self.nursery.inner.scope.inbox_if_any())
        {
            inbox.give_up(ticket);
        }
    }
}

impl<T, E, M: Flavor, F> fmt::Debug for SpawnWhenFree<'_, '_, T, E, M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnWhenFree").finish_non_exhaustive()
    }
}

/// Waits for a slot in a nursery that another task drives; see
/// [`Spawner::spawn_when_free`](crate::Spawner::spawn_when_free).
#[must_use = "futures do nothing unless they are awaited"]
pub struct SpawnerWhenFree<'env, T, E, M: Flavor, F> {
    inbox: Arc<Inbox<'env, T, E, M>>,
    /// `None` once the child was spawned or given back.
    child: Option<Prepared<'env, F, Plain, M>>,
    ticket: Option<Ticket>,
}

impl<'env, T, E, M: Flavor, F> SpawnerWhenFree<'env, T, E, M, F> {
    pub(super) fn new(
        inbox: Arc<Inbox<'env, T, E, M>>,
        child: Prepared<'env, F, Plain, M>,
    ) -> Self {
        Self { inbox, child: Some(child), ticket: None }
    }
}

// The future that waits is in a box, and is not pinned before it is spawned.
impl<T, E, M: Flavor, F> Unpin for SpawnerWhenFree<'_, T, E, M, F> {}

impl<'env, T, E, M, F> Future for SpawnerWhenFree<'env, T, E, M, F>
where
    M: Hold<'env, F>,
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<ChildId, Rejected<F>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { inbox, child, ticket } = self.get_mut();
        let Some(prepared) = child.take() else {
            panic!("`SpawnerWhenFree` was polled after it was ready")
        };
        let admission = match prepared.admission(Admission::Always) {
            Admission::Daemon => Ok(Admission::Daemon),
            _ => match inbox.poll_slot(cx, ticket, By::Spawner) {
                Poll::Ready(slot) => slot.map(Admission::Granted),
                Poll::Pending => {
                    *child = Some(prepared);
                    return Poll::Pending;
                }
            },
        };
        let posted = match admission {
            Ok(admission) => {
                inbox.post(admission, prepared, |child, id| child.child(id, no_introduction))
            }
            Err(refusal) => Err((prepared, refusal)),
        };
        Poll::Ready(match posted {
            Ok(spawned) => {
                *ticket = None;
                Ok(spawned.id)
            }
            Err((child, refusal)) => Err(Rejected::new(child.into_inner(), refusal)),
        })
    }
}

impl<T, E, M: Flavor, F> Drop for SpawnerWhenFree<'_, T, E, M, F> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.inbox.give_up(ticket);
        }
    }
}

impl<T, E, M: Flavor, F> fmt::Debug for SpawnerWhenFree<'_, T, E, M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnerWhenFree").finish_non_exhaustive()
    }
}
