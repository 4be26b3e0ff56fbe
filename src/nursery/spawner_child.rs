//! Spawning by a spawner, with options.

use std::sync::Arc;

use futures::task::Spawn;

use super::context::{ChildContext, With};
use super::join_handle::{JoinHandle, Joining};
use super::prepared::{Prepared, no_introduction};
use super::when_free::SpawnerWhenFree;
use super::{ChildBuilder, Rejected, Spawner};
use crate::adapt::{Convert, Grouped, Plain, Raw, RawRemote};
use crate::cancel::{CancelHandle, Control};
use crate::child::{End, Spawned};
use crate::error::JoinedError;
use crate::flavor::{Flavor, Hold};
use crate::guard::drop_quietly;
use crate::info::ChildId;
use crate::remote::Remote;
use crate::scope::inbox::{Admission, Refusal};

impl<'env, T, E, M: Flavor> ChildBuilder<'env, &Spawner<'env, T, E, M>, M> {
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
        self.post::<F, Plain>(Admission::Always, future, false, no_introduction)
            .map(|spawned| spawned.id)
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
        self.post::<F, Plain>(Admission::Always, future, true, no_introduction)
            .map(Spawned::into_handle)
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
        self.post::<F, Grouped>(Admission::Always, future, false, no_introduction)
            .map(|spawned| spawned.id)
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
        self.post::<F, Grouped>(Admission::Always, future, true, no_introduction)
            .map(Spawned::into_handle)
    }

    /// See [`Spawner::spawn_join`].
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn spawn_join<U, F>(self, future: F) -> Result<JoinHandle<U>, Rejected<F>>
    where
        F: Future<Output = Result<U, E>>,
        M: Hold<'env, Joining<F, U, T>>,
    {
        let future = Joining::new(future);
        let promise = future.promise();
        match self.post::<_, Raw>(Admission::Always, future, true, no_introduction) {
            Ok(spawned) => Ok(promise.handle(spawned)),
            Err(rejected) => Err(rejected.map(Joining::into_inner)),
        }
    }

    /// See [`Spawner::spawn_with`].
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn spawn_with<C, F>(self, make: C) -> Result<CancelHandle, Rejected<C>>
    where
        C: FnOnce(ChildContext<'env, T, E, M>) -> F,
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, With<C, F, ChildContext<'env, T, E, M>>>,
    {
        let meet = With::meet(self.parent.inbox());
        self.post::<_, Plain>(Admission::Always, With::new(make), true, meet)
            .map(Spawned::into_handle)
            .map_err(|rejected| rejected.map(With::into_make))
    }

    /// [`spawn_group`](Self::spawn_group) of a child that is made from its context; so its nursery
    /// can be [cancelled with it](ChildContext::nursery).
    ///
    /// # Errors
    ///
    /// As [`spawn_with`](Self::spawn_with).
    #[track_caller]
    pub fn spawn_group_with<C, F>(self, make: C) -> Result<CancelHandle, Rejected<C>>
    where
        C: FnOnce(ChildContext<'env, T, E, M>) -> F,
        F: Future<Output = Result<T, JoinedError<E>>>,
        M: Hold<'env, With<C, F, ChildContext<'env, T, E, M>>>,
    {
        let meet = With::meet(self.parent.inbox());
        self.post::<_, Grouped>(Admission::Always, With::new(make), true, meet)
            .map(Spawned::into_handle)
            .map_err(|rejected| rejected.map(With::into_make))
    }

    /// [`spawn_join`](Self::spawn_join) of a child that is made from its context.
    ///
    /// # Errors
    ///
    /// As [`spawn_with`](Self::spawn_with).
    #[track_caller]
    pub fn spawn_join_with<U, C, F>(self, make: C) -> Result<JoinHandle<U>, Rejected<C>>
    where
        C: FnOnce(ChildContext<'env, T, E, M>) -> F,
        F: Future<Output = Result<U, E>>,
        M: Hold<'env, Joining<With<C, F, ChildContext<'env, T, E, M>>, U, T>>,
    {
        let meet = With::meet(self.parent.inbox());
        let future = Joining::new(With::new(make));
        let promise = future.promise();
        let introduce = |joining: &mut Joining<_, _, _>, control: &_| {
            meet(joining.get_mut(), control);
        };
        match self.post::<_, Raw>(Admission::Always, future, true, introduce) {
            Ok(spawned) => Ok(promise.handle(spawned)),
            Err(rejected) => Err(rejected.map(|joining| joining.into_inner().into_make())),
        }
    }

    /// See [`Spawner::spawn_on`].
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn spawn_on<X, F>(self, executor: X, future: F) -> Result<CancelHandle, Rejected<F>>
    where
        X: Spawn,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
        M: Hold<'env, Remote<X, F, T, E>>,
    {
        self.post::<_, RawRemote>(
            Admission::Always,
            Remote::new(executor, future),
            true,
            Remote::set_control,
        )
        .map(Spawned::into_handle)
        .map_err(|rejected| rejected.map(Remote::into_future))
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
        self.post::<F, Plain>(Admission::IfFree, future, false, no_introduction)
            .map(|spawned| spawned.id)
    }

    /// See [`Spawner::spawn_when_free`].
    #[track_caller]
    pub fn spawn_when_free<F>(self, future: F) -> SpawnerWhenFree<'env, T, E, M, F>
    where
        F: Future<Output = Result<T, E>>,
        M: Hold<'env, F>,
    {
        let inbox = Arc::clone(self.parent.inbox());
        let child = Prepared::new(self.options, || &inbox.requests, false, future);
        SpawnerWhenFree::new(Arc::clone(&inbox), child)
    }

    #[track_caller]
    fn post<F, K>(
        self,
        admission: Admission,
        future: F,
        handle: bool,
        introduce: impl FnOnce(&mut F, &Arc<Control>),
    ) -> Result<Spawned, Rejected<F>>
    where
        F: Future,
        K: Convert<F::Output, Output = End<T, E>>,
        M: Hold<'env, F>,
    {
        let inbox = self.parent.inbox();
        let admission = if self.options.daemon { Admission::Daemon } else { admission };
        // Asked before anything is allocated: shedding has to be cheap.
        if let Some(refusal) = inbox.refusal(admission) {
            // The future is given back, whatever the destructors of its timers do.
            drop_quietly(self.options);
            return Err(Rejected::new(future, refusal));
        }
        let child = Prepared::<F, K, M>::new(self.options, || &inbox.requests, handle, future);
        inbox
            .post(admission, child, |child, id| child.child(id, introduce))
            .map_err(|(child, refusal): (_, Refusal)| Rejected::new(child.into_inner(), refusal))
    }
}
