//! The builder of one child: what it is called and how it may end, then how it is spawned.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use futures::task::Spawn;

use super::context::{ChildContext, With};
use super::join_handle::{JoinHandle, Joining};
use super::later::{Later, MakeTimer};
use super::parent::Parent;
use super::prepared::no_introduction;
use crate::adapt::{Adapt, Convert, Elsewhere, Grouped, Here, Kind, Plain, Timer};
use crate::cancel::{CancelHandle, Control};
use crate::child::{End, Spawned};
use crate::flavor::{Flavor, Hold};
use crate::info::{ChildId, ChildInfo};
use crate::observe::{Record, Scene, SeenTraits};
use crate::remote::Remote;
use crate::scope::inbox::Admission;
use crate::timed::Timers;

/// A child about to be spawned: options first, then one of the spawn methods.
///
/// Made by [`Nursery::child`](crate::Nursery::child) and [`Spawner::child`](crate::Spawner::child),
/// and with a place in the limit by `reserve` and `try_reserve` of either: that is a
/// [`Slot`](crate::spawn::Slot), or a [`SpawnerSlot`](crate::spawn::SpawnerSlot). The spawn methods
/// are those of the nursery and of the spawner, and do the same.
///
/// What they return depends on what spawns, the builder's [`Parent`]. `R` stands for what the child
/// is known by: its id, or a handle.
///
/// | made by | returns |
/// |---|---|
/// | the nursery's owner, or a slot of the owner | `R` |
/// | a spawner, or a slot of a spawner | `Result<R, Rejected<F>>`, with the future, or the closure that was to make it |
///
/// What the child's future returns depends on its [`Kind`]: an error of the nursery's type, or,
/// after [`group`](Self::group), a joined error.
///
/// A child with an option of its own costs an allocation that others do without, and one for the
/// name and for each future that is given.
///
/// # Examples
///
/// ```
/// use nestling::Nursery;
/// use std::future::{pending, ready};
///
/// # futures::executor::block_on(async {
/// let mut nursery: Nursery<'_, (), String> = Nursery::new();
/// nursery.child().name("metrics").daemon().spawn(pending());
/// nursery.child().name("fetch").timeout(|| ready(())).spawn(pending());
/// nursery.child().name("flush").grace(|| ready(())).spawn_with_context(move |cx| async move {
///     let cause = cx.cancelled().await;
///     Err(format!("flushed at the end: {cause}"))
/// });
/// # nursery.cancel_with("shutting down");
/// let report = nursery.settle().await;
/// # assert_eq!(report.counts().total(), 3);
/// # });
/// ```
#[must_use = "a child is spawned by one of the spawn methods"]
pub struct ChildBuilder<'env, P, M: Flavor, K = Plain> {
    parent: P,
    options: Options<'env, M>,
    kind: PhantomData<fn() -> K>,
}

/// What is special about a child.
pub(super) struct Options<'env, M: Flavor> {
    pub(super) name: Option<Arc<str>>,
    pub(super) daemon: bool,
    /// `None` for most: that is cheaper to pass on, and to drop, than timers of which none is
    /// there.
    pub(super) timers: Option<Timers<M::Boxed<'env, ()>>>,
}

/// What is asked for besides the future.
pub(super) struct Order<'env, M: Flavor> {
    pub(super) options: Options<'env, M>,
    /// Whether there is to be a handle.
    pub(super) handle: bool,
    pub(super) location: &'static Location<'static>,
}

impl<M: Flavor> Order<'_, M> {
    /// The record of the child, if there is a scene: it is observed then.
    #[inline]
    pub(super) fn record(
        &self,
        scene: Option<&Arc<Scene>>,
        remote: bool,
        size: usize,
    ) -> Option<Arc<Record>> {
        scene.map(|scene| self.record_in(scene, remote, size))
    }

    #[cold]
    fn record_in(&self, scene: &Arc<Scene>, remote: bool, size: usize) -> Arc<Record> {
        let Options { name, daemon, .. } = &self.options;
        // The number is not known yet.
        let info = ChildInfo::new(ChildId::new(0), name.clone(), self.location);
        scene.record(info, SeenTraits { daemon: *daemon, remote, size })
    }

    /// How the child is admitted: a daemon as a daemon, any other as `others` says.
    #[inline]
    pub(super) fn admission(&self, others: Admission) -> Admission {
        if self.options.daemon { Admission::Daemon } else { others }
    }
}

