//! Spawning by children, bodies and other threads.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::task::Spawn;

use super::builder::hold;
use super::context::{ChildContext, With};
use super::join_handle::{JoinHandle, Joining};
use super::{ChildBuilder, Rejected};
use crate::cancel::{CancelHandle, Cause};
use crate::error::JoinedError;
use crate::flavor::{Flavor, Hold, Local, Shared};
use crate::info::ChildId;
use crate::remote::Remote;
use crate::scope::inbox::{By, Inbox};

/// Spawns children into a nursery that another task drives.
///
/// Made by [`Nursery::spawner`](crate::Nursery::spawner) and handed to the body by
/// [`Nursery::run`](crate::Nursery::run). Clones spawn into the same nursery. In the [`Shared`]
/// flavour a spawner is `Send` and `Sync`: any thread can spawn by it, and the nursery, which may
/// be parked on another, is woken and starts the child at once.
///
/// A spawner does not keep the nursery open; a [slot](crate::spawn::SpawnerSlot) does, and so does
/// the [handle](crate::NurseryHandle) of a split nursery. Once the nursery has ended, or was
/// dropped, closed or cancelled, every spawn gives the future back, with the reason. It has ended
/// when whatever finishes it, such as [`join`](crate::Nursery::join), has seen its last child end;
/// while the owner takes completions by [`next`](crate::Nursery::next), it stays open.
///
/// Spawning never blocks and never panics, also from inside a child and at the limit: the new child
/// waits in the backlog.
///
/// | | by the nursery | by a spawner |
/// |---|---|---|
/// | `spawn` into a cancelled nursery | takes the child, and reports it as cancelled, or timed out after the deadline | gives it back |
/// | `spawn` once the nursery has ended | cannot be written | gives the child back |
/// | `reserve` | drives the children while it waits | waits for the task that drives them |
/// | `reserve` in a nursery that a spawner has closed | waits for a slot | is refused |
/// | a slot that is in hand | borrows the nursery | can be kept, and handed on; the nursery does not end meanwhile |
/// | `cancel` | has dropped the children when it returns, but for those with a grace | wakes the nursery, which drops them |
///
/// A child may hold a spawner of its own nursery, and spawn itself again. In the [`Shared`] flavour
/// that takes a function that returns a [`BoxFuture`](futures::future::BoxFuture): the compiler has
/// to know that the future is `Send` before it knows the future. In the
/// [`Local`] flavour an `async fn` serves as it is.
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
///
/// A tree is walked by a child for each folder:
///
/// ```
/// use futures::future::{BoxFuture, FutureExt};
/// use nestling::{Nursery, Spawner};
///
/// fn walk<'env>(
///     spawner: Spawner<'env, u32, String>,
///     depth: u32,
/// ) -> BoxFuture<'env, Result<u32, String>> {
///     async move {
///         for _ in 0..depth {
///             let child = spawner.spawn(walk(spawner.clone(), depth - 1));
///             child.map_err(|no| no.into_reason().to_string())?;
///         }
///         Ok(depth)
///     }
///     .boxed()
/// }
///
/// # futures::executor::block_on(async {
/// let mut nursery = Nursery::new().limit(4);
/// let spawner = nursery.spawner();
/// nursery.spawn(walk(spawner, 3));
/// assert_eq!(nursery.join().await.unwrap().len(), 16);
/// # });
/// ```
pub struct Spawner<'env, T, E, M: Flavor = Shared> {
    inbox: Arc<Inbox<'env, T, E, M>>,
}

/// A spawner of a [`LocalNursery`](crate::LocalNursery).
pub type LocalSpawner<'env, T, E> = Spawner<'env, T, E, Local>;

impl<'env, T, E, M: Flavor> Spawner<'env, T, E, M> {
    pub(super) fn new(inbox: Arc<Inbox<'env, T, E, M>>) -> Self {
        Self { inbox }
    }

