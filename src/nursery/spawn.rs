//! Spawning by the nursery's owner.

use super::plan::Plan;
use super::when_free::SpawnWhenFree;
use super::{ChildBuilder, Nursery, Rejected};
use crate::cancel::CancelHandle;
use crate::error::JoinedError;
use crate::flavor::{Adapt, Convert, Flavor, Grouped, Hold, Plain};
use crate::info::ChildId;
use crate::scope::child::{Output, Spawned};
use crate::scope::inbox::{Admission, Refusal};

impl<'env, T, E, M: Flavor> Nursery<'env, T, E, M> {
    /// A child with options of its own, to be spawned.
    pub fn child(&mut self) -> ChildBuilder<&mut Self> {
        ChildBuilder::new(self)
    }

    /// Spawns a child. It starts when the nursery is next driven and a slot is free.
    ///
    /// Returns the child's spawn number. A child spawned into a cancelled nursery is never polled; it
    /// is dropped and reported as cancelled.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> ChildId
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.child().spawn(future)
    }

    /// Spawns a child and returns the handle that cancels it.
    ///
    /// The handle costs the child an allocation that [`spawn`](Self::spawn) does without. For groups
    /// there is [`child().spawn_group_with_handle(..)`](ChildBuilder::spawn_group_with_handle).
    #[track_caller]
    pub fn spawn_with_handle<F>(&mut self, future: F) -> CancelHandle
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.child().spawn_with_handle(future)
    }

    /// Spawns a child that is a nursery of its own: its joined error becomes a subtree of this
    /// nursery's error.
    ///
    /// Whatever the depth, the whole tree is one [`JoinedError<E>`]. Only the error crosses over: what
    /// the inner nursery's children had returned, and who of them was cancelled, is for the child to
    /// make an output of, by [`settle`](Self::settle) for one. A child that is cancelled is dropped, and
    /// a nursery in it with the failures that it had collected. If destructors in there panic, the
    /// first of these panics is the child's failure.
    ///
    /// An error of the work around the inner nursery, made a joined error by `?` or
    /// [`From`](JoinedError#impl-From%3CE%3E-for-JoinedError%3CE%3E), is the child's own and no group.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling::{JoinedError, Nursery};
    ///
    /// async fn upload(names: &[&str]) -> Result<(), JoinedError<String>> {
    ///     let mut uploads = Nursery::new();
    ///     for name in names {
    ///         uploads.spawn(async move { Err::<(), _>(format!("{name}: disk full")) });
    ///     }
    ///     uploads.join().await.map(drop)
    /// }
    ///
    /// # futures::executor::block_on(async {
    /// let mut sync = Nursery::new();
    /// sync.spawn_group(upload(&["a", "b"]));
    /// let error = sync.join().await.unwrap_err();
    /// assert_eq!((error.len(), error.leaves().count()), (1, 2));
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn_group<F>(&mut self, future: F) -> ChildId
    where
        F: Future<Output = Result<T, JoinedError<E>>>,
        M: Hold<'env, F>,
    {
        self.child().spawn_group(future)
    }

    /// Spawns a child if fewer children are unfinished than the limit allows; gives it back otherwise.
    ///
    /// Children in the backlog are unfinished, and so are those that could have ended since the
    /// nursery was last driven. Without a limit there is always room.
    ///
    /// # Errors
    ///
    /// [`Full`](crate::Rejection::Full) or [`Cancelled`](crate::Rejection::Cancelled), and the
    /// future, unpolled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, u32, ()> = Nursery::new().limit(1);
    /// nursery.try_spawn(async { Ok(1) }).expect("there is room for one");
    /// let rejected = nursery.try_spawn(async { Ok(2) }).unwrap_err();
    /// assert!(rejected.reason.is_full());
    ///
    /// nursery.next().await; // the first ends, and leaves room
    /// nursery.try_spawn(rejected.future).expect("there is room again");
    /// # });
    /// ```
    #[track_caller]
    pub fn try_spawn<F>(&mut self, future: F) -> Result<ChildId, Rejected<F>>
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.child().try_spawn(future)
    }

    /// Waits until fewer children are unfinished than the limit allows, then spawns a child.
    ///
    /// This is backpressure: the children are driven while it waits. What ends meanwhile is kept
    /// for whatever finishes the nursery, outputs without bound; where there is no end of them,
    /// [`next`](Self::next) takes them out. Spawners that wait for a slot too are served in the order
    /// in which they came, this one among them. In a nursery that is cancelled the child is
    /// reported as cancelled, as by [`spawn`](Self::spawn).
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the child that was not spawned yet, and its place in the queue. Children
    /// and what was kept of them stay with the nursery.
    ///
    /// # Examples
    ///
    /// Many children, four of them at a time. Their outputs are kept, and of their failures ten:
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery = Nursery::new().limit(4).keep_errors(10);
    /// for n in 0..10_000 {
    ///     nursery.spawn_when_free(async move { if n % 100 == 0 { Err(n) } else { Ok(()) } }).await;
    /// }
    /// let error = nursery.join().await.unwrap_err();
    /// assert_eq!((error.len(), error.counts().failed()), (10, 100));
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn_when_free<F>(&mut self, future: F) -> SpawnWhenFree<'_, 'env, T, E, M, F>
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.child().spawn_when_free(future)
    }

    #[inline]
    fn place<F, K>(
        &mut self,
        admission: Admission,
        plan: Plan,
        future: Box<Adapt<F, K>>,
    ) -> Result<Spawned, Box<Adapt<F, K>>>
    where
        F: Future,
        K: Convert<F::Output, Output = Output<T, E>>,
        M: Hold<'env, F>,
    {
        self.scope.add(admission, future, |future| plan.child(future))
    }

    /// [`place`](Self::place) for an admission that is never refused.
    #[inline]
    pub(super) fn place_now<F, K>(
        &mut self,
        admission: Admission,
        plan: Plan,
        future: Box<Adapt<F, K>>,
    ) -> Spawned
    where
        F: Future,
        K: Convert<F::Output, Output = Output<T, E>>,
        M: Hold<'env, F>,
    {
        match self.place(admission, plan, future) {
            Ok(spawned) => spawned,
            Err(_) => unreachable!("only a child that asks for a free slot is refused"),
        }
    }
}

