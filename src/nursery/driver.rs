//! A start/stop pair: one part spawns, the other drives.

use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Nursery, Settle, Spawner};
use crate::flavor::{Flavor, Shared};
use crate::report::Report;

impl<'env, T, E, M: Flavor> Nursery<'env, T, E, M> {
    /// A handle and a driver: a future to hand to any executor, which drives the children.
    ///
    /// The nursery stays open while there is a handle: this one or a clone. When the last handle is
    /// dropped it is closed, as by [`close`](Spawner::close): spawners are refused, those of
    /// children too, and the children that are there go on. The driver is ready with the [`Report`]
    /// when
    ///
    /// - the nursery is [cancelled](Spawner::cancel), at once or [within a
    ///   grace](Spawner::cancel_within), and the children are gone;
    /// - or the nursery is closed, and the children have ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling::Nursery;
    ///
    /// # futures::executor::block_on(async {
    /// let (handle, driver) = Nursery::<'_, u32, ()>::new().split();
    /// let serve = async move {
    ///     handle.spawn(async { Ok(1) }).expect("it is open");
    ///     handle.spawn(async { Ok(2) }).expect("it is open");
    ///     // The handle goes, and nothing more can come.
    /// };
    /// let ((), report) = futures::join!(serve, driver);
    /// assert_eq!(report.counts().completed(), 2);
    /// # });
    /// ```
    pub fn split(mut self) -> (NurseryHandle<'env, T, E, M>, Driver<'env, T, E, M>) {
        let handle = NurseryHandle::holding(self.spawner());
        (handle, Driver(self.settle()))
    }
}

/// Keeps a nursery that was [split](Nursery::split) open, spawns into it, and ends it.
///
/// It has all methods of a [`Spawner`]. A clone keeps the nursery open too; a
/// [`spawner`](Self::spawner) does not, which is for children, daemons first of all: a daemon that
/// had a handle would keep its own nursery open.
pub struct NurseryHandle<'env, T, E, M: Flavor = Shared> {
    spawner: Spawner<'env, T, E, M>,
}

impl<'env, T, E, M: Flavor> NurseryHandle<'env, T, E, M> {
    fn holding(spawner: Spawner<'env, T, E, M>) -> Self {
        spawner.inbox().hold();
        Self { spawner }
    }

    /// A spawner, which does not keep the nursery open.
    #[must_use]
    pub fn spawner(&self) -> Spawner<'env, T, E, M> {
        self.spawner.clone()
    }
}

impl<'env, T, E, M: Flavor> Deref for NurseryHandle<'env, T, E, M> {
    type Target = Spawner<'env, T, E, M>;

    fn deref(&self) -> &Self::Target {
        &self.spawner
    }
}

impl<T, E, M: Flavor> Clone for NurseryHandle<'_, T, E, M> {
    fn clone(&self) -> Self {
        Self::holding(self.spawner.clone())
    }
}

impl<T, E, M: Flavor> Drop for NurseryHandle<'_, T, E, M> {
    fn drop(&mut self) {
        self.spawner.inbox().let_go();
    }
}

impl<T, E, M: Flavor> fmt::Debug for NurseryHandle<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NurseryHandle").field("cause", &self.cause()).finish_non_exhaustive()
    }
}

/// Drives the children of a nursery that was [split](Nursery::split), and gives the [`Report`].
///
/// Dropping it drops all children there and then, the newest first; [remote](Nursery::spawn_on)
/// ones are told to go.
///
/// # Cancel safety
///
/// The outputs and the failures of the children that have ended go with it.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Driver<'env, T, E, M: Flavor>(Settle<'env, T, E, M>);

impl<T, E, M: Flavor> Unpin for Driver<'_, T, E, M> {}

impl<T, E, M: Flavor> Future for Driver<'_, T, E, M> {
    type Output = Report<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.get_mut().0).poll(cx)
    }
}

impl<T, E, M: Flavor> fmt::Debug for Driver<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}