impl<'env, P, M: Flavor> ChildBuilder<'env, P, M> {
    #[inline]
    pub(super) fn new(parent: P) -> Self {
        let options = Options { name: None, daemon: false, timers: None };
        Self { parent, options, kind: PhantomData }
    }

    /// Makes the child a nursery of its own: its future returns a [`JoinedError`], which becomes a
    /// subtree of this nursery's error. See [`Nursery::spawn_group`](crate::Nursery::spawn_group).
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::{JoinedError, Nursery};
    /// # async fn upload() -> Result<(), JoinedError<String>> {
    /// #     Ok(())
    /// # }
    /// # futures::executor::block_on(async {
    /// let mut sync = Nursery::new().limit(2);
    /// for _ in 0..10 {
    ///     let slot = sync.reserve().await.expect("nothing cancels it");
    ///     slot.name("uploads").group().spawn(upload());
    /// }
    /// # sync.join().await.unwrap();
    /// # });
    /// ```
    ///
    /// [`JoinedError`]: crate::JoinedError
    pub fn group(self) -> ChildBuilder<'env, P, M, Grouped> {
        let Self { parent, options, kind: _ } = self;
        ChildBuilder { parent, options, kind: PhantomData }
    }
}

/// The options.
impl<'env, P, M: Flavor, K> ChildBuilder<'env, P, M, K> {
    /// Names the child in errors, causes and reports. Names need not be unique; an empty one is
    /// none.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.options.name = Some(name.into()).filter(|name| !name.is_empty());
        self
    }

    /// Makes the child a daemon: it is not waited for.
    ///
    /// When the last other child has ended, and the body if there is one, the daemons are
    /// cancelled, the newest first, with
    /// [`CauseKind::Finished`](crate::outcome::CauseKind::Finished). That is no failure; a failure
    /// of its own is reported as any other's. A [`deadline`](crate::Nursery::deadline) cancels a
    /// daemon, and does not make it a failure. An owner that takes completions by
    /// [`next`](crate::Nursery::next) keeps its daemons until it closes or finishes the nursery.
    ///
    /// Its output wins no [race](crate::Nursery::first_ok).
    ///
    /// A daemon takes no slot of the [`limit`](crate::Nursery::limit) and waits for none: it would
    /// keep others from running for as long as they run. In a nursery that is cancelled it goes on
    /// until the last other child has ended, and the body: these may need it for their clean-up.
    /// Then it is dropped, for the cause of the nursery, unless it has a grace of its own: that
    /// begins then, also where the [nursery's](crate::Nursery::grace) is over. One that is spawned
    /// when no other child is left is cancelled before it starts. One that is made of a slot gives
    /// that back when it is spawned.
    pub fn daemon(mut self) -> Self {
        self.options.daemon = true;
        self
    }

    /// Lets the child fail as [timed out](crate::Failure::TimedOut) if the future that `make`
    /// returns resolves before the child has ended.
    ///
    /// `make` is called when the child starts, so the time that the child waits in the backlog does
    /// not count: `timeout(|| sleep(second))`. The future is polled right before the child each
    /// time, so that a child which uses up the budget of its runtime's task leaves some to its
    /// timeout. It is heeded after the child: one that is ready in the same poll has ended in time,
    /// also where the timeout had passed already. Once the child is cancelled, its timeout is not
    /// polled any more. With a [`grace`](Self::grace) the child is signalled first, and has timed
    /// out when it does not end by itself before that is over.
    ///
    /// A timer that was made before, as that of several children which share a time, can be given
    /// as `|| timer`.
    ///
    /// A timeout that panics, as it is made or later, is the child's failure, and the child is
    /// dropped.
    pub fn timeout<C>(mut self, make: C) -> Self
    where
        C: MakeTimer,
        M: Hold<'env, Later<C>>,
    {
        self.timers().timeout = Some(hold::<_, M>(Later::new(make)));
        self
    }

    /// Lets the child go on for a time once it is cancelled, until the future that `make` returns
    /// resolves: `grace(|| sleep(second))`.
    ///
    /// The child is signalled: what waits for
    /// [`ChildContext::cancelled`](crate::ChildContext::cancelled) is woken, and nurseries made by
    /// [`ChildContext::nursery`](crate::ChildContext::nursery) are cancelled. If the child ends by
    /// itself, that is its outcome: an output is kept, a failure is flagged
    /// [`after_cancel`](crate::ChildError::after_cancel). Otherwise it is dropped when the grace is
    /// over, and the [report](crate::Report::overran_grace) says so. A child that has not started
    /// when it is cancelled is dropped at once.
    ///
    /// `make` is called when the child is polled after its cancel, and the future polled right
    /// before the child, which is polled at least once more.
    ///
    /// A grace that panics is over, and its panic is the child's failure.
    pub fn grace<C>(mut self, make: C) -> Self
    where
        C: MakeTimer,
        M: Hold<'env, Later<C>>,
    {
        self.timers().grace = Some(hold::<_, M>(Later::new(make)));
        self
    }

    fn timers(&mut self) -> &mut Timers<M::Boxed<'env, ()>> {
        self.options.timers.get_or_insert(Timers::NONE)
    }
}

