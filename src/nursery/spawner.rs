//! Spawning by children, bodies and other threads.

use std::fmt;
use std::sync::Arc;

use super::plan::Plan;
use super::when_free::SpawnerWhenFree;
use super::{ChildBuilder, Rejected};
use crate::cancel::{CancelHandle, Cause};
use crate::error::JoinedError;
use crate::flavor::{Adapt, Convert, Flavor, Grouped, Hold, Plain, Shared};
use crate::info::ChildId;
use crate::scope::child::{Output, Spawned};
use crate::scope::inbox::{Admission, Inbox, Refusal};

/// Spawns children into a nursery that someone else drives.
///
/// Made by [`Nursery::spawner`](crate::Nursery::spawner) and handed to the body by
/// [`Nursery::run`](crate::Nursery::run). Clones spawn into the same nursery. In the [`Shared`]
/// flavour a spawner is `Send` and `Sync`: any thread can spawn by it, and the nursery, which may be
/// parked on another, is woken and starts the child at once.
///
/// A spawner does not keep the nursery open. Once the nursery has ended, or was dropped or
/// cancelled, every spawn gives the future back, with the reason. It has ended when whatever
/// finishes it, such as [`join`](crate::Nursery::join), has seen its last child end; while the owner
/// takes completions by [`next`](crate::Nursery::next), it stays open.
///
/// Spawning never blocks and never panics, also from inside a child and at the limit: the new child
/// waits in the backlog.
///
/// | | by the nursery | by a spawner |
/// |---|---|---|
/// | `spawn` into a cancelled nursery | takes the child, and reports it as cancelled | gives it back |
/// | `spawn` once the nursery has ended | cannot be written | gives the child back |
/// | `spawn_when_free` | drives the children while it waits | waits for whoever drives them |
/// | `cancel` | has dropped the children when it returns | wakes the nursery, which drops them |
///
/// A child may hold a spawner of its own nursery. A future that spawns itself again has to be boxed
/// where it calls itself, as any recursive future.
///
/// # Examples
///
/// ```
/// use nestling::Nursery;
///
/// # futures::executor::block_on(async {
/// let mut nursery: Nursery<'_, u32, ()> = Nursery::new();
/// let spawner = nursery.spawner();
/// nursery.spawn(async move {
///     spawner.spawn(async { Ok(2) }).expect("the nursery lives as long as this child");
///     Ok(1)
/// });
/// assert_eq!(nursery.join().await.unwrap(), [1, 2]);
/// # });
/// ```
pub struct Spawner<'env, T, E, M: Flavor = Shared> {
    inbox: Arc<Inbox<'env, T, E, M>>,
}

impl<'env, T, E, M: Flavor> Spawner<'env, T, E, M> {
    pub(super) fn new(inbox: Arc<Inbox<'env, T, E, M>>) -> Self {
        Self { inbox }
    }

    /// A child with options of its own, to be spawned.
    pub fn child(&self) -> ChildBuilder<&Self> {
        ChildBuilder::new(self)
    }

    /// Spawns a child. It starts when the nursery is next driven and a slot is free; the nursery is
    /// woken for it.
    ///
    /// # Errors
    ///
    /// The future, if the nursery is [closed](crate::Rejection::Closed) or
    /// [cancelled](crate::Rejection::Cancelled).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Result<ChildId, Rejected<F>>
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.child().spawn(future)
    }

    /// Spawns a child and returns the handle that cancels it.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_with_handle<F>(&self, future: F) -> Result<CancelHandle, Rejected<F>>
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.child().spawn_with_handle(future)
    }

    /// Spawns a child whose joined error becomes a subtree; see
    /// [`Nursery::spawn_group`](crate::Nursery::spawn_group).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_group<F>(&self, future: F) -> Result<ChildId, Rejected<F>>
    where
        F: Future<Output = Result<T, JoinedError<E>>>,
        M: Hold<'env, F>,
    {
        self.child().spawn_group(future)
    }

    /// Spawns a child if fewer children are unfinished than the limit allows; gives it back otherwise.
    ///
    /// # Errors
    ///
    /// The future, if the nursery is [full](crate::Rejection::Full),
    /// [closed](crate::Rejection::Closed) or [cancelled](crate::Rejection::Cancelled).
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<ChildId, Rejected<F>>
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.child().try_spawn(future)
    }

    /// Waits until fewer children are unfinished than the limit allows, then spawns a child.
    ///
    /// Those who wait are served in the order in which they first asked. While someone waits whose
    /// turn has come, the nursery does not end; so do not leave the future unpolled, or forget it. A
    /// child that waits so for a slot in its own nursery keeps its own slot meanwhile: where all of
    /// them do, they wait for ever.
    ///
    /// # Errors
    ///
    /// The output is the future, if the nursery is or becomes [closed](crate::Rejection::Closed) or
    /// [cancelled](crate::Rejection::Cancelled).
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the child that was not spawned yet, and gives its place in the queue, or
    /// the slot that was its own by then, to the next.
    #[track_caller]
    pub fn spawn_when_free<F>(&self, future: F) -> SpawnerWhenFree<'env, T, E, M, F>
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.child().spawn_when_free(future)
    }

    /// Cancels every child of the nursery, and the nursery for those to come.
    ///
    /// Spawning is refused at once, and no child starts any more. The children are dropped by the
    /// nursery, on its own task: it is woken for it. A child that was woken before may be polled once
    /// more, and come to an end of its own.
    ///
    /// Returns whether this was what cancelled it; the first cause stays.
    pub fn cancel(&self, reason: impl Into<String>) -> bool {
        self.inbox.cancel(Cause::requested(reason.into())).0
    }

    /// Why the nursery was cancelled; `None` while it was not.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.inbox.cancel_requested()
    }
}

