//! The nursery: the scope that owns children.

pub(crate) mod builder;
mod context;
mod driver;
mod ending;
mod finish;
mod first_ok;
mod join_handle;
mod later;
mod next;
mod options;
mod parent;
mod prepared;
mod rejected;
mod reserve;
mod run;
mod slot;
mod spawn;
mod spawner;

use std::fmt;
use std::panic::Location;

pub use self::builder::ChildBuilder;
pub use self::context::{ChildCancelled, ChildContext, LocalChildContext, With};
pub use self::driver::{Driver, NurseryHandle};
pub use self::ending::{EndCancelled, Needs, UntilCancelled};
pub use self::finish::{Join, JoinByChild, Settle};
pub use self::first_ok::{FirstOk, FirstOkSettle};
pub use self::join_handle::{JoinHandle, Joining};
pub use self::later::{Later, MakeTimer};
pub use self::next::{Completions, Next};
pub use self::parent::{Answer, Parent};
pub use self::rejected::{Rejected, Rejection};
pub use self::reserve::{Reserve, SpawnerReserve};
pub use self::run::{Run, RunSettle};
pub use self::slot::{Place, Slot, SpawnerPlace, SpawnerSlot};
pub use self::spawner::{LocalSpawner, NurseryCancelled, Spawner};
use crate::cancel::Cause;
use crate::drive::DriverState;
use crate::flavor::{Flavor, Hold, Local, Shared};
use crate::scope::Scope;
use crate::scope::collected::{Bounds, Collected, Detail};
use crate::scope::inbox::By;
use crate::scope::records::Records;

/// A scope that owns child futures, drives them together and returns every failure.
///
/// Made by [`Nursery::new`], or by [`Nursery::local`] for children that are not `Send`.
///
/// `T` is what children return, `E` how they fail, and `'env` what they may borrow from: anything
/// that was there before the nursery. Children need not be `'static`, and `E` needs no bound.
///
/// A child is polled only while the nursery is driven, that is while one of its futures is awaited:
/// [`join`](Self::join), [`settle`](Self::settle), [`next`](Self::next),
/// [`first_ok`](Self::first_ok), [`run`](Self::run) or [`reserve`](Self::reserve).
/// All children run on the task that drives: they are concurrent, and not parallel.
///
/// | finished by | gives | when a child fails |
/// |---|---|---|
/// | [`join`](Self::join) | outputs in spawn order, with their children if [asked](Join::by_child) | the others go on; all failures at the end |
/// | [`settle`](Self::settle) | a [`Report`](crate::Report): outputs, failures and cancelled children | the same |
/// | [`next`](Self::next) | one [`Completion`](crate::Completion) after the other, as they come | it is one of them |
/// | [`first_ok`](Self::first_ok) | the first output and its child; the rest is cancelled | the others go on; an error only if none succeeds |
/// | [`run`](Self::run) | a body's output beside the children's | as `join`; the body is one more that may fail |
///
/// With [`first_error`](Self::first_error) or [`cancel_when`](Self::cancel_when) a failure cancels
/// the children that are left.
///
/// Options are meant to be set before the first spawn. One that is set later holds from then on: a
/// lower [`limit`](Self::limit) ends no child that runs, and a failure that was handed out is not
/// judged again.
///
/// Dropping a nursery drops all its children there and then, the newest first, those that never
/// started among them; [remote](Self::spawn_on) ones, which run elsewhere, are told to stop. A
/// destructor that panics keeps no other child from being dropped; the panic goes on after the last
/// of them.
///
/// # Examples
///
/// ```
/// use nestling::Nursery;
///
/// # futures::executor::block_on(async {
/// let words = ["12", "x", "7", ""]; // children may borrow it
/// let mut nursery = Nursery::new().name("parse");
/// for word in &words {
///     nursery.child().name(*word).spawn(async move { word.parse::<u32>() });
/// }
///
/// let error = nursery.join().await.unwrap_err();
/// assert_eq!(error.len(), 2);
/// assert_eq!(error.counts().completed(), 2);
/// assert_eq!(error.first().child().name(), Some("x"));
/// # });
/// ```
///
/// A child of a [`Shared`] nursery must be `Send`:
///
/// ```compile_fail
/// let mut nursery: nestling::Nursery<'_, (), ()> = nestling::Nursery::new();
/// let not_send = std::rc::Rc::new(1);
/// nursery.spawn(async move {
///     std::future::ready(()).await;
///     drop(not_send);
///     Ok(())
/// });
/// ```
///
/// It cannot outlive what it borrows:
///
/// ```compile_fail,E0597
/// let mut nursery: nestling::Nursery<'_, usize, ()> = nestling::Nursery::new();
/// {
///     let text = String::from("gone too soon");
///     nursery.spawn(async { Ok(text.len()) });
/// }
/// drop(nursery);
/// ```
///
/// And a nursery that was joined takes no more children:
///
/// ```compile_fail,E0382
/// let mut nursery: nestling::Nursery<'_, (), ()> = nestling::Nursery::new();
/// let join = nursery.join();
/// nursery.spawn(async { Ok(()) });
/// ```
#[must_use = "a nursery does nothing unless it is driven, by `join` for one"]
pub struct Nursery<'env, T, E, M: Flavor = Shared> {
    /// In a box, so that a future that holds a nursery is small.
    inner: Box<Inner<'env, T, E, M>>,
}