/// The spawn methods.
impl<'env, P, M, K> ChildBuilder<'env, P, M, K>
where
    M: Flavor,
    P: Parent<'env, M>,
    K: Kind<P::Error>,
{
    /// Spawns the child; see [`Nursery::spawn`](crate::Nursery::spawn) and
    /// [`Spawner::spawn`](crate::Spawner::spawn).
    ///
    /// # Errors
    ///
    /// By a spawner, or a slot of one: the future, if the nursery is closed or cancelled.
    #[track_caller]
    #[inline]
    pub fn spawn<F>(self, future: F) -> P::Spawned<ChildId, F>
    where
        F: Future<Output = Result<P::Output, K::Error>>,
        M: Hold<'env, F>, // a child that spawns itself again: let its function return a `BoxFuture`
    {
        self.admit::<F, Here<K>, _, _>(
            false,
            future,
            no_introduction,
            |spawned| spawned.id,
            |future| future,
        )
    }

    /// Spawns the child and returns the handle that cancels it; see
    /// [`Nursery::spawn_with_handle`](crate::Nursery::spawn_with_handle).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_with_handle<F>(self, future: F) -> P::Spawned<CancelHandle, F>
    where
        F: Future<Output = Result<P::Output, K::Error>>,
        M: Hold<'env, F>,
    {
        self.admit::<F, Here<K>, _, _>(
            true,
            future,
            no_introduction,
            Spawned::into_handle,
            |future| future,
        )
    }

    /// Spawns the child and hands its output to a handle; see
    /// [`Nursery::spawn_join`](crate::Nursery::spawn_join).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_join<U, F>(self, future: F) -> P::Spawned<JoinHandle<U>, F>
    where
        F: Future<Output = Result<U, K::Error>>,
        M: Hold<'env, Joining<F, U, P::Output>>,
    {
        let future = Joining::new(future);
        let promise = future.promise();
        self.admit::<_, Here<K>, _, _>(
            true,
            future,
            no_introduction,
            |spawned| promise.handle(spawned),
            Joining::into_inner,
        )
    }

    /// Spawns a child that is made from its context; see
    /// [`Nursery::spawn_with_context`](crate::Nursery::spawn_with_context). A [group](Self::group)
    /// that is made so can have its nursery [cancelled with it](ChildContext::nursery).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn); what comes back is the closure.
    #[track_caller]
    pub fn spawn_with_context<C, F>(mut self, make: C) -> P::Spawned<CancelHandle, C>
    where
        C: FnOnce(ChildContext<'env, P::Output, P::Error, M>) -> F,
        F: Future<Output = Result<P::Output, K::Error>>,
        M: Hold<'env, With<C, F, ChildContext<'env, P::Output, P::Error, M>>>,
    {
        let meet = With::meet(self.parent.inbox());
        self.admit::<_, Here<K>, _, _>(
            true,
            With::new(make),
            meet,
            Spawned::into_handle,
            With::into_make,
        )
    }

    /// [`spawn_join`](Self::spawn_join) of a child that is made from its context.
    ///
    /// # Errors
    ///
    /// As [`spawn_with_context`](Self::spawn_with_context).
    #[track_caller]
    pub fn spawn_join_with_context<U, C, F>(mut self, make: C) -> P::Spawned<JoinHandle<U>, C>
    where
        C: FnOnce(ChildContext<'env, P::Output, P::Error, M>) -> F,
        F: Future<Output = Result<U, K::Error>>,
        M: Hold<
                'env,
                Joining<With<C, F, ChildContext<'env, P::Output, P::Error, M>>, U, P::Output>,
            >,
    {
        let meet = With::meet(self.parent.inbox());
        let future = Joining::new(With::new(make));
        let promise = future.promise();
        let introduce = |joining: &mut Joining<_, _, _>, control: &_| {
            meet(joining.get_mut(), control);
        };
        self.admit::<_, Here<K>, _, _>(
            true,
            future,
            introduce,
            |spawned| promise.handle(spawned),
            |joining| joining.into_inner().into_make(),
        )
    }

    /// Spawns a child that runs on an executor, in parallel; see
    /// [`Nursery::spawn_on`](crate::Nursery::spawn_on).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_on<X, F>(self, executor: X, future: F) -> P::Spawned<CancelHandle, F>
    where
        X: Spawn,
        F: Future<Output = Result<P::Output, K::Error>> + Send + 'static,
        P::Output: Send + 'static,
        K::Error: Send + 'static,
        M: Hold<'env, Remote<X, F, P::Output, K::Error>>,
    {
        let future = Remote::new(executor, future);
        self.admit::<_, Elsewhere<K>, _, _>(
            true,
            future,
            Remote::set_control,
            Spawned::into_handle,
            Remote::into_future,
        )
    }

    #[track_caller]
    #[inline]
    fn admit<F, A, R, G>(
        self,
        handle: bool,
        future: F,
        introduce: impl FnOnce(&mut F, &Arc<Control>),
        taken: impl FnOnce(Spawned) -> R,
        back: impl FnOnce(F) -> G,
    ) -> P::Spawned<R, G>
    where
        F: Future,
        A: Convert<F::Output, Output = End<P::Output, P::Error>>,
        M: Hold<'env, F>,
    {
        let Self { parent, options, kind: _ } = self;
        let order = Order { options, handle, location: Location::caller() };
        parent.admit::<F, A, R, G>(order, future, introduce, taken, back)
    }
}

impl<'env, P, M> ChildBuilder<'env, P, M>
where
    M: Flavor,
    P: Parent<'env, M>,
{
    /// [`spawn_with_handle`](Self::spawn_with_handle) of a child of either kind, that is said to be
    /// spawned at this line.
    pub(crate) fn spawn_at<K, F>(
        self,
        location: &'static Location<'static>,
        future: F,
    ) -> P::Spawned<CancelHandle, F>
    where
        K: Kind<P::Error>,
        F: Future<Output = Result<P::Output, K::Error>>,
        M: Hold<'env, F>,
    {
        let Self { parent, options, kind: _ } = self;
        let order = Order { options, handle: true, location };
        parent.admit::<F, Here<K>, _, _>(
            order,
            future,
            no_introduction,
            Spawned::into_handle,
            |future| future,
        )
    }
}

/// Boxes a timer; its output is discarded.
pub(crate) fn hold<'env, F, M>(timer: F) -> M::Boxed<'env, ()>
where
    F: Future,
    M: Hold<'env, F>,
{
    M::hold::<Timer>(Box::new(Adapt::new(timer)))
}

impl<P, M: Flavor, K> fmt::Debug for ChildBuilder<'_, P, M, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timers = self.options.timers.as_ref();
        f.debug_struct("ChildBuilder")
            .field("name", &self.options.name)
            .field("daemon", &self.options.daemon)
            .field("timeout", &timers.is_some_and(|timers| timers.timeout.is_some()))
            .field("grace", &timers.is_some_and(|timers| timers.grace.is_some()))
            .finish_non_exhaustive()
    }
}