impl<'env, T, E, M: Flavor> ChildBuilder<&Spawner<'env, T, E, M>> {
    /// See [`Spawner::spawn`].
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> Result<ChildId, Rejected<F>>
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.post::<F, Plain>(Admission::Always, future, false).map(|spawned| spawned.id)
    }

    /// See [`Spawner::spawn_with_handle`].
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn spawn_with_handle<F>(self, future: F) -> Result<CancelHandle, Rejected<F>>
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.post::<F, Plain>(Admission::Always, future, true).map(Spawned::into_handle)
    }

    /// See [`Spawner::spawn_group`].
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn spawn_group<F>(self, future: F) -> Result<ChildId, Rejected<F>>
    where
        F: Future<Output = Result<T, JoinedError<E>>>,
        M: Hold<'env, F>,
    {
        self.post::<F, Grouped>(Admission::Always, future, false).map(|spawned| spawned.id)
    }

    /// [`spawn_group`](Self::spawn_group) with the handle that cancels the child.
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn spawn_group_with_handle<F>(self, future: F) -> Result<CancelHandle, Rejected<F>>
    where
        F: Future<Output = Result<T, JoinedError<E>>>,
        M: Hold<'env, F>,
    {
        self.post::<F, Grouped>(Admission::Always, future, true).map(Spawned::into_handle)
    }

    /// See [`Spawner::try_spawn`].
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn try_spawn<F>(self, future: F) -> Result<ChildId, Rejected<F>>
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.post::<F, Plain>(Admission::IfFree, future, false).map(|spawned| spawned.id)
    }

    /// See [`Spawner::spawn_when_free`].
    #[track_caller]
    pub fn spawn_when_free<F>(self, future: F) -> SpawnerWhenFree<'env, T, E, M, F>
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        let inbox = Arc::clone(&self.parent.inbox);
        let plan = Plan::new(self.name, &inbox.gate, false);
        SpawnerWhenFree::new(inbox, plan, Box::new(Adapt::new(future)))
    }

    #[track_caller]
    fn post<F, K>(
        self,
        admission: Admission,
        future: F,
        handle: bool,
    ) -> Result<Spawned, Rejected<F>>
    where
        F: Future,
        K: Convert<F::Output, Output = Output<T, E>>,
        M: Hold<'env, F>,
    {
        let inbox = &self.parent.inbox;
        // Asked before anything is allocated: shedding has to be cheap.
        if let Some(refusal) = inbox.refusal(admission) {
            return Err(Rejected::new(future, refusal));
        }
        let plan = Plan::new(self.name, &inbox.gate, handle);
        let future = Box::new(Adapt::<F, K>::new(future));
        inbox
            .post(admission, future, |future| plan.child(future))
            .map_err(|(future, refusal): (_, Refusal)| Rejected::new(future.into_inner(), refusal))
    }
}

impl<T, E, M: Flavor> Clone for Spawner<'_, T, E, M> {
    fn clone(&self) -> Self {
        Self { inbox: Arc::clone(&self.inbox) }
    }
}

impl<T, E, M: Flavor> fmt::Debug for Spawner<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner").field("cause", &self.cause()).finish_non_exhaustive()
    }
}
