//! A start/stop pair: one part spawns, the other drives.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Nursery, Settle, Spawner};
use crate::flavor::Flavor;
use crate::report::Report;

impl<'env, T, E, M: Flavor> Nursery<'env, T, E, M> {
    /// A spawner and a driver: a future to hand to any executor, which drives the children.
    ///
    /// The nursery stays open while there is a spawner that keeps it open: this one and its clones.
    /// It ends, and the driver with the [`Report`], when
    ///
    /// - it is [stopped](Spawner::stop), at once or [within a grace](Spawner::stop_within);
    /// - or it is [closed](Spawner::close), or the last of these spawners is dropped, and the
    ///   children that are left have ended. So a spawner that was forgotten cannot keep the driver
    ///   for ever.
    ///
    /// A daemon that holds such a spawner does keep it open: give it that of its
    /// [context](crate::ChildContext::spawner), which does not.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling::Nursery;
    ///
    /// # futures::executor::block_on(async {
    /// let (spawner, driver) = Nursery::<'_, u32, ()>::new().split();
    /// let serve = async move {
    ///     spawner.spawn(async { Ok(1) }).expect("it is open");
    ///     spawner.spawn(async { Ok(2) }).expect("it is open");
    ///     // The spawner goes, and nothing more can come.
    /// };
    /// let ((), report) = futures::join!(serve, driver);
    /// assert_eq!(report.counts().completed(), 2);
    /// # });
    /// ```
    pub fn split(mut self) -> (Spawner<'env, T, E, M>, Driver<'env, T, E, M>) {
        let spawner = Spawner::holding(self.inner.scope.inbox().clone());
        (spawner, Driver(self.settle()))
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
