//! Spawning by the nursery's owner.

use std::sync::Arc;

use futures::task::Spawn;

use super::context::{ChildContext, With};
use super::join_handle::{JoinHandle, Joining};
use super::prepared::{Prepared, no_introduction};
use super::when_free::SpawnWhenFree;
use super::{ChildBuilder, Nursery, Rejected};
use crate::adapt::{Convert, Grouped, Plain, Raw, RawRemote};
use crate::cancel::{CancelHandle, Control};
use crate::child::{End, Spawned};
use crate::error::JoinedError;
use crate::flavor::{Flavor, Hold};
use crate::guard::drop_quietly;
use crate::info::ChildId;
use crate::remote::Remote;
use crate::scope::inbox::{Admission, Refusal};

impl<'env, T, E, M: Flavor> Nursery<'env, T, E, M> {
    /// A child with options of its own, to be spawned.
    pub fn child(&mut self) -> ChildBuilder<'env, &mut Self, M> {
        ChildBuilder::new(self)
    }

    /// Spawns a child. It starts when the nursery is next driven and a slot is free.
    ///
    /// Returns the child's spawn number. A child spawned into a cancelled nursery is never polled;
    /// it is dropped and reported as cancelled; after the [deadline](Self::deadline), as timed out.
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
    /// The handle costs the child an allocation that [`spawn`](Self::spawn) does without. For
    /// groups there is
    /// [`child().spawn_group_with_handle(..)`](ChildBuilder::spawn_group_with_handle).
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
    /// Whatever the depth, the whole tree is one [`JoinedError<E>`]. Only the error crosses over:
    /// what the inner nursery's children had returned, and which of them were cancelled, is for the
    /// child to make an output of, by [`settle`](Self::settle) for one. A child that is cancelled
    /// is dropped, and a nursery in it with the failures that it had collected. If destructors in
    /// there panic, the first of these panics is the child's failure.
    ///
    /// An error of the work around the inner nursery, made a joined error by `?` or
    /// [`From`](JoinedError#impl-From%3CE%3E-for-JoinedError%3CE%3E), is the child's own and no
    /// group.
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

    /// Spawns a child and hands its output, of whatever type, to a handle and not to the nursery.
    ///
    /// The child's failure is the nursery's, as any other's; the handle then says how it was
    /// [lost](crate::Lost). The child is counted as completed where it succeeds, and
    /// [`next`](Self::next) gives [`Outcome::Delivered`](crate::Outcome::Delivered) for it. It wins
    /// no race in [`first_ok`](Self::first_ok).
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), String> = Nursery::new();
    /// let name = nursery.spawn_join(async { Ok("nestling") });
    /// let size = nursery.spawn_join(async { Ok(4_096_u64) });
    /// nursery.join().await.unwrap();
    /// assert_eq!((name.await.unwrap(), size.await.unwrap()), ("nestling", 4_096));
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn_join<U, F>(&mut self, future: F) -> JoinHandle<U>
    where
        F: Future<Output = Result<U, E>>,
        M: Hold<'env, Joining<F, U, T>>,
    {
        self.child().spawn_join(future)
    }

    /// Spawns a child that is made from its context: what it may know of itself.
    ///
    /// `make` is called when the child is first polled; if it panics, that is the child's failure.
    /// A child that never starts is never made. The handle costs nothing more.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, u64, ()> = Nursery::new();
    /// nursery.spawn_with(|cx| async move {
    ///     cx.spawner().spawn(async { Ok(10) }).expect("it is open");
    ///     Ok(cx.id().number())
    /// });
    /// assert_eq!(nursery.join().await.unwrap(), [0, 10]);
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn_with<C, F>(&mut self, make: C) -> CancelHandle
    where
        C: FnOnce(ChildContext<'env, T, E, M>) -> F,
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, With<C, F, ChildContext<'env, T, E, M>>>,
    {
        self.child().spawn_with(make)
    }

    /// Spawns a child if fewer children are unfinished than the limit allows; gives it back
    /// otherwise.
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
    /// [`next`](Self::next) takes them out. Spawners that wait for a slot too are served in the
    /// order in which they came, this one among them. In a nursery that is cancelled the child is
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

    /// Spawns a child that runs on an executor, in parallel with the others, and returns the handle
    /// that cancels it.
    ///
    /// It is a child as any other: it has its place in the order, takes a slot, and is waited for;
    /// its panic crosses over with its payload. As it runs on other threads it has to be `Send` and
    /// `'static`. It is handed to the executor when it starts, and wakes the nursery when it has
    /// ended.
    ///
    /// | what happens | the child |
    /// |---|---|
    /// | it is cancelled, by itself or with the nursery | is told to go when the nursery is next driven, and **waited for**: it ends as cancelled when its future has been dropped where it ran. If it was through before, that is its end |
    /// | its [grace](ChildBuilder::grace) or that of the nursery is over | the same |
    /// | the executor refuses it | has failed, by [`Failure::Executor`](crate::Failure::Executor); its future was dropped and never polled |
    /// | the executor drops it, as one does that is shut down | has failed, by [`Failure::Executor`](crate::Failure::Executor), whether it was polled or not |
    /// | it was cancelled, and then the executor drops it | is cancelled |
    /// | the executor runs it inline | may have ended when it has started |
    /// | the executor panics when it is given the child | has panicked; if it was run all the same, that is its end, and the panic one more failure |
    /// | the executor neither runs nor drops it | waits for ever, also when it is cancelled |
    /// | the nursery is dropped | is told to go, and is not waited for: it is dropped where it runs, without being polled again |
    ///
    /// The executor is anything that is a [`Spawn`], or a closure by
    /// [`executor`](crate::executor()); it is moved into the child, and a reference serves.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let smol = nestling::executor(|task| smol::spawn(task).detach());
    /// let mut nursery: Nursery<'_, usize, String> = Nursery::new().limit(2);
    /// for text in ["parallel", "children"] {
    ///     nursery.spawn_on(smol, async move { Ok(text.len()) });
    /// }
    /// assert_eq!(nursery.join().await.unwrap(), [8, 8]);
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn_on<X, F>(&mut self, executor: X, future: F) -> CancelHandle
    where
        X: Spawn,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
        M: Hold<'env, Remote<X, F, T, E>>,
    {
        self.child().spawn_on(executor, future)
    }

    /// Takes a child for an admission that is never refused.
    #[inline]
    pub(super) fn place<F, K>(
        &mut self,
        admission: Admission,
        child: Prepared<'env, F, K, M>,
        introduce: impl FnOnce(&mut F, &Arc<Control>),
    ) -> Spawned
    where
        F: Future,
        K: Convert<F::Output, Output = End<T, E>>,
        M: Hold<'env, F>,
    {
        match self.inner.scope.add(admission, child, |child, id| child.child(id, introduce)) {
            Ok(spawned) => spawned,
            Err(_) => unreachable!("only a child that asks for a free slot is refused"),
        }
    }
}