    pub(super) fn inbox(&self) -> &Arc<Inbox<'env, T, E, M>> {
        &self.inbox
    }

    /// A child with options of its own, to be spawned.
    pub fn child(&self) -> ChildBuilder<'env, &Self, M> {
        ChildBuilder::new(self)
    }

    /// Spawns a child. It starts when the nursery is next driven and a slot is free; the nursery is
    /// woken for it.
    ///
    /// # Errors
    ///
    /// The future, if the nursery is [closed](crate::spawn::Rejection::Closed) or
    /// [cancelled](crate::spawn::Rejection::Cancelled).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Result<ChildId, Rejected<F>>
    where
        F: Future<Output = Result<T, E>>,
        // The compiler quotes the remark where it cannot see through the recursion.
        M: Hold<'env, F>, // a child that spawns itself again: let its function return a `BoxFuture`
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

    /// Spawns a child as a group: its joined error becomes a subtree; see
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
        self.child().group().spawn(future)
    }

    /// Spawns a child and hands its output to a handle; see
    /// [`Nursery::spawn_join`](crate::Nursery::spawn_join).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_join<U, F>(&self, future: F) -> Result<JoinHandle<U>, Rejected<F>>
    where
        F: Future<Output = Result<U, E>>,
        M: Hold<'env, Joining<F, U, T>>,
    {
        self.child().spawn_join(future)
    }

    /// Spawns a child that is made from its context; see
    /// [`Nursery::spawn_with_context`](crate::Nursery::spawn_with_context).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn); what comes back is the closure.
    #[track_caller]
    pub fn spawn_with_context<C, F>(&self, make: C) -> Result<CancelHandle, Rejected<C>>
    where
        C: FnOnce(ChildContext<'env, T, E, M>) -> F,
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, With<C, F, ChildContext<'env, T, E, M>>>,
    {
        self.child().spawn_with_context(make)
    }

    /// Spawns a child that runs on an executor, in parallel; see
    /// [`Nursery::spawn_on`](crate::Nursery::spawn_on).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_on<X, F>(&self, executor: X, future: F) -> Result<CancelHandle, Rejected<F>>
    where
        X: Spawn,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
        M: Hold<'env, Remote<X, F, T, E>>,
    {
        self.child().spawn_on(executor, future)
    }

    /// Cancels every child of the nursery, and the nursery for those to come.
    ///
    /// Spawning is refused at once, and no child starts any more. The children are dropped by the
    /// nursery, on its own task: it is woken for it. A child that was woken before may be polled
    /// once more, and come to an end of its own. Those that have a [grace](ChildBuilder::grace) are
    /// signalled first, and all of them if the nursery [has one](crate::Nursery::grace).
    ///
    /// Returns whether this was what cancelled it; the first cause stays.
    pub fn cancel(&self) -> bool {
        self.cancel_with(String::new())
    }

    /// [`cancel`](Self::cancel), with a reason that the [`Cause`] carries.
    pub fn cancel_with(&self, reason: impl Into<String>) -> bool {
        self.inbox.cancel(Cause::requested(reason.into())).0
    }

    /// Cancels the nursery, and lets the children that run go on until `grace` resolves.
    ///
    /// They are signalled, and may end by themselves: what they come to is kept. Those that are
    /// left when the grace is over are dropped, and the [report](crate::Report::overran_grace)
    /// lists them. A child with a grace of its own is dropped when the first of both is over.
    /// Children that have not started are dropped at once.
    ///
    /// Called again, it keeps the cause, and the new grace takes the place of the one before: so a
    /// second request can cut the first one's short. The grace is first polled by the nursery,
    /// right after this; if it panics it is over, and the panic is one more failure. A nursery that
    /// has ended takes no grace: it is dropped.
    ///
    /// Returns whether this was what cancelled it.
    ///
    /// # Panics
    ///
    /// If the destructor of a grace panics that is dropped here: this one, or one before that the
    /// nursery has not come to.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # use std::future::{pending, ready};
    /// # futures::executor::block_on(async {
    /// let (spawner, driver) = Nursery::<'_, &str, ()>::new().split();
    /// # let (told, drains) = futures::channel::oneshot::channel::<()>();
    /// spawner.spawn(async move { Ok(if drains.await.is_ok() { "drained" } else { "lost" }) }).unwrap();
    /// spawner.child().name("stuck").spawn(pending()).unwrap();
    /// # let mut driver = driver;
    /// # futures::poll!(&mut driver);
    /// # let (mut left, mut told) = (3, Some(told));
    /// # let grace = std::future::poll_fn(move |cx| {
    /// #     told.take().map(|told| told.send(()));
    /// #     cx.waker().wake_by_ref();
    /// #     left -= 1;
    /// #     if left == 0 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    /// # });
    /// spawner.cancel_within("shutting down", grace);
    /// let report = driver.await;
    /// assert_eq!(report.overran_grace().next().unwrap().name(), Some("stuck"));
    /// # });
    /// ```
    #[track_caller]
    pub fn cancel_within<G>(&self, reason: impl Into<String>, grace: G) -> bool
    where
        G: Future,
        M: Hold<'env, G>,
    {
        let grace = (hold::<G, M>(grace), Location::caller());
        self.inbox.cancel_within(Cause::requested(reason.into()), Some(grace)).0
    }

    /// Refuses spawners from now on, this one and all others, and lets the children go on.
    ///
    /// A nursery that was [split](crate::Nursery::split) ends when they have. Its owner, if there
    /// is one, can still spawn. Returns whether this was what closed it: it was neither closed nor
    /// cancelled before, and had not ended.
    pub fn close(&self) -> bool {
        self.inbox.close(By::Spawner)
    }

    /// Whether spawning is refused: the nursery is closed or cancelled, or has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inbox.is_closed()
    }

    /// Waits until the nursery is cancelled, and says why. Of a nursery that ends without a cancel
    /// it is pending for ever.
    ///
    /// This is how a [body](crate::Nursery::run), which goes on when the nursery is cancelled,
    /// hears of it. It keeps the nursery open no longer than the spawner does.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), String> = Nursery::new();
    /// let outside = nursery.spawner();
    /// nursery.spawn(async move { Ok(drop(outside.cancel_with("maintenance"))) });
    /// let body = nursery.run(|spawner| async move { Ok(spawner.cancelled().await) });
    /// let (cause, _) = body.await.unwrap();
    /// assert_eq!(cause.to_string(), "requested: maintenance");
    /// # });
    /// ```
    pub fn cancelled(&self) -> NurseryCancelled<'env, T, E, M> {
        NurseryCancelled { inbox: Arc::clone(&self.inbox), place: None }
    }

    /// Why the nursery was cancelled; `None` while it was not.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.inbox.cancel_requested()
    }
}

impl<T, E, M: Flavor> Clone for Spawner<'_, T, E, M> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.inbox))
    }
}

impl<T, E, M: Flavor> fmt::Debug for Spawner<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner").field("cause", &self.cause()).finish_non_exhaustive()
    }
}

/// Resolves when a nursery is cancelled; see [`Spawner::cancelled`]. Polled again, it is ready
/// again.
#[must_use = "futures do nothing unless they are awaited"]
pub struct NurseryCancelled<'env, T, E, M: Flavor = Shared> {
    inbox: Arc<Inbox<'env, T, E, M>>,
    /// Where its waker is kept, once there is one.
    place: Option<usize>,
}

impl<T, E, M: Flavor> Future for NurseryCancelled<'_, T, E, M> {
    type Output = Cause;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Cause> {
        let this = &mut *self;
        this.inbox.poll_cancelled(cx, &mut this.place)
    }
}

impl<T, E, M: Flavor> Drop for NurseryCancelled<'_, T, E, M> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.inbox.stop_listening(place);
        }
    }
}

impl<T, E, M: Flavor> fmt::Debug for NurseryCancelled<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NurseryCancelled").finish_non_exhaustive()
    }
}