impl<'a, 'env, T, E, M: Flavor> ChildBuilder<&'a mut Nursery<'env, T, E, M>> {
    /// See [`Nursery::spawn`].
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> ChildId
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.spawn_as::<F, Plain>(future)
    }

    /// See [`Nursery::spawn_group`].
    #[track_caller]
    pub fn spawn_group<F>(self, future: F) -> ChildId
    where
        F: Future<Output = Result<T, JoinedError<E>>>,
        M: Hold<'env, F>,
    {
        self.spawn_as::<F, Grouped>(future)
    }

    /// See [`Nursery::spawn_with_handle`].
    #[track_caller]
    pub fn spawn_with_handle<F>(self, future: F) -> CancelHandle
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.handle_as::<F, Plain>(future)
    }

    /// [`spawn_group`](Self::spawn_group) with the handle that cancels the child.
    #[track_caller]
    pub fn spawn_group_with_handle<F>(self, future: F) -> CancelHandle
    where
        F: Future<Output = Result<T, JoinedError<E>>>,
        M: Hold<'env, F>,
    {
        self.handle_as::<F, Grouped>(future)
    }

    /// See [`Nursery::try_spawn`].
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
        let Self { parent, name } = self;
        if let Some(cause) = parent.scope.cancel_requested() {
            return Err(Rejected::new(future, Refusal::Cancelled(cause)));
        }
        // Shedding is common where it is used at all, and must not allocate.
        if !parent.scope.has_room() {
            return Err(Rejected::new(future, Refusal::Full));
        }
        let plan = Plan::new(name, parent.scope.gate(), false);
        match parent.place(Admission::IfFree, plan, Box::new(Adapt::<F, Plain>::new(future))) {
            Ok(spawned) => Ok(spawned.id),
            Err(future) => Err(Rejected::new(future.into_inner(), Refusal::Full)),
        }
    }

    /// See [`Nursery::spawn_when_free`].
    #[track_caller]
    pub fn spawn_when_free<F>(self, future: F) -> SpawnWhenFree<'a, 'env, T, E, M, F>
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        let plan = Plan::new(self.name, self.parent.scope.gate(), false);
        SpawnWhenFree::new(self.parent, plan, Box::new(Adapt::new(future)))
    }

    #[track_caller]
    #[inline]
    fn spawn_as<F, K>(self, future: F) -> ChildId
    where
        F: Future,
        K: Convert<F::Output, Output = Output<T, E>>,
        M: Hold<'env, F>,
    {
        let plan = Plan::new(self.name, self.parent.scope.gate(), false);
        let future = Box::new(Adapt::<F, K>::new(future));
        self.parent.place_now(Admission::Always, plan, future).id
    }

    #[track_caller]
    fn handle_as<F, K>(self, future: F) -> CancelHandle
    where
        F: Future,
        K: Convert<F::Output, Output = Output<T, E>>,
        M: Hold<'env, F>,
    {
        let plan = Plan::new(self.name, self.parent.scope.gate(), true);
        let future = Box::new(Adapt::<F, K>::new(future));
        self.parent.place_now(Admission::Always, plan, future).into_handle()
    }
}