impl<'a, 'env, T, E, M: Flavor> ChildBuilder<'env, &'a mut Nursery<'env, T, E, M>, M> {
    /// See [`Nursery::spawn`].
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> ChildId
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.place::<F, Plain>(false, future, no_introduction).id
    }

    /// See [`Nursery::spawn_group`].
    #[track_caller]
    pub fn spawn_group<F>(self, future: F) -> ChildId
    where
        F: Future<Output = Result<T, JoinedError<E>>>,
        M: Hold<'env, F>,
    {
        self.place::<F, Grouped>(false, future, no_introduction).id
    }

    /// See [`Nursery::spawn_with_handle`].
    #[track_caller]
    pub fn spawn_with_handle<F>(self, future: F) -> CancelHandle
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        self.place::<F, Plain>(true, future, no_introduction).into_handle()
    }

    /// [`spawn_group`](Self::spawn_group) with the handle that cancels the child.
    #[track_caller]
    pub fn spawn_group_with_handle<F>(self, future: F) -> CancelHandle
    where
        F: Future<Output = Result<T, JoinedError<E>>>,
        M: Hold<'env, F>,
    {
        self.place::<F, Grouped>(true, future, no_introduction).into_handle()
    }

    /// See [`Nursery::spawn_join`].
    #[track_caller]
    pub fn spawn_join<U, F>(self, future: F) -> JoinHandle<U>
    where
        F: Future<Output = Result<U, E>>,
        M: Hold<'env, Joining<F, U, T>>,
    {
        let future = Joining::new(future);
        let promise = future.promise();
        promise.handle(self.place::<_, Raw>(true, future, no_introduction))
    }

    /// See [`Nursery::spawn_with`].
    #[track_caller]
    pub fn spawn_with<C, F>(self, make: C) -> CancelHandle
    where
        C: FnOnce(ChildContext<'env, T, E, M>) -> F,
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, With<C, F, ChildContext<'env, T, E, M>>>,
    {
        let meet = With::meet(self.parent.inner.scope.inbox());
        self.place::<_, Plain>(true, With::new(make), meet).into_handle()
    }

    /// [`spawn_group`](Self::spawn_group) of a child that is made from its context; so its nursery
    /// can be [cancelled with it](ChildContext::nursery).
    #[track_caller]
    pub fn spawn_group_with<C, F>(self, make: C) -> CancelHandle
    where
        C: FnOnce(ChildContext<'env, T, E, M>) -> F,
        F: Future<Output = Result<T, JoinedError<E>>>,
        M: Hold<'env, With<C, F, ChildContext<'env, T, E, M>>>,
    {
        let meet = With::meet(self.parent.inner.scope.inbox());
        self.place::<_, Grouped>(true, With::new(make), meet).into_handle()
    }

    /// [`spawn_join`](Self::spawn_join) of a child that is made from its context.
    #[track_caller]
    pub fn spawn_join_with<U, C, F>(self, make: C) -> JoinHandle<U>
    where
        C: FnOnce(ChildContext<'env, T, E, M>) -> F,
        F: Future<Output = Result<U, E>>,
        M: Hold<'env, Joining<With<C, F, ChildContext<'env, T, E, M>>, U, T>>,
    {
        let meet = With::meet(self.parent.inner.scope.inbox());
        let future = Joining::new(With::new(make));
        let promise = future.promise();
        let introduce = |joining: &mut Joining<_, _, _>, control: &_| {
            meet(joining.get_mut(), control);
        };
        promise.handle(self.place::<_, Raw>(true, future, introduce))
    }

    /// See [`Nursery::spawn_on`].
    #[track_caller]
    pub fn spawn_on<X, F>(self, executor: X, future: F) -> CancelHandle
    where
        X: Spawn,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
        M: Hold<'env, Remote<X, F, T, E>>,
    {
        self.place::<_, RawRemote>(true, Remote::new(executor, future), Remote::set_control)
            .into_handle()
    }

    /// See [`Nursery::try_spawn`]. A daemon takes no slot: there is always room for it.
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
        let Self { parent, options } = self;
        let refusal = match parent.inner.scope.cancel_requested() {
            Some(cause) => Some(Refusal::Cancelled(cause)),
            None if !options.daemon && !parent.inner.scope.has_room() => Some(Refusal::Full),
            None => None,
        };
        // Shedding is common where it is used at all, and must not allocate.
        if let Some(refusal) = refusal {
            // The future is given back, whatever the destructors of its timers do.
            drop_quietly(options);
            return Err(Rejected::new(future, refusal));
        }
        let child =
            Prepared::<F, Plain, M>::new(options, || parent.inner.scope.requests(), false, future);
        let admission = child.admission(Admission::IfFree);
        match parent.inner.scope.add(admission, child, |child, id| child.child(id, no_introduction))
        {
            Ok(spawned) => Ok(spawned.id),
            Err(child) => Err(Rejected::new(child.into_inner(), Refusal::Full)),
        }
    }

    /// See [`Nursery::spawn_when_free`]. A daemon takes no slot: it does not wait.
    #[track_caller]
    pub fn spawn_when_free<F>(self, future: F) -> SpawnWhenFree<'a, 'env, T, E, M, F>
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        let child =
            Prepared::new(self.options, || self.parent.inner.scope.requests(), false, future);
        SpawnWhenFree::new(self.parent, child)
    }

    #[track_caller]
    #[inline]
    fn place<F, K>(
        self,
        handle: bool,
        future: F,
        introduce: impl FnOnce(&mut F, &Arc<Control>),
    ) -> Spawned
    where
        F: Future,
        K: Convert<F::Output, Output = End<T, E>>,
        M: Hold<'env, F>,
    {
        let child = Prepared::<F, K, M>::new(
            self.options,
            || self.parent.inner.scope.requests(),
            handle,
            future,
        );
        let admission = child.admission(Admission::Always);
        self.parent.place(admission, child, introduce)
    }
}
