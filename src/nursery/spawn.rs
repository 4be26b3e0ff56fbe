//! Spawning by the nursery's owner.

use futures::task::Spawn;

use super::context::{ChildContext, With};
use super::join_handle::{JoinHandle, Joining};
use super::{ChildBuilder, Nursery};
use crate::cancel::CancelHandle;
use crate::error::JoinedError;
use crate::flavor::{Flavor, Hold};
use crate::info::ChildId;
use crate::remote::Remote;

impl<'env, T, E, M: Flavor> Nursery<'env, T, E, M> {
    /// A child with options of its own, to be spawned.
    #[inline]
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
    /// groups there is [`child().group()`](ChildBuilder::group).
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
    /// child to make an output of, by [`settle`](Self::settle) for one. When the child is
    /// cancelled, the inner nursery is cancelled with it, and the child polled once more: so the
    /// failures that were collected by then are told, flagged as [after the
    /// cancel](crate::ChildError::after_cancel).
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
        self.child().group().spawn(future)
    }

    /// Spawns a child and hands its output, of whatever type, to a handle and not to the nursery.
    ///
    /// The child's failure is the nursery's, as any other's; the handle then says how it was
    /// [lost](crate::failure::Lost). The child is counted as completed where it succeeds, and
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
    /// nursery.spawn_with_context(move |cx| async move {
    ///     cx.spawner().spawn(async { Ok(10) }).expect("it is open");
    ///     Ok(cx.id().number())
    /// });
    /// assert_eq!(nursery.join().await.unwrap(), [0, 10]);
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn_with_context<C, F>(&mut self, make: C) -> CancelHandle
    where
        C: FnOnce(ChildContext<'env, T, E, M>) -> F,
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, With<C, F, ChildContext<'env, T, E, M>>>,
    {
        self.child().spawn_with_context(make)
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
}