/// A nursery that is being finished.
type Boxed<'env, T, E, M> = Box<Inner<'env, T, E, M>>;

/// A nursery, and what it keeps between two calls.
struct Inner<'env, T, E, M: Flavor> {
    driver: DriverState,
    scope: Scope<'env, T, E, M>,
    /// What ended while the owner waited for a slot.
    held: Records<T, E>,
    bounds: Bounds,
}

/// The failures that were kept and not told are counted in the child that the nursery is inside.
impl<T, E, M: Flavor> Drop for Inner<'_, T, E, M> {
    fn drop(&mut self) {
        self.scope.lose(self.held.failures());
    }
}

/// A nursery for children that need not be `Send`, made by [`Nursery::local`].
pub type LocalNursery<'env, T, E> = Nursery<'env, T, E, Local>;

impl<T, E> Nursery<'_, T, E, Shared> {
    /// A nursery for children that are `Send`.
    pub fn new() -> Self {
        Self::empty()
    }
}

impl<T, E> Nursery<'_, T, E, Local> {
    /// A nursery for children that need not be `Send`. It cannot move between threads itself.
    pub fn local() -> Self {
        Self::empty()
    }
}

/// An empty nursery of either flavour, for code that is generic over it.
impl<T, E, M: Flavor> Default for Nursery<'_, T, E, M> {
    fn default() -> Self {
        Self::empty()
    }
}

// Nothing in it is ever pinned: children stand in boxes of their own.
impl<T, E, M: Flavor> Unpin for Nursery<'_, T, E, M> {}

impl<'env, T, E, M: Flavor> Nursery<'env, T, E, M> {
    fn empty() -> Self {
        let driver = DriverState::new();
        let scope = Scope::new(driver.waker());
        let inner = Inner { driver, scope, held: Records::new(), bounds: Bounds::NONE };
        Self { inner: Box::new(inner) }
    }

    /// The children, and what has ended already on its way to a result with about so many outputs.
    fn into_collected<K: Detail>(
        mut self,
        expected: usize,
    ) -> (Boxed<'env, T, E, M>, Collected<K, T, E>) {
        let mut collected = Collected::new(self.inner.bounds, expected);
        while let Some(completion) = self.inner.held.pop() {
            collected.record(completion);
        }
        self.inner.scope.tell_cancelled(collected.room_for_cancelled());
        (self.inner, collected)
    }

    /// A spawner for children, bodies and other threads to spawn by.
    ///
    /// It keeps nothing alive: a nursery that is joined ends when its last child does, whether or
    /// not there are spawners left, and refuses them from then on.
    pub fn spawner(&mut self) -> Spawner<'env, T, E, M> {
        Spawner::new(self.inner.scope.inbox().clone())
    }

    /// Cancels every child, those in the backlog among them, and every child spawned later.
    ///
    /// All children are dropped before this returns, the newest first; a panic in a destructor is
    /// caught and becomes a failure. Those that have started and have a
    /// [grace](ChildBuilder::grace), all of them if the nursery [has one](Self::grace), are
    /// signalled instead, and go on when the nursery is next driven; [remote](Self::spawn_on) ones
    /// are told to go then, and waited for. Returns whether this was what cancelled the nursery:
    /// the first cause stays.
    pub fn cancel(&mut self) -> bool {
        self.cancel_with(String::new())
    }

    /// [`cancel`](Self::cancel), with a reason that the [`Cause`] carries.
    pub fn cancel_with(&mut self, reason: impl Into<String>) -> bool {
        let first = self.inner.scope.cancel(Cause::requested(reason.into()));
        self.inner.scope.cancel_daemons_if_idle();
        first
    }

    /// [`cancel_with`](Self::cancel_with) that lets the children that run go on until `grace`
    /// resolves, which begins now. It takes the place of the nursery's own [grace](Self::grace).
    /// See [`Spawner::cancel_within`].
    #[track_caller]
    pub fn cancel_within<G>(&mut self, reason: impl Into<String>, grace: G) -> bool
    where
        G: Future,
        M: Hold<'env, G>,
    {
        let grace = (builder::hold::<G, M>(grace), Location::caller());
        self.inner.scope.replace_grace_now(grace);
        self.cancel_with(reason)
    }

    /// Refuses spawners from now on, and lets the children go on. The owner can still spawn.
    /// Returns whether this was what closed it, see [`Spawner::close`].
    pub fn close(&mut self) -> bool {
        self.inner.scope.inbox().close(By::Owner)
    }

    /// Changes the [limit](Self::limit). Children that run beyond a lower one go on.
    ///
    /// # Panics
    ///
    /// If `limit` is zero.
    #[track_caller]
    pub fn set_limit(&mut self, limit: usize) {
        options::check_limit(limit);
        self.inner.scope.set_limit(limit);
    }

    /// Whether no child is left, and nothing to hand out by [`next`](Self::next).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.held.is_empty() && self.inner.scope.is_empty() && self.queued() == 0
    }

    /// Why the nursery was cancelled; `None` while it was not.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.inner.scope.cancel_requested()
    }

    /// The number of children that have started and not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.inner.scope.running()
    }

    /// The number of children in the backlog: spawned and not started.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.inner.scope.queued()
    }
}

impl<T, E, M: Flavor> fmt::Debug for Nursery<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nursery")
            .field("name", &self.inner.scope.name())
            .field("running", &self.running())
            .field("queued", &self.queued())
            .field("cause", &self.cause())
            .finish_non_exhaustive()
    }
}
